// Binary convolution of an image of signs, +1 (bit 1) and -1 (bit 0), -1 beyond the edges: bp_window and bp_xnor_mvu.
//
// A pixel takes Kernel^2 * Channels/Groups/Simd * OutChannels/Pe clocks; out come its sums, Pe a beat, or, if asked for, whether
// they are at least their thresholds. With Groups, output channels see the input channels of their own group alone.

module bp_binary_conv #(
    parameter int unsigned Kernel = 3,  // columns and rows of a window, odd
    parameter int unsigned Channels = 4,
    parameter int unsigned OutChannels = 4,
    parameter int unsigned InPe = 2,  // channels per input beat, a divisor of Channels
    parameter int unsigned Simd = 12,  // elements at once, a divisor of a row's
    parameter int unsigned Pe = 2,  // channels per output beat, a divisor of OutChannels
    parameter int unsigned Width = 8,  // most columns of an image
    parameter int unsigned StrideBits = 0,  // log2 of PAN pixels per pixel
    parameter int unsigned LineMemory = 0,  // 0: by size, 1: LUTs, 2: block memory
    parameter int unsigned OutBits = 7,  // bits of a sum, two's complement
    parameter int unsigned Groups = 1,  // of channels
    parameter int unsigned WeightMemory = 0,  // 0: by size, 1: LUTs, 2: block memory
    parameter bit Compare = 1'b0,  // an output is the bit sum >= threshold instead of the sum
    localparam int unsigned RowWidth = Kernel * Kernel * Channels / Groups,
    localparam int unsigned ElementBits = Compare ? 1 : OutBits,
    parameter logic [OutChannels*RowWidth-1:0] Weights = '0,  // row m, element k of its group at bit m * RowWidth + k
    parameter logic [OutChannels*(OutBits+1)-1:0] Thresholds = '0  // two's complement, row 0 lowest
) (
    input  logic                      clk_i,
    input  logic                      rst_ni,
    input  bp_scene_pkg::size_t       size_i,
    input  logic [          InPe-1:0] in0_tdata_i,
    input  logic                      in0_tvalid_i,
    output logic                      in0_tready_o,
    output logic [Pe*ElementBits-1:0] out0_tdata_o,
    output logic                      out0_tvalid_o,
    input  logic                      out0_tready_i
);
    logic [Simd-1:0] piece;
    logic piece_valid, piece_ready;

    bp_window #(
        .Kernel    (Kernel),
        .Channels  (Channels),
        .Bits      (1),
        .InPe      (InPe),
        .Width     (Width),
        .StrideBits(StrideBits),
        .LineMemory(LineMemory),
        .Simd      (Simd),
        .Times     (OutChannels / Pe),
        .Groups    (Groups)
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

    bp_xnor_mvu #(
        .MatrixWidth (RowWidth),
        .MatrixHeight(OutChannels),
        .Simd        (Simd),
        .Pe          (Pe),
        .OutBits     (OutBits),
        .WeightMemory(WeightMemory),
        .Compare     (Compare),
        .Weights     (Weights),
        .Thresholds  (Thresholds)
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
