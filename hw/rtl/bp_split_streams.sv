// One stream becomes two, the inverse of bp_concat_streams: the lower Width0 bits of a beat to out0, the upper Width1 to out1.
// Each output takes its part when it can; the next beat enters when both have taken theirs.

module bp_split_streams #(
    parameter int unsigned Width0 = 8,  // bits per beat of out0
    parameter int unsigned Width1 = 8  // bits per beat of out1
) (
    input  logic                     clk_i,
    input  logic                     rst_ni,
    input  logic [Width0+Width1-1:0] in0_tdata_i,
    input  logic                     in0_tvalid_i,
    output logic                     in0_tready_o,
    output logic [       Width0-1:0] out0_tdata_o,
    output logic                     out0_tvalid_o,
    input  logic                     out0_tready_i,
    output logic [       Width1-1:0] out1_tdata_o,
    output logic                     out1_tvalid_o,
    input  logic                     out1_tready_i
);
    if (Width0 == 0 || Width1 == 0) begin : gen_check
        $error("bp_split_streams: Width0 and Width1 are at least 1");
    end

    /* verilator lint_off UNUSEDSIGNAL */
    logic [1:0][Width0+Width1-1:0] copies;
    /* verilator lint_on UNUSEDSIGNAL */

    bp_duplicate #(
        .Width(Width0 + Width1)
    ) u_duplicate (
        .clk_i,
        .rst_ni,
        .in0_tdata_i,
        .in0_tvalid_i,
        .in0_tready_o,
        .out0_tdata_o(copies[0]),
        .out0_tvalid_o,
        .out0_tready_i,
        .out1_tdata_o(copies[1]),
        .out1_tvalid_o,
        .out1_tready_i
    );

    assign out0_tdata_o = copies[0][Width0-1:0];
    assign out1_tdata_o = copies[1][Width0+:Width1];
endmodule
