// Where in its stream a unit with scene parameters stands: the fold of the pixel, and the bank of the frame.
//
// accept_i marks the beats that enter. Frame n uses bank bank_of_frame_i[n mod 16] from its first beat to its last.

module bp_scene_position #(
    parameter int unsigned Folds = 2,  // beats per pixel
    parameter int unsigned FrameBeats = 8,  // beats per frame, a multiple of Folds
    localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    input  logic                 accept_i,
    input  bp_scene_pkg::banks_t bank_of_frame_i,
    output logic                 bank_o,
    output logic [ FoldBits-1:0] fold_o
);
    localparam int unsigned BeatBits = FrameBeats > 1 ? $clog2(FrameBeats) : 1;

    if (FrameBeats == 0 || FrameBeats % Folds != 0) begin : gen_check
        $error("bp_scene_position: a frame is a whole number of pixels, at least 1");
    end

    logic last_fold, last_beat;
    logic [FoldBits-1:0] fold_q;
    logic [BeatBits-1:0] beat_q;
    logic [3:0] frame_q;

    assign last_fold = fold_q == FoldBits'(Folds - 1);
    assign last_beat = beat_q == BeatBits'(FrameBeats - 1);
    assign bank_o = bank_of_frame_i[frame_q];
    assign fold_o = fold_q;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            fold_q  <= '0;
            beat_q  <= '0;
            frame_q <= '0;
        end else if (accept_i) begin
            fold_q <= last_fold ? '0 : fold_q + 1'b1;
            beat_q <= last_beat ? '0 : beat_q + 1'b1;
            if (last_beat) frame_q <= frame_q + 1'b1;
        end
    end
endmodule
