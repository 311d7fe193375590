// In an accelerator's place: a fused pixel is a PAN pixel XOR an MS pixel, which serves 16 of them. With its registers.
module bitpan_accelerator #(
    parameter int unsigned Bits = 64,
    parameter int unsigned Frame = 1024  // PAN pixels until tlast
) (
    input  logic            ap_clk,
    input  logic            ap_rst_n,
    input  logic [    15:0] s_axi_awaddr,
    input  logic            s_axi_awvalid,
    output logic            s_axi_awready,
    input  logic [    31:0] s_axi_wdata,
    input  logic [     3:0] s_axi_wstrb,
    input  logic            s_axi_wvalid,
    output logic            s_axi_wready,
    output logic [     1:0] s_axi_bresp,
    output logic            s_axi_bvalid,
    input  logic            s_axi_bready,
    input  logic [    15:0] s_axi_araddr,
    input  logic            s_axi_arvalid,
    output logic            s_axi_arready,
    output logic [    31:0] s_axi_rdata,
    output logic [     1:0] s_axi_rresp,
    output logic            s_axi_rvalid,
    input  logic            s_axi_rready,
    input  logic [    15:0] s_axis_pan_tdata,
    input  logic            s_axis_pan_tvalid,
    input  logic            s_axis_pan_tlast,
    output logic            s_axis_pan_tready,
    input  logic [Bits-1:0] s_axis_ms_tdata,
    input  logic            s_axis_ms_tvalid,
    input  logic            s_axis_ms_tlast,
    output logic            s_axis_ms_tready,
    output logic [Bits-1:0] m_axis_fused_tdata,
    output logic            m_axis_fused_tvalid,
    output logic            m_axis_fused_tlast,
    input  logic            m_axis_fused_tready
);
    logic [31:0] count_q;
    logic moved;

    assign m_axis_fused_tdata = {(Bits / 16) {s_axis_pan_tdata}} ^ s_axis_ms_tdata;
    assign m_axis_fused_tvalid = s_axis_pan_tvalid && s_axis_ms_tvalid;
    assign m_axis_fused_tlast = count_q == Frame - 1;
    assign moved = m_axis_fused_tvalid && m_axis_fused_tready;
    assign s_axis_pan_tready = moved;
    assign s_axis_ms_tready = moved && count_q[3:0] == 4'd15;
    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) count_q <= '0;
        else if (moved) count_q <= m_axis_fused_tlast ? '0 : count_q + 1'b1;
    end

    bp_scene_registers u_registers (
        .clk_i             (ap_clk),
        .rst_ni            (ap_rst_n),
        .s_axi_awaddr_i    (s_axi_awaddr),
        .s_axi_awvalid_i   (s_axi_awvalid),
        .s_axi_awready_o   (s_axi_awready),
        .s_axi_wdata_i     (s_axi_wdata),
        .s_axi_wstrb_i     (s_axi_wstrb),
        .s_axi_wvalid_i    (s_axi_wvalid),
        .s_axi_wready_o    (s_axi_wready),
        .s_axi_bresp_o     (s_axi_bresp),
        .s_axi_bvalid_o    (s_axi_bvalid),
        .s_axi_bready_i    (s_axi_bready),
        .s_axi_araddr_i    (s_axi_araddr),
        .s_axi_arvalid_i   (s_axi_arvalid),
        .s_axi_arready_o   (s_axi_arready),
        .s_axi_rdata_o     (s_axi_rdata),
        .s_axi_rresp_o     (s_axi_rresp),
        .s_axi_rvalid_o    (s_axi_rvalid),
        .s_axi_rready_i    (s_axi_rready),
        .pan_length_error_i(1'b0),
        .ms_length_error_i (1'b0),
        .frame_finished_i  (moved && m_axis_fused_tlast),
        .cfg_o             (),
        .bank_of_frame_o   (),
        .size_o            (),
        .started_o         ()
    );
endmodule
