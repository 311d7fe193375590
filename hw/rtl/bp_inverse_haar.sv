// The inverse of bp_haar: of the subbands LL, LH, HL, HH at a pixel the 2x2 block a b / c d, each
// saturate(round_half_up(sum, Shift)):
//
//   a = LL+LH+HL+HH   b = LL+LH-HL-HH   c = LL-LH+HL-HH   d = LL-LH-HL+HH
//
// The sums of a block's upper line go on as they come, those of the lower one wait in a line buffer; then left and
// right are parted in the same way. The output runs at a beat per clock: input comes while upper lines go out.

module bp_inverse_haar #(
    parameter int unsigned Channels = 4,
    parameter int unsigned Pe = 2,  // channels per beat, a divisor of Channels
    parameter int unsigned InBits = 12,  // bits of a subband; all numbers are two's complement
    parameter int Shift = 2,  // bits dropped, at least 1
    parameter int unsigned OutBits = 10,  // bits of the result
    parameter int unsigned Width = 4,  // pixels per line of a subband, at most
    parameter int unsigned StrideBits = 1  // log2 of the PAN pixels per pixel of a subband
) (
    input  logic                  clk_i,
    input  logic                  rst_ni,
    // verilator lint_off UNUSEDSIGNAL
    input  bp_scene_pkg::size_t   size_i,
    // verilator lint_on UNUSEDSIGNAL
    input  logic [ Pe*InBits-1:0] in0_tdata_i,  // LL
    input  logic                  in0_tvalid_i,
    output logic                  in0_tready_o,
    input  logic [ Pe*InBits-1:0] in1_tdata_i,  // LH
    input  logic                  in1_tvalid_i,
    output logic                  in1_tready_o,
    input  logic [ Pe*InBits-1:0] in2_tdata_i,  // HL
    input  logic                  in2_tvalid_i,
    output logic                  in2_tready_o,
    input  logic [ Pe*InBits-1:0] in3_tdata_i,  // HH
    input  logic                  in3_tvalid_i,
    output logic                  in3_tready_o,
    output logic [Pe*OutBits-1:0] out0_tdata_o,
    output logic                  out0_tvalid_o,
    input  logic                  out0_tready_i
);
    if (Channels % Pe != 0) begin : gen_check_pe
        $error("bp_inverse_haar: Pe divides Channels");
    end
    if (Width < 1) begin : gen_check_size
        $error("bp_inverse_haar: Width is at least 1");
    end
    if (Shift < 1) begin : gen_check_shift
        $error("bp_inverse_haar: Shift is at least 1");
    end

    localparam int unsigned Folds = Channels / Pe;
    localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1;
    localparam int unsigned LineBits = Width * Folds > 1 ? $clog2(Width * Folds) : 1;
    localparam int unsigned MidBits = InBits + 1;  // of a sum of two subbands
    localparam int unsigned SumBits = InBits + 2;

    logic [1:0][Pe-1:0][1:0][MidBits-1:0] block;  // upper and lower line; of each, sums of LL, LH and of HL, HH
    logic [Pe-1:0][1:0][MidBits-1:0] line, line_q;
    logic [1:0][Pe-1:0][SumBits-1:0] columns;  // left, right
    logic [Pe-1:0][SumBits-1:0] pixel;
    logic block_ready, line_valid, line_ready, line_valid_q, line_ready_q, pixel_valid, pixel_ready;

    assign in0_tready_o = block_ready && in1_tvalid_i && in2_tvalid_i && in3_tvalid_i;
    assign in1_tready_o = block_ready && in0_tvalid_i && in2_tvalid_i && in3_tvalid_i;
    assign in2_tready_o = block_ready && in0_tvalid_i && in1_tvalid_i && in3_tvalid_i;
    assign in3_tready_o = block_ready && in0_tvalid_i && in1_tvalid_i && in2_tvalid_i;

    logic [LineBits-1:0] last_of_line;
    bp_last_beat #(
        .Folds(Folds),
        .Bits (LineBits)
    ) u_last_of_line (
        .clk_i,
        .pixels_i(size_i.columns >> StrideBits),
        .last_o  (last_of_line)
    );

    bp_unpair_beats #(
        .Width(Pe * 2 * MidBits),
        .Distance(Width * Folds)
    ) u_lines (
        .clk_i,
        .rst_ni,
        .last_i       (last_of_line),
        .in0_tdata_i  (block),
        .in0_tvalid_i (in0_tvalid_i && in1_tvalid_i && in2_tvalid_i && in3_tvalid_i),
        .in0_tready_o (block_ready),
        .out0_tdata_o (line),
        .out0_tvalid_o(line_valid),
        .out0_tready_i(line_ready)
    );

    // A register behind the line buffer: block memory is slow.
    assign line_ready = !line_valid_q || line_ready_q;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) line_valid_q <= 1'b0;
        else if (line_ready) line_valid_q <= line_valid;
        if (line_ready) line_q <= line;
    end

    bp_unpair_beats #(
        .Width(Pe * SumBits),
        .Distance(Folds)
    ) u_columns (
        .clk_i,
        .rst_ni,
        .last_i       (FoldBits'(Folds - 1)),
        .in0_tdata_i  (columns),
        .in0_tvalid_i (line_valid_q),
        .in0_tready_o (line_ready_q),
        .out0_tdata_o (pixel),
        .out0_tvalid_o(pixel_valid),
        .out0_tready_i(pixel_ready)
    );

    assign pixel_ready = !out0_tvalid_o || out0_tready_i;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) out0_tvalid_o <= 1'b0;
        else if (pixel_ready) out0_tvalid_o <= pixel_valid;
    end

    for (genvar pe = 0; pe < Pe; pe++) begin : gen_pe
        logic signed [MidBits-1:0] ll, lh, hl, hh;
        logic signed [SumBits-1:0] low, high;  // in the horizontal direction
        logic [OutBits-1:0] result;
        assign ll = MidBits'($signed(in0_tdata_i[pe*InBits+:InBits]));
        assign lh = MidBits'($signed(in1_tdata_i[pe*InBits+:InBits]));
        assign hl = MidBits'($signed(in2_tdata_i[pe*InBits+:InBits]));
        assign hh = MidBits'($signed(in3_tdata_i[pe*InBits+:InBits]));
        assign block[0][pe] = {hl + hh, ll + lh};
        assign block[1][pe] = {hl - hh, ll - lh};
        assign low = SumBits'($signed(line_q[pe][0]));
        assign high = SumBits'($signed(line_q[pe][1]));
        assign columns[0][pe] = low + high;
        assign columns[1][pe] = low - high;
        bp_requantise #(
            .InBits (SumBits),
            .Shift  (Shift),
            .OutBits(OutBits)
        ) u_requantise (
            .x_i(pixel[pe]),
            .y_o(result)
        );
        always_ff @(posedge clk_i) if (pixel_ready) out0_tdata_o[pe*OutBits+:OutBits] <= result;
    end
endmodule
