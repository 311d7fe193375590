// Stream to memory: a transfer's pixels in order. It has ended when memory has answered for all of it.
//
// A burst begins only when all of its words are there, so it never keeps the memory waiting; its data does not wait for
// its address to be taken, as AXI wants it (A3.3.1).

module bp_dma_write #(
    parameter int unsigned DataBits = 64,  // of the bus
    parameter int unsigned AddressBits = 40,
    parameter int unsigned PixelBits = 64,
    parameter int unsigned PieceBits = 64,  // greatest common divisor of PixelBits and DataBits
    parameter int unsigned Depth = 33  // of the FIFO, bus words
) (
    input  logic                                    clk_i,
    input  logic                                    rst_ni,
    input  logic                                    stop_i,           // begin no burst
    output logic                                    quiet_o,          // memory has answered for all that were begun
    input  bp_dma_pkg::transfer_t                   transfer_i,       // taken with start_i, while idle
    input  logic                                    start_i,
    output logic                                    idle_o,
    output logic                                    length_error_o,   // for a clock: tlast out of place
    input  logic                  [  PixelBits-1:0] in0_tdata_i,
    input  logic                                    in0_tvalid_i,
    input  logic                                    in0_tlast_i,
    output logic                                    in0_tready_o,
    output logic                  [AddressBits-1:0] m_axi_awaddr_o,
    output logic                  [            3:0] m_axi_awlen_o,
    output logic                                    m_axi_awvalid_o,
    input  logic                                    m_axi_awready_i,
    output logic                  [   DataBits-1:0] m_axi_wdata_o,
    output logic                  [ DataBits/8-1:0] m_axi_wstrb_o,
    output logic                                    m_axi_wlast_o,
    output logic                                    m_axi_wvalid_o,
    input  logic                                    m_axi_wready_i,
    input  logic                                    m_axi_bvalid_i    // always taken
);
    if (Depth < 33) begin : gen_check_depth
        $error("bp_dma_write: Depth is at least 33, two bursts");
    end

    localparam int unsigned Slots = DataBits / PieceBits;
    localparam int unsigned SlotBits = Slots > 1 ? $clog2(Slots) : 1;
    localparam int unsigned Pieces = PixelBits / PieceBits;
    localparam int unsigned CountBits = $clog2(Depth + 1);

    // Pieces into bus words.
    logic [Pieces-1:0][PieceBits:0] pixel;
    logic [PieceBits:0] piece;
    logic piece_valid, piece_ready, active, step, word_end, last, tlast;
    logic [SlotBits-1:0] slot;
    logic [Slots-1:0][PieceBits-1:0] word_q;
    logic [Slots-1:0] filled_q;
    logic word_valid_q, word_ready;

    for (genvar i = 0; i < Pieces; i++) begin : gen_piece
        assign pixel[i] = {i == Pieces - 1 && in0_tlast_i, in0_tdata_i[PieceBits*i+:PieceBits]};
    end
    bp_width_converter #(
        .InWidth (Pieces * (PieceBits + 1)),
        .OutWidth(PieceBits + 1)
    ) u_piece (
        .clk_i,
        .rst_ni,
        .in0_tdata_i  (pixel),
        .in0_tvalid_i,
        .in0_tready_o,
        .out0_tdata_o (piece),
        .out0_tvalid_o(piece_valid),
        .out0_tready_i(piece_ready)
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

    assign piece_ready = active && (!word_valid_q || word_ready);
    assign step = piece_valid && piece_ready;
    assign tlast = piece[PieceBits];
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            word_valid_q <= 1'b0;
            filled_q <= '0;
            length_error_o <= 1'b0;
        end else begin
            length_error_o <= step && tlast != last;
            if (piece_ready || word_ready) word_valid_q <= step && word_end;
            for (int unsigned i = 0; i < Slots; i++) begin
                if (step && slot == SlotBits'(i)) filled_q[i] <= 1'b1;
                else if (word_valid_q && word_ready) filled_q[i] <= 1'b0;
            end
        end
    end
    always_ff @(posedge clk_i) if (step) word_q[slot] <= piece[PieceBits-1:0];

    logic [Slots-1:0] strobe;
    logic wdata_valid, wmoved;
    bp_stream_fifo #(
        .Width(DataBits + Slots),
        .Depth(Depth)
    ) u_fifo (
        .clk_i,
        .rst_ni,
        .in0_tdata_i  ({filled_q, word_q}),
        .in0_tvalid_i (word_valid_q),
        .in0_tready_o (word_ready),
        .out0_tdata_o ({strobe, m_axi_wdata_o}),
        .out0_tvalid_o(wdata_valid),
        .out0_tready_i(wmoved),
        // verilator lint_off PINCONNECTEMPTY
        .count_o      ()
        // verilator lint_on PINCONNECTEMPTY
    );
    for (genvar i = 0; i < Slots; i++) begin : gen_strobe
        assign m_axi_wstrb_o[PieceBits/8*i+:PieceBits/8] = {(PieceBits / 8) {strobe[i]}};
    end

    // Addresses.
    logic bursts_idle, offered, taken, enough_q, lengths_ready, free_q;
    logic [AddressBits-1:0] address;
    logic [3:0] length;
    logic [CountBits-1:0] ready_q;  // words in the FIFO that no burst was begun for
    logic [3:0] unanswered_q;

    bp_dma_bursts #(
        .DataBits(DataBits),
        .AddressBits(AddressBits)
    ) u_bursts (
        .clk_i,
        .rst_ni,
        .transfer_i,
        .start_i,
        .idle_o         (bursts_idle),
        .burst_address_o(address),
        .burst_length_o (length),
        .burst_valid_o  (offered),
        .burst_ready_i  (taken)
    );

    assign taken = enough_q && !m_axi_awvalid_o && lengths_ready && free_q && !stop_i;
    assign quiet_o = unanswered_q == 0;
    assign idle_o = bursts_idle && quiet_o && !active;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            ready_q <= '0;
            enough_q <= 1'b0;
            free_q <= 1'b1;
            unanswered_q <= '0;
            m_axi_awvalid_o <= 1'b0;
        end else begin
            ready_q <= ready_q + CountBits'(word_valid_q && word_ready) - (taken ? CountBits'(length) + 1'b1 : '0);
            enough_q <= offered && !taken && ready_q > CountBits'(length);
            free_q <= unanswered_q < 4'd14;
            if (taken && !m_axi_bvalid_i) unanswered_q <= unanswered_q + 1'b1;
            if (!taken && m_axi_bvalid_i) unanswered_q <= unanswered_q - 1'b1;
            if (taken || m_axi_awready_i) m_axi_awvalid_o <= taken;
        end
    end
    always_ff @(posedge clk_i) begin
        if (taken) {m_axi_awaddr_o, m_axi_awlen_o} <= {address, length};
    end

    // Data.
    logic [3:0] burst, left_q;
    logic burst_valid, burst_next, bursting_q;
    bp_stream_fifo #(
        .Width(4),
        .Depth(4)
    ) u_lengths (
        .clk_i,
        .rst_ni,
        .in0_tdata_i  (length),
        .in0_tvalid_i (taken),
        .in0_tready_o (lengths_ready),
        .out0_tdata_o (burst),
        .out0_tvalid_o(burst_valid),
        .out0_tready_i(burst_next),
        // verilator lint_off PINCONNECTEMPTY
        .count_o      ()
        // verilator lint_on PINCONNECTEMPTY
    );
    assign m_axi_wvalid_o = bursting_q && wdata_valid;
    assign m_axi_wlast_o = left_q == 0;
    assign wmoved = bursting_q && m_axi_wready_i;
    assign burst_next = !bursting_q || (m_axi_wvalid_o && m_axi_wready_i && m_axi_wlast_o);
    always_ff @(posedge clk_i) begin
        if (!rst_ni) bursting_q <= 1'b0;
        else if (burst_next) bursting_q <= burst_valid;
        if (burst_next) left_q <= burst;
        else if (m_axi_wvalid_o && m_axi_wready_i) left_q <= left_q - 1'b1;
    end
endmodule
