// bp_frame_gate and bp_frame_end behind a host that starts a frame now and then, at most 15 ahead; tlast comes with any beats.

module bp_gate_rules #(
    parameter int unsigned Width   = 1,
    parameter int unsigned Rows    = 1,
    parameter int unsigned Columns = 3
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             start_i,
    input  logic [Width-1:0] in0_tdata_i,
    input  logic             in0_tvalid_i,
    input  logic             in0_tlast_i,
    output logic             in0_tready_o,
    output logic [Width-1:0] out0_tdata_o,
    output logic             out0_tvalid_o,
    output logic             out0_tlast_o,
    input  logic             out0_tready_i,
    output logic             bad_length_o,  // tlast elsewhere than at the last of FrameBeats beats
    output logic             bad_start_o,   // a beat after tlast left as another than a frame's first, or one in mid-packet as that
    output logic             bad_drop_o,    // a beat was dropped that should have left, or left that should have been dropped
    output logic             bad_order_o,   // a beat left for a frame that was not started
    output logic             bad_error_o,   // tlast was in its place and called wrong, or it was not and nothing was said
    output logic             bad_lost_o,    // the input stopped after tlast, nobody kept the frame back: it did not come out
    output logic             bad_stuck_o    // a beat came, its frame was started, nobody kept it back, and none moved
);
    localparam int unsigned FrameBeats = Rows * Columns;
    localparam bp_scene_pkg::size_t Size = {16'(Rows), 16'(Columns)};
    localparam logic [3:0] Patience = 4'd8;  // clocks

    logic [3:0] started_q, entered_q;  // frames modulo 16: started, that left
    logic [3:0] ended_q, offered_q;  // clocks for which it has been so
    logic free;
    logic [7:0] beat_q;  // beats of this frame that left
    logic first_q;  // the next beat comes after tlast
    logic late_q;  // the frame before had no tlast
    logic spoilt_q, drop_q;  // tlast then came in mid-frame: once that frame is out, beats are dropped up to the next one
    logic wrong_q, last, error, moved, taken, passed;
    logic [Width-1:0] tdata;
    logic tvalid, tready;

    bp_frame_gate #(
        .Width(Width)
    ) i_gate (
        .clk_i,
        .rst_ni,
        .size_i(Size),
        .started_i({28'd0, started_q}),
        .length_error_o(error),
        .in0_tdata_i,
        .in0_tvalid_i,
        .in0_tlast_i,
        .in0_tready_o,
        .out0_tdata_o(tdata),
        .out0_tvalid_o(tvalid),
        .out0_tready_i(tready)
    );
    bp_frame_end #(
        .Width(Width)
    ) i_end (
        .clk_i,
        .rst_ni,
        .size_i(Size),
        .finished_o(),
        .in0_tdata_i(tdata),
        .in0_tvalid_i(tvalid),
        .in0_tready_o(tready),
        .out0_tdata_o,
        .out0_tvalid_o,
        .out0_tlast_o,
        .out0_tready_i
    );

    assign moved = out0_tvalid_o && out0_tready_i;
    assign taken = in0_tvalid_i && in0_tready_o;
    assign passed = moved && taken;
    assign free = !out0_tvalid_o || out0_tready_i;
    assign last = beat_q == 8'(FrameBeats - 1);

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            started_q <= '0;
            entered_q <= '0;
            ended_q <= '0;
            offered_q <= '0;
            beat_q <= '0;
            first_q <= 1'b1;
            late_q <= 1'b0;
            spoilt_q <= 1'b0;
            drop_q <= 1'b0;
            wrong_q <= 1'b0;
        end else begin
            if (start_i && started_q - entered_q != 4'd15) started_q <= started_q + 4'd1;
            if (moved) beat_q <= last ? '0 : beat_q + 8'd1;
            if (moved && last) entered_q <= entered_q + 4'd1;
            if (taken) first_q <= in0_tlast_i;
            if (!free || in0_tvalid_i) ended_q <= '0;
            else if (ended_q != Patience) ended_q <= ended_q + 4'd1;
            if (!free || !in0_tvalid_i || entered_q == started_q || moved || taken) offered_q <= '0;
            else if (offered_q != Patience) offered_q <= offered_q + 4'd1;
            if (moved && last) late_q <= passed && !in0_tlast_i;
            if (passed && in0_tlast_i && !last && late_q) spoilt_q <= 1'b1;
            else if (moved && last) spoilt_q <= 1'b0;
            if (moved && last && spoilt_q) drop_q <= 1'b1;
            else if (taken && in0_tlast_i) drop_q <= 1'b0;
            wrong_q <= passed && in0_tlast_i != last;
        end
    end

    assign bad_length_o = rst_ni && moved && out0_tlast_o != last;
    assign bad_start_o = rst_ni && passed && (beat_q == 0 ? !first_q && !late_q : first_q);
    assign bad_drop_o = rst_ni && taken && moved == drop_q;
    assign bad_order_o = rst_ni && moved && entered_q == started_q;
    assign bad_error_o = rst_ni && error != wrong_q;
    assign bad_lost_o = rst_ni && ended_q == Patience && first_q && beat_q != 0;
    assign bad_stuck_o = rst_ni && offered_q == Patience;
endmodule
