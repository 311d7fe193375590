// The bursts of a transfer: each row, cut where the address is a multiple of 16 bus words.
//
// 16 words divide 4 KB at every width, so no burst crosses a page (AXI4, A3.4.1), and 16 beats are what AXI3 takes too. A
// burst covers whole bus words: reading, what lies beyond a row's ends is dropped; writing, it is not strobed. Three clocks
// lie between a burst and the next.

module bp_dma_bursts #(
    parameter int unsigned DataBits = 64,  // of the bus
    parameter int unsigned AddressBits = 40
) (
    input  logic                                    clk_i,
    input  logic                                    rst_ni,
    input  bp_dma_pkg::transfer_t                   transfer_i,       // taken with start_i, while idle
    input  logic                                    start_i,
    output logic                                    idle_o,
    output logic                  [AddressBits-1:0] burst_address_o,
    output logic                  [            3:0] burst_length_o,   // beats - 1
    output logic                                    burst_valid_o,
    input  logic                                    burst_ready_i
);
    localparam int unsigned ByteBits = $clog2(DataBits / 8);
    localparam int unsigned PlaceBits = AddressBits - ByteBits;
    localparam int unsigned LeftBits = 27 - ByteBits;

    typedef enum logic [1:0] {
        Idle,
        Row,
        Cut,
        Offer
    } state_e;

    state_e state_q;
    logic [AddressBits-1:0] row_q;  // byte address of the next row
    logic [PlaceBits-1:0] place_q;  // bus word of the next burst
    logic [LeftBits-1:0] left_q;  // bus words of the row
    logic [26:0] bytes_q;  // of a row, and so many that their words are rounded up
    logic [25:0] stride_q;
    logic [15:0] rows_q;
    logic [4:0] room, length_q;
    logic fits, row_end_q, last_row_q;

    assign idle_o = state_q == Idle;
    assign burst_address_o = {place_q, {ByteBits{1'b0}}};
    assign burst_length_o = 4'(length_q - 1'b1);
    assign burst_valid_o = state_q == Offer;
    assign room = 5'd16 - 5'(place_q[3:0]);
    assign fits = left_q <= LeftBits'(room);

    always_ff @(posedge clk_i) begin
        if (!rst_ni) state_q <= Idle;
        else begin
            unique case (state_q)
                Idle:    if (start_i) state_q <= Row;
                Row:     state_q <= Cut;
                Cut:     state_q <= Offer;
                default: if (burst_ready_i) state_q <= !row_end_q ? Cut : last_row_q ? Idle : Row;
            endcase
        end
    end

    always_ff @(posedge clk_i) begin
        unique case (state_q)
            Idle: begin
                row_q <= AddressBits'(transfer_i.address);
                bytes_q <= 27'(transfer_i.row_bytes) + 27'(DataBits / 8 - 1);
                stride_q <= transfer_i.stride;
                rows_q <= transfer_i.rows;
            end
            Row: begin
                place_q <= row_q[AddressBits-1:ByteBits];
                left_q <= LeftBits'((bytes_q + 27'(row_q[ByteBits-1:0])) >> ByteBits);
                row_q <= row_q + AddressBits'(stride_q);
                rows_q <= rows_q - 1'b1;
                last_row_q <= rows_q == 16'd1;
            end
            Cut: begin
                length_q  <= fits ? left_q[4:0] : room;
                row_end_q <= fits;
            end
            default: begin
                if (burst_ready_i) begin
                    place_q <= {place_q[PlaceBits-1:4] + 1'b1, 4'b0};
                    left_q  <= left_q - LeftBits'(length_q);
                end
            end
        endcase
    end
endmodule
