// Where in its stream a unit with scene parameters stands: the fold of the pixel, and the bank of the frame.
//
// accept_i marks the beats that enter. Frame n uses bank bank_of_frame_i[n mod 16] from its first beat to its last.

module bp_scene_position #(
    parameter int unsigned Folds = 2,  // beats per pixel
    parameter int unsigned Width = 16,  // pixels per line, at most
    parameter int unsigned StrideBits = 0,  // log2 of the PAN pixels per pixel
    localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    input  bp_scene_pkg::size_t  size_i,
    input  logic                 accept_i,
    input  bp_scene_pkg::banks_t bank_of_frame_i,
    output logic                 bank_o,
    output logic [ FoldBits-1:0] fold_o
);
    if (Folds < 1) begin : gen_check_folds
        $error("bp_scene_position: Folds is at least 1");
    end

    logic last_fold, last_pixel;
    logic [FoldBits-1:0] fold_q;
    logic [3:0] frame_q;

    assign last_fold = fold_q == FoldBits'(Folds - 1);
    assign bank_o = bank_of_frame_i[frame_q];
    assign fold_o = fold_q;

    bp_frame_counter #(
        .Width     (Width),
        .StrideBits(StrideBits)
    ) u_counter (
        .clk_i,
        .rst_ni,
        .size_i,
        .step_i(accept_i && last_fold),
        .last_o(last_pixel)
    );

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            fold_q  <= '0;
            frame_q <= '0;
        end else if (accept_i) begin
            fold_q <= last_fold ? '0 : fold_q + 1'b1;
            if (last_fold && last_pixel) frame_q <= frame_q + 1'b1;
        end
    end
endmodule
