// bitpan_zynq7 around its processor's twin, with the pins that the harness knows: registers and two memory ports. The
// processor has a second core, which accesses registers whenever it likes: answers go by their IDs.

module zynq7_bench (
    input  logic        clk_i,
    input  logic        rst_ni,
    output logic        irq,
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
    output logic [31:0] m_axi_read_araddr_o,
    output logic [ 7:0] m_axi_read_arlen_o,
    output logic [ 2:0] m_axi_read_arsize_o,
    output logic [ 1:0] m_axi_read_arburst_o,
    output logic [ 5:0] m_axi_read_arid_o,
    output logic        m_axi_read_arvalid_o,
    input  logic        m_axi_read_arready_i,
    input  logic [63:0] m_axi_read_rdata_i,
    input  logic [ 1:0] m_axi_read_rresp_i,
    input  logic        m_axi_read_rlast_i,
    input  logic [ 5:0] m_axi_read_rid_i,
    input  logic        m_axi_read_rvalid_i,
    output logic        m_axi_read_rready_o,
    output logic [31:0] m_axi_write_awaddr_o,
    output logic [ 7:0] m_axi_write_awlen_o,
    output logic [ 2:0] m_axi_write_awsize_o,
    output logic [ 1:0] m_axi_write_awburst_o,
    output logic        m_axi_write_awvalid_o,
    input  logic        m_axi_write_awready_i,
    output logic [63:0] m_axi_write_wdata_o,
    output logic [ 7:0] m_axi_write_wstrb_o,
    output logic        m_axi_write_wlast_o,
    output logic        m_axi_write_wvalid_o,
    input  logic        m_axi_write_wready_i,
    input  logic [ 1:0] m_axi_write_bresp_i,
    input  logic        m_axi_write_bvalid_i,
    output logic        m_axi_write_bready_o
);
    bitpan_zynq7 dut ();

    assign dut.processor.clk = clk_i;
    assign dut.processor.rst_n = rst_ni;
    assign irq = dut.processor.IRQF2P[0];

    // Memory: the ports' pins as they are, AXI3's lengths and sizes in AXI4's widths.
    assign m_axi_read_araddr_o = dut.processor.SAXIHP0ARADDR;
    assign m_axi_read_arlen_o = {4'd0, dut.processor.SAXIHP0ARLEN};
    assign m_axi_read_arsize_o = {1'b0, dut.processor.SAXIHP0ARSIZE};
    assign m_axi_read_arburst_o = dut.processor.SAXIHP0ARBURST;
    assign m_axi_read_arid_o = dut.processor.SAXIHP0ARID;
    assign m_axi_read_arvalid_o = dut.processor.SAXIHP0ARVALID;
    assign m_axi_read_rready_o = dut.processor.SAXIHP0RREADY;
    assign dut.processor.arready = m_axi_read_arready_i;
    assign dut.processor.rdata = m_axi_read_rdata_i;
    assign dut.processor.rresp = m_axi_read_rresp_i;
    assign dut.processor.rlast = m_axi_read_rlast_i;
    assign dut.processor.rid = m_axi_read_rid_i;
    assign dut.processor.rvalid = m_axi_read_rvalid_i;
    assign m_axi_write_awaddr_o = dut.processor.SAXIHP1AWADDR;
    assign m_axi_write_awlen_o = {4'd0, dut.processor.SAXIHP1AWLEN};
    assign m_axi_write_awsize_o = {1'b0, dut.processor.SAXIHP1AWSIZE};
    assign m_axi_write_awburst_o = dut.processor.SAXIHP1AWBURST;
    assign m_axi_write_awvalid_o = dut.processor.SAXIHP1AWVALID;
    assign m_axi_write_wdata_o = dut.processor.SAXIHP1WDATA;
    assign m_axi_write_wstrb_o = dut.processor.SAXIHP1WSTRB;
    assign m_axi_write_wlast_o = dut.processor.SAXIHP1WLAST;
    assign m_axi_write_wvalid_o = dut.processor.SAXIHP1WVALID;
    assign m_axi_write_bready_o = dut.processor.SAXIHP1BREADY;
    assign dut.processor.awready = m_axi_write_awready_i;
    assign dut.processor.wready = m_axi_write_wready_i;
    assign dut.processor.bresp = m_axi_write_bresp_i;
    assign dut.processor.bvalid = m_axi_write_bvalid_i;

    // What the core asks for and AXI3 has no pins for.
    always @(posedge clk_i) begin
        if (rst_ni && dut.arvalid && (dut.arlen > 15 || dut.arsize != 3)) $fatal(1, "reads: no burst of AXI3");
        if (rst_ni && dut.awvalid && (dut.awlen > 15 || dut.awsize != 3)) $fatal(1, "writes: no burst of AXI3");
    end

    // Software: the harness's accesses, and those of the other core, with IDs of their own.
    localparam logic [31:0] Base = 32'h4000_0000, Id = 32'h0000_0000, ReadOnly = 32'h0000_4010;

    logic aw_valid, aw_mine, ar_valid, ar_mine, other_writes, other_reads;
    logic [31:0] aw_address, ar_address;
    logic [11:0] aw_id, ar_id, wanted_b[$], wanted_r[$];
    logic [3:0] data_mine;  // of the writes whose data is still to come, oldest lowest
    logic [2:0] data;  // so many
    logic w_mine, w_any, w_moved, aw_taken, go_w, go_b, go_r;

    assign w_any = data != 0;
    assign w_mine = w_any && data_mine[0];
    assign w_moved = dut.processor.gp_wvalid && dut.processor.MAXIGP0WREADY;
    assign aw_taken = !aw_valid && (other_writes || s_axi_awvalid_i) && data < 4 && dut.rst_n;
    assign s_axi_awready_o = aw_taken && !other_writes;
    assign s_axi_arready_o = !ar_valid && !other_reads && dut.rst_n;
    assign dut.processor.gp_awaddr = aw_address;
    assign dut.processor.gp_awid = aw_id;
    assign dut.processor.gp_awvalid = aw_valid;
    assign dut.processor.gp_wdata = w_mine ? s_axi_wdata_i : 32'hdead_beef;
    assign dut.processor.gp_wstrb = w_mine ? s_axi_wstrb_i : 4'b1111;
    assign dut.processor.gp_wvalid = w_any && (w_mine ? s_axi_wvalid_i : go_w);
    assign s_axi_wready_o = w_mine && dut.processor.MAXIGP0WREADY;
    assign dut.processor.gp_araddr = ar_address;
    assign dut.processor.gp_arid = ar_id;
    assign dut.processor.gp_arvalid = ar_valid;

    // An ID's top bit says whose access it is.
    assign s_axi_bvalid_o = dut.processor.MAXIGP0BVALID && dut.processor.MAXIGP0BID[11];
    assign s_axi_bresp_o = dut.processor.MAXIGP0BRESP;
    assign dut.processor.gp_bready = dut.processor.MAXIGP0BID[11] ? s_axi_bready_i : go_b;
    assign s_axi_rvalid_o = dut.processor.MAXIGP0RVALID && dut.processor.MAXIGP0RID[11];
    assign s_axi_rdata_o = dut.processor.MAXIGP0RDATA;
    assign s_axi_rresp_o = dut.processor.MAXIGP0RRESP;
    assign dut.processor.gp_rready = dut.processor.MAXIGP0RID[11] ? s_axi_rready_i : go_r;

    always @(posedge clk_i) begin
        {other_writes, other_reads, go_b, go_r} <= 4'($urandom());
        if (!go_w || w_moved) go_w <= 1'($urandom());
        if (!rst_ni) begin
            {aw_valid, ar_valid} <= 2'b00;
            data <= 0;
            wanted_b.delete();
            wanted_r.delete();
        end else begin
            data <= data + 3'(aw_taken) - 3'(w_moved);
            data_mine <= data_mine >> w_moved;
            if (aw_taken) data_mine[2'(data - 3'(w_moved))] <= !other_writes;
            if (aw_valid && dut.processor.MAXIGP0AWREADY) begin
                aw_valid <= 1'b0;
                wanted_b.push_back(aw_id);
            end
            if (aw_taken) begin
                aw_valid <= 1'b1;
                aw_id <= {!other_writes, 11'($urandom())};
                aw_address <= Base | (other_writes ? ReadOnly : 32'(s_axi_awaddr_i));
            end
            if (ar_valid && dut.processor.MAXIGP0ARREADY) begin
                ar_valid <= 1'b0;
                wanted_r.push_back(ar_id);
            end
            if (!ar_valid && (other_reads || s_axi_arvalid_i) && dut.rst_n) begin
                ar_valid <= 1'b1;
                ar_id <= {!other_reads, 11'($urandom())};
                ar_address <= Base | (other_reads ? Id : 32'(s_axi_araddr_i));
            end
            if (dut.processor.MAXIGP0BVALID && dut.processor.gp_bready) begin
                if (wanted_b.size() == 0 || wanted_b[0] != dut.processor.MAXIGP0BID) $fatal(1, "registers: the wrong BID");
                void'(wanted_b.pop_front());
            end
            if (dut.processor.MAXIGP0RVALID && dut.processor.gp_rready) begin
                if (wanted_r.size() == 0 || wanted_r[0] != dut.processor.MAXIGP0RID) $fatal(1, "registers: the wrong RID");
                if (!dut.processor.MAXIGP0RLAST) $fatal(1, "registers: no RLAST");
                if (!dut.processor.MAXIGP0RID[11] && dut.processor.MAXIGP0RDATA != 32'h62697470)
                    $fatal(1, "registers: the other core read something else");
                void'(wanted_r.pop_front());
            end
        end
    end
endmodule

// The primitive's twin: what it gives, the bench drives; what it takes is held against the rules that AXI3 has and AXI4
// has not (IHI 0022, A5.4 and A7.4): the memory behind the ports knows the others.
module PS7 (
    output logic [ 3:0] FCLKCLK,
    output logic [ 3:0] FCLKRESETN,
    input  logic [ 3:0] FCLKCLKTRIGN,
    input  logic [19:0] IRQF2P,
    input  logic        MAXIGP0ACLK,
    output logic [31:0] MAXIGP0AWADDR,
    output logic [11:0] MAXIGP0AWID,
    output logic        MAXIGP0AWVALID,
    input  logic        MAXIGP0AWREADY,
    output logic [31:0] MAXIGP0WDATA,
    output logic [ 3:0] MAXIGP0WSTRB,
    output logic        MAXIGP0WVALID,
    input  logic        MAXIGP0WREADY,
    input  logic [11:0] MAXIGP0BID,
    input  logic [ 1:0] MAXIGP0BRESP,
    input  logic        MAXIGP0BVALID,
    output logic        MAXIGP0BREADY,
    output logic [31:0] MAXIGP0ARADDR,
    output logic [11:0] MAXIGP0ARID,
    output logic        MAXIGP0ARVALID,
    input  logic        MAXIGP0ARREADY,
    input  logic [31:0] MAXIGP0RDATA,
    input  logic [11:0] MAXIGP0RID,
    input  logic [ 1:0] MAXIGP0RRESP,
    input  logic        MAXIGP0RLAST,
    input  logic        MAXIGP0RVALID,
    output logic        MAXIGP0RREADY,
    input  logic        SAXIHP0ACLK,
    input  logic [31:0] SAXIHP0ARADDR,
    input  logic [ 3:0] SAXIHP0ARLEN,
    input  logic [ 1:0] SAXIHP0ARSIZE,
    input  logic [ 1:0] SAXIHP0ARBURST,
    input  logic [ 3:0] SAXIHP0ARCACHE,
    input  logic [ 2:0] SAXIHP0ARPROT,
    input  logic [ 1:0] SAXIHP0ARLOCK,
    input  logic [ 3:0] SAXIHP0ARQOS,
    input  logic [ 5:0] SAXIHP0ARID,
    input  logic        SAXIHP0ARVALID,
    output logic        SAXIHP0ARREADY,
    output logic [63:0] SAXIHP0RDATA,
    output logic [ 1:0] SAXIHP0RRESP,
    output logic        SAXIHP0RLAST,
    output logic [ 5:0] SAXIHP0RID,
    output logic        SAXIHP0RVALID,
    input  logic        SAXIHP0RREADY,
    input  logic        SAXIHP0RDISSUECAP1EN,
    input  logic        SAXIHP0AWVALID,
    input  logic        SAXIHP0WVALID,
    input  logic        SAXIHP0BREADY,
    input  logic        SAXIHP1ACLK,
    input  logic [31:0] SAXIHP1AWADDR,
    input  logic [ 3:0] SAXIHP1AWLEN,
    input  logic [ 1:0] SAXIHP1AWSIZE,
    input  logic [ 1:0] SAXIHP1AWBURST,
    input  logic [ 3:0] SAXIHP1AWCACHE,
    input  logic [ 2:0] SAXIHP1AWPROT,
    input  logic [ 1:0] SAXIHP1AWLOCK,
    input  logic [ 3:0] SAXIHP1AWQOS,
    input  logic [ 5:0] SAXIHP1AWID,
    input  logic        SAXIHP1AWVALID,
    output logic        SAXIHP1AWREADY,
    input  logic [63:0] SAXIHP1WDATA,
    input  logic [ 7:0] SAXIHP1WSTRB,
    input  logic [ 5:0] SAXIHP1WID,
    input  logic        SAXIHP1WLAST,
    input  logic        SAXIHP1WVALID,
    output logic        SAXIHP1WREADY,
    output logic [ 1:0] SAXIHP1BRESP,
    output logic        SAXIHP1BVALID,
    input  logic        SAXIHP1BREADY,
    input  logic        SAXIHP1WRISSUECAP1EN,
    input  logic        SAXIHP1ARVALID,
    input  logic        SAXIHP1RREADY
);
    logic clk, rst_n;
    logic arready, rlast, rvalid, awready, wready, bvalid;
    logic [1:0] rresp, bresp;
    logic [63:0] rdata;
    logic [5:0] rid;
    logic [31:0] gp_awaddr, gp_wdata, gp_araddr;
    logic [11:0] gp_awid, gp_arid;
    logic [3:0] gp_wstrb;
    logic gp_awvalid, gp_wvalid, gp_bready, gp_arvalid, gp_rready;

    assign FCLKCLK = {3'd0, clk};
    assign FCLKRESETN = {3'd0, rst_n};
    assign {MAXIGP0AWADDR, MAXIGP0AWID, MAXIGP0AWVALID} = {gp_awaddr, gp_awid, gp_awvalid};
    assign {MAXIGP0WDATA, MAXIGP0WSTRB, MAXIGP0WVALID} = {gp_wdata, gp_wstrb, gp_wvalid};
    assign {MAXIGP0ARADDR, MAXIGP0ARID, MAXIGP0ARVALID} = {gp_araddr, gp_arid, gp_arvalid};
    assign {MAXIGP0BREADY, MAXIGP0RREADY} = {gp_bready, gp_rready};
    assign {SAXIHP0ARREADY, SAXIHP0RDATA, SAXIHP0RRESP} = {arready, rdata, rresp};
    assign {SAXIHP0RLAST, SAXIHP0RID, SAXIHP0RVALID} = {rlast, rid, rvalid};
    assign {SAXIHP1AWREADY, SAXIHP1WREADY, SAXIHP1BRESP, SAXIHP1BVALID} = {awready, wready, bresp, bvalid};

    // Of each burst of writes the address's ID, and of each beat of data its own, until the two meet.
    logic [5:0] bursts[$];
    logic [6:0] beats[$];  // WLAST, WID
    logic [5:0] wid_q;
    logic [15:0] ar_q, aw_q, ar_now, aw_now;  // what AXI4 does not have, or has no pins for here
    logic w_held_q, ar_held_q, aw_held_q;

    assign ar_now = {SAXIHP0ARCACHE, SAXIHP0ARPROT, SAXIHP0ARLOCK, SAXIHP0ARQOS, 3'd0};
    assign aw_now = {SAXIHP1AWCACHE, SAXIHP1AWPROT, SAXIHP1AWLOCK, SAXIHP1AWID, 1'd0};

    function automatic logic legal(logic [3:0] cache, logic [1:0] lock);
        return lock == 2'b00 && (cache[1] || cache[3:2] == 2'b00);  // no allocation of what is not cacheable
    endfunction

    always @(posedge clk) begin
        if (!rst_n) begin
            bursts.delete();
            beats.delete();
            {w_held_q, ar_held_q, aw_held_q} <= 3'b000;
        end else begin
            if (SAXIHP0ARVALID && !legal(SAXIHP0ARCACHE, SAXIHP0ARLOCK)) $fatal(1, "reads: locked, or no kind of cache");
            if (SAXIHP1AWVALID && !legal(SAXIHP1AWCACHE, SAXIHP1AWLOCK)) $fatal(1, "writes: locked, or no kind of cache");
            if (SAXIHP0AWVALID || SAXIHP0WVALID || SAXIHP1ARVALID) $fatal(1, "a port is used in the other direction");
            if (ar_held_q && ar_now != ar_q) $fatal(1, "reads: the address changed before it was taken");
            if (aw_held_q && aw_now != aw_q) $fatal(1, "writes: the address changed before it was taken");
            if (w_held_q && SAXIHP1WID != wid_q) $fatal(1, "writes: WID changed before it was taken");
            {ar_q, aw_q, wid_q} <= {ar_now, aw_now, SAXIHP1WID};
            ar_held_q <= SAXIHP0ARVALID && !arready;
            aw_held_q <= SAXIHP1AWVALID && !awready;
            w_held_q <= SAXIHP1WVALID && !wready;
            if (SAXIHP1AWVALID && awready) bursts.push_back(SAXIHP1AWID);
            if (SAXIHP1WVALID && wready) beats.push_back({SAXIHP1WLAST, SAXIHP1WID});
            while (bursts.size() != 0 && beats.size() != 0) begin
                if (beats[0][5:0] != bursts[0]) $fatal(1, "writes: WID is not the burst's AWID");
                if (beats[0][6]) void'(bursts.pop_front());
                void'(beats.pop_front());
            end
        end
    end
endmodule
