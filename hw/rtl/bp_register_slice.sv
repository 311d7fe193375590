// A stream's two registers: neither data nor ready pass through without one. A beat a clock; where the consumer stops, the
// second register takes the beat that is on its way.

module bp_register_slice #(
    parameter int unsigned Width = 8  // bits per beat
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic [Width-1:0] in0_tdata_i,
    input  logic             in0_tvalid_i,
    output logic             in0_tready_o,
    output logic [Width-1:0] out0_tdata_o,
    output logic             out0_tvalid_o,
    input  logic             out0_tready_i
);
    logic [Width-1:0] late_q;
    logic late_valid_q, advance;

    assign in0_tready_o = !late_valid_q;
    assign advance = !out0_tvalid_o || out0_tready_i;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            late_valid_q <= 1'b0;
            out0_tvalid_o <= 1'b0;
        end else begin
            late_valid_q <= !advance && (late_valid_q || in0_tvalid_i);
            if (advance) out0_tvalid_o <= late_valid_q || in0_tvalid_i;
        end
    end

    always_ff @(posedge clk_i) begin
        if (in0_tready_o) late_q <= in0_tdata_i;
        if (advance) out0_tdata_o <= late_valid_q ? late_q : in0_tdata_i;
    end
endmodule
