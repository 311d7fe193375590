// The register file's reads as streams: address in, data out. Writes go on beside them.

module bp_lite_reads #(
    parameter bit Dma = 0  // behind the DMA's registers
) (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic [15:0] in0_tdata_i,      // AR
    input  logic        in0_tvalid_i,
    output logic        in0_tready_o,
    output logic [33:0] out0_tdata_o,     // R: answer, data
    output logic        out0_tvalid_o,
    input  logic        out0_tready_i,
    input  logic [15:0] write_address_i,
    input  logic [31:0] write_data_i,
    input  logic [ 1:0] write_i,          // an address, data
    input  logic        answer_ready_i,
    input  logic [ 2:0] events_i,         // PAN frame of a wrong length, MS frame of one, a frame left
    input  logic [ 6:0] dma_events_i      // channels that are idle, an error of each kind, memory owes nothing
);
    bp_lite_registers #(
        .Dma(Dma)
    ) i_registers (
        .clk_i,
        .rst_ni,
        .s_axi_awaddr_i (write_address_i),
        .s_axi_awvalid_i(write_i[0]),
        .s_axi_awready_o(),
        .s_axi_wdata_i  (write_data_i),
        .s_axi_wstrb_i  (4'b1111),
        .s_axi_wvalid_i (write_i[1]),
        .s_axi_wready_o (),
        .s_axi_bresp_o  (),
        .s_axi_bvalid_o (),
        .s_axi_bready_i (answer_ready_i),
        .s_axi_araddr_i (in0_tdata_i),
        .s_axi_arvalid_i(in0_tvalid_i),
        .s_axi_arready_o(in0_tready_o),
        .s_axi_rdata_o  (out0_tdata_o[31:0]),
        .s_axi_rresp_o  (out0_tdata_o[33:32]),
        .s_axi_rvalid_o (out0_tvalid_o),
        .s_axi_rready_i (out0_tready_i),
        .events_i,
        .dma_events_i
    );
endmodule
