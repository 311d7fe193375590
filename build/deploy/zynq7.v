// A Zynq-7000's processor and the accelerator's core, without Vivado's block design. Written by bitpan build.
//
// Registers at M_AXI_GP0 (0x4000_0000), reads at S_AXI_HP0, writes at S_AXI_HP1, all of them AXI3. An access to a register
// is a single beat, as the processor makes it to device memory, and is answered with its ID; one read and one write are
// under way at a time.
module bitpan_zynq7;
    wire [3:0] clocks, resets;
    wire clk = clocks[0];
    reg [2:0] reset_q = 3'b000;
    always @(posedge clk) reset_q <= {reset_q[1:0], resets[0]};
    wire rst_n = reset_q[2];

    wire [31:0] gp_awaddr, gp_araddr, gp_wdata, gp_rdata;
    wire [11:0] gp_awid, gp_arid;
    wire [3:0] gp_wstrb;
    wire [1:0] gp_bresp, gp_rresp;
    wire gp_awvalid, gp_awready, gp_wvalid, gp_wready, gp_bvalid, gp_bready;
    wire gp_arvalid, gp_arready, gp_rvalid, gp_rready;
    wire core_awready, core_arready;

    reg reading, writing;
    reg [11:0] read_id, write_id;
    assign gp_arready = core_arready && !reading;
    assign gp_awready = core_awready && !writing;
    always @(posedge clk) begin
        if (!rst_n) {reading, writing} <= 2'b00;
        else begin
            reading <= reading ? !(gp_rvalid && gp_rready) : gp_arvalid && gp_arready;
            writing <= writing ? !(gp_bvalid && gp_bready) : gp_awvalid && gp_awready;
        end
        if (!reading) read_id <= gp_arid;
        if (!writing) write_id <= gp_awid;
    end

    wire [31:0] araddr, awaddr;
    wire [7:0] arlen, awlen, wstrb;
    wire [2:0] arsize, awsize, arprot, awprot;
    wire [1:0] arburst, awburst, rresp, bresp;
    wire [3:0] arcache, awcache;
    wire [63:0] rdata, wdata;
    wire [5:0] rid;
    wire arid, arvalid, arready, rlast, rvalid, rready, awvalid, awready, wlast, wvalid, wready, bvalid, bready, irq;

    bitpan_ip core (
        .ap_clk(clk), .ap_rst_n(rst_n), .irq(irq),
        .s_axi_awaddr(gp_awaddr[15:0]), .s_axi_awvalid(gp_awvalid && !writing), .s_axi_awready(core_awready),
        .s_axi_wdata(gp_wdata), .s_axi_wstrb(gp_wstrb), .s_axi_wvalid(gp_wvalid), .s_axi_wready(gp_wready),
        .s_axi_bresp(gp_bresp), .s_axi_bvalid(gp_bvalid), .s_axi_bready(gp_bready),
        .s_axi_araddr(gp_araddr[15:0]), .s_axi_arvalid(gp_arvalid && !reading), .s_axi_arready(core_arready),
        .s_axi_rdata(gp_rdata), .s_axi_rresp(gp_rresp), .s_axi_rvalid(gp_rvalid), .s_axi_rready(gp_rready),
        .m_axi_read_araddr(araddr), .m_axi_read_arlen(arlen), .m_axi_read_arsize(arsize),
        .m_axi_read_arburst(arburst), .m_axi_read_arcache(arcache), .m_axi_read_arprot(arprot),
        .m_axi_read_arid(arid), .m_axi_read_arvalid(arvalid), .m_axi_read_arready(arready),
        .m_axi_read_rdata(rdata), .m_axi_read_rresp(rresp), .m_axi_read_rlast(rlast),
        .m_axi_read_rid(rid[0]), .m_axi_read_rvalid(rvalid), .m_axi_read_rready(rready),
        .m_axi_write_awaddr(awaddr), .m_axi_write_awlen(awlen), .m_axi_write_awsize(awsize),
        .m_axi_write_awburst(awburst), .m_axi_write_awcache(awcache), .m_axi_write_awprot(awprot),
        .m_axi_write_awvalid(awvalid), .m_axi_write_awready(awready), .m_axi_write_wdata(wdata),
        .m_axi_write_wstrb(wstrb), .m_axi_write_wlast(wlast), .m_axi_write_wvalid(wvalid),
        .m_axi_write_wready(wready), .m_axi_write_bresp(bresp), .m_axi_write_bvalid(bvalid),
        .m_axi_write_bready(bready)
    );

    (* keep *) PS7 processor (
        .FCLKCLK(clocks), .FCLKRESETN(resets), .FCLKCLKTRIGN(4'b0000), .IRQF2P({19'd0, irq}),
        .MAXIGP0ACLK(clk), .MAXIGP0AWADDR(gp_awaddr), .MAXIGP0AWID(gp_awid), .MAXIGP0AWVALID(gp_awvalid),
        .MAXIGP0AWREADY(gp_awready), .MAXIGP0WDATA(gp_wdata), .MAXIGP0WSTRB(gp_wstrb), .MAXIGP0WVALID(gp_wvalid),
        .MAXIGP0WREADY(gp_wready), .MAXIGP0BID(write_id), .MAXIGP0BRESP(gp_bresp), .MAXIGP0BVALID(gp_bvalid),
        .MAXIGP0BREADY(gp_bready), .MAXIGP0ARADDR(gp_araddr), .MAXIGP0ARID(gp_arid), .MAXIGP0ARVALID(gp_arvalid),
        .MAXIGP0ARREADY(gp_arready), .MAXIGP0RDATA(gp_rdata), .MAXIGP0RID(read_id), .MAXIGP0RRESP(gp_rresp),
        .MAXIGP0RLAST(1'b1), .MAXIGP0RVALID(gp_rvalid), .MAXIGP0RREADY(gp_rready),
        .SAXIHP0ACLK(clk), .SAXIHP0ARADDR(araddr), .SAXIHP0ARLEN(arlen[3:0]), .SAXIHP0ARSIZE(arsize[1:0]),
        .SAXIHP0ARBURST(arburst), .SAXIHP0ARCACHE(arcache), .SAXIHP0ARPROT(arprot), .SAXIHP0ARLOCK(2'b00),
        .SAXIHP0ARQOS(4'd0), .SAXIHP0ARID({5'd0, arid}), .SAXIHP0ARVALID(arvalid), .SAXIHP0ARREADY(arready),
        .SAXIHP0RDATA(rdata), .SAXIHP0RRESP(rresp), .SAXIHP0RLAST(rlast), .SAXIHP0RID(rid),
        .SAXIHP0RVALID(rvalid), .SAXIHP0RREADY(rready), .SAXIHP0RDISSUECAP1EN(1'b0), .SAXIHP0AWVALID(1'b0),
        .SAXIHP0WVALID(1'b0), .SAXIHP0BREADY(1'b1),
        .SAXIHP1ACLK(clk), .SAXIHP1AWADDR(awaddr), .SAXIHP1AWLEN(awlen[3:0]), .SAXIHP1AWSIZE(awsize[1:0]),
        .SAXIHP1AWBURST(awburst), .SAXIHP1AWCACHE(awcache), .SAXIHP1AWPROT(awprot), .SAXIHP1AWLOCK(2'b00),
        .SAXIHP1AWQOS(4'd0), .SAXIHP1AWID(6'd0), .SAXIHP1AWVALID(awvalid), .SAXIHP1AWREADY(awready),
        .SAXIHP1WDATA(wdata), .SAXIHP1WSTRB(wstrb), .SAXIHP1WID(6'd0), .SAXIHP1WLAST(wlast),
        .SAXIHP1WVALID(wvalid), .SAXIHP1WREADY(wready), .SAXIHP1BRESP(bresp), .SAXIHP1BVALID(bvalid),
        .SAXIHP1BREADY(bready), .SAXIHP1WRISSUECAP1EN(1'b0), .SAXIHP1ARVALID(1'b0), .SAXIHP1RREADY(1'b1)
    );
endmodule

// The primitive, as far as it is used; Yosys knows all of it.
(* blackbox *)
module PS7 (
    output [3:0] FCLKCLK,
    output [3:0] FCLKRESETN,
    input [3:0] FCLKCLKTRIGN,
    input [19:0] IRQF2P,
    input MAXIGP0ACLK,
    output [31:0] MAXIGP0AWADDR,
    output [11:0] MAXIGP0AWID,
    output MAXIGP0AWVALID,
    input MAXIGP0AWREADY,
    output [31:0] MAXIGP0WDATA,
    output [3:0] MAXIGP0WSTRB,
    output MAXIGP0WVALID,
    input MAXIGP0WREADY,
    input [11:0] MAXIGP0BID,
    input [1:0] MAXIGP0BRESP,
    input MAXIGP0BVALID,
    output MAXIGP0BREADY,
    output [31:0] MAXIGP0ARADDR,
    output [11:0] MAXIGP0ARID,
    output MAXIGP0ARVALID,
    input MAXIGP0ARREADY,
    input [31:0] MAXIGP0RDATA,
    input [11:0] MAXIGP0RID,
    input [1:0] MAXIGP0RRESP,
    input MAXIGP0RLAST,
    input MAXIGP0RVALID,
    output MAXIGP0RREADY,
    input SAXIHP0ACLK,
    input [31:0] SAXIHP0ARADDR,
    input [3:0] SAXIHP0ARLEN,
    input [1:0] SAXIHP0ARSIZE,
    input [1:0] SAXIHP0ARBURST,
    input [3:0] SAXIHP0ARCACHE,
    input [2:0] SAXIHP0ARPROT,
    input [1:0] SAXIHP0ARLOCK,
    input [3:0] SAXIHP0ARQOS,
    input [5:0] SAXIHP0ARID,
    input SAXIHP0ARVALID,
    output SAXIHP0ARREADY,
    output [63:0] SAXIHP0RDATA,
    output [1:0] SAXIHP0RRESP,
    output SAXIHP0RLAST,
    output [5:0] SAXIHP0RID,
    output SAXIHP0RVALID,
    input SAXIHP0RREADY,
    input SAXIHP0RDISSUECAP1EN,
    input SAXIHP0AWVALID,
    input SAXIHP0WVALID,
    input SAXIHP0BREADY,
    input SAXIHP1ACLK,
    input [31:0] SAXIHP1AWADDR,
    input [3:0] SAXIHP1AWLEN,
    input [1:0] SAXIHP1AWSIZE,
    input [1:0] SAXIHP1AWBURST,
    input [3:0] SAXIHP1AWCACHE,
    input [2:0] SAXIHP1AWPROT,
    input [1:0] SAXIHP1AWLOCK,
    input [3:0] SAXIHP1AWQOS,
    input [5:0] SAXIHP1AWID,
    input SAXIHP1AWVALID,
    output SAXIHP1AWREADY,
    input [63:0] SAXIHP1WDATA,
    input [7:0] SAXIHP1WSTRB,
    input [5:0] SAXIHP1WID,
    input SAXIHP1WLAST,
    input SAXIHP1WVALID,
    output SAXIHP1WREADY,
    output [1:0] SAXIHP1BRESP,
    output SAXIHP1BVALID,
    input SAXIHP1BREADY,
    input SAXIHP1WRISSUECAP1EN,
    input SAXIHP1ARVALID,
    input SAXIHP1RREADY
);
endmodule
