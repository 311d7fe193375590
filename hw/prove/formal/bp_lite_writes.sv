// The register file's writes as streams: address and data in, answer out. Reads go on beside them.

module bp_lite_writes #(
    parameter bit Dma = 0  // behind the DMA's registers
) (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic [15:0] in0_tdata_i,     // AW
    input  logic        in0_tvalid_i,
    output logic        in0_tready_o,
    input  logic [35:0] in1_tdata_i,     // W: strobes, data
    input  logic        in1_tvalid_i,
    output logic        in1_tready_o,
    output logic [ 1:0] out0_tdata_o,    // B
    output logic        out0_tvalid_o,
    input  logic        out0_tready_i,
    input  logic        read_i,
    input  logic [15:0] read_address_i,
    input  logic        read_ready_i,
    input  logic [ 2:0] events_i,        // PAN frame of a wrong length, MS frame of one, a frame left
    input  logic [ 6:0] dma_events_i     // channels that are idle, an error of each kind, memory owes nothing
);
    bp_lite_registers #(
        .Dma(Dma)
    ) i_registers (
        .clk_i,
        .rst_ni,
        .s_axi_awaddr_i (in0_tdata_i),
        .s_axi_awvalid_i(in0_tvalid_i),
        .s_axi_awready_o(in0_tready_o),
        .s_axi_wdata_i  (in1_tdata_i[31:0]),
        .s_axi_wstrb_i  (in1_tdata_i[35:32]),
        .s_axi_wvalid_i (in1_tvalid_i),
        .s_axi_wready_o (in1_tready_o),
        .s_axi_bresp_o  (out0_tdata_o),
        .s_axi_bvalid_o (out0_tvalid_o),
        .s_axi_bready_i (out0_tready_i),
        .s_axi_araddr_i (read_address_i),
        .s_axi_arvalid_i(read_i),
        .s_axi_arready_o(),
        .s_axi_rdata_o  (),
        .s_axi_rresp_o  (),
        .s_axi_rvalid_o (),
        .s_axi_rready_i (read_ready_i),
        .events_i,
        .dma_events_i
    );
endmodule
