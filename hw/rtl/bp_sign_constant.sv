// Sign against a constant threshold per channel: bit = x >= threshold[channel] (bit 1 is +1, bit 0 is -1).

module bp_sign_constant #(
    parameter int unsigned Channels = 4,
    parameter int unsigned Pe = 2,  // channels per beat, a divisor of Channels
    parameter int unsigned InBits = 10,  // bits of x, two's complement
    parameter int unsigned ThresholdBits = 11,  // bits of a threshold, two's complement
    parameter logic [Channels*ThresholdBits-1:0] Thresholds = '0  // channel 0 lowest
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    input  logic [Pe*InBits-1:0] in0_tdata_i,
    input  logic                 in0_tvalid_i,
    output logic                 in0_tready_o,
    output logic [       Pe-1:0] out0_tdata_o,
    output logic                 out0_tvalid_o,
    input  logic                 out0_tready_i
);
    localparam int unsigned Folds = Channels / Pe;
    localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1;

    if (Channels == 0 || Channels % Pe != 0) begin : gen_check
        $error("bp_sign_constant: Channels is at least 1, Pe divides it");
    end

    logic [FoldBits-1:0] fold_q;
    logic [Folds-1:0][Pe*ThresholdBits-1:0] thresholds;

    assign thresholds = Thresholds;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) fold_q <= '0;
        else if (in0_tvalid_i && in0_tready_o) fold_q <= fold_q == FoldBits'(Folds - 1) ? '0 : fold_q + 1'b1;
    end

    bp_sign #(
        .Pe           (Pe),
        .InBits       (InBits),
        .ThresholdBits(ThresholdBits)
    ) u_sign (
        .clk_i,
        .rst_ni,
        .thresholds_i(thresholds[fold_q]),
        .in0_tdata_i,
        .in0_tvalid_i,
        .in0_tready_o,
        .out0_tdata_o,
        .out0_tvalid_o,
        .out0_tready_i
    );
endmodule
