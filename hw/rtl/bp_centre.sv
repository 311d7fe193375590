// Network input from image counts: out = saturate(round_half_up(x - Offset, Shift)), elementwise.

module bp_centre #(
    parameter int unsigned Elements = 1,  // per beat
    parameter int unsigned InBits = 11,  // bits of x
    parameter bit InSigned = 1'b0,  // x is two's complement
    parameter int Offset = 0,
    parameter int Shift = 0,  // bits dropped
    parameter int unsigned OutBits = 12  // bits of the result, two's complement
) (
    input  logic                        clk_i,
    input  logic                        rst_ni,
    input  logic [ Elements*InBits-1:0] in0_tdata_i,
    input  logic                        in0_tvalid_i,
    output logic                        in0_tready_o,
    output logic [Elements*OutBits-1:0] out0_tdata_o,
    output logic                        out0_tvalid_o,
    input  logic                        out0_tready_i
);
    // One bit for the sign and one for the difference, over the wider operand.
    localparam int unsigned OffsetBits = $clog2((Offset < 0 ? -Offset : Offset) + 1);
    localparam int unsigned Bits = (OffsetBits > InBits ? OffsetBits : InBits) + 2;

    if (Elements == 0 || InBits == 0) begin : gen_check
        $error("bp_centre: Elements and InBits are at least 1");
    end

    assign in0_tready_o = !out0_tvalid_o || out0_tready_i;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) out0_tvalid_o <= 1'b0;
        else if (in0_tready_o) out0_tvalid_o <= in0_tvalid_i;
    end

    for (genvar e = 0; e < Elements; e++) begin : gen_element
        logic [ InBits-1:0] x;
        logic [   Bits-1:0] difference;
        logic [OutBits-1:0] result;
        assign x = in0_tdata_i[e*InBits+:InBits];
        assign difference = {{(Bits - InBits) {InSigned && x[InBits-1]}}, x} - Bits'(Offset);
        bp_requantise #(
            .InBits (Bits),
            .Shift  (Shift),
            .OutBits(OutBits)
        ) u_requantise (
            .x_i(difference),
            .y_o(result)
        );
        always_ff @(posedge clk_i) if (in0_tready_o) out0_tdata_o[e*OutBits+:OutBits] <= result;
    end
endmodule
