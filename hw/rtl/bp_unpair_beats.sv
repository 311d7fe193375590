// The inverse of bp_pair_beats: of a group of pairs, first every first beat as it comes, then every second one
// from a memory.
//
// Pixels of a line (a group is a pixel's beats) or whole lines (a line's beats). The output has no gap between groups.
// The group's size is quasi-static: it changes only while nothing is inside.

module bp_unpair_beats #(
    parameter int unsigned Width = 8,  // bits per output beat
    parameter int unsigned Distance = 4,  // beats from the first to the second of a pair, at most
    localparam int unsigned CountBits = Distance > 1 ? $clog2(Distance) : 1
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    input  logic [CountBits-1:0] last_i,       // beats from the first to the second of a pair, less one
    input  logic [  2*Width-1:0] in0_tdata_i,  // the first lower
    input  logic                 in0_tvalid_i,
    output logic                 in0_tready_o,
    output logic [    Width-1:0] out0_tdata_o,
    output logic                 out0_tvalid_o,
    input  logic                 out0_tready_i
);
    if (Distance < 1) begin : gen_check
        $error("bp_unpair_beats: Distance is at least 1");
    end

    logic [Width-1:0] memory[Distance];
    logic [Width-1:0] first_q, second_q;
    logic [CountBits-1:0] count_q;
    logic half_q, second_valid_q;  // half: the second
    logic advance, step, last;

    assign advance = !out0_tvalid_o || out0_tready_i;
    assign in0_tready_o = advance && !half_q;
    assign step = advance && (half_q || in0_tvalid_i);
    assign last = count_q == last_i;
    assign out0_tdata_o = second_valid_q ? second_q : first_q;

    always_ff @(posedge clk_i) begin
        if (!half_q) memory[count_q] <= in0_tdata_i[Width+:Width];  // written again until the pair is there
        if (advance) second_q <= memory[count_q];
        if (advance) first_q <= in0_tdata_i[0+:Width];
        if (advance) second_valid_q <= half_q;
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            count_q <= '0;
            half_q <= 1'b0;
            out0_tvalid_o <= 1'b0;
        end else if (advance) begin
            out0_tvalid_o <= step;
            if (step) count_q <= last ? '0 : count_q + 1'b1;
            if (step && last) half_q <= !half_q;
        end
    end
endmodule
