// bp_dma_write before a memory that takes addresses and data when it likes and answers each burst once it has all of it.

module bp_dma_write_rules (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        start_i,
    input  logic [ 7:0] address_i,      // in pixels of 2 bytes, as all that follows
    input  logic [ 5:0] row_i,
    input  logic [ 6:0] stride_i,
    input  logic [ 1:0] rows_i,
    input  logic [15:0] in0_tdata_i,
    input  logic        in0_tvalid_i,
    input  logic        in0_tlast_i,
    output logic        in0_tready_o,
    input  logic        awready_i,
    input  logic        wready_i,
    input  logic        answer_i,
    input  logic        stop_i,
    output logic        bad_address_o,  // an address was taken back, or changed while it waited
    output logic        bad_data_o,     // data was
    output logic        bad_before_o,   // data came before its address was offered
    output logic        bad_last_o,     // WLAST was not with a burst's last beat
    output logic        bad_idle_o,     // idle, or quiet, before every burst was answered
    output logic        bad_stop_o,     // a burst began although it should not
    output logic        bad_most_o      // more bursts unanswered than are counted
);
    bp_dma_pkg::transfer_t transfer;
    logic idle, quiet, stopped_q, awvalid, wvalid, wlast, bad_awvalid, bad_awdata, bad_wvalid, bad_wdata;
    logic [11:0] awaddr;
    logic [3:0] awlen;
    logic [15:0] wdata;
    logic [1:0] wstrb;
    logic offered_q;  // the address on the port was there in the clock before
    logic fresh, answer;
    logic [7:0][3:0] lengths_q;  // of bursts whose address was offered and whose data is not all there, the oldest at 0
    logic [7:0][3:0] lengths_d;
    logic [3:0] waiting_q, waiting_d, beat_q, unanswered_q, complete_q, untaken_q;

    assign transfer = '{
            address: {31'd0, address_i, 1'b0},
            row_bytes: row_i == 0 ? 26'd2 : {19'd0, row_i, 1'b0},
            stride: {18'd0, stride_i, 1'b0},
            rows: rows_i == 0 ? 16'd1 : 16'(rows_i)
        };
    bp_dma_write #(
        .DataBits(16),
        .AddressBits(12),
        .PixelBits(16),
        .PieceBits(16)
    ) i_write (
        .clk_i,
        .rst_ni,
        .stop_i,
        .quiet_o        (quiet),
        .transfer_i     (transfer),
        .start_i        (start_i && idle),
        .idle_o         (idle),
        .length_error_o (),
        .in0_tdata_i,
        .in0_tvalid_i,
        .in0_tlast_i,
        .in0_tready_o,
        .m_axi_awaddr_o (awaddr),
        .m_axi_awlen_o  (awlen),
        .m_axi_awvalid_o(awvalid),
        .m_axi_awready_i(awready_i),
        .m_axi_wdata_o  (wdata),
        .m_axi_wstrb_o  (wstrb),
        .m_axi_wlast_o  (wlast),
        .m_axi_wvalid_o (wvalid),
        .m_axi_wready_i (wready_i),
        .m_axi_bvalid_i (answer)
    );
    bp_stream_rules #(
        .Width(16)
    ) i_address (
        .clk_i,
        .rst_ni,
        .tdata_i    ({awaddr, awlen}),
        .tvalid_i   (awvalid),
        .tready_i   (awready_i),
        .bad_valid_o(bad_awvalid),
        .bad_data_o (bad_awdata)
    );
    bp_stream_rules #(
        .Width(19)
    ) i_data (
        .clk_i,
        .rst_ni,
        .tdata_i    ({wlast, wstrb, wdata}),
        .tvalid_i   (wvalid),
        .tready_i   (wready_i),
        .bad_valid_o(bad_wvalid),
        .bad_data_o (bad_wdata)
    );

    assign fresh = awvalid && !offered_q;
    assign answer = rst_ni && answer_i && complete_q != 0 && unanswered_q > untaken_q;

    always_comb begin
        lengths_d = lengths_q;
        waiting_d = waiting_q;
        if (fresh) begin
            lengths_d[waiting_q[2:0]] = awlen;
            waiting_d = waiting_q + 4'd1;
        end
        if (wvalid && wready_i && wlast) begin
            lengths_d = lengths_d >> 4;
            waiting_d = waiting_d - 4'd1;
        end
    end
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            offered_q <= 1'b0;
            stopped_q <= 1'b0;
            waiting_q <= '0;
            beat_q <= '0;
            unanswered_q <= '0;
            complete_q <= '0;
            untaken_q <= '0;
        end else begin
            offered_q <= awvalid && !awready_i;
            stopped_q <= stop_i;
            waiting_q <= waiting_d;
            lengths_q <= lengths_d;
            if (wvalid && wready_i) beat_q <= wlast ? '0 : beat_q + 4'd1;
            unanswered_q <= unanswered_q + 4'(fresh) - 4'(answer);
            complete_q <= complete_q + 4'(wvalid && wready_i && wlast) - 4'(answer);
            untaken_q <= 4'(awvalid && !awready_i);
        end
    end

    assign bad_address_o = bad_awvalid || bad_awdata;
    assign bad_data_o = bad_wvalid || bad_wdata;
    assign bad_before_o = rst_ni && wvalid && waiting_q == 0 && !fresh;
    assign bad_last_o = rst_ni && wvalid && wlast != (beat_q == (waiting_q == 0 ? awlen : lengths_q[0]));
    assign bad_idle_o = rst_ni && (idle || quiet) && (unanswered_q != 0 || fresh);
    assign bad_stop_o = rst_ni && fresh && stopped_q;
    assign bad_most_o = rst_ni && unanswered_q == 4'd15;
endmodule
