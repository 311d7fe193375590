// What the channels of a pixel share in BNNPan's norm, from the sums over C channels of x and of the residual r:
//
//   -sum x, the mean of r, and the ratio sqrt(variance of r / variance of x), between 2**-Reach and 2**Reach,
//   as mantissa * 2**(place + (Reach + 1) * window - Reach - 2): mantissa 4 to 7, place 0 ... Reach, window 0 or 1.
//
// The mantissa is 0 where a variance is 0. Never waits: a pixel enters every Interval clocks or less often. From an
// interval of 2 on, the variance of r and then that of x go through one pipeline.

module bp_norm_factors #(
    parameter int unsigned Channels = 32,
    parameter int unsigned Bits = 12,  // of x and r, two's complement
    parameter int unsigned Interval = 4,  // clocks from one pixel to the next, at least
    parameter int unsigned Reach = 14,  // of the ratio
    localparam int unsigned SumBits = Bits + $clog2(Channels),
    localparam int unsigned SquaresBits = 2 * Bits - 1 + $clog2(Channels),
    localparam int unsigned MeanBits = Bits + 1,  // 1/C is rounded, so the mean may pass the format's end
    localparam int unsigned PlaceBits = $clog2(Reach + 1)
) (
    input  logic                   clk_i,
    input  logic                   rst_ni,
    input  logic                   valid_i,
    input  logic [    SumBits-1:0] sum_x_i,
    input  logic [SquaresBits-1:0] squares_x_i,
    input  logic [    SumBits-1:0] sum_r_i,
    input  logic [SquaresBits-1:0] squares_r_i,
    output logic                   valid_o,
    output logic [      SumBits:0] negative_sum_o,
    output logic [   MeanBits-1:0] mean_o,
    output logic [            2:0] mantissa_o,
    output logic [  PlaceBits-1:0] place_o,
    output logic                   window_o
);
    localparam int unsigned Inputs = Interval > 1 ? 1 : 2;
    // C * sum x^2 - (sum x)^2 <= (C/2 * (2**Bits - 1))**2; the difference needs no more bits than the result.
    localparam int unsigned VarianceBits = $clog2(Channels * Channels) + 2 * Bits - 2;
    localparam int unsigned ExponentBits = $clog2(VarianceBits > 12 ? VarianceBits : 12) + 1;
    localparam int unsigned MeanFraction = 12;
    localparam int MeanFactor = (2 ** (MeanFraction + 1) / Channels + 1) / 2;  // 2**12 / C, rounded
    localparam int unsigned MeanProductBits = SumBits + MeanFraction + 1;
    localparam int unsigned Waiting = Inputs == 1 ? 4 : 3;  // clocks until the last variance is there
    localparam int unsigned TagBits = SumBits + 1 + MeanBits;
    localparam int unsigned PositionBits = ExponentBits + 2;

    // Sums in turn or at once.
    logic [Inputs-1:0][SumBits-1:0] sum_q;
    logic [Inputs-1:0][SquaresBits-1:0] squares_q;
    if (Inputs == 1) begin : gen_in_turn
        logic [SumBits-1:0] sum_x_q;
        logic [SquaresBits-1:0] squares_x_q;
        always_ff @(posedge clk_i) begin
            {sum_x_q, squares_x_q} <= {sum_x_i, squares_x_i};
            sum_q[0] <= valid_i ? sum_r_i : sum_x_q;
            squares_q[0] <= valid_i ? squares_r_i : squares_x_q;
        end
    end else begin : gen_at_once
        always_ff @(posedge clk_i) begin
            sum_q <= {sum_x_i, sum_r_i};
            squares_q <= {squares_x_i, squares_r_i};
        end
    end

    logic [Inputs-1:0][VarianceBits-1:0] variance;
    for (genvar i = 0; i < Inputs; i++) begin : gen_variance
        logic [VarianceBits-1:0] square_q, scaled_q, variance_q;
        always_ff @(posedge clk_i) begin
            square_q <= VarianceBits'((2 * SumBits)'($signed(sum_q[i])) * (2 * SumBits)'($signed(sum_q[i])));
            scaled_q <= VarianceBits'(Channels) * VarianceBits'(squares_q[i]);
            variance_q <= scaled_q - square_q;
        end
        assign variance[i] = variance_q;
    end

    // What waits for the variances, and then travels with them.
    logic [Waiting-1:0] valid_q;
    logic [SumBits:0] negative_q[Waiting];
    logic signed [MeanProductBits-1:0] product_q;
    logic [MeanBits-1:0] mean_q[Waiting-1];
    always_ff @(posedge clk_i) begin
        valid_q <= rst_ni ? Waiting'({valid_q, valid_i}) : '0;
        negative_q[0] <= -(SumBits + 1)'($signed(sum_x_i));
        product_q <= MeanProductBits'($signed(sum_r_i)) * MeanProductBits'(MeanFactor);
        mean_q[0] <= MeanBits'((product_q + MeanProductBits'(2 ** (MeanFraction - 1))) >>> MeanFraction);
        for (int unsigned i = 1; i < Waiting; i++) negative_q[i] <= negative_q[i-1];
        for (int unsigned i = 1; i < Waiting - 1; i++) mean_q[i] <= mean_q[i-1];
    end

    logic ratio_valid;
    logic [3:0] mantissa;
    logic signed [ExponentBits-1:0] exponent;
    logic [TagBits-1:0] tag;
    bp_deviation_ratio #(
        .Bits    (VarianceBits),
        .Interval(Interval),
        .TagBits (TagBits)
    ) u_ratio (
        .clk_i,
        .rst_ni,
        .valid_i   (valid_q[Waiting-1]),
        .v_i       (variance),
        .tag_i     ({negative_q[Waiting-1], mean_q[Waiting-2]}),
        .valid_o   (ratio_valid),
        .mantissa_o(mantissa),
        .exponent_o(exponent),
        .tag_o     (tag)
    );

    // A mantissa of 8 is 4 with the next exponent.
    logic signed [PositionBits-1:0] position, above;
    assign position = PositionBits'(exponent) + PositionBits'(Reach + 2) + PositionBits'({1'b0, mantissa[3]});
    assign above = position - PositionBits'(Reach + 1);
    always_ff @(posedge clk_i) begin
        valid_o <= rst_ni && ratio_valid;
        {negative_sum_o, mean_o} <= tag;
        mantissa_o <= {mantissa[2] || mantissa[3], mantissa[1:0]};
        window_o <= above >= 0;
        place_o <= PlaceBits'(above >= 0 ? above : position);
    end
endmodule
