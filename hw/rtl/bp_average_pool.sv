// Mean of each 2x2 block, rounded half up: out = (a + b + c + d + 2) >> 2; it cannot leave the format of x.
//
// Columns are paired first, so that the line buffer holds half a line of sums. Each of these carries a 1: half of the
// rounding's 2.

module bp_average_pool #(
    parameter int unsigned Channels = 4,
    parameter int unsigned Pe = 2,  // channels per beat, a divisor of Channels
    parameter int unsigned InBits = 10,  // bits of x and of the mean
    parameter bit InSigned = 1'b1,  // x is two's complement
    parameter int unsigned Width = 8,  // pixels per line of x, even, at most
    parameter int unsigned StrideBits = 0  // log2 of the PAN pixels per pixel of x
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    // verilator lint_off UNUSEDSIGNAL
    input  bp_scene_pkg::size_t  size_i,
    // verilator lint_on UNUSEDSIGNAL
    input  logic [Pe*InBits-1:0] in0_tdata_i,
    input  logic                 in0_tvalid_i,
    output logic                 in0_tready_o,
    output logic [Pe*InBits-1:0] out0_tdata_o,
    output logic                 out0_tvalid_o,
    input  logic                 out0_tready_i
);
    if (Channels % Pe != 0) begin : gen_check_pe
        $error("bp_average_pool: Pe divides Channels");
    end
    if (Width < 2 || Width % 2 != 0) begin : gen_check_size
        $error("bp_average_pool: Width is even, at least 2");
    end

    localparam int unsigned Folds = Channels / Pe;
    localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1;
    localparam int unsigned LineBits = Width / 2 * Folds > 1 ? $clog2(Width / 2 * Folds) : 1;
    localparam int unsigned MidBits = InBits + 1;  // of a sum of two pixels
    localparam int unsigned SumBits = InBits + 2;

    logic [1:0][Pe-1:0][InBits-1:0] columns;  // left, right
    logic [Pe-1:0][MidBits-1:0] line;  // their sum
    logic [1:0][Pe-1:0][MidBits-1:0] block;  // above, below
    logic line_valid, line_ready, block_valid, block_ready;

    logic [LineBits-1:0] last_of_line;
    bp_last_beat #(
        .Folds(Folds),
        .Bits (LineBits)
    ) u_last_of_line (
        .clk_i,
        .pixels_i(size_i.columns >> (StrideBits + 1)),
        .last_o  (last_of_line)
    );

    bp_pair_beats #(
        .Width(Pe * InBits),
        .Distance(Folds)
    ) u_columns (
        .clk_i,
        .rst_ni,
        .last_i       (FoldBits'(Folds - 1)),
        .in0_tdata_i,
        .in0_tvalid_i,
        .in0_tready_o,
        .out0_tdata_o (columns),
        .out0_tvalid_o(line_valid),
        .out0_tready_i(line_ready)
    );

    bp_pair_beats #(
        .Width(Pe * MidBits),
        .Distance(Width / 2 * Folds)
    ) u_lines (
        .clk_i,
        .rst_ni,
        .last_i       (last_of_line),
        .in0_tdata_i  (line),
        .in0_tvalid_i (line_valid),
        .in0_tready_o (line_ready),
        .out0_tdata_o (block),
        .out0_tvalid_o(block_valid),
        .out0_tready_i(block_ready)
    );

    assign block_ready = !out0_tvalid_o || out0_tready_i;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) out0_tvalid_o <= 1'b0;
        else if (block_ready) out0_tvalid_o <= block_valid;
    end

    for (genvar pe = 0; pe < Pe; pe++) begin : gen_pe
        logic [MidBits-1:0] left, right;
        logic [SumBits-1:0] above, below;
        /* verilator lint_off UNUSEDSIGNAL */
        logic [MidBits:0] with_carry;
        logic [SumBits-1:0] sum;
        /* verilator lint_on UNUSEDSIGNAL */
        assign left = {InSigned && columns[0][pe][InBits-1], columns[0][pe]};
        assign right = {InSigned && columns[1][pe][InBits-1], columns[1][pe]};
        assign with_carry = {left, 1'b1} + {right, 1'b1};  // one adder: the bit below carries the 1 in
        assign line[pe] = with_carry[1+:MidBits];
        assign above = {InSigned && block[0][pe][MidBits-1], block[0][pe]};
        assign below = {InSigned && block[1][pe][MidBits-1], block[1][pe]};
        assign sum = above + below;
        always_ff @(posedge clk_i) if (block_ready) out0_tdata_o[pe*InBits+:InBits] <= sum[2+:InBits];
    end
endmodule
