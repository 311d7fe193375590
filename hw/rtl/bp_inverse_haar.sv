// The inverse of bp_haar: of the subbands LL, LH, HL, HH at a pixel the 2x2 block a b / c d, each
// saturate(round_half_up(sum, Shift)):
//
//   a = LL+LH+HL+HH   b = LL+LH-HL-HH   c = LL-LH+HL-HH   d = LL-LH-HL+HH
//
// Blocks come evenly, a line of them in the time of two lines of the image, but their upper line has to be out before the
// lower one begins: half of it waits, and all of the lower one. Both wait as they go out, rounded, in a FIFO each. The
// output runs at a beat per clock as long as there are any.

module bp_inverse_haar #(
    parameter int unsigned Channels = 4,
    parameter int unsigned Pe = 2,  // channels per output beat, a divisor of Channels
    parameter int unsigned InPe = Pe,  // channels per input beat, a divisor of Pe
    parameter int unsigned InBits = 12,  // bits of a subband; all numbers are two's complement
    parameter int Shift = 2,  // bits dropped, at least 1
    parameter int unsigned OutBits = 10,  // bits of the result
    parameter int unsigned Width = 4,  // pixels per line of a subband, at most
    parameter int unsigned StrideBits = 1  // log2 of the PAN pixels per pixel of a subband
) (
    input  logic                   clk_i,
    input  logic                   rst_ni,
    // verilator lint_off UNUSEDSIGNAL
    input  bp_scene_pkg::size_t    size_i,
    // verilator lint_on UNUSEDSIGNAL
    input  logic [InPe*InBits-1:0] in0_tdata_i,    // LL
    input  logic                   in0_tvalid_i,
    output logic                   in0_tready_o,
    input  logic [InPe*InBits-1:0] in1_tdata_i,    // LH
    input  logic                   in1_tvalid_i,
    output logic                   in1_tready_o,
    input  logic [InPe*InBits-1:0] in2_tdata_i,    // HL
    input  logic                   in2_tvalid_i,
    output logic                   in2_tready_o,
    input  logic [InPe*InBits-1:0] in3_tdata_i,    // HH
    input  logic                   in3_tvalid_i,
    output logic                   in3_tready_o,
    output logic [ Pe*OutBits-1:0] out0_tdata_o,
    output logic                   out0_tvalid_o,
    input  logic                   out0_tready_i
);
    if (Channels % Pe != 0) begin : gen_check_pe
        $error("bp_inverse_haar: Pe divides Channels");
    end
    if (Pe % InPe != 0) begin : gen_check_in_pe
        $error("bp_inverse_haar: InPe divides Pe");
    end
    if (Width < 1) begin : gen_check_size
        $error("bp_inverse_haar: Width is at least 1");
    end
    if (Shift < 1) begin : gen_check_shift
        $error("bp_inverse_haar: Shift is at least 1");
    end

    localparam int unsigned Folds = Channels / Pe;
    localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1;
    localparam int unsigned LineBits = $clog2(2 * Width * Folds);
    localparam int unsigned MidBits = InBits + 1;  // of a sum of two subbands
    localparam int unsigned SumBits = InBits + 2;
    localparam int unsigned Spare = 16;  // room of the FIFOs beyond what the order asks for

    // Sums in two steps, then rounding; all registers move together.
    logic advance, come;
    logic [2:0] valid_q;
    assign come = in0_tvalid_i && in1_tvalid_i && in2_tvalid_i && in3_tvalid_i;
    assign in0_tready_o = advance && in1_tvalid_i && in2_tvalid_i && in3_tvalid_i;
    assign in1_tready_o = advance && in0_tvalid_i && in2_tvalid_i && in3_tvalid_i;
    assign in2_tready_o = advance && in0_tvalid_i && in1_tvalid_i && in3_tvalid_i;
    assign in3_tready_o = advance && in0_tvalid_i && in1_tvalid_i && in2_tvalid_i;

    logic [3:0][InPe-1:0][OutBits-1:0] block_q;  // a, b, c, d
    for (genvar pe = 0; pe < InPe; pe++) begin : gen_pe
        logic signed [MidBits-1:0] ll, lh, hl, hh, upper_low_q, upper_high_q, lower_low_q, lower_high_q;
        logic [3:0][SumBits-1:0] sum_q;
        assign ll = MidBits'($signed(in0_tdata_i[pe*InBits+:InBits]));
        assign lh = MidBits'($signed(in1_tdata_i[pe*InBits+:InBits]));
        assign hl = MidBits'($signed(in2_tdata_i[pe*InBits+:InBits]));
        assign hh = MidBits'($signed(in3_tdata_i[pe*InBits+:InBits]));
        always_ff @(posedge clk_i) begin
            if (advance) begin
                upper_low_q <= ll + lh;
                upper_high_q <= hl + hh;
                lower_low_q <= ll - lh;
                lower_high_q <= hl - hh;
                sum_q[0] <= SumBits'(upper_low_q) + SumBits'(upper_high_q);
                sum_q[1] <= SumBits'(upper_low_q) - SumBits'(upper_high_q);
                sum_q[2] <= SumBits'(lower_low_q) + SumBits'(lower_high_q);
                sum_q[3] <= SumBits'(lower_low_q) - SumBits'(lower_high_q);
            end
        end
        for (genvar corner = 0; corner < 4; corner++) begin : gen_corner
            logic [OutBits-1:0] result;
            bp_requantise #(
                .InBits (SumBits),
                .Shift  (Shift),
                .OutBits(OutBits)
            ) u_requantise (
                .x_i(sum_q[corner]),
                .y_o(result)
            );
            always_ff @(posedge clk_i) if (advance) block_q[corner][pe] <= result;
        end
    end

    // Narrow beats are put together; the first is the lowest.
    logic whole;
    logic [3:0][Pe-1:0][OutBits-1:0] block;
    if (InPe == Pe) begin : gen_whole
        assign whole = 1'b1;
        assign block = block_q;
    end else begin : gen_parts
        localparam int unsigned Parts = Pe / InPe;
        logic [$clog2(Parts)-1:0] part_q;
        assign whole = part_q == ($clog2(Parts))'(Parts - 1);
        always_ff @(posedge clk_i) begin
            if (!rst_ni) part_q <= '0;
            else if (advance && valid_q[2]) part_q <= whole ? '0 : part_q + 1'b1;
        end
        for (genvar corner = 0; corner < 4; corner++) begin : gen_corner
            logic [Pe-InPe-1:0][OutBits-1:0] earlier_q;
            assign block[corner] = {block_q[corner], earlier_q};
            always_ff @(posedge clk_i) begin
                if (advance && valid_q[2]) earlier_q <= block[corner][Pe-1:InPe];
            end
        end
    end

    logic push, room;
    assign push = valid_q[2] && whole;
    assign advance = !push || room;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) valid_q <= '0;
        else if (advance) valid_q <= {valid_q[1:0], come};
    end

    // No block is taken while the right pixel passes, a beat of it a clock; narrow beats, which come all the time, wait.
    logic pair_valid;
    logic [1:0] ready;  // of the upper line, of the lower one
    logic [3:0][Pe-1:0][OutBits-1:0] pair;
    if (InPe == Pe || Folds <= 2) begin : gen_few
        assign pair = block;
        assign pair_valid = push;
        assign room = &ready;
    end else begin : gen_many
        bp_stream_fifo #(
            .Width(4 * Pe * OutBits),
            .Depth(Folds > 8 ? Folds / 4 : 2)
        ) u_waiting (
            .clk_i,
            .rst_ni,
            .in0_tdata_i  (block),
            .in0_tvalid_i (push),
            .in0_tready_o (room),
            .out0_tdata_o (pair),
            .out0_tvalid_o(pair_valid),
            .out0_tready_i(&ready),
            // verilator lint_off PINCONNECTEMPTY
            .count_o      ()
            // verilator lint_on PINCONNECTEMPTY
        );
    end

    // Left and right pixels of a line one after the other, and a FIFO for them.
    logic [1:0] pixel_valid, pixel_ready;
    logic [1:0][Pe*OutBits-1:0] pixel;
    for (genvar i = 0; i < 2; i++) begin : gen_line
        logic serial_valid, serial_ready;
        logic [Pe*OutBits-1:0] serial;
        bp_unpair_beats #(
            .Width(Pe * OutBits),
            .Distance(Folds)
        ) u_columns (
            .clk_i,
            .rst_ni,
            .last_i       (FoldBits'(Folds - 1)),
            .in0_tdata_i  ({pair[2*i+1], pair[2*i]}),
            .in0_tvalid_i (pair_valid && ready[1-i]),
            .in0_tready_o (ready[i]),
            .out0_tdata_o (serial),
            .out0_tvalid_o(serial_valid),
            .out0_tready_i(serial_ready)
        );
        bp_stream_fifo #(
            .Width(Pe * OutBits),
            .Depth((i + 1) * Width * Folds + Spare)
        ) u_waiting (
            .clk_i,
            .rst_ni,
            .in0_tdata_i  (serial),
            .in0_tvalid_i (serial_valid),
            .in0_tready_o (serial_ready),
            .out0_tdata_o (pixel[i]),
            .out0_tvalid_o(pixel_valid[i]),
            .out0_tready_i(pixel_ready[i]),
            // verilator lint_off PINCONNECTEMPTY
            .count_o      ()
            // verilator lint_on PINCONNECTEMPTY
        );
    end

    // One line after the other.
    logic [LineBits-1:0] last_of_line, beat_q;
    logic line_q, line_ready;
    bp_last_beat #(
        .Folds(2 * Folds),
        .Bits (LineBits)
    ) u_last_of_line (
        .clk_i,
        .pixels_i(size_i.columns >> StrideBits),
        .last_o  (last_of_line)
    );
    assign line_ready  = !out0_tvalid_o || out0_tready_i;
    assign pixel_ready = {line_ready && line_q, line_ready && !line_q};
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            beat_q <= '0;
            line_q <= 1'b0;
            out0_tvalid_o <= 1'b0;
        end else if (line_ready) begin
            out0_tvalid_o <= pixel_valid[line_q];
            if (pixel_valid[line_q]) begin
                beat_q <= beat_q == last_of_line ? '0 : beat_q + 1'b1;
                if (beat_q == last_of_line) line_q <= !line_q;
            end
        end
        if (line_ready) out0_tdata_o <= pixel[line_q];
    end
endmodule
