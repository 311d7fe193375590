// Convolution of each channel of an image with a filter of its own, 0 beyond the edges: bp_window and bp_depthwise.
//
// A pixel takes Channels/Pe * Kernel^2 clocks; out come its channels, Pe a beat.

module bp_depthwise_conv #(
    parameter int unsigned Kernel = 3,  // columns and rows of a filter, odd
    parameter int unsigned Channels = 4,
    parameter int unsigned InPe = 2,  // channels per input beat, a divisor of Channels
    parameter int unsigned Pe = 2,  // channels at once and per output beat, a divisor of Channels
    parameter int unsigned Width = 8,  // most columns of an image
    parameter int unsigned StrideBits = 0,  // log2 of PAN pixels per pixel
    parameter int unsigned LineMemory = 0,  // 0: by size, 1: LUTs, 2: block memory
    parameter int unsigned InBits = 10,  // bits of x; all numbers are two's complement
    parameter int unsigned WeightBits = 8,
    parameter int Shift = 6,  // bits dropped
    parameter int unsigned OutBits = 10,
    parameter int unsigned WeightMemory = 0,  // 0: by size, 1: LUTs, 2: block memory
    // Channel c, tap t at bit (c * Kernel^2 + t) * WeightBits.
    parameter logic [Channels*Kernel*Kernel*WeightBits-1:0] Weights = '0
) (
    input  logic                   clk_i,
    input  logic                   rst_ni,
    input  bp_scene_pkg::size_t    size_i,
    input  logic [InPe*InBits-1:0] in0_tdata_i,
    input  logic                   in0_tvalid_i,
    output logic                   in0_tready_o,
    output logic [ Pe*OutBits-1:0] out0_tdata_o,
    output logic                   out0_tvalid_o,
    input  logic                   out0_tready_i
);
    logic [Pe*InBits-1:0] piece;
    logic piece_valid, piece_ready;

    bp_window #(
        .Kernel    (Kernel),
        .Channels  (Channels),
        .Bits      (InBits),
        .InPe      (InPe),
        .Width     (Width),
        .StrideBits(StrideBits),
        .LineMemory(LineMemory),
        .Simd      (Pe),
        .Times     (Channels / Pe),
        .Groups    (Channels / Pe)
    ) u_window (
        .clk_i,
        .rst_ni,
        .size_i,
        .in0_tdata_i,
        .in0_tvalid_i,
        .in0_tready_o,
        .out0_tdata_o (piece),
        .out0_tvalid_o(piece_valid),
        .out0_tready_i(piece_ready)
    );

    bp_depthwise #(
        .Channels    (Channels),
        .Pe          (Pe),
        .Taps        (Kernel * Kernel),
        .InBits      (InBits),
        .WeightBits  (WeightBits),
        .Shift       (Shift),
        .OutBits     (OutBits),
        .WeightMemory(WeightMemory),
        .Weights     (Weights)
    ) u_depthwise (
        .clk_i,
        .rst_ni,
        .in0_tdata_i (piece),
        .in0_tvalid_i(piece_valid),
        .in0_tready_o(piece_ready),
        .out0_tdata_o,
        .out0_tvalid_o,
        .out0_tready_i
    );
endmodule
