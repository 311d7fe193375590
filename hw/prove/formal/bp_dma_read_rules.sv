// bp_dma_read before a memory that takes bursts when it likes and gives the words of those it has taken.
//
// That its counters agree is a rule too: together, the rules follow from the clock before, those about its ports alone do
// not. A word has one pixel here.

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
    output logic        bad_idle_o,     // idle while words of the transfer are under way
    output logic        bad_space_o,    // the room that is left and what is on its way there are not the FIFO
    output logic        bad_fifo_o,     // the FIFO's counts and flags do not agree
    output logic        bad_row_o,      // a row is none of the transfer's
    output logic        bad_burst_o,    // a burst is not of its row, or what is known of it a clock ahead is wrong
    output logic        bad_pixel_o,    // the same of a pixel
    output logic        bad_sum_o       // the words not asked for, on their way and in the FIFO are not those to come
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

    // Of the transfer: words that no burst has asked for, and pixels that have not come out of the FIFO.
    logic asking;
    logic [1:0] state;
    logic [4:0] burst_length;
    logic [5:0] stored, count;
    logic [8:0] unasked, uncome;
    logic [15:0] burst_rows, pixel_rows;  // behind the one under way, and with it
    logic [25:0] burst_left, pixel_left, row_words, row_pixels;

    assign state = i_read.u_bursts.state_q;  // idle, row, cut, offer
    assign asking = state[1];
    assign burst_rows = i_read.u_bursts.rows_q;
    assign burst_left = i_read.u_bursts.left_q;
    assign burst_length = i_read.u_bursts.length_q;
    assign row_words = i_read.u_bursts.bytes_q[26:1];
    assign pixel_rows = i_read.u_pieces.rows_q;
    assign pixel_left = 26'(i_read.u_pieces.left_q);
    assign row_pixels = 26'(i_read.u_pieces.row_q);
    assign stored = i_read.u_fifo.stored_q;
    assign count = i_read.u_fifo.count_q;
    assign unasked = state == 0 ? 9'd0 : 9'(burst_rows[1:0] * row_words[5:0]) + (asking ? 9'(burst_left) : 9'd0);
    assign uncome = i_read.active ? 9'((pixel_rows[1:0] - 2'd1) * row_pixels[5:0]) + 9'(pixel_left) : 9'd0;

    assign bad_held_o = bad_valid || bad_data;
    assign bad_room_o = rst_ni && owed_q + inside_q > 7'd33;  // the FIFO and the register behind it
    assign bad_last_o = rst_ni && moved && out0_tlast_o != (left_q == 9'd1);
    assign bad_idle_o = rst_ni && idle && owed_q != 0;
    assign bad_space_o = rst_ni && (9'(i_read.space_q) + 9'(owed_q) + 9'(count) != 9'd32 ||
        inside_q != 7'(count) + 7'(out0_tvalid_o) || (offered && i_read.space_q < 16));
    assign bad_fifo_o = rst_ni && (count != stored + 6'(i_read.u_fifo.out0_tvalid_o) || stored > 32 ||
        i_read.u_fifo.full_q != (stored == 32) || i_read.u_fifo.some_q != (stored != 0));
    assign bad_row_o = rst_ni && state != 0 && (!i_read.u_bursts.bytes_q[0] || i_read.u_bursts.row_q[0] ||
        i_read.u_bursts.stride_q[0] || row_words == 0 || row_words > 63 || row_words != row_pixels || burst_rows > 3);
    assign bad_burst_o = rst_ni && (state == 1 ? burst_rows == 0 : asking && (burst_left == 0 ||
        burst_left > row_words || i_read.u_bursts.last_row_q != (burst_rows == 0) ||
        (state == 3 && (burst_length == 0 || burst_length > 16 || 26'(burst_length) > burst_left ||
        i_read.u_bursts.row_end_q != (26'(burst_length) == burst_left)))));
    assign bad_pixel_o = rst_ni && (i_read.u_pixel.count_q != 0 || (!i_read.active ? state != 0 :
        row_pixels == 0 || row_pixels > 63 || pixel_left == 0 || pixel_left > row_pixels || pixel_rows == 0 ||
        pixel_rows > 3 || i_read.u_pieces.single_q != (row_pixels == 1) ||
        i_read.u_pieces.one_q != (pixel_left == 1) || i_read.u_pieces.last_row_q != (pixel_rows == 1)));
    assign bad_sum_o = rst_ni && (unasked + 9'(owed_q) + 9'(count) != uncome ||
        left_q != uncome + 9'(out0_tvalid_o) || (out0_tvalid_o && out0_tlast_o != (uncome == 0)));
endmodule
