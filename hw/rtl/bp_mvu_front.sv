// What the matrix-vector units share: takes windows of Length beats, hands each beat to the multipliers Times times,
// together with the weights of that step and marks for the first and last beat of a sum.
//
// Steps run row group by row group: step = pass * Length + beat, and so lie the weights. A single step needs no memory:
// the weights are then constants in the parent, and weights_o stays 0. With Groups, a row group has to do with the beats
// of its own group of channels alone (bp_replay_buffer), Length / Groups in number.

module bp_mvu_front #(
    parameter int unsigned Width = 8,  // bits per beat
    parameter int unsigned Length = 4,  // beats per window
    parameter int unsigned Times = 2,  // row groups
    parameter int unsigned Groups = 1,  // of channels, a divisor of Times
    parameter int unsigned Run = Length,  // beats of a pixel's channels of one group
    parameter int unsigned StepBits = 16,  // weight bits per step
    parameter int unsigned WeightMemory = 0,  // 0: by size, 1: LUTs, 2: block memory
    localparam int unsigned Part = Length / Groups,  // beats per sum
    localparam int unsigned Steps = Part * Times,
    parameter logic [Steps*StepBits-1:0] Weights = '0  // step 0 lowest
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    input  logic                enable_i,
    input  logic [   Width-1:0] in0_tdata_i,
    input  logic                in0_tvalid_i,
    output logic                in0_tready_o,
    output logic                valid_o,
    output logic                first_o,
    output logic                last_o,
    output logic [   Width-1:0] beat_o,
    output logic [StepBits-1:0] weights_o
);
    logic issue;

    if (Times > 1) begin : gen_replay
        bp_replay_buffer #(
            .Width (Width),
            .Length(Length),
            .Times (Times),
            .Groups(Groups),
            .Run   (Run)
        ) u_replay (
            .clk_i,
            .rst_ni,
            .enable_i,
            .in0_tdata_i,
            .in0_tvalid_i,
            .in0_tready_o,
            .beat_o,
            .issue_o(issue)
        );
    end else begin : gen_direct
        assign in0_tready_o = enable_i;
        assign issue = enable_i && in0_tvalid_i;
        always_ff @(posedge clk_i) if (enable_i) beat_o <= in0_tdata_i;
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni) valid_o <= 1'b0;
        else if (enable_i) valid_o <= issue;
    end

    if (Part > 1) begin : gen_beats
        logic [$clog2(Part)-1:0] beat_q;
        always_ff @(posedge clk_i) begin
            if (!rst_ni) beat_q <= '0;
            else if (issue) beat_q <= beat_q == ($clog2(Part))'(Part - 1) ? '0 : beat_q + 1'b1;
            if (enable_i) begin
                first_o <= beat_q == '0;
                last_o  <= beat_q == ($clog2(Part))'(Part - 1);
            end
        end
    end else begin : gen_whole
        assign first_o = 1'b1;
        assign last_o  = 1'b1;
    end

    if (Steps > 1) begin : gen_weights
        logic [$clog2(Steps)-1:0] step_q;
        always_ff @(posedge clk_i) begin
            if (!rst_ni) step_q <= '0;
            else if (issue) step_q <= step_q == ($clog2(Steps))'(Steps - 1) ? '0 : step_q + 1'b1;
        end
        bp_weight_memory #(
            .Width(StepBits),
            .Depth(Steps),
            .Style(WeightMemory),
            .Words(Weights)
        ) u_weights (
            .clk_i,
            .enable_i,
            .address_i(step_q),
            .word_o   (weights_o)
        );
    end else begin : gen_constant
        assign weights_o = '0;
    end
endmodule
