// Where each piece of a transfer lies in its bus word. A piece is what pixel and bus have in common.

module bp_dma_pieces #(
    parameter int unsigned DataBits = 64,  // of the bus
    parameter int unsigned PieceBits = 16,  // a divisor of DataBits by a power of two
    localparam int unsigned Slots = DataBits / PieceBits,
    localparam int unsigned SlotBits = Slots > 1 ? $clog2(Slots) : 1
) (
    input  logic                                 clk_i,
    input  logic                                 rst_ni,
    // verilator lint_off UNUSEDSIGNAL
    input  bp_dma_pkg::transfer_t                transfer_i,  // taken with start_i, while not active
    // verilator lint_on UNUSEDSIGNAL
    input  logic                                 start_i,
    output logic                                 active_o,    // there are pieces yet
    input  logic                                 step_i,      // a piece moves
    output logic                  [SlotBits-1:0] slot_o,      // of this piece in its word, 0 lowest
    output logic                                 word_end_o,  // the next piece is in another word
    output logic                                 last_o       // there is no next piece
);
    localparam int unsigned PieceShift = $clog2(PieceBits / 8);
    localparam int unsigned LeftBits = 26 - PieceShift;

    logic [LeftBits-1:0] row_q, left_q;  // pieces of a row, and of this row from this piece on
    logic [15:0] rows_q;
    logic
        one_q,
        single_q,
        last_row_q;  // known a clock ahead: this piece is its row's last, all are, this row is the last
    logic [LeftBits-1:0] pieces;
    logic [SlotBits-1:0] slot_q, next_q, stride_q, first, stride;  // next_q: of the next row's first piece

    assign pieces = transfer_i.row_bytes[25:PieceShift];
    assign first = Slots > 1 ? SlotBits'(transfer_i.address >> PieceShift) : '0;
    assign stride = Slots > 1 ? SlotBits'(transfer_i.stride >> PieceShift) : '0;
    assign slot_o = slot_q;
    assign word_end_o = one_q || slot_q == SlotBits'(Slots - 1);
    assign last_o = one_q && last_row_q;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) active_o <= 1'b0;
        else if (start_i) active_o <= 1'b1;
        else if (step_i && last_o) active_o <= 1'b0;
    end

    always_ff @(posedge clk_i) begin
        if (start_i) begin
            row_q <= pieces;
            left_q <= pieces;
            single_q <= pieces == LeftBits'(1);
            one_q <= pieces == LeftBits'(1);
            slot_q <= first;
            next_q <= first + stride;
            stride_q <= stride;
            rows_q <= transfer_i.rows;
            last_row_q <= transfer_i.rows == 16'd1;
        end else if (step_i && one_q) begin
            left_q <= row_q;
            one_q <= single_q;
            slot_q <= next_q;
            next_q <= next_q + stride_q;
            rows_q <= rows_q - 1'b1;
            last_row_q <= rows_q == 16'd2;
        end else if (step_i) begin
            left_q <= left_q - 1'b1;
            one_q  <= left_q == LeftBits'(2);
            slot_q <= Slots > 1 ? slot_q + 1'b1 : '0;
        end
    end
endmodule
