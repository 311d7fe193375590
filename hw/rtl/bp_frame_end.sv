// Output end of a stream: counts beats, sets tlast on the last beat of a frame, tells of each frame that has left.

module bp_frame_end #(
    parameter int unsigned Width      = 64,   // bits per beat
    parameter int unsigned FrameBeats = 4096  // beats per frame
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    output logic             finished_o,     // for a clock, after the last beat of a frame was taken
    input  logic [Width-1:0] in0_tdata_i,
    input  logic             in0_tvalid_i,
    output logic             in0_tready_o,
    output logic [Width-1:0] out0_tdata_o,
    output logic             out0_tvalid_o,
    output logic             out0_tlast_o,
    input  logic             out0_tready_i
);

    if (Width < 1) begin : gen_check_width
        $error("bp_frame_end: Width must be at least 1");
    end
    if (FrameBeats < 1) begin : gen_check_beats
        $error("bp_frame_end: FrameBeats must be at least 1");
    end

    localparam int unsigned CountBits = FrameBeats > 1 ? $clog2(FrameBeats) : 1;

    logic [CountBits-1:0] count_q;
    logic                 moved;

    assign out0_tdata_o = in0_tdata_i;
    assign out0_tvalid_o = in0_tvalid_i;
    assign out0_tlast_o = count_q == CountBits'(FrameBeats - 1);
    assign in0_tready_o = out0_tready_i;
    assign moved = in0_tvalid_i && out0_tready_i;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            count_q <= '0;
            finished_o <= 1'b0;
        end else begin
            finished_o <= moved && out0_tlast_o;
            if (moved) count_q <= out0_tlast_o ? '0 : count_q + 1'b1;
        end
    end

endmodule
