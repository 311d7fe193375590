// Sum of two streams, elementwise: out = saturate(in0 + in1). Unsigned, it is the last step of the fusion.

module bp_add #(
    parameter int unsigned Elements = 1,  // per beat
    parameter int unsigned In0Bits = 12,  // in0 and in1 are two's complement, on one grid
    parameter int unsigned In1Bits = 12,
    parameter int unsigned OutBits = 12,
    parameter bit OutSigned = 1'b1  // so is the sum
) (
    input  logic                        clk_i,
    input  logic                        rst_ni,
    input  logic [Elements*In0Bits-1:0] in0_tdata_i,
    input  logic                        in0_tvalid_i,
    output logic                        in0_tready_o,
    input  logic [Elements*In1Bits-1:0] in1_tdata_i,
    input  logic                        in1_tvalid_i,
    output logic                        in1_tready_o,
    output logic [Elements*OutBits-1:0] out0_tdata_o,
    output logic                        out0_tvalid_o,
    input  logic                        out0_tready_i
);
    localparam int unsigned SumBits = (In0Bits > In1Bits ? In0Bits : In1Bits) + 1;

    if (Elements == 0 || In0Bits == 0 || In1Bits == 0) begin : gen_check
        $error("bp_add: Elements, In0Bits and In1Bits are at least 1");
    end

    logic advance;
    assign advance = !out0_tvalid_o || out0_tready_i;
    assign in0_tready_o = advance && in1_tvalid_i;
    assign in1_tready_o = advance && in0_tvalid_i;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) out0_tvalid_o <= 1'b0;
        else if (advance) out0_tvalid_o <= in0_tvalid_i && in1_tvalid_i;
    end

    for (genvar e = 0; e < Elements; e++) begin : gen_element
        logic signed [SumBits-1:0] sum;
        logic [OutBits-1:0] result;
        assign sum = SumBits'($signed(in0_tdata_i[e*In0Bits+:In0Bits]))
            + SumBits'($signed(in1_tdata_i[e*In1Bits+:In1Bits]));
        bp_requantise #(
            .InBits   (SumBits),
            .Shift    (0),
            .OutBits  (OutBits),
            .OutSigned(OutSigned)
        ) u_saturate (
            .x_i(sum),
            .y_o(result)
        );
        always_ff @(posedge clk_i) if (advance) out0_tdata_o[e*OutBits+:OutBits] <= result;
    end
endmodule
