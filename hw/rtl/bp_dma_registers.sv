// Registers of the DMA (AXI-Lite, 32-bit words), beside those of the accelerator behind it: accesses to other addresses
// than these go there. Channel c is 0 for PAN, 1 for MS, 2 for the fused image.
//
//   0x4000 STATUS    read   byte c: bit 0 a transfer finished, 1 SLVERR, 2 DECERR, 3 the stream's frame ended elsewhere
//                           than the transfer, 4 time-out, 5 start refused, 6 a transfer waits, 7 one is under way;
//                    write  1 clears a bit, 0 to 5
//   0x4004 INTERRUPT both   the interrupt is high while one of these bits is set in STATUS
//   0x4008 TIMEOUT   both   clocks without a beat on any channel until those under way have timed out; 0: never
//   0x400C FINISHED  read   byte c: transfers finished, modulo 256
//   0x4010 BUS       read   bits 7..0 bytes of a bus word, bits 15..8 address bits
//   0x4014 RESET     write  bit 0: memory is asked for nothing more, and once it has given what it owes, all but these
//                           registers is reset, the accelerator too; what was under way or waited is forgotten, STATUS
//                           keeps its flags
//                    read   bit 0 a reset waits or is under way, 1 memory owes data, 2 memory owes answers to writes,
//                           bit 8 ready and bit 9 valid of PAN's stream, 10 and 11 of the MS's, 12 and 13 of the fused
//   0x4020 + 0x20 c  write  ADDRESS of the first byte, low half
//       + 0x04       write  ADDRESS_HIGH
//       + 0x08       write  ROW_BYTES
//       + 0x0C       write  STRIDE, bytes from row to row
//       + 0x10       write  ROWS; starts the transfer, or lets it wait for the one under way. Then these five hold what
//                           waits: a start is refused, and they may not be written, until it begins
//
// Nothing starts where ROWS or ROW_BYTES is 0. A transfer with an error goes on to its end, so that nothing of it is left
// on the bus. Every access is answered, one at a time; a write needs all four strobes, else it does nothing, and an
// unmapped address reads as 0.

