// BNNPan's norm over the channels of each pixel, and the residual (arithmetic.channel_norm; Hou et al., CVPR 2025):
//
//   out = r + gain * (s_r / s_x) * (x - m_x - centre / C) + m_r + bias
//
// with means m and deviations s over the pixel's C channels of x and of the residual r, gain, centre and bias per channel.
// The ratio of deviations is an exponent and a mantissa of 4 to 8 in eighths: no divider, no root.
//
// Beats wait in a FIFO while the statistics of their pixel are computed, which never waits: the FIFO of factors has room for
// every pixel whose last beat can be in the FIFO of beats.

module bp_channel_norm #(
    parameter int unsigned Channels = 8,  // C, 64 at most
    parameter int unsigned Pe = 2,  // channels per beat, a divisor of Channels
    parameter int unsigned Bits = 12,  // of x, r and the result; all numbers are two's complement
    parameter int unsigned GainBits = 10,
    parameter int unsigned CentreBits = 18,
    parameter int unsigned BiasBits = 20,
    parameter logic [Channels*GainBits-1:0] Gains = '0,  // times 2**ceil(log2 C) / C, in 1/64; channel 0 lowest
    parameter logic [Channels*CentreBits-1:0] Centres = '0,  // times C
    parameter logic [Channels*BiasBits-1:0] Biases = '0  // in 1/64
) (
    input  logic               clk_i,
    input  logic               rst_ni,
    input  logic [Pe*Bits-1:0] in0_tdata_i,    // x
    input  logic               in0_tvalid_i,
    output logic               in0_tready_o,
    input  logic [Pe*Bits-1:0] in1_tdata_i,    // r
    input  logic               in1_tvalid_i,
    output logic               in1_tready_o,
    output logic [Pe*Bits-1:0] out0_tdata_o,
    output logic               out0_tvalid_o,
    input  logic               out0_tready_i
);
    localparam int unsigned Folds = Channels / Pe;
    localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1;
    localparam int unsigned SumBits = Bits + $clog2(Channels);
    localparam int unsigned SquaresBits = 2 * Bits - 1 + $clog2(Channels);

    // C**2 times the variance of a pixel that is not flat lies between C - 1 and (C/2 * (2**Bits - 1))**2, so the ratio of
    // deviations between 2**-Reach and 2**Reach, since C**2 <= (C - 1) (C + 2). A Reach of 14 (12 bits, 62 channels) is
    // the last that one DSP slice multiplies.
    localparam int unsigned Reach = (2 * Bits - 1 + $clog2(Channels + 2)) / 2;
    localparam int unsigned PlaceBits = $clog2(Reach + 1);
    localparam int unsigned FactorBits = SumBits + 1 + Bits + 1 + 3 + PlaceBits + 1;

    // From a pixel's last beat to its factors at the end of their FIFO: at most 21 clocks with 35 bits of variance, and
    // the levels of the adder trees.
    localparam int unsigned Depth = Folds + $clog2(Pe) + 23;
    localparam int unsigned Pixels = (Depth + Folds - 1) / Folds;

    if (Channels % Pe != 0) begin : gen_check_pe
        $error("bp_channel_norm: Pe divides Channels");
    end
    if (Channels > 64) begin : gen_check_channels
        $error("bp_channel_norm: at most 64 channels");
    end

    // Beats enter both the FIFO and the statistics.
    logic room, accept, last;
    logic [FoldBits-1:0] fold_q;
    logic [Pe-1:0][2*Bits-1:0] pairs;
    assign in0_tready_o = room && in1_tvalid_i;
    assign in1_tready_o = room && in0_tvalid_i;
    assign accept = room && in0_tvalid_i && in1_tvalid_i;
    assign last = fold_q == FoldBits'(Folds - 1);
    always_ff @(posedge clk_i) begin
        if (!rst_ni) fold_q <= '0;
        else if (accept) fold_q <= last ? '0 : fold_q + 1'b1;
    end
    for (genvar pe = 0; pe < Pe; pe++) begin : gen_pair
        assign pairs[pe] = {in1_tdata_i[pe*Bits+:Bits], in0_tdata_i[pe*Bits+:Bits]};
    end

    logic [Pe*2*Bits-1:0] beat;
    logic beat_valid, beat_ready;
    bp_stream_fifo #(
        .Width(Pe * 2 * Bits),
        .Depth(Depth)
    ) u_beats (
        .clk_i,
        .rst_ni,
        .in0_tdata_i  (pairs),
        .in0_tvalid_i (in0_tvalid_i && in1_tvalid_i),
        .in0_tready_o (room),
        .out0_tdata_o (beat),
        .out0_tvalid_o(beat_valid),
        .out0_tready_i(beat_ready),
        /* verilator lint_off PINCONNECTEMPTY */
        .count_o      ()
        /* verilator lint_on PINCONNECTEMPTY */
    );

    logic [1:0] summed;  // of x, of r
    logic [1:0][SumBits-1:0] sums;
    logic [1:0][SquaresBits-1:0] squares;
    for (genvar i = 0; i < 2; i++) begin : gen_statistics
        bp_pixel_statistics #(
            .Channels(Channels),
            .Pe      (Pe),
            .Bits    (Bits)
        ) u_statistics (
            .clk_i,
            .rst_ni,
            .valid_i  (accept),
            .last_i   (last),
            .x_i      (i == 0 ? in0_tdata_i : in1_tdata_i),
            .valid_o  (summed[i]),
            .sum_o    (sums[i]),
            .squares_o(squares[i])
        );
    end

    logic [FactorBits-1:0] made, factors;
    logic made_valid, factors_valid, factors_ready;
    bp_norm_factors #(
        .Channels(Channels),
        .Bits    (Bits),
        .Interval(Folds),
        .Reach   (Reach)
    ) u_factors (
        .clk_i,
        .rst_ni,
        .valid_i       (&summed),
        .sum_x_i       (sums[0]),
        .squares_x_i   (squares[0]),
        .sum_r_i       (sums[1]),
        .squares_r_i   (squares[1]),
        .valid_o       (made_valid),
        .negative_sum_o(made[FactorBits-1-:SumBits+1]),
        .mean_o        (made[PlaceBits+4+:Bits+1]),
        .mantissa_o    (made[PlaceBits+1+:3]),
        .place_o       (made[1+:PlaceBits]),
        .window_o      (made[0])
    );

    bp_stream_fifo #(
        .Width(FactorBits),
        .Depth(Pixels > 2 ? Pixels : 2)
    ) u_pixels (
        .clk_i,
        .rst_ni,
        .in0_tdata_i  (made),
        .in0_tvalid_i (made_valid),
        /* verilator lint_off PINCONNECTEMPTY */
        .in0_tready_o (),
        .count_o      (),
        /* verilator lint_on PINCONNECTEMPTY */
        .out0_tdata_o (factors),
        .out0_tvalid_o(factors_valid),
        .out0_tready_i(factors_ready)
    );

    bp_norm_apply #(
        .Channels  (Channels),
        .Pe        (Pe),
        .Bits      (Bits),
        .GainBits  (GainBits),
        .CentreBits(CentreBits),
        .BiasBits  (BiasBits),
        .Reach     (Reach),
        .Gains     (Gains),
        .Centres   (Centres),
        .Biases    (Biases)
    ) u_apply (
        .clk_i,
        .rst_ni,
        .in0_tdata_i (beat),
        .in0_tvalid_i(beat_valid),
        .in0_tready_o(beat_ready),
        .in1_tdata_i (factors),
        .in1_tvalid_i(factors_valid),
        .in1_tready_o(factors_ready),
        .out0_tdata_o,
        .out0_tvalid_o,
        .out0_tready_i
    );
endmodule
