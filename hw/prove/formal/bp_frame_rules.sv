// The beats of a unit, counted: of every frame as many come out as should, no sooner than their share of it is in, and in
// time once the inputs stop between frames.
//
// Each stream has its number of beats a frame, inputs come first. A proof needs rules that fail within finite time, so
// two have a bound in clocks.

module bp_frame_rules #(
    parameter int unsigned Inputs = 1,
    parameter int unsigned Outputs = 1,
    parameter logic [(Inputs+Outputs)*8-1:0] Beats = {8'd4, 8'd4},  // per frame, stream 0 lowest
    parameter int unsigned Frames = 2,  // whole frames that may be inside, besides the one that comes in; 5 at most
    parameter int unsigned Patience = 8,  // clocks in which something must happen
    localparam int unsigned Streams = Inputs + Outputs
) (
    input  logic               clk_i,
    input  logic               rst_ni,
    input  logic [Streams-1:0] tvalid_i,
    input  logic [Streams-1:0] tready_i,
    output logic               bad_early_o,  // more of a frame has left than has come
    output logic               bad_full_o,   // more than Frames are inside
    output logic               bad_lost_o,   // inputs stopped at the end of a frame, nobody kept it back: it did not come out
    output logic               bad_stuck_o   // all inputs offered a beat, nobody kept one back, and none moved
);
    if (Frames > 5) begin : gen_check
        $error("bp_frame_rules: Frames is at most 5");
    end

    localparam int unsigned ClockBits = $clog2(Patience + 1);

    logic [Streams-1:0] moved, whole;
    logic [Streams-1:0][7:0] beat_q;  // of the frame
    logic [Streams-1:0][2:0] frame_q;  // modulo 8

    assign moved = tvalid_i & tready_i;

    for (genvar s = 0; s < Streams; s++) begin : gen_stream
        logic last;
        assign last = beat_q[s] == Beats[s*8+:8] - 8'd1;
        assign whole[s] = beat_q[s] == 0 && frame_q[s] == frame_q[0];
        always_ff @(posedge clk_i) begin
            if (!rst_ni) begin
                beat_q[s]  <= '0;
                frame_q[s] <= '0;
            end else if (moved[s]) begin
                beat_q[s] <= last ? '0 : beat_q[s] + 8'd1;
                if (last) frame_q[s] <= frame_q[s] + 3'd1;
            end
        end
    end

    logic [Inputs*Outputs-1:0] early, full;

    for (genvar i = 0; i < Inputs; i++) begin : gen_input
        for (genvar o = 0; o < Outputs; o++) begin : gen_output
            localparam int unsigned Out = Inputs + o;
            logic [2:0] begun;
            logic [15:0] in_share, out_share;  // of the frame, on one scale
            assign begun = frame_q[i] - frame_q[Out];
            assign in_share = beat_q[i] * Beats[Out*8+:8];
            assign out_share = beat_q[Out] * Beats[i*8+:8];
            assign early[i*Outputs+o] = begun == 3'd7 || begun == 3'd0 && out_share > in_share;
            assign full[i*Outputs+o] = begun != 3'd7 && begun > 3'(Frames);
        end
    end

    logic free, ended, offered;
    logic [ClockBits-1:0] ended_q, offered_q;  // clocks for which it has been so

    // A consumer may wait for valid before it is ready, so it is enough that nobody keeps an offered beat waiting.
    assign free = (tvalid_i[Inputs+:Outputs] & ~tready_i[Inputs+:Outputs]) == '0;
    assign ended = free && tvalid_i[0+:Inputs] == '0;
    assign offered = free && tvalid_i[0+:Inputs] == '1 && moved == '0;

    always_ff @(posedge clk_i) begin
        if (!rst_ni || !ended) ended_q <= '0;
        else if (ended_q != ClockBits'(Patience)) ended_q <= ended_q + 1'b1;
        if (!rst_ni || !offered) offered_q <= '0;
        else if (offered_q != ClockBits'(Patience)) offered_q <= offered_q + 1'b1;
    end

    assign bad_early_o = rst_ni && |early;
    assign bad_full_o = rst_ni && |full;
    assign bad_lost_o = rst_ni && ended_q == ClockBits'(Patience) && whole[0+:Inputs] == '1 && whole != '1;
    assign bad_stuck_o = rst_ni && offered_q == ClockBits'(Patience);
endmodule