module bp_dma_registers #(
    parameter int unsigned DataBits = 64,
    parameter int unsigned AddressBits = 40
) (
    input  logic                         clk_i,
    input  logic                         rst_ni,
    input  logic                  [15:0] s_axi_awaddr_i,
    input  logic                         s_axi_awvalid_i,
    output logic                         s_axi_awready_o,
    input  logic                  [31:0] s_axi_wdata_i,
    input  logic                  [ 3:0] s_axi_wstrb_i,
    input  logic                         s_axi_wvalid_i,
    output logic                         s_axi_wready_o,
    output logic                  [ 1:0] s_axi_bresp_o,
    output logic                         s_axi_bvalid_o,
    input  logic                         s_axi_bready_i,
    input  logic                  [15:0] s_axi_araddr_i,
    input  logic                         s_axi_arvalid_i,
    output logic                         s_axi_arready_o,
    output logic                  [31:0] s_axi_rdata_o,
    output logic                  [ 1:0] s_axi_rresp_o,
    output logic                         s_axi_rvalid_o,
    input  logic                         s_axi_rready_i,
    output logic                  [15:0] m_axi_awaddr_o,
    output logic                         m_axi_awvalid_o,
    input  logic                         m_axi_awready_i,
    output logic                  [31:0] m_axi_wdata_o,
    output logic                  [ 3:0] m_axi_wstrb_o,
    output logic                         m_axi_wvalid_o,
    input  logic                         m_axi_wready_i,
    input  logic                  [ 1:0] m_axi_bresp_i,
    input  logic                         m_axi_bvalid_i,
    output logic                         m_axi_bready_o,
    output logic                  [15:0] m_axi_araddr_o,
    output logic                         m_axi_arvalid_o,
    input  logic                         m_axi_arready_i,
    input  logic                  [31:0] m_axi_rdata_i,
    input  logic                  [ 1:0] m_axi_rresp_i,
    input  logic                         m_axi_rvalid_i,
    output logic                         m_axi_rready_o,
    output bp_dma_pkg::transfer_t [ 2:0] transfer_o,
    output logic                  [ 2:0] start_o,          // for a clock; a channel is not idle in the next
    input  logic                  [ 2:0] idle_i,
    input  logic                  [ 2:0] slave_error_i,    // for a clock each
    input  logic                  [ 2:0] decode_error_i,
    input  logic                         length_error_i,   // of the fused image
    input  logic                         moved_i,          // a beat, on any channel
    input  logic                  [ 1:0] quiet_i,          // reads, writes: memory owes nothing
    input  logic                  [ 5:0] streams_i,        // valid and ready of each, PAN's lowest
    output logic                         stop_o,           // ask memory for nothing more
    output logic                         reset_o,          // of all but these registers
    output logic                         interrupt_o
);
    localparam logic [5:0] AddressStatus = 6'd0, AddressInterrupt = 6'd1, AddressTimeout = 6'd2, AddressFinished = 6'd3;
    localparam logic [5:0] AddressBus = 6'd4, AddressReset = 6'd5;

    logic read_held_q, read_sent_q, read_own, own_data_q;  // see below

    // Write: address and data come in any order, are kept, and act together once the last answer is gone.
    logic address_held_q, data_held_q, both, own, own_answer_q, address_sent_q, data_sent_q, act, answered, write;
    logic [15:0] address_q;
    logic [31:0] data_q;
    logic [ 3:0] strobe_q;

    assign s_axi_awready_o = !address_held_q;
    assign s_axi_wready_o = !data_held_q;
    assign both = address_held_q && data_held_q && !own_answer_q;
    assign own = address_q[15:14] == 2'b01;
    assign m_axi_awaddr_o = address_q;
    assign m_axi_wdata_o = data_q;
    assign m_axi_wstrb_o = strobe_q;
    assign m_axi_awvalid_o = both && !own && !address_sent_q && !reset_o;
    assign m_axi_wvalid_o = both && !own && !data_sent_q && !reset_o;
    assign m_axi_bready_o = both && !own && s_axi_bready_i;
    assign s_axi_bvalid_o = own_answer_q || (both && !own && m_axi_bvalid_i);
    assign s_axi_bresp_o = own_answer_q ? 2'b00 : m_axi_bresp_i;
    assign answered = m_axi_bready_o && m_axi_bvalid_i;
    assign act = both && own;
    assign write = act && strobe_q == 4'b1111 && address_q[13:8] == 0;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            address_held_q <= 1'b0;
            data_held_q <= 1'b0;
            own_answer_q <= 1'b0;
            address_sent_q <= 1'b0;
            data_sent_q <= 1'b0;
        end else begin
            address_held_q <= s_axi_awready_o ? s_axi_awvalid_i : !(act || answered);
            data_held_q <= s_axi_wready_o ? s_axi_wvalid_i : !(act || answered);
            own_answer_q <= act || (own_answer_q && !s_axi_bready_i);
            if (answered) {address_sent_q, data_sent_q} <= 2'b00;
            else begin
                if (m_axi_awvalid_o && m_axi_awready_i) address_sent_q <= 1'b1;
                if (m_axi_wvalid_o && m_axi_wready_i) data_sent_q <= 1'b1;
            end
        end
    end
    always_ff @(posedge clk_i) begin
        if (s_axi_awready_o) address_q <= s_axi_awaddr_i;
        if (s_axi_wready_o) {strobe_q, data_q} <= {s_axi_wstrb_i, s_axi_wdata_i};
    end

    // Transfers.
    logic [2:0][5:0] flags_q, set;
    logic [2:0][7:0] finished_q;
    logic [2:0] queued_q, busy_q, finished, go, addressed;
    logic [31:0] enabled_q, timeout_q, still_q, status;
    logic timed_out_q;

    assign start_o = queued_q & idle_i;
    assign finished = busy_q & idle_i;
    for (genvar c = 0; c < 3; c++) begin : gen_channel
        assign addressed[c] = write && address_q[7:5] == 3'(c + 1);
        assign go[c] = addressed[c] && address_q[4:2] == 3'd4 && data_q[15:0] != 0 && transfer_o[c].row_bytes != 0;
        assign set[c] = {
            go[c] && queued_q[c],
            timed_out_q && busy_q[c],
            c == 2 && length_error_i,
            decode_error_i[c],
            slave_error_i[c],
            finished[c]
        };
        assign status[8*c+:8] = {busy_q[c], queued_q[c], flags_q[c]};

        always_ff @(posedge clk_i) begin
            if (!rst_ni) begin
                queued_q[c] <= 1'b0;
                busy_q[c] <= 1'b0;
                finished_q[c] <= '0;
                flags_q[c] <= '0;
            end else begin
                queued_q[c] <= go[c] || (queued_q[c] && !start_o[c]);
                busy_q[c] <= !reset_o && (start_o[c] || (busy_q[c] && !finished[c]));
                if (finished[c]) finished_q[c] <= finished_q[c] + 1'b1;
                flags_q[c] <= flags_q[c] | set[c];
                if (write && address_q[7:2] == AddressStatus) flags_q[c] <= (flags_q[c] & ~data_q[8*c+:6]) | set[c];
            end
        end
        always_ff @(posedge clk_i) begin
            if (addressed[c] && !queued_q[c]) begin
                unique case (address_q[4:2])
                    3'd0: transfer_o[c].address[31:0] <= data_q;
                    3'd1: transfer_o[c].address[39:32] <= data_q[7:0];
                    3'd2: transfer_o[c].row_bytes <= data_q[25:0];
                    3'd3: transfer_o[c].stride <= data_q[25:0];
                    3'd4: transfer_o[c].rows <= data_q[15:0];
                    default: ;
                endcase
            end
        end
    end
    assign status[31:24] = '0;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            enabled_q <= '0;
            timeout_q <= '0;
            still_q <= '0;
            timed_out_q <= 1'b0;
            interrupt_o <= 1'b0;
        end else begin
            if (write && address_q[7:2] == AddressInterrupt) enabled_q <= data_q;
            if (write && address_q[7:2] == AddressTimeout) timeout_q <= data_q;
            still_q <= moved_i || busy_q == 0 ? '0 : still_q + 1'b1;
            timed_out_q <= still_q == timeout_q && timeout_q != 0;
            interrupt_o <= |(status & enabled_q);
        end
    end

    // A reset begins where no access is on its way to the accelerator, and lasts four clocks.
    logic [1:0] left_q;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) {stop_o, reset_o} <= 2'b00;
        else begin
            stop_o <= (stop_o && !(reset_o && left_q == 0)) || (write && address_q[7:2] == AddressReset && data_q[0]);
            reset_o <= reset_o ? left_q != 0 : stop_o && &quiet_i && !(both && !own) && !(read_held_q && !read_own);
        end
        left_q <= reset_o ? left_q - 1'b1 : 2'd3;
    end

    // Read.
    logic [15:0] read_q;
    logic [31:0] found_q;

    assign s_axi_arready_o = !read_held_q;
    assign read_own = read_q[15:14] == 2'b01;
    assign m_axi_araddr_o = read_q;
    assign m_axi_arvalid_o = read_held_q && !read_own && !read_sent_q && !reset_o;
    assign m_axi_rready_o = read_held_q && !read_own && s_axi_rready_i;
    assign s_axi_rvalid_o = own_data_q || (read_held_q && !read_own && m_axi_rvalid_i);
    assign s_axi_rdata_o = own_data_q ? found_q : m_axi_rdata_i;
    assign s_axi_rresp_o = own_data_q ? 2'b00 : m_axi_rresp_i;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            read_held_q <= 1'b0;
            read_sent_q <= 1'b0;
            own_data_q  <= 1'b0;
        end else begin
            read_held_q <= s_axi_arready_o ? s_axi_arvalid_i : !(s_axi_rvalid_o && s_axi_rready_i);
            read_sent_q <= read_held_q && !(s_axi_rvalid_o && s_axi_rready_i) && (read_sent_q || (m_axi_arvalid_o && m_axi_arready_i));
            own_data_q  <= read_held_q && read_own && !(own_data_q && s_axi_rready_i);
        end
    end
    always_ff @(posedge clk_i) begin
        if (s_axi_arready_o) read_q <= s_axi_araddr_i;
        if (!own_data_q) begin
            unique case (read_q[13:2])
                12'(AddressStatus): found_q <= status;
                12'(AddressInterrupt): found_q <= enabled_q;
                12'(AddressTimeout): found_q <= timeout_q;
                12'(AddressFinished): found_q <= {8'd0, finished_q};
                12'(AddressBus): found_q <= {16'd0, 8'(AddressBits), 8'(DataBits / 8)};
                12'(AddressReset): found_q <= {18'd0, streams_i, 5'd0, ~quiet_i, stop_o};
                default: found_q <= '0;
            endcase
        end
    end
endmodule
