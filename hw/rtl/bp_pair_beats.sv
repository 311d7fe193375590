// Puts each beat beside the one a distance before it: the first half of the beats waits in a memory, each beat of the
// second half makes a pair.
//
// Pairs of pixels of a line (the distance is a pixel's beats) or of lines (a line's beats). The distance is quasi-static:
// it changes only while nothing is inside.

module bp_pair_beats #(
    parameter int unsigned Width = 8,  // bits per beat
    parameter int unsigned Distance = 4,  // beats from the first to the second of a pair, at most
    localparam int unsigned CountBits = Distance > 1 ? $clog2(Distance) : 1
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    input  logic [CountBits-1:0] last_i,  // beats from the first to the second of a pair, less one
    input  logic [    Width-1:0] in0_tdata_i,
    input  logic                 in0_tvalid_i,
    output logic                 in0_tready_o,
    output logic [  2*Width-1:0] out0_tdata_o,  // the first lower
    output logic                 out0_tvalid_o,
    input  logic                 out0_tready_i
);
    if (Distance < 1) begin : gen_check
        $error("bp_pair_beats: Distance is at least 1");
    end

    logic [Width-1:0] memory[Distance];
    logic [Width-1:0] first_q, second_q;
    logic [CountBits-1:0] count_q;
    logic half_q;  // the second
    logic advance, accept, last;

    assign advance = !out0_tvalid_o || out0_tready_i;
    assign in0_tready_o = !half_q || advance;
    assign accept = in0_tvalid_i && in0_tready_o;
    assign last = count_q == last_i;
    assign out0_tdata_o = {second_q, first_q};

    always_ff @(posedge clk_i) begin
        if (!half_q) memory[count_q] <= in0_tdata_i;  // written again until the beat is there
        if (advance) first_q <= memory[count_q];
        if (advance) second_q <= in0_tdata_i;
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            count_q <= '0;
            half_q <= 1'b0;
            out0_tvalid_o <= 1'b0;
        end else begin
            if (advance) out0_tvalid_o <= accept && half_q;
            if (accept) count_q <= last ? '0 : count_q + 1'b1;
            if (accept && last) half_q <= !half_q;
        end
    end
endmodule
