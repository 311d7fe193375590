// The fused image: out = min(max(lms + residual, 0), 2**OutBits - 1), elementwise.

module add_clip #(
    parameter int unsigned Elements = 1,  // per beat
    parameter int unsigned LmsBits = 13,  // bits of lms, two's complement
    parameter int unsigned ResidualBits = 13,  // bits of the residual, two's complement
    parameter int unsigned OutBits = 11  // bits of the result, unsigned
) (
    input  logic                             clk_i,
    input  logic                             rst_ni,
    input  logic [     Elements*LmsBits-1:0] in0_tdata_i,    // lms
    input  logic                             in0_tvalid_i,
    output logic                             in0_tready_o,
    input  logic [Elements*ResidualBits-1:0] in1_tdata_i,    // residual
    input  logic                             in1_tvalid_i,
    output logic                             in1_tready_o,
    output logic [     Elements*OutBits-1:0] out0_tdata_o,
    output logic                             out0_tvalid_o,
    input  logic                             out0_tready_i
);
    localparam int unsigned Wider = LmsBits > ResidualBits ? LmsBits : ResidualBits;
    localparam int unsigned Bits = (Wider > OutBits ? Wider : OutBits) + 1;

    logic advance;
    assign advance = !out0_tvalid_o || out0_tready_i;
    assign in0_tready_o = advance && in1_tvalid_i;
    assign in1_tready_o = advance && in0_tvalid_i;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) out0_tvalid_o <= 1'b0;
        else if (advance) out0_tvalid_o <= in0_tvalid_i && in1_tvalid_i;
    end

    for (genvar e = 0; e < Elements; e++) begin : gen_element
        logic signed [Bits-1:0] sum;
        logic [OutBits-1:0] clipped;
        assign sum = Bits'($signed(in0_tdata_i[e*LmsBits+:LmsBits]))
            + Bits'($signed(in1_tdata_i[e*ResidualBits+:ResidualBits]));
        always_comb begin
            if (sum[Bits-1]) clipped = '0;
            else if (|sum[Bits-1:OutBits]) clipped = '1;
            else clipped = sum[OutBits-1:0];
        end
        always_ff @(posedge clk_i) if (advance) out0_tdata_o[e*OutBits+:OutBits] <= clipped;
    end
endmodule
