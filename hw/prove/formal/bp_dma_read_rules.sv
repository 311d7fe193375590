// bp_dma_read before a memory that takes bursts when it likes and gives the words of those it has taken.
//
// That its counters agree is a rule too: together, rules follow from the clock before, those about ports alone do not.
// Rows begin anywhere in a word.

module bp_dma_read_rules #(
    parameter int unsigned Slots = 1  // pixels of a word, 1 or 2
) (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        start_i,
    input  logic [ 7:0] address_i,      // in pixels of 2 bytes, as all that follows
    input  logic [ 4:0] row_i,
    input  logic [ 6:0] stride_i,
    input  logic [ 1:0] rows_i,
    input  logic        take_i,
    input  logic [31:0] word_i,
    input  logic        give_i,
    output logic [15:0] out0_tdata_o,
    output logic        out0_tvalid_o,
    output logic        out0_tlast_o,
    input  logic        out0_tready_i,
    output logic        bad_held_o,     // a burst was taken back, or changed while it waited
    output logic        bad_room_o,     // a word came and there was no room for it
    output logic        bad_last_o,     // tlast was not with the transfer's last pixel
    output logic        bad_idle_o,     // idle while words of the transfer are under way
    output logic        bad_space_o,    // the room that is left and what is on its way there are not the FIFO
    output logic        bad_fifo_o,     // the FIFO's counts and flags do not agree
    output logic        bad_row_o,      // a row is none of the transfer's, or begins in another place of its word
    output logic        bad_burst_o,    // a burst is not of its row, or what is known of it a clock ahead is wrong
    output logic        bad_pixel_o,    // the same of a pixel
    output logic        bad_sum_o       // the words not asked for, on their way and in the FIFO are not those to come
);
    bp_dma_pkg::transfer_t transfer;
    logic idle, offered, start, word, moved, bad_valid, bad_data;
    logic base_q, step_q;  // odd: the first row's first pixel, the pixels from row to row
    logic [1:0] rows_q;  // of the transfer
    logic [11:0] address;
    logic [3:0] length;
    logic [6:0] owed_q;  // words asked for and not there
    logic [8:0] left_q;  // pixels of the transfer that have not left

    assign transfer = '{
            address: {31'd0, address_i, 1'b0},
            row_bytes: row_i == 0 ? 26'd2 : {20'd0, row_i, 1'b0},
            stride: {18'd0, stride_i, 1'b0},
            rows: rows_i == 0 ? 16'd1 : 16'(rows_i)
        };
    assign start = start_i && idle && left_q == 0;
    bp_dma_read #(
        .DataBits(16 * Slots),
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
        .word_i         (word_i[16*Slots-1:0]),
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
            left_q <= '0;
        end else begin
            owed_q <= owed_q - 7'(word) + (offered && take_i ? 7'(length) + 7'd1 : 7'd0);
            if (start) {base_q, step_q, rows_q} <= {address_i[0], stride_i[0], transfer.rows[1:0]};
            if (start) left_q <= 9'(transfer.row_bytes[5:1]) * 9'(transfer.rows[1:0]);
            else if (moved) left_q <= left_q - 9'd1;
        end
    end

    // Of the transfer: words that no burst has asked for, words and pixels that have not come out of the FIFO.
    logic asking, burst_odd, pixel_odd, next_odd;
    logic [1:0] state;
    logic [4:0] burst_length;
    logic [5:0] stored, count;
    logic [8:0] unasked, unread, uncome;
    logic [15:0] burst_rows, pixel_rows;  // behind the one under way, and with it
    logic [25:0] burst_left, pixel_left, row_pixels;

    function automatic logic [8:0] words(logic odd, logic [25:0] pixels);
        return (9'(pixels) + 9'(Slots == 2 && odd) + 9'(Slots - 1)) / 9'(Slots);
    endfunction
    function automatic logic [8:0] words_of_rows(logic odd, logic [15:0] rows);
        return (rows > 0 ? words(odd, row_pixels) : 9'd0) + (rows > 1 ? words(odd ^ step_q, row_pixels) : 9'd0) +
            (rows > 2 ? words(odd, row_pixels) : 9'd0);
    endfunction
    function automatic logic odd_row(logic [15:0] rows);  // of the first pixel of the row before so many
        return base_q ^ (step_q && (rows_q[0] ^ rows[0]));
    endfunction

    assign state = i_read.u_bursts.state_q;  // idle, row, cut, offer
    assign asking = state[1];
    assign burst_rows = i_read.u_bursts.rows_q;
    assign burst_left = 26'(i_read.u_bursts.left_q);
    assign burst_length = i_read.u_bursts.length_q;
    assign burst_odd = i_read.u_bursts.row_q[1];
    assign pixel_rows = i_read.u_pieces.rows_q;
    assign pixel_left = 26'(i_read.u_pieces.left_q);
    assign pixel_odd = i_read.u_pieces.slot_q[0];
    assign next_odd = i_read.u_pieces.next_q[0];
    assign row_pixels = 26'(i_read.u_pieces.row_q);
    assign stored = i_read.u_fifo.stored_q;
    assign count = i_read.u_fifo.count_q;
    assign unasked = state == 0 ? 9'd0 : words_of_rows(burst_odd, burst_rows) + (asking ? 9'(burst_left) : 9'd0);
    assign unread = i_read.active ? words(pixel_odd, pixel_left) + words_of_rows(next_odd, pixel_rows - 16'd1) : 9'd0;
    assign uncome = !i_read.active ? 9'd0 : 9'(pixel_left) + (pixel_rows > 1 ? 9'(row_pixels) : 9'd0) +
        (pixel_rows > 2 ? 9'(row_pixels) : 9'd0);

    assign bad_held_o = bad_valid || bad_data;
    assign bad_room_o = word && !i_read.u_fifo.in0_tready_o;
    assign bad_last_o = rst_ni && moved && out0_tlast_o != (left_q == 9'd1);
    assign bad_idle_o = rst_ni && idle && owed_q != 0;
    assign bad_space_o = rst_ni && (9'(i_read.space_q) + 9'(owed_q) + 9'(count) != 9'd32 ||
        (offered && i_read.space_q < 16));
    assign bad_fifo_o = rst_ni && (count != stored + 6'(i_read.u_fifo.out0_tvalid_o) || stored > 32 ||
        i_read.u_fifo.full_q != (stored == 32) || i_read.u_fifo.some_q != (stored != 0));
    assign bad_row_o = rst_ni && state != 0 && (burst_rows > 3 || i_read.u_bursts.row_q[0] ||
        26'(i_read.u_bursts.bytes_q) != 2 * row_pixels + 26'(2 * Slots - 1) || i_read.u_bursts.stride_q[0] ||
        (Slots == 2 && (i_read.u_bursts.stride_q[1] != step_q || burst_odd != odd_row(burst_rows))));
    assign bad_burst_o = rst_ni && (state == 1 ? burst_rows == 0 : asking && (burst_left == 0 || burst_left > 31 ||
        i_read.u_bursts.last_row_q != (burst_rows == 0) ||
        (state == 3 && (burst_length == 0 || burst_length > 16 || 26'(burst_length) > burst_left ||
        i_read.u_bursts.row_end_q != (26'(burst_length) == burst_left)))));
    assign bad_pixel_o = rst_ni && (i_read.u_pixel.count_q != 0 || (!i_read.active ? state != 0 :
        row_pixels == 0 || row_pixels > 31 || pixel_left == 0 || pixel_left > row_pixels || pixel_rows == 0 ||
        pixel_rows > 3 || i_read.u_pieces.single_q != (row_pixels == 1) ||
        i_read.u_pieces.one_q != (pixel_left == 1) || i_read.u_pieces.last_row_q != (pixel_rows == 1) ||
        (Slots == 2 && (i_read.u_pieces.stride_q[0] != step_q || next_odd != odd_row(pixel_rows - 16'd1) ||
        pixel_odd != (odd_row(pixel_rows) ^ row_pixels[0] ^ pixel_left[0])))));
    assign bad_sum_o = rst_ni && (unasked + 9'(owed_q) + 9'(count) != unread || left_q != uncome + 9'(out0_tvalid_o) ||
        (out0_tvalid_o && out0_tlast_o != (uncome == 0)));
endmodule
