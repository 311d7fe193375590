// Sign against a threshold per channel: bit = x >= threshold[channel] (bit 1 is +1, bit 0 is -1).
//
// Thresholds are scene parameters in two banks, written over the cfg bus: channel c at BaseAddress + c. The unit counts
// the frames at its input; frame n uses bank bank_of_frame_i[n mod 16] from its first beat to its last.

module bp_sign_threshold #(
    parameter int unsigned Channels = 4,
    parameter int unsigned Pe = 2,  // channels per beat, a divisor of Channels
    parameter int unsigned InBits = 10,  // bits of x, two's complement
    parameter int unsigned ThresholdBits = 11,  // bits of a threshold, two's complement
    parameter int unsigned Width = 16,  // pixels per line, at most
    parameter int unsigned StrideBits = 0,  // log2 of the PAN pixels per pixel
    parameter int unsigned BaseAddress = 0  // scene word of channel 0's threshold
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    input  bp_scene_pkg::size_t  size_i,
    input  bp_scene_pkg::write_t cfg_i,
    input  bp_scene_pkg::banks_t bank_of_frame_i,
    input  logic [Pe*InBits-1:0] in0_tdata_i,
    input  logic                 in0_tvalid_i,
    output logic                 in0_tready_o,
    output logic [       Pe-1:0] out0_tdata_o,
    output logic                 out0_tvalid_o,
    input  logic                 out0_tready_i
);
    localparam int unsigned Folds = Channels / Pe;
    localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1;

    logic bank;
    logic [FoldBits-1:0] fold;
    logic [Pe*ThresholdBits-1:0] thresholds;

    bp_scene_position #(
        .Folds     (Folds),
        .Width     (Width),
        .StrideBits(StrideBits)
    ) u_position (
        .clk_i,
        .rst_ni,
        .size_i,
        .accept_i(in0_tvalid_i && in0_tready_o),
        .bank_of_frame_i,
        .bank_o  (bank),
        .fold_o  (fold)
    );

    bp_scene_memory #(
        .Channels   (Channels),
        .Pe         (Pe),
        .Bits       (ThresholdBits),
        .BaseAddress(BaseAddress)
    ) u_thresholds (
        .clk_i,
        .cfg_i,
        .bank_i (bank),
        .fold_i (fold),
        .words_o(thresholds)
    );

    bp_sign #(
        .Pe           (Pe),
        .InBits       (InBits),
        .ThresholdBits(ThresholdBits)
    ) u_sign (
        .clk_i,
        .rst_ni,
        .thresholds_i(thresholds),
        .in0_tdata_i,
        .in0_tvalid_i,
        .in0_tready_o,
        .out0_tdata_o,
        .out0_tvalid_o,
        .out0_tready_i
    );
endmodule
