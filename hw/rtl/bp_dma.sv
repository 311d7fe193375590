// What stands between the accelerator's streams and memory: two readers (PAN, MS) at an AXI4 read port, a writer (the
// fused image) at an AXI4 write port, and their registers before the accelerator's own (bp_dma_registers.sv has the map).
//
// A transfer is an image of uint16, channels fastest, in rows at any distance: a contiguous frame, or a strip of a scene.
// A pixel and a bus word move in pieces, of what both have in common: a reader and the writer take a clock for each.

module bp_dma #(
    parameter int unsigned DataBits = 64,  // of a bus word: 64 or 128
    parameter int unsigned AddressBits = 40,  // 32 to 40
    parameter int unsigned Bands = 4,  // of MS and fused image
    localparam int unsigned PixelBits = 16 * Bands
) (
    input  logic                   clk_i,
    input  logic                   rst_ni,
    output logic                   interrupt_o,
    output logic                   rst_no,  // of the accelerator
    // Registers, and those of the accelerator behind them.
    input  logic [           15:0] s_axi_awaddr_i,
    input  logic                   s_axi_awvalid_i,
    output logic                   s_axi_awready_o,
    input  logic [           31:0] s_axi_wdata_i,
    input  logic [            3:0] s_axi_wstrb_i,
    input  logic                   s_axi_wvalid_i,
    output logic                   s_axi_wready_o,
    output logic [            1:0] s_axi_bresp_o,
    output logic                   s_axi_bvalid_o,
    input  logic                   s_axi_bready_i,
    input  logic [           15:0] s_axi_araddr_i,
    input  logic                   s_axi_arvalid_i,
    output logic                   s_axi_arready_o,
    output logic [           31:0] s_axi_rdata_o,
    output logic [            1:0] s_axi_rresp_o,
    output logic                   s_axi_rvalid_o,
    input  logic                   s_axi_rready_i,
    output logic [           15:0] m_axi_awaddr_o,
    output logic                   m_axi_awvalid_o,
    input  logic                   m_axi_awready_i,
    output logic [           31:0] m_axi_wdata_o,
    output logic [            3:0] m_axi_wstrb_o,
    output logic                   m_axi_wvalid_o,
    input  logic                   m_axi_wready_i,
    input  logic [            1:0] m_axi_bresp_i,
    input  logic                   m_axi_bvalid_i,
    output logic                   m_axi_bready_o,
    output logic [           15:0] m_axi_araddr_o,
    output logic                   m_axi_arvalid_o,
    input  logic                   m_axi_arready_i,
    input  logic [           31:0] m_axi_rdata_i,
    input  logic [            1:0] m_axi_rresp_i,
    input  logic                   m_axi_rvalid_i,
    output logic                   m_axi_rready_o,
    // Memory, read: ID 0 PAN, 1 MS.
    output logic [AddressBits-1:0] m_axi_read_araddr_o,
    output logic [            7:0] m_axi_read_arlen_o,
    output logic [            2:0] m_axi_read_arsize_o,
    output logic [            1:0] m_axi_read_arburst_o,
    output logic [            3:0] m_axi_read_arcache_o,
    output logic [            2:0] m_axi_read_arprot_o,
    output logic                   m_axi_read_arid_o,
    output logic                   m_axi_read_arvalid_o,
    input  logic                   m_axi_read_arready_i,
    input  logic [   DataBits-1:0] m_axi_read_rdata_i,
    input  logic [            1:0] m_axi_read_rresp_i,
    input  logic                   m_axi_read_rlast_i,
    input  logic                   m_axi_read_rid_i,
    input  logic                   m_axi_read_rvalid_i,
    output logic                   m_axi_read_rready_o,
    // Memory, write.
    output logic [AddressBits-1:0] m_axi_write_awaddr_o,
    output logic [            7:0] m_axi_write_awlen_o,
    output logic [            2:0] m_axi_write_awsize_o,
    output logic [            1:0] m_axi_write_awburst_o,
    output logic [            3:0] m_axi_write_awcache_o,
    output logic [            2:0] m_axi_write_awprot_o,
    output logic                   m_axi_write_awvalid_o,
    input  logic                   m_axi_write_awready_i,
    output logic [   DataBits-1:0] m_axi_write_wdata_o,
    output logic [ DataBits/8-1:0] m_axi_write_wstrb_o,
    output logic                   m_axi_write_wlast_o,
    output logic                   m_axi_write_wvalid_o,
    input  logic                   m_axi_write_wready_i,
    input  logic [            1:0] m_axi_write_bresp_i,
    input  logic                   m_axi_write_bvalid_i,
    output logic                   m_axi_write_bready_o,
    // The accelerator.
    output logic [           15:0] pan_tdata_o,
    output logic                   pan_tvalid_o,
    output logic                   pan_tlast_o,
    input  logic                   pan_tready_i,
    output logic [  PixelBits-1:0] ms_tdata_o,
    output logic                   ms_tvalid_o,
    output logic                   ms_tlast_o,
    input  logic                   ms_tready_i,
    input  logic [  PixelBits-1:0] fused_tdata_i,
    input  logic                   fused_tvalid_i,
    input  logic                   fused_tlast_i,
    output logic                   fused_tready_o
);
    if (DataBits != 64 && DataBits != 128) begin : gen_check_data
        $error("bp_dma: DataBits is 64 or 128");
    end
    if (AddressBits < 32 || AddressBits > 40) begin : gen_check_address
        $error("bp_dma: AddressBits is 32 to 40");
    end
    if (Bands < 1) begin : gen_check_bands
        $error("bp_dma: Bands is at least 1");
    end

    // The greatest common divisor of a pixel and a bus word: as many bits as both end in zeros.
    function automatic int unsigned common(int unsigned bits);
        int unsigned found = DataBits;
        while (bits % found != 0) found /= 2;
        return found;
    endfunction
    localparam int unsigned PieceBits = common(PixelBits);

    bp_dma_pkg::transfer_t [2:0] transfer;
    logic [2:0] start, idle, slave_error, decode_error;
    logic length_error, moved, stop, reset, reads_quiet, writes_quiet;

    assign rst_no = rst_ni && !reset;

    bp_dma_registers #(
        .DataBits(DataBits),
        .AddressBits(AddressBits)
    ) u_registers (
        .clk_i,
        .rst_ni,
        .s_axi_awaddr_i,
        .s_axi_awvalid_i,
        .s_axi_awready_o,
        .s_axi_wdata_i,
        .s_axi_wstrb_i,
        .s_axi_wvalid_i,
        .s_axi_wready_o,
        .s_axi_bresp_o,
        .s_axi_bvalid_o,
        .s_axi_bready_i,
        .s_axi_araddr_i,
        .s_axi_arvalid_i,
        .s_axi_arready_o,
        .s_axi_rdata_o,
        .s_axi_rresp_o,
        .s_axi_rvalid_o,
        .s_axi_rready_i,
        .m_axi_awaddr_o,
        .m_axi_awvalid_o,
        .m_axi_awready_i,
        .m_axi_wdata_o,
        .m_axi_wstrb_o,
        .m_axi_wvalid_o,
        .m_axi_wready_i,
        .m_axi_bresp_i,
        .m_axi_bvalid_i,
        .m_axi_bready_o,
        .m_axi_araddr_o,
        .m_axi_arvalid_o,
        .m_axi_arready_i,
        .m_axi_rdata_i,
        .m_axi_rresp_i,
        .m_axi_rvalid_i,
        .m_axi_rready_o,
        .transfer_o    (transfer),
        .start_o       (start),
        .idle_i        (idle),
        .slave_error_i (slave_error),
        .decode_error_i(decode_error),
        .length_error_i(length_error),
        .moved_i       (moved),
        .quiet_i       ({writes_quiet, reads_quiet}),
        .streams_i({
            {fused_tvalid_i, fused_tready_o}, {ms_tvalid_o, ms_tready_i}, {pan_tvalid_o, pan_tready_i}
        }),
        .stop_o        (stop),
        .reset_o       (reset),
        .interrupt_o
    );

    // Reads. What comes is always taken.
    logic [1:0][AddressBits-1:0] address;
    logic [1:0][3:0] length;
    logic [1:0] offered, taken, word_valid;
    logic [3:0] arlen, awlen;

    assign word_valid = {m_axi_read_rvalid_i && m_axi_read_rid_i, m_axi_read_rvalid_i && !m_axi_read_rid_i};
    assign m_axi_read_rready_o = 1'b1;
    assign m_axi_read_arlen_o = {4'd0, arlen};
    assign m_axi_read_arsize_o = 3'($clog2(DataBits / 8));
    assign m_axi_read_arburst_o = 2'b01;  // INCR
    assign m_axi_read_arcache_o = 4'b0011;  // modifiable, bufferable
    assign m_axi_read_arprot_o = 3'b000;

    bp_dma_read #(
        .DataBits(DataBits),
        .AddressBits(AddressBits),
        .PixelBits(16),
        .PieceBits(16)
    ) u_pan (
        .clk_i,
        .rst_ni         (rst_no),
        .transfer_i     (transfer[0]),
        .start_i        (start[0]),
        .idle_o         (idle[0]),
        .burst_address_o(address[0]),
        .burst_length_o (length[0]),
        .burst_valid_o  (offered[0]),
        .burst_ready_i  (taken[0]),
        .word_i         (m_axi_read_rdata_i),
        .word_valid_i   (word_valid[0]),
        .out0_tdata_o   (pan_tdata_o),
        .out0_tvalid_o  (pan_tvalid_o),
        .out0_tlast_o   (pan_tlast_o),
        .out0_tready_i  (pan_tready_i)
    );
    bp_dma_read #(
        .DataBits(DataBits),
        .AddressBits(AddressBits),
        .PixelBits(PixelBits),
        .PieceBits(PieceBits)
    ) u_ms (
        .clk_i,
        .rst_ni         (rst_no),
        .transfer_i     (transfer[1]),
        .start_i        (start[1]),
        .idle_o         (idle[1]),
        .burst_address_o(address[1]),
        .burst_length_o (length[1]),
        .burst_valid_o  (offered[1]),
        .burst_ready_i  (taken[1]),
        .word_i         (m_axi_read_rdata_i),
        .word_valid_i   (word_valid[1]),
        .out0_tdata_o   (ms_tdata_o),
        .out0_tvalid_o  (ms_tvalid_o),
        .out0_tlast_o   (ms_tlast_o),
        .out0_tready_i  (ms_tready_i)
    );
    bp_dma_arbiter #(
        .AddressBits(AddressBits)
    ) u_arbiter (
        .clk_i,
        .rst_ni         (rst_no),
        .stop_i         (stop),
        .quiet_o        (reads_quiet),
        .burst_ended_i  (m_axi_read_rvalid_i && m_axi_read_rlast_i),
        .burst_address_i(address),
        .burst_length_i (length),
        .burst_valid_i  (offered),
        .burst_ready_o  (taken),
        .m_axi_araddr_o (m_axi_read_araddr_o),
        .m_axi_arlen_o  (arlen),
        .m_axi_arid_o   (m_axi_read_arid_o),
        .m_axi_arvalid_o(m_axi_read_arvalid_o),
        .m_axi_arready_i(m_axi_read_arready_i)
    );

    // Writes.
    assign m_axi_write_bready_o = 1'b1;
    assign m_axi_write_awlen_o = {4'd0, awlen};
    assign m_axi_write_awsize_o = 3'($clog2(DataBits / 8));
    assign m_axi_write_awburst_o = 2'b01;
    assign m_axi_write_awcache_o = 4'b0011;
    assign m_axi_write_awprot_o = 3'b000;

    bp_dma_write #(
        .DataBits(DataBits),
        .AddressBits(AddressBits),
        .PixelBits(PixelBits),
        .PieceBits(PieceBits)
    ) u_fused (
        .clk_i,
        .rst_ni         (rst_no),
        .stop_i         (stop),
        .quiet_o        (writes_quiet),
        .transfer_i     (transfer[2]),
        .start_i        (start[2]),
        .idle_o         (idle[2]),
        .length_error_o (length_error),
        .in0_tdata_i    (fused_tdata_i),
        .in0_tvalid_i   (fused_tvalid_i),
        .in0_tlast_i    (fused_tlast_i),
        .in0_tready_o   (fused_tready_o),
        .m_axi_awaddr_o (m_axi_write_awaddr_o),
        .m_axi_awlen_o  (awlen),
        .m_axi_awvalid_o(m_axi_write_awvalid_o),
        .m_axi_awready_i(m_axi_write_awready_i),
        .m_axi_wdata_o  (m_axi_write_wdata_o),
        .m_axi_wstrb_o  (m_axi_write_wstrb_o),
        .m_axi_wlast_o  (m_axi_write_wlast_o),
        .m_axi_wvalid_o (m_axi_write_wvalid_o),
        .m_axi_wready_i (m_axi_write_wready_i),
        .m_axi_bvalid_i (m_axi_write_bvalid_i)
    );

    always_ff @(posedge clk_i) begin
        for (int i = 0; i < 2; i++) begin
            slave_error[i]  <= rst_ni && word_valid[i] && m_axi_read_rresp_i == 2'b10;
            decode_error[i] <= rst_ni && word_valid[i] && m_axi_read_rresp_i == 2'b11;
        end
        slave_error[2] <= rst_ni && m_axi_write_bvalid_i && m_axi_write_bresp_i == 2'b10;
        decode_error[2] <= rst_ni && m_axi_write_bvalid_i && m_axi_write_bresp_i == 2'b11;
        moved <= m_axi_read_rvalid_i || (m_axi_write_wvalid_o && m_axi_write_wready_i) || m_axi_write_bvalid_i ||
            (pan_tvalid_o && pan_tready_i) || (ms_tvalid_o && ms_tready_i) || (fused_tvalid_i && fused_tready_o);
    end
endmodule
