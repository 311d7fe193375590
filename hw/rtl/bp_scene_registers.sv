// Registers of the accelerator (AXI-Lite, 32-bit words): frames are started, scene parameters written, errors read.
//
//   0x0000 ID        read   0x62697470, "bitp"
//   0x0004 VERSION   read   2, of this register map
//   0x0008 START     write  bit 0: the bank that the next frame uses; starts that frame
//   0x000C STATUS    read   bit 0 PAN frame length error, bit 1 MS frame length error, bit 2 start overrun,
//                           bit 3 size refused;
//                    write  1 clears a bit
//   0x0010 STARTED   read   frames started
//   0x0014 FINISHED  read   fused frames that have left
//   0x0018 SIGNATURE read   of the model in the bitstream
//   0x001C SIZE      both   rows << 16 | columns of the frames, in PAN pixels; as built after a reset
//   0x8000 + 4 * a   write  word a of bank 0 of the scene parameters, a < 4096
//   0xC000 + 4 * a   write  word a of bank 1
//
// A START while 15 frames are under way is an overrun: it is ignored and flagged, like a SIZE while any frame is under
// way. Units find the bank of frame n at bank_of_frame_o[n mod 16], written with the start and kept until the frame has
// left. Scene words go out on the cfg bus, a clock after the write. Every access answers OKAY, one at a time; a write
// needs all four strobes, else, like one to a read-only or unmapped address, it does nothing; an unmapped address reads
// as 0. The two low address bits are ignored.

module bp_scene_registers #(
    parameter logic [31:0] Signature = 32'h0,  // low 32 bits of the model's hash
    parameter int unsigned Rows = 64,  // of a frame, until SIZE is written
    parameter int unsigned Columns = 64
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    // verilator lint_off UNUSEDSIGNAL
    input  logic [         15:0] s_axi_awaddr_i,
    // verilator lint_on UNUSEDSIGNAL
    input  logic                 s_axi_awvalid_i,
    output logic                 s_axi_awready_o,
    input  logic [         31:0] s_axi_wdata_i,
    input  logic [          3:0] s_axi_wstrb_i,
    input  logic                 s_axi_wvalid_i,
    output logic                 s_axi_wready_o,
    output logic [          1:0] s_axi_bresp_o,
    output logic                 s_axi_bvalid_o,
    input  logic                 s_axi_bready_i,
    // verilator lint_off UNUSEDSIGNAL
    input  logic [         15:0] s_axi_araddr_i,
    // verilator lint_on UNUSEDSIGNAL
    input  logic                 s_axi_arvalid_i,
    output logic                 s_axi_arready_o,
    output logic [         31:0] s_axi_rdata_o,
    output logic [          1:0] s_axi_rresp_o,
    output logic                 s_axi_rvalid_o,
    input  logic                 s_axi_rready_i,
    input  logic                 pan_length_error_i,  // for a clock each
    input  logic                 ms_length_error_i,
    input  logic                 frame_finished_i,
    output bp_scene_pkg::write_t cfg_o,
    output bp_scene_pkg::banks_t bank_of_frame_o,
    output bp_scene_pkg::size_t  size_o,
    output logic [         31:0] started_o
);

    if (Rows < 1 || Columns < 1) begin : gen_check_size
        $error("bp_scene_registers: Rows and Columns are at least 1");
    end

    localparam logic [31:0] Id = 32'h62697470;
    localparam logic [31:0] Version = 32'd2;

    // Word addresses.
    localparam logic [13:0] AddressId = 14'd0, AddressVersion = 14'd1, AddressStart = 14'd2, AddressStatus = 14'd3;
    localparam logic [13:0] AddressStarted = 14'd4, AddressFinished = 14'd5, AddressSignature = 14'd6;
    localparam logic [13:0] AddressSize = 14'd7;

    // Write: address and data come in any order, are kept, and act together once the last answer is gone.
    logic address_held_q, data_held_q, whole_q, act, write;
    logic [13:0] address_q;
    logic [31:0] data_q;

    assign s_axi_awready_o = !address_held_q;
    assign s_axi_wready_o = !data_held_q;
    assign s_axi_bresp_o = 2'b00;
    assign act = address_held_q && data_held_q && !s_axi_bvalid_o;
    assign write = act && whole_q;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            address_held_q <= 1'b0;
            data_held_q <= 1'b0;
            s_axi_bvalid_o <= 1'b0;
        end else begin
            address_held_q <= s_axi_awready_o ? s_axi_awvalid_i : !act;
            data_held_q <= s_axi_wready_o ? s_axi_wvalid_i : !act;
            s_axi_bvalid_o <= act || (s_axi_bvalid_o && !s_axi_bready_i);
        end
    end

    always_ff @(posedge clk_i) begin
        if (s_axi_awready_o) address_q <= s_axi_awaddr_i[15:2];
        if (s_axi_wready_o) data_q <= s_axi_wdata_i;
        if (s_axi_wready_o) whole_q <= s_axi_wstrb_i == 4'b1111;
    end

    // Frames.
    logic [31:0] finished_q;
    logic [3:0] under_way, status_q, status_set, status_clear;
    logic start, resize, full, idle;

    assign under_way = 4'(started_o - finished_q);
    assign full = under_way == 4'd15;
    assign idle = under_way == 4'd0;
    assign start = write && address_q == AddressStart;
    assign resize = write && address_q == AddressSize;
    assign status_set = {resize && !idle, start && full, ms_length_error_i, pan_length_error_i};
    assign status_clear = write && address_q == AddressStatus ? data_q[3:0] : 4'b0000;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            started_o <= '0;
            finished_q <= '0;
            status_q <= '0;
            bank_of_frame_o <= '0;
            size_o <= {16'(Rows), 16'(Columns)};
        end else begin
            status_q <= (status_q & ~status_clear) | status_set;
            if (frame_finished_i) finished_q <= finished_q + 32'd1;
            if (start && !full) begin
                started_o <= started_o + 32'd1;
                bank_of_frame_o[started_o[3:0]] <= data_q[0];
            end
            if (resize && idle) size_o <= data_q;
        end
    end

    // Scene parameters.
    always_ff @(posedge clk_i) begin
        if (!rst_ni) cfg_o.valid <= 1'b0;
        else cfg_o.valid <= write && address_q[13];
        if (write) begin
            cfg_o.bank <= address_q[12];
            cfg_o.address <= {4'b0, address_q[11:0]};
            cfg_o.data <= data_q;
        end
    end

    // Read.
    assign s_axi_arready_o = !s_axi_rvalid_o;
    assign s_axi_rresp_o   = 2'b00;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) s_axi_rvalid_o <= 1'b0;
        else s_axi_rvalid_o <= s_axi_rvalid_o ? !s_axi_rready_i : s_axi_arvalid_i;
    end

    always_ff @(posedge clk_i) begin
        if (s_axi_arready_o) begin
            unique case (s_axi_araddr_i[15:2])
                AddressId:        s_axi_rdata_o <= Id;
                AddressVersion:   s_axi_rdata_o <= Version;
                AddressStatus:    s_axi_rdata_o <= 32'(status_q);
                AddressStarted:   s_axi_rdata_o <= started_o;
                AddressFinished:  s_axi_rdata_o <= finished_q;
                AddressSignature: s_axi_rdata_o <= Signature;
                AddressSize:      s_axi_rdata_o <= size_o;
                default:          s_axi_rdata_o <= '0;
            endcase
        end
    end

endmodule
