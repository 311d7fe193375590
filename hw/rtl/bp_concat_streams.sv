// Two streams side by side: a beat of in1 above a beat of in0.

module bp_concat_streams #(
    parameter int unsigned Width0 = 8,  // bits per beat of in0
    parameter int unsigned Width1 = 8  // bits per beat of in1
) (
    input  logic                     clk_i,
    input  logic                     rst_ni,
    input  logic [       Width0-1:0] in0_tdata_i,
    input  logic                     in0_tvalid_i,
    output logic                     in0_tready_o,
    input  logic [       Width1-1:0] in1_tdata_i,
    input  logic                     in1_tvalid_i,
    output logic                     in1_tready_o,
    output logic [Width0+Width1-1:0] out0_tdata_o,
    output logic                     out0_tvalid_o,
    input  logic                     out0_tready_i
);
    if (Width0 == 0 || Width1 == 0) begin : gen_check
        $error("bp_concat_streams: Width0 and Width1 are at least 1");
    end

    logic advance;
    assign advance = !out0_tvalid_o || out0_tready_i;
    assign in0_tready_o = advance && in1_tvalid_i;
    assign in1_tready_o = advance && in0_tvalid_i;

    always_ff @(posedge clk_i) begin
        if (advance) out0_tdata_o <= {in1_tdata_i, in0_tdata_i};
        if (!rst_ni) out0_tvalid_o <= 1'b0;
        else if (advance) out0_tvalid_o <= in0_tvalid_i && in1_tvalid_i;
    end
endmodule
