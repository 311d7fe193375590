// The accelerator's registers, alone or behind the DMA's.

module bp_lite_registers #(
    parameter bit Dma = 0
) (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic [15:0] s_axi_awaddr_i,
    input  logic        s_axi_awvalid_i,
    output logic        s_axi_awready_o,
    input  logic [31:0] s_axi_wdata_i,
    input  logic [ 3:0] s_axi_wstrb_i,
    input  logic        s_axi_wvalid_i,
    output logic        s_axi_wready_o,
    output logic [ 1:0] s_axi_bresp_o,
    output logic        s_axi_bvalid_o,
    input  logic        s_axi_bready_i,
    input  logic [15:0] s_axi_araddr_i,
    input  logic        s_axi_arvalid_i,
    output logic        s_axi_arready_o,
    output logic [31:0] s_axi_rdata_o,
    output logic [ 1:0] s_axi_rresp_o,
    output logic        s_axi_rvalid_o,
    input  logic        s_axi_rready_i,
    input  logic [ 2:0] events_i,         // PAN frame of a wrong length, MS frame of one, a frame left
    input  logic [ 6:0] dma_events_i      // channels that are idle, an error of each kind, memory owes nothing
);
    logic [15:0] awaddr;
    logic awvalid;
    logic awready;
    logic [31:0] wdata;
    logic [3:0] wstrb;
    logic wvalid;
    logic wready;
    logic [1:0] bresp;
    logic bvalid;
    logic bready;
    logic [15:0] araddr;
    logic arvalid;
    logic arready;
    logic [31:0] rdata;
    logic [1:0] rresp;
    logic rvalid;
    logic rready;
    logic reset;

    if (Dma) begin : gen_dma
        bp_dma_registers i_dma (
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
            .m_axi_awaddr_o (awaddr),
            .m_axi_awvalid_o(awvalid),
            .m_axi_awready_i(awready),
            .m_axi_wdata_o  (wdata),
            .m_axi_wstrb_o  (wstrb),
            .m_axi_wvalid_o (wvalid),
            .m_axi_wready_i (wready),
            .m_axi_bresp_i  (bresp),
            .m_axi_bvalid_i (bvalid),
            .m_axi_bready_o (bready),
            .m_axi_araddr_o (araddr),
            .m_axi_arvalid_o(arvalid),
            .m_axi_arready_i(arready),
            .m_axi_rdata_i  (rdata),
            .m_axi_rresp_i  (rresp),
            .m_axi_rvalid_i (rvalid),
            .m_axi_rready_o (rready),
            .transfer_o     (),
            .start_o        (),
            .idle_i         (dma_events_i[2:0]),
            .slave_error_i  ({3{dma_events_i[3]}}),
            .decode_error_i ({3{dma_events_i[4]}}),
            .length_error_i (dma_events_i[5]),
            .moved_i        (1'b0),
            .quiet_i        ({2{dma_events_i[6]}}),
            .streams_i      ('0),
            .stop_o         (),
            .reset_o        (reset),
            .interrupt_o    ()
        );
    end else begin : gen_alone
        assign reset = 1'b0;
        assign awaddr = s_axi_awaddr_i;
        assign awvalid = s_axi_awvalid_i;
        assign s_axi_awready_o = awready;
        assign wdata = s_axi_wdata_i;
        assign wstrb = s_axi_wstrb_i;
        assign wvalid = s_axi_wvalid_i;
        assign s_axi_wready_o = wready;
        assign s_axi_bresp_o = bresp;
        assign s_axi_bvalid_o = bvalid;
        assign bready = s_axi_bready_i;
        assign araddr = s_axi_araddr_i;
        assign arvalid = s_axi_arvalid_i;
        assign s_axi_arready_o = arready;
        assign s_axi_rdata_o = rdata;
        assign s_axi_rresp_o = rresp;
        assign s_axi_rvalid_o = rvalid;
        assign rready = s_axi_rready_i;
    end
    bp_scene_registers i_registers (
        .clk_i,
        .rst_ni            (rst_ni && !reset),
        .s_axi_awaddr_i    (awaddr),
        .s_axi_awvalid_i   (awvalid),
        .s_axi_awready_o   (awready),
        .s_axi_wdata_i     (wdata),
        .s_axi_wstrb_i     (wstrb),
        .s_axi_wvalid_i    (wvalid),
        .s_axi_wready_o    (wready),
        .s_axi_bresp_o     (bresp),
        .s_axi_bvalid_o    (bvalid),
        .s_axi_bready_i    (bready),
        .s_axi_araddr_i    (araddr),
        .s_axi_arvalid_i   (arvalid),
        .s_axi_arready_o   (arready),
        .s_axi_rdata_o     (rdata),
        .s_axi_rresp_o     (rresp),
        .s_axi_rvalid_o    (rvalid),
        .s_axi_rready_i    (rready),
        .pan_length_error_i(events_i[0]),
        .ms_length_error_i (events_i[1]),
        .frame_finished_i  (events_i[2]),
        .cfg_o             (),
        .bank_of_frame_o   (),
        .size_o            (),
        .started_o         ()
    );
endmodule
