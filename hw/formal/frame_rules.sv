// The beats of a unit, counted: every frame that goes in comes out with exactly its beats, in time.
//
// Each stream has its number of beats a frame, inputs come first. A proof needs rules that fail within finite time, so
// there are two with a bound in clocks; together they say that nothing is lost, doubled or kept for ever.

module frame_rules #(
    parameter int unsigned Inputs = 1,
    parameter int unsigned Outputs = 1,
    parameter logic [(Inputs+Outputs)*8-1:0] Beats = {8'd4, 8'd4},  // per frame, stream 0 lowest
    parameter int unsigned Frames = 2,  // begun frames that fit inside, 6 at most
    parameter int unsigned Patience = 8,  // clocks in which something must happen
    localparam int unsigned Streams = Inputs + Outputs
) (
    input  logic               clk_i,
    input  logic               rst_ni,
    input  logic [Streams-1:0] tvalid_i,
    input  logic [Streams-1:0] tready_i,
    output logic               bad_early_o,  // a beat left before the share of the frame that it stands for was in
    output logic               bad_full_o,   // more than Frames are inside
    output logic               bad_lost_o,   // inputs stopped at the end of a frame, outputs were free: it did not come out
    output logic               bad_stuck_o   // inputs offered beats, outputs were free, and no beat moved
);
    if (Frames > 6) begin : gen_check
        $error("frame_rules: Frames is at most 6");
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

    logic ended, offered;
    logic [ClockBits-1:0] ended_q, offered_q;  // clocks for which it has been so

    assign ended = tready_i[Inputs+:Outputs] == '1 && tvalid_i[0+:Inputs] == '0;
    assign offered = tready_i[Inputs+:Outputs] == '1 && tvalid_i[0+:Inputs] == '1 && moved == '0;

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
