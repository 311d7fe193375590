// One stream becomes two equal ones. Each output takes its copy of a beat when it can; the next beat enters when both have
// taken theirs, so one register serves both.

module bp_duplicate #(
    parameter int unsigned Width = 8,  // bits per beat
    parameter int unsigned Copies = 2  // 2
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic [Width-1:0] in0_tdata_i,
    input  logic             in0_tvalid_i,
    output logic             in0_tready_o,
    output logic [Width-1:0] out0_tdata_o,
    output logic             out0_tvalid_o,
    input  logic             out0_tready_i,
    output logic [Width-1:0] out1_tdata_o,
    output logic             out1_tvalid_o,
    input  logic             out1_tready_i
);
    if (Width == 0) begin : gen_check_width
        $error("bp_duplicate: Width is at least 1");
    end
    if (Copies != 2) begin : gen_check_copies
        $error("bp_duplicate: Copies is 2");
    end

    logic [Width-1:0] beat_q;
    assign in0_tready_o = (!out0_tvalid_o || out0_tready_i) && (!out1_tvalid_o || out1_tready_i);
    assign out0_tdata_o = beat_q;
    assign out1_tdata_o = beat_q;

    always_ff @(posedge clk_i) begin
        if (in0_tready_o) beat_q <= in0_tdata_i;
        if (!rst_ni) begin
            out0_tvalid_o <= 1'b0;
            out1_tvalid_o <= 1'b0;
        end else if (in0_tready_o) begin
            out0_tvalid_o <= in0_tvalid_i;
            out1_tvalid_o <= in0_tvalid_i;
        end else begin
            if (out0_tready_i) out0_tvalid_o <= 1'b0;
            if (out1_tready_i) out1_tvalid_o <= 1'b0;
        end
    end
endmodule
