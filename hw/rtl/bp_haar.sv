// One level of the orthonormal Haar wavelet, exact: of each 2x2 block a b / c d, the 1/2 being an added fraction bit,
//
//   out0 = LL = a+b+c+d   out1 = LH = a+b-c-d   out2 = HL = a-b+c-d   out3 = HH = a-b-c+d
//
// Taken evenly, a line of blocks goes out in the time of two lines of x, the lower one and the next upper one: a line of
// upper pixels waits at most, and half a line of lower ones, in a FIFO each, and x never stands still. Lines are paired as
// they come out, their sums and differences paired by columns. Each output takes its subband when it can; the next block
// enters when all four have taken theirs.

module bp_haar #(
    parameter int unsigned Channels = 4,
    parameter int unsigned Pe = 2,  // channels per beat, a divisor of Channels
    parameter int unsigned InBits = 10,  // bits of x
    parameter bit InSigned = 1'b1,  // x is two's complement
    parameter int unsigned Width = 8,  // pixels per line of x, even, at most
    parameter int unsigned StrideBits = 0,  // log2 of the PAN pixels per pixel of x
    localparam int unsigned OutBits = InBits + (InSigned ? 2 : 3)  // two's complement
) (
    input  logic                  clk_i,
    input  logic                  rst_ni,
    // verilator lint_off UNUSEDSIGNAL
    input  bp_scene_pkg::size_t   size_i,
    // verilator lint_on UNUSEDSIGNAL
    input  logic [ Pe*InBits-1:0] in0_tdata_i,
    input  logic                  in0_tvalid_i,
    output logic                  in0_tready_o,
    output logic [Pe*OutBits-1:0] out0_tdata_o,  // LL
    output logic                  out0_tvalid_o,
    input  logic                  out0_tready_i,
    output logic [Pe*OutBits-1:0] out1_tdata_o,  // LH
    output logic                  out1_tvalid_o,
    input  logic                  out1_tready_i,
    output logic [Pe*OutBits-1:0] out2_tdata_o,  // HL
    output logic                  out2_tvalid_o,
    input  logic                  out2_tready_i,
    output logic [Pe*OutBits-1:0] out3_tdata_o,  // HH
    output logic                  out3_tvalid_o,
    input  logic                  out3_tready_i
);
    if (Channels % Pe != 0) begin : gen_check_pe
        $error("bp_haar: Pe divides Channels");
    end
    if (InBits == 0) begin : gen_check_bits
        $error("bp_haar: InBits is at least 1");
    end
    if (Width < 2 || Width % 2 != 0) begin : gen_check_size
        $error("bp_haar: Width is even, at least 2");
    end

    localparam int unsigned Folds = Channels / Pe;
    localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1;
    localparam int unsigned LineBits = Width * Folds > 1 ? $clog2(Width * Folds) : 1;
    localparam int unsigned MidBits = OutBits - 1;  // of a sum of two pixels
    localparam int unsigned Spare = 16;  // room of the FIFOs beyond what the order asks for

    logic [1:0][Pe-1:0][InBits-1:0] lines;  // above, below
    logic [Pe-1:0][1:0][MidBits-1:0] column;  // sum and difference of the two
    logic [1:0][Pe-1:0][1:0][MidBits-1:0] pair, block;  // left, right
    logic column_valid, column_ready, pair_valid, pair_ready, block_valid, block_ready;

    logic [LineBits-1:0] last_of_line;
    bp_last_beat #(
        .Folds(Folds),
        .Bits (LineBits)
    ) u_last_of_line (
        .clk_i,
        .pixels_i(size_i.columns >> StrideBits),
        .last_o  (last_of_line)
    );

    // The lines in turn into a FIFO each, and out together.
    logic [LineBits-1:0] beat_q;
    logic line_q;  // the lower
    logic [1:0] line_ready, line_valid;
    assign in0_tready_o = line_ready[line_q];
    assign column_valid = &line_valid;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            beat_q <= '0;
            line_q <= 1'b0;
        end else if (in0_tvalid_i && in0_tready_o) begin
            beat_q <= beat_q == last_of_line ? '0 : beat_q + 1'b1;
            if (beat_q == last_of_line) line_q <= !line_q;
        end
    end
    for (genvar i = 0; i < 2; i++) begin : gen_line
        bp_stream_fifo #(
            .Width(Pe * InBits),
            .Depth(Width * Folds / (i + 1) + Spare)
        ) u_waiting (
            .clk_i,
            .rst_ni,
            .in0_tdata_i,
            .in0_tvalid_i (in0_tvalid_i && line_q == 1'(i)),
            .in0_tready_o (line_ready[i]),
            .out0_tdata_o (lines[i]),
            .out0_tvalid_o(line_valid[i]),
            .out0_tready_i(column_ready && line_valid[1-i]),
            // verilator lint_off PINCONNECTEMPTY
            .count_o      ()
            // verilator lint_on PINCONNECTEMPTY
        );
    end

    bp_pair_beats #(
        .Width(Pe * 2 * MidBits),
        .Distance(Folds)
    ) u_columns (
        .clk_i,
        .rst_ni,
        .last_i       (FoldBits'(Folds - 1)),
        .in0_tdata_i  (column),
        .in0_tvalid_i (column_valid),
        .in0_tready_o (column_ready),
        .out0_tdata_o (pair),
        .out0_tvalid_o(pair_valid),
        .out0_tready_i(pair_ready)
    );

    // No pair comes while the left pixel passes, a beat of it a clock: as many wait as leave meanwhile, one in four clocks.
    // Registers hold those of eight beats.
    if (Folds <= 8) begin : gen_few
        assign block = pair;
        assign block_valid = pair_valid;
        assign pair_ready = block_ready;
    end else begin : gen_many
        bp_stream_fifo #(
            .Width(Pe * 4 * MidBits),
            .Depth(Folds / 4)
        ) u_waiting (
            .clk_i,
            .rst_ni,
            .in0_tdata_i  (pair),
            .in0_tvalid_i (pair_valid),
            .in0_tready_o (pair_ready),
            .out0_tdata_o (block),
            .out0_tvalid_o(block_valid),
            .out0_tready_i(block_ready),
            // verilator lint_off PINCONNECTEMPTY
            .count_o      ()
            // verilator lint_on PINCONNECTEMPTY
        );
    end

    logic [3:0] valid_q, ready;
    assign ready = {out3_tready_i, out2_tready_i, out1_tready_i, out0_tready_i};
    assign {out3_tvalid_o, out2_tvalid_o, out1_tvalid_o, out0_tvalid_o} = valid_q;
    assign block_ready = &(~valid_q | ready);
    always_ff @(posedge clk_i) begin
        if (!rst_ni) valid_q <= '0;
        else if (block_ready) valid_q <= {4{block_valid}};
        else valid_q <= valid_q & ~ready;
    end

    for (genvar pe = 0; pe < Pe; pe++) begin : gen_pe
        logic signed [MidBits-1:0] above, below;
        logic signed [OutBits-1:0] sum_left, sum_right, difference_left, difference_right;
        assign above = {{(MidBits - InBits) {InSigned && lines[0][pe][InBits-1]}}, lines[0][pe]};
        assign below = {{(MidBits - InBits) {InSigned && lines[1][pe][InBits-1]}}, lines[1][pe]};
        assign column[pe] = {above - below, above + below};
        assign sum_left = OutBits'($signed(block[0][pe][0]));
        assign sum_right = OutBits'($signed(block[1][pe][0]));
        assign difference_left = OutBits'($signed(block[0][pe][1]));
        assign difference_right = OutBits'($signed(block[1][pe][1]));
        always_ff @(posedge clk_i) begin
            if (block_ready) begin
                out0_tdata_o[pe*OutBits+:OutBits] <= sum_left + sum_right;
                out1_tdata_o[pe*OutBits+:OutBits] <= difference_left + difference_right;
                out2_tdata_o[pe*OutBits+:OutBits] <= sum_left - sum_right;
                out3_tdata_o[pe*OutBits+:OutBits] <= difference_left - difference_right;
            end
        end
    end
endmodule
