// Elements of a beat against a threshold each: bit = x >= threshold (bit 1 is +1, bit 0 is -1).
//
// thresholds_i belongs to the beat at in0. One register deep.

module bp_sign #(
    parameter int unsigned Pe = 2,  // elements per beat
    parameter int unsigned InBits = 10,  // bits of x, two's complement
    parameter int unsigned ThresholdBits = 11  // bits of a threshold, two's complement
) (
    input  logic                        clk_i,
    input  logic                        rst_ni,
    input  logic [Pe*ThresholdBits-1:0] thresholds_i,
    input  logic [       Pe*InBits-1:0] in0_tdata_i,
    input  logic                        in0_tvalid_i,
    output logic                        in0_tready_o,
    output logic [              Pe-1:0] out0_tdata_o,
    output logic                        out0_tvalid_o,
    input  logic                        out0_tready_i
);
    localparam int unsigned Wider = InBits > ThresholdBits ? InBits : ThresholdBits;

    assign in0_tready_o = !out0_tvalid_o || out0_tready_i;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) out0_tvalid_o <= 1'b0;
        else if (in0_tready_o) out0_tvalid_o <= in0_tvalid_i;
    end

    for (genvar pe = 0; pe < Pe; pe++) begin : gen_pe
        logic signed [ThresholdBits-1:0] threshold;
        logic signed [InBits-1:0] x;
        assign threshold = thresholds_i[pe*ThresholdBits+:ThresholdBits];
        assign x = in0_tdata_i[pe*InBits+:InBits];
        always_ff @(posedge clk_i) if (in0_tready_o) out0_tdata_o[pe] <= Wider'(x) >= Wider'(threshold);
    end
endmodule
