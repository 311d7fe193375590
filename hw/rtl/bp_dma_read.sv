// Memory to stream: the pixels of a transfer in order, tlast with the last one.
//
// A burst is asked for only when there is room for all of it, so what comes is never kept waiting and the reader of the
// other image not either. Up to Depth - 1 bus words are under way or wait.

module bp_dma_read #(
    parameter int unsigned DataBits = 64,  // of the bus
    parameter int unsigned AddressBits = 40,
    parameter int unsigned PixelBits = 16,
    parameter int unsigned PieceBits = 16,  // greatest common divisor of PixelBits and DataBits
    parameter int unsigned Depth = 33  // of the FIFO, bus words
) (
    input  logic                                    clk_i,
    input  logic                                    rst_ni,
    input  bp_dma_pkg::transfer_t                   transfer_i,       // taken with start_i, while idle
    input  logic                                    start_i,
    output logic                                    idle_o,
    output logic                  [AddressBits-1:0] burst_address_o,
    output logic                  [            3:0] burst_length_o,   // beats - 1
    output logic                                    burst_valid_o,
    input  logic                                    burst_ready_i,
    input  logic                  [   DataBits-1:0] word_i,
    input  logic                                    word_valid_i,     // always taken
    output logic                  [  PixelBits-1:0] out0_tdata_o,
    output logic                                    out0_tvalid_o,
    output logic                                    out0_tlast_o,
    input  logic                                    out0_tready_i
);
    if (Depth < 33) begin : gen_check_depth
        $error("bp_dma_read: Depth is at least 33, two bursts");
    end

    localparam int unsigned Slots = DataBits / PieceBits;
    localparam int unsigned SlotBits = Slots > 1 ? $clog2(Slots) : 1;
    localparam int unsigned Pieces = PixelBits / PieceBits;
    localparam int unsigned SpaceBits = $clog2(Depth);

    logic bursts_idle, offered, taken, room_q;
    logic active, step, word_end, last;
    logic [ SlotBits-1:0] slot;
    logic [SpaceBits-1:0] space_q;  // bus words that nothing is on its way to
    logic [ DataBits-1:0] word;
    logic word_valid, popped, piece_valid, piece_ready;
    logic [Pieces-1:0][PieceBits:0] pixel;

    assign idle_o = bursts_idle && !active;

    bp_dma_bursts #(
        .DataBits(DataBits),
        .AddressBits(AddressBits)
    ) u_bursts (
        .clk_i,
        .rst_ni,
        .transfer_i,
        .start_i,
        .idle_o       (bursts_idle),
        .burst_address_o,
        .burst_length_o,
        .burst_valid_o(offered),
        .burst_ready_i(taken)
    );

    // Bursts lie far enough apart for the room to be known a clock late.
    assign burst_valid_o = offered && room_q;
    assign taken = burst_valid_o && burst_ready_i;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            space_q <= SpaceBits'(Depth - 1);
            room_q  <= 1'b0;
        end else begin
            space_q <= space_q + SpaceBits'(popped) - (taken ? SpaceBits'(burst_length_o) + 1'b1 : '0);
            room_q  <= space_q >= SpaceBits'(16);
        end
    end

    bp_stream_fifo #(
        .Width(DataBits),
        .Depth(Depth)
    ) u_fifo (
        .clk_i,
        .rst_ni,
        .in0_tdata_i  (word_i),
        .in0_tvalid_i (word_valid_i),
        .out0_tdata_o (word),
        .out0_tvalid_o(word_valid),
        .out0_tready_i(popped),
        // verilator lint_off PINCONNECTEMPTY
        .in0_tready_o (),              // there is room
        .count_o      ()
        // verilator lint_on PINCONNECTEMPTY
    );

    bp_dma_pieces #(
        .DataBits (DataBits),
        .PieceBits(PieceBits)
    ) u_pieces (
        .clk_i,
        .rst_ni,
        .transfer_i,
        .start_i,
        .active_o  (active),
        .step_i    (step),
        .slot_o    (slot),
        .word_end_o(word_end),
        .last_o    (last)
    );

    assign piece_valid = active && word_valid;
    assign step = piece_valid && piece_ready;
    assign popped = step && word_end;

    // A bit beside each piece says whether it is the last.
    bp_width_converter #(
        .InWidth (PieceBits + 1),
        .OutWidth(Pieces * (PieceBits + 1))
    ) u_pixel (
        .clk_i,
        .rst_ni,
        .in0_tdata_i ({last, word[slot*PieceBits+:PieceBits]}),
        .in0_tvalid_i(piece_valid),
        .in0_tready_o(piece_ready),
        .out0_tdata_o(pixel),
        .out0_tvalid_o,
        .out0_tready_i
    );
    for (genvar i = 0; i < Pieces; i++) begin : gen_piece
        assign out0_tdata_o[PieceBits*i+:PieceBits] = pixel[i][PieceBits-1:0];
    end
    assign out0_tlast_o = pixel[Pieces-1][PieceBits];
endmodule
