// bp_dma_read before a memory that takes bursts when it likes and gives the words of those it has taken.

module bp_dma_read_rules (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        start_i,
    input  logic [ 7:0] address_i,      // in pixels of 2 bytes, as all that follows
    input  logic [ 5:0] row_i,
    input  logic [ 6:0] stride_i,
    input  logic [ 1:0] rows_i,
    input  logic        take_i,
    input  logic [15:0] word_i,
    input  logic        give_i,
    output logic [15:0] out0_tdata_o,
    output logic        out0_tvalid_o,
    output logic        out0_tlast_o,
    input  logic        out0_tready_i,
    output logic        bad_held_o,     // a burst was taken back, or changed while it waited
    output logic        bad_room_o,     // more words were asked for than there is room for
    output logic        bad_last_o,     // tlast was not with the transfer's last pixel
    output logic        bad_idle_o      // idle while words of the transfer are under way
);
    bp_dma_pkg::transfer_t transfer;
    logic idle, offered, start, word, moved, bad_valid, bad_data;
    logic [11:0] address;
    logic [3:0] length;
    logic [6:0] owed_q, inside_q;  // words asked for and not there; there and not gone
    logic [8:0] left_q;  // pixels of the transfer that have not left

    assign transfer = '{
            address: {31'd0, address_i, 1'b0},
            row_bytes: row_i == 0 ? 26'd2 : {19'd0, row_i, 1'b0},
            stride: {18'd0, stride_i, 1'b0},
            rows: rows_i == 0 ? 16'd1 : 16'(rows_i)
        };
    assign start = start_i && idle && left_q == 0;
    bp_dma_read #(
        .DataBits(16),
        .AddressBits(12),
        .PixelBits(16),
        .PieceBits(16)
    ) i_read (
        .clk_i,
        .rst_ni,
        .transfer_i     (transfer),
        .start_i        (start),
        .idle_o         (idle),
        .burst_address_o(address),
        .burst_length_o (length),
        .burst_valid_o  (offered),
        .burst_ready_i  (take_i),
        .word_i,
        .word_valid_i   (word),
        .out0_tdata_o,
        .out0_tvalid_o,
        .out0_tlast_o,
        .out0_tready_i
    );
    bp_stream_rules #(
        .Width(16)
    ) i_held (
        .clk_i,
        .rst_ni,
        .tdata_i    ({address, length}),
        .tvalid_i   (offered),
        .tready_i   (take_i),
        .bad_valid_o(bad_valid),
        .bad_data_o (bad_data)
    );

    assign word = rst_ni && give_i && owed_q != 0;
    assign moved = out0_tvalid_o && out0_tready_i;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            owed_q <= '0;
            inside_q <= '0;
            left_q <= '0;
        end else begin
            owed_q <= owed_q - 7'(word) + (offered && take_i ? 7'(length) + 7'd1 : 7'd0);
            inside_q <= inside_q + 7'(word) - 7'(moved);
            if (start) left_q <= 9'(transfer.row_bytes[8:1]) * 9'(transfer.rows[1:0]);
            else if (moved) left_q <= left_q - 9'd1;
        end
    end

    assign bad_held_o = bad_valid || bad_data;
    assign bad_room_o = rst_ni && owed_q + inside_q > 7'd33;  // the FIFO and the register behind it
    assign bad_last_o = rst_ni && moved && out0_tlast_o != (left_q == 9'd1);
    assign bad_idle_o = rst_ni && idle && owed_q != 0;
endmodule
