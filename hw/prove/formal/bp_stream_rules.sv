// What a consumer may rely on: a beat that is offered stays, unchanged, until it is taken.

module bp_stream_rules #(
    parameter int unsigned Width = 8  // bits per beat, everything that belongs to it
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic [Width-1:0] tdata_i,
    input  logic             tvalid_i,
    input  logic             tready_i,
    output logic             bad_valid_o,  // the beat was taken back
    output logic             bad_data_o    // it changed
);
    logic waiting_q;
    logic [Width-1:0] data_q;

    assign bad_valid_o = rst_ni && waiting_q && !tvalid_i;
    assign bad_data_o = rst_ni && waiting_q && tvalid_i && tdata_i != data_q;

    always_ff @(posedge clk_i) begin
        waiting_q <= rst_ni && tvalid_i && !tready_i;
        data_q <= tdata_i;
    end
endmodule
