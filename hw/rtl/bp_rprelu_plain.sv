// RPReLU of the convolution's sums alone: bp_rprelu without a residual, out = saturate(round_half_up(slope * p + bias, Shift)).

module bp_rprelu_plain #(
    parameter int unsigned Channels = 4,
    parameter int unsigned Pe = 2,  // channels per beat, a divisor of Channels
    parameter int unsigned PBits = 10,  // bits of p; all numbers are two's complement
    parameter int unsigned KneeBits = 10,
    parameter int unsigned SlopeBits = 10,
    parameter int unsigned BiasBits = 20,
    parameter int unsigned Shift = 6,  // fraction bits of slopes and biases
    parameter int unsigned OutBits = 10,
    parameter bit UseDsp = 1'b1,  // else products are built in LUTs
    parameter logic [Channels*KneeBits-1:0] Knees = '0,  // channel 0 lowest
    parameter logic [Channels*SlopeBits-1:0] SlopesAbove = '0,
    parameter logic [Channels*SlopeBits-1:0] SlopesBelow = '0,
    parameter logic [Channels*BiasBits-1:0] BiasesAbove = '0,
    parameter logic [Channels*BiasBits-1:0] BiasesBelow = '0
) (
    input  logic                  clk_i,
    input  logic                  rst_ni,
    input  logic [  Pe*PBits-1:0] in0_tdata_i,
    input  logic                  in0_tvalid_i,
    output logic                  in0_tready_o,
    output logic [Pe*OutBits-1:0] out0_tdata_o,
    output logic                  out0_tvalid_o,
    input  logic                  out0_tready_i
);
    bp_rprelu #(
        .Channels   (Channels),
        .Pe         (Pe),
        .PBits      (PBits),
        .XBits      (1),  // a residual of 0, always there
        .KneeBits   (KneeBits),
        .SlopeBits  (SlopeBits),
        .BiasBits   (BiasBits),
        .Shift      (Shift),
        .OutBits    (OutBits),
        .UseDsp     (UseDsp),
        .Knees      (Knees),
        .SlopesAbove(SlopesAbove),
        .SlopesBelow(SlopesBelow),
        .BiasesAbove(BiasesAbove),
        .BiasesBelow(BiasesBelow)
    ) u_rprelu (
        .clk_i,
        .rst_ni,
        .in0_tdata_i,
        .in0_tvalid_i,
        .in0_tready_o,
        .in1_tdata_i ('0),
        .in1_tvalid_i(1'b1),
        /* verilator lint_off PINCONNECTEMPTY */
        .in1_tready_o(),
        /* verilator lint_on PINCONNECTEMPTY */
        .out0_tdata_o,
        .out0_tvalid_o,
        .out0_tready_i
    );
endmodule
