// Sum and sum of squares over the channels of each pixel, 3 + $clog2(Pe) clocks after its last beat. Never waits.

module bp_pixel_statistics #(
    parameter int unsigned Channels = 4,
    parameter int unsigned Pe = 2,  // channels per beat, a divisor of Channels
    parameter int unsigned Bits = 12,  // of x, two's complement
    // |x| <= 2**(Bits-1): the sums reach Channels times that, and Channels times its square.
    localparam int unsigned SumBits = Bits + $clog2(Channels),
    localparam int unsigned SquaresBits = 2 * Bits - 1 + $clog2(Channels)
) (
    input  logic                   clk_i,
    input  logic                   rst_ni,
    input  logic                   valid_i,
    input  logic                   last_i,     // the pixel's last beat
    input  logic [    Pe*Bits-1:0] x_i,
    output logic                   valid_o,
    output logic [    SumBits-1:0] sum_o,      // two's complement
    output logic [SquaresBits-1:0] squares_o   // natural binary
);
    localparam int unsigned Levels = $clog2(Pe);
    localparam int unsigned SquareBits = 2 * Bits - 1;

    logic [Pe-1:0][Bits-1:0] x_q;
    logic [Pe-1:0][SquareBits-1:0] square_q;
    logic [Bits+Levels-1:0] beat_sum, beat_sum_q;  // the sum is a clock ahead of the squares
    logic [SquareBits+Levels-1:0] beat_squares;

    // Valid and last of the beats between input and accumulators.
    logic [Levels+1:0] valid_q, last_q;
    logic valid, last, first, first_q;
    assign valid = valid_q[Levels+1];
    assign last  = last_q[Levels+1];
    assign first = Pe == Channels || first_q;

    always_ff @(posedge clk_i) begin
        last_q <= (Levels + 2)'({last_q, last_i});
        if (!rst_ni) begin
            valid_q <= '0;
            valid_o <= 1'b0;
            first_q <= 1'b1;
        end else begin
            valid_q <= (Levels + 2)'({valid_q, valid_i});
            valid_o <= valid && last;
            if (valid) first_q <= last;
        end
    end

    always_ff @(posedge clk_i) begin
        x_q <= x_i;
        for (int unsigned pe = 0; pe < Pe; pe++) begin
            square_q[pe] <= SquareBits'($signed(x_q[pe])) * SquareBits'($signed(x_q[pe]));
        end
        beat_sum_q <= beat_sum;
    end

    bp_adder_tree #(
        .Count(Pe),
        .Bits (Bits)
    ) u_sum (
        .clk_i,
        .enable_i(1'b1),
        .v_i     (x_q),
        .sum_o   (beat_sum)
    );

    bp_adder_tree #(
        .Count (Pe),
        .Bits  (SquareBits),
        .Signed(1'b0)
    ) u_squares (
        .clk_i,
        .enable_i(1'b1),
        .v_i     (square_q),
        .sum_o   (beat_squares)
    );

    always_ff @(posedge clk_i) begin
        if (valid) begin
            sum_o <= (first ? '0 : sum_o) + SumBits'($signed(beat_sum_q));
            squares_o <= (first ? '0 : squares_o) + SquaresBits'(beat_squares);
        end
    end
endmodule
