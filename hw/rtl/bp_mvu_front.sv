// What the matrix-vector units share: a register for a piece of a window, with the weights of that step and marks for the
// first and last piece of a sum.
//
// Steps run row group by row group: step = row group * Part + piece, and so lie the weights. A single step needs no memory:
// the weights are then constants in the parent, and weights_o stays 0.

module bp_mvu_front #(
    parameter int unsigned Width = 8,  // bits per piece
    parameter int unsigned Part = 4,  // pieces per sum
    parameter int unsigned Times = 2,  // row groups
    parameter int unsigned StepBits = 16,  // weight bits per step
    parameter int unsigned WeightMemory = 0,  // 0: by size, 1: LUTs, 2: block memory
    localparam int unsigned Steps = Part * Times,
    parameter logic [Steps*StepBits-1:0] Weights = '0  // step 0 lowest
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    input  logic                enable_i,
    input  logic [   Width-1:0] in0_tdata_i,
    input  logic                in0_tvalid_i,
    output logic                valid_o,
    output logic                first_o,
    output logic                last_o,
    output logic [   Width-1:0] piece_o,
    output logic [StepBits-1:0] weights_o
);
    always_ff @(posedge clk_i) begin
        if (!rst_ni) valid_o <= 1'b0;
        else if (enable_i) valid_o <= in0_tvalid_i;
        if (enable_i) piece_o <= in0_tdata_i;
    end

    if (Part > 1) begin : gen_pieces
        logic [$clog2(Part)-1:0] piece_q;
        always_ff @(posedge clk_i) begin
            if (!rst_ni) piece_q <= '0;
            else if (enable_i && in0_tvalid_i) piece_q <= piece_q == ($clog2(Part))'(Part - 1) ? '0 : piece_q + 1'b1;
            if (enable_i) begin
                first_o <= piece_q == '0;
                last_o  <= piece_q == ($clog2(Part))'(Part - 1);
            end
        end
    end else begin : gen_whole
        assign first_o = 1'b1;
        assign last_o  = 1'b1;
    end

    if (Steps > 1) begin : gen_weights
        bp_weight_memory #(
            .Width(StepBits),
            .Depth(Steps),
            .Style(WeightMemory),
            .Words(Weights)
        ) u_weights (
            .clk_i,
            .rst_ni,
            .enable_i,
            .step_i(in0_tvalid_i),
            .word_o(weights_o)
        );
    end else begin : gen_constant
        assign weights_o = '0;
    end
endmodule
