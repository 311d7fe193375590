// bp_dma_bursts told of any transfer, any time it is idle.

module bp_dma_burst_rules #(
    parameter int unsigned DataBits = 64,
    parameter int unsigned AddressBits = 14
) (
    input  logic                   clk_i,
    input  logic                   rst_ni,
    input  logic                   start_i,
    input  logic [AddressBits-1:0] address_i,
    input  logic [            7:0] row_bytes_i,
    input  logic [AddressBits-1:0] stride_i,
    input  logic [            1:0] rows_i,
    input  logic                   ready_i,
    output logic                   bad_held_o,   // a burst was taken back, or changed while it waited
    output logic                   bad_page_o,   // one crossed 4 KB
    output logic                   bad_place_o,  // one did not begin with a bus word
    output logic                   bad_most_o    // more bursts than a row can have
);
    localparam int unsigned WordBytes = DataBits / 8;

    bp_dma_pkg::transfer_t transfer;
    logic idle, valid, bad_valid, bad_data;
    logic [AddressBits-1:0] address;
    logic [3:0] length;
    logic [5:0] bursts_q;  // of the transfer

    assign transfer = '{
            address: 40'(address_i),
            row_bytes: row_bytes_i == 0 ? 26'd1 : 26'(row_bytes_i),
            stride: 26'(stride_i),
            rows: rows_i == 0 ? 16'd1 : 16'(rows_i)
        };
    bp_dma_bursts #(
        .DataBits(DataBits),
        .AddressBits(AddressBits)
    ) i_bursts (
        .clk_i,
        .rst_ni,
        .transfer_i     (transfer),
        .start_i        (start_i && idle),
        .idle_o         (idle),
        .burst_address_o(address),
        .burst_length_o (length),
        .burst_valid_o  (valid),
        .burst_ready_i  (ready_i)
    );
    bp_stream_rules #(
        .Width(AddressBits + 4)
    ) i_held (
        .clk_i,
        .rst_ni,
        .tdata_i    ({address, length}),
        .tvalid_i   (valid),
        .tready_i   (ready_i),
        .bad_valid_o(bad_valid),
        .bad_data_o (bad_data)
    );

    always_ff @(posedge clk_i) begin
        if (!rst_ni || idle) bursts_q <= '0;
        else if (valid && ready_i) bursts_q <= bursts_q + 6'd1;
    end

    assign bad_held_o = bad_valid || bad_data;
    assign bad_page_o = rst_ni && valid && 13'(address[11:0]) + 13'(length) * WordBytes + WordBytes > 13'd4096;
    assign bad_place_o = rst_ni && valid && address % WordBytes != 0;
    assign bad_most_o = rst_ni && valid && bursts_q >= 3 * ((255 + 2 * WordBytes - 2) / (16 * WordBytes) + 2);
endmodule
