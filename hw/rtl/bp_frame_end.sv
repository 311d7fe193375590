// Output end of a stream: counts beats, sets tlast on the last beat of a frame, tells of each frame that has left.

module bp_frame_end #(
    parameter int unsigned Width = 64  // bits per beat, a pixel
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    input  bp_scene_pkg::size_t size_i,      // of the frames
    output logic                finished_o,  // for a clock, after the last beat of a frame was taken
    input  logic [   Width-1:0] in0_tdata_i,
    input  logic                in0_tvalid_i,
    output logic                in0_tready_o,
    output logic [   Width-1:0] out0_tdata_o,
    output logic                out0_tvalid_o,
    output logic                out0_tlast_o,
    input  logic                out0_tready_i
);

    if (Width < 1) begin : gen_check_width
        $error("bp_frame_end: Width must be at least 1");
    end

    logic moved;

    assign out0_tdata_o = in0_tdata_i;
    assign out0_tvalid_o = in0_tvalid_i;
    assign in0_tready_o = out0_tready_i;
    assign moved = in0_tvalid_i && out0_tready_i;

    bp_frame_counter u_counter (
        .clk_i,
        .rst_ni,
        .size_i,
        .step_i(moved),
        .last_o(out0_tlast_o)
    );

    always_ff @(posedge clk_i) begin
        if (!rst_ni) finished_o <= 1'b0;
        else finished_o <= moved && out0_tlast_o;
    end

endmodule
