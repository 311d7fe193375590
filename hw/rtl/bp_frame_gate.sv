// Input gate of a stream: lets frame n in only when more than n frames are started, and keeps frames apart by count.
//
// Units behind the gate count beats and know no tlast, so every frame must have exactly as many as size_i says: the gate
// sees to it. Whenever tlast is not where the count says, length_error_o rises for a clock. A frame whose tlast comes
// early is filled up with zeros, and the next one starts on its own first beat. A frame ends by its count, with tlast or
// without, and the next beat starts the next one. Only if tlast then comes in its midst was the frame before too long:
// what was too much is filled up in the place of the packet that follows, which is dropped.
// Between gate and frame the handshake passes straight through; no path leads from a tvalid to a tready.

module bp_frame_gate #(
    parameter int unsigned Width      = 16,  // bits per beat
    parameter int unsigned StrideBits = 0,   // log2 of the PAN pixels per pixel; a beat is a pixel
    parameter int unsigned Border     = 0    // pixels beyond the image on each side
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    input  bp_scene_pkg::size_t size_i,  // of the frames
    // verilator lint_off UNUSEDSIGNAL
    input  logic [        31:0] started_i,  // frames started; at most 15 ahead of the frames that left the gate
    // verilator lint_on UNUSEDSIGNAL
    output logic                length_error_o,  // tlast came early, or not with the last beat
    input  logic [   Width-1:0] in0_tdata_i,
    input  logic                in0_tvalid_i,
    input  logic                in0_tlast_i,
    output logic                in0_tready_o,
    output logic [   Width-1:0] out0_tdata_o,
    output logic                out0_tvalid_o,
    input  logic                out0_tready_i
);

    if (Width < 1) begin : gen_check_width
        $error("bp_frame_gate: Width must be at least 1");
    end

    typedef enum logic [1:0] {
        Pass,
        Fill,
        Drop
    } state_e;

    state_e state_q, state_d;
    logic [3:0] entered_q, next_q;  // frames let in, modulo 16, and one more
    logic late_q, late_d;  // the frame before had no tlast
    logic open_q, moved, last_beat, error;

    assign moved = out0_tvalid_o && out0_tready_i;

    bp_frame_counter #(
        .StrideBits(StrideBits),
        .Border(Border)
    ) u_counter (
        .clk_i,
        .rst_ni,
        .size_i,
        .step_i(moved),
        .last_o(last_beat)
    );

    always_comb begin
        out0_tdata_o = in0_tdata_i;
        out0_tvalid_o = in0_tvalid_i && open_q;
        in0_tready_o = out0_tready_i && open_q;
        state_d = state_q;
        late_d = late_q;
        error = 1'b0;
        unique case (state_q)
            Fill: begin
                out0_tdata_o  = '0;
                out0_tvalid_o = 1'b1;
                in0_tready_o  = 1'b0;
                if (out0_tready_i && last_beat) begin
                    state_d = late_q ? Drop : Pass;
                    late_d  = 1'b0;
                end
            end
            Drop: begin
                out0_tvalid_o = 1'b0;
                in0_tready_o  = 1'b1;
                if (in0_tvalid_i && in0_tlast_i) state_d = Pass;
            end
            default: begin
                if (in0_tvalid_i && in0_tready_o) begin
                    if (last_beat) late_d = !in0_tlast_i;
                    else if (in0_tlast_i) state_d = Fill;
                    error = in0_tlast_i != last_beat;
                end
            end
        endcase
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            state_q <= Pass;
            late_q <= 1'b0;
            entered_q <= '0;
            next_q <= 4'd1;
            open_q <= 1'b0;
            length_error_o <= 1'b0;
        end else begin
            state_q <= state_d;
            late_q <= late_d;
            length_error_o <= error;
            open_q <= (moved && last_beat ? next_q : entered_q) != started_i[3:0];
            if (moved && last_beat) begin
                entered_q <= next_q;
                next_q <= next_q + 4'd1;
            end
        end
    end

endmodule
