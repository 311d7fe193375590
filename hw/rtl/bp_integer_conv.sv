// Integer convolution of an image, 0 beyond the edges: out[m] = saturate(round_half_up(bias[m] + sum over the window of
// w[m][k] * x[k], Shift)): bp_window and bp_quant_mvu.
//
// A pixel takes (elements kept)/Simd * OutChannels/Pe clocks; out come its channels, Pe a beat.

module bp_integer_conv #(
    parameter int unsigned Kernel = 3,  // columns and rows of a window, odd
    parameter int unsigned Channels = 2,
    parameter int unsigned OutChannels = 4,
    parameter int unsigned InPe = 2,  // channels per input beat, a divisor of Channels
    parameter int unsigned Simd = 6,  // elements at once, a divisor of those kept
    parameter int unsigned Pe = 2,  // channels per output beat, a divisor of OutChannels
    parameter int unsigned Width = 8,  // most columns of an image
    parameter int unsigned StrideBits = 0,  // log2 of PAN pixels per pixel
    parameter int unsigned LineMemory = 0,  // 0: by size, 1: LUTs, 2: block memory
    parameter int unsigned InBits = 12,  // bits of x; all numbers are two's complement
    parameter int unsigned WeightBits = 8,
    parameter int unsigned BiasBits = 24,
    parameter int unsigned AccBits = 28,  // bits that hold every sum with its bias
    parameter int Shift = 8,  // bits dropped
    parameter int unsigned OutBits = 10,
    parameter int unsigned WeightMemory = 0,  // 0: by size, 1: LUTs, 2: block memory
    parameter bit Paired = 1'b0,  // a DSP slice makes the products of two channels
    parameter logic [Kernel*Kernel*Channels-1:0] Keep = '1,  // elements of a window, by row, column, channel, that go on
    localparam int unsigned RowWidth = $countones(Keep),
    // Row m, kept element k at bit (m * RowWidth + k) * WeightBits.
    parameter logic [OutChannels*RowWidth*WeightBits-1:0] Weights = '0,
    parameter logic [OutChannels*BiasBits-1:0] Biases = '0  // row 0 lowest
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
    logic [Simd*InBits-1:0] piece;
    logic piece_valid, piece_ready;

    bp_window #(
        .Kernel    (Kernel),
        .Channels  (Channels),
        .Bits      (InBits),
        .InPe      (InPe),
        .Width     (Width),
        .StrideBits(StrideBits),
        .LineMemory(LineMemory),
        .Simd      (Simd),
        .Times     (OutChannels / Pe),
        .Keep      (Keep)
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

    bp_quant_mvu #(
        .MatrixWidth (RowWidth),
        .MatrixHeight(OutChannels),
        .Simd        (Simd),
        .Pe          (Pe),
        .InBits      (InBits),
        .WeightBits  (WeightBits),
        .BiasBits    (BiasBits),
        .AccBits     (AccBits),
        .Shift       (Shift),
        .OutBits     (OutBits),
        .WeightMemory(WeightMemory),
        .Paired      (Paired),
        .Weights     (Weights),
        .Biases      (Biases)
    ) u_mvu (
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
