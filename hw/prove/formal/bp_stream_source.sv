// Any producer that keeps the rules of AXI-Stream: it may offer a beat whenever it likes, with any data, and then holds both
// until they are taken. Free inputs say what it does.

module bp_stream_source #(
    parameter int unsigned Width = 8  // bits per beat
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             free_valid_i,
    input  logic [Width-1:0] free_data_i,
    output logic [Width-1:0] tdata_o,
    output logic             tvalid_o,
    input  logic             tready_i
);
    logic held_q;
    logic [Width-1:0] data_q;

    assign tvalid_o = rst_ni && (held_q || free_valid_i);
    assign tdata_o = held_q ? data_q : free_data_i;

    always_ff @(posedge clk_i) begin
        held_q <= tvalid_o && !tready_i;
        data_q <= tdata_o;
    end
endmodule
