// sqrt(vf / vb) of two variances as mantissa * 2**exponent, mantissa 4 to 8, and 0 where either variance is 0.
//
// The leading twelve bits a and b of both are shifted until their exponents differ by an even number and 1 <= a/b < 4;
// the mantissa is 4 plus the number of midpoints with 64 a >= midpoint * b. Never waits: a pair enters every Interval
// clocks or less often, 4 comparisons in 4, 2 or 1 clocks as Interval allows, and one normaliser for both variances
// where Interval is 2 or more.

module bp_deviation_ratio #(
    parameter int unsigned Bits = 32,  // of a variance, natural binary
    parameter int unsigned Interval = 4,  // clocks from one pair to the next, at least
    parameter int unsigned TagBits = 1,  // of what travels with a pair
    localparam int unsigned Inputs = Interval > 1 ? 1 : 2,
    localparam int unsigned Wide = Bits > 12 ? Bits : 12,
    localparam int unsigned ExponentBits = $clog2(Wide) + 1
) (
    input  logic                           clk_i,
    input  logic                           rst_ni,
    input  logic                           valid_i,
    input  logic [Inputs-1:0][Bits-1:0]    v_i,         // vb above vf; one input: vf a clock ahead of vb and valid_i
    input  logic [TagBits-1:0]             tag_i,
    output logic                           valid_o,
    output logic [3:0]                     mantissa_o,
    output logic [ExponentBits-1:0]        exponent_o,  // two's complement
    output logic [TagBits-1:0]             tag_o
);
    localparam int unsigned Kept = 12;
    localparam int unsigned ZerosBits = $clog2(Wide);
    localparam int unsigned Normalising = (ZerosBits + 1) / 2;  // clocks
    localparam int unsigned Passes = Interval >= 4 ? 4 : Interval >= 2 ? 2 : 1;
    localparam int unsigned Comparisons = 4 / Passes;
    localparam int unsigned Latency = Normalising + 2 + Passes + 2;
    localparam logic [3:0][7:0] Midpoints = {8'd225, 8'd169, 8'd121, 8'd81};  // 64 * (1 + (2j + 1)/8)**2

    logic [Latency-1:0] valid_q;
    logic [TagBits-1:0] tag_q[Latency];
    assign valid_o = valid_q[Latency-1];
    assign tag_o   = tag_q[Latency-1];
    always_ff @(posedge clk_i) begin
        valid_q <= rst_ni ? Latency'({valid_q, valid_i}) : '0;
        tag_q[0] <= tag_i;
        for (int unsigned i = 1; i < Latency; i++) tag_q[i] <= tag_q[i-1];
    end

    // Leading bits of both.
    logic [Kept-1:0] a, b;
    logic [ZerosBits-1:0] zeros_a, zeros_b;
    for (genvar i = 0; i < Inputs; i++) begin : gen_leading
        logic [Kept-1:0] bits;
        logic [ZerosBits-1:0] zeros;
        bp_leading_bits #(
            .Bits(Bits),
            .Kept(Kept)
        ) u_leading (
            .clk_i,
            .v_i    (v_i[i]),
            .bits_o (bits),
            .zeros_o(zeros)
        );
    end
    if (Inputs == 1) begin : gen_in_turn
        always_ff @(posedge clk_i) {a, zeros_a} <= {gen_leading[0].bits, gen_leading[0].zeros};
    end else begin : gen_at_once
        assign {a, zeros_a} = {gen_leading[0].bits, gen_leading[0].zeros};
    end
    assign {b, zeros_b} = {gen_leading[Inputs-1].bits, gen_leading[Inputs-1].zeros};

    // An even difference of exponents, then 1 <= a/b < 4.
    logic signed [ExponentBits-1:0] double, half_q, exponent;
    logic [Kept:0] even, even_q;
    logic [Kept-1:0] b_q;
    logic less_q;
    assign double = ExponentBits'(zeros_b) - ExponentBits'(zeros_a);
    assign even   = double[0] ? {a, 1'b0} : {1'b0, a};
    always_ff @(posedge clk_i) begin
        half_q <= double >>> 1;
        even_q <= even;
        b_q <= b;
        less_q <= even < {1'b0, b};
    end
    assign exponent = half_q - ExponentBits'(2) - ExponentBits'(less_q);

    // The pair that is compared, for Passes clocks; a waits for the product, exponent and zero for the count.
    logic load;
    logic [1:0] pass_q;
    logic [Kept+1:0] scaled_q[2];
    logic [Kept-1:0] divisor_q;
    logic [ExponentBits:0] rest_q[4];  // {a variance is zero, exponent}
    assign load = valid_q[Normalising];
    always_ff @(posedge clk_i) begin
        if (load) begin
            scaled_q[0] <= less_q ? (Kept + 2)'({even_q, 2'b00}) : (Kept + 2)'(even_q);
            divisor_q <= b_q;
            rest_q[0] <= {!b_q[Kept-1] || even_q == '0, exponent};
        end
        pass_q <= load || Passes == 1 ? '0 : pass_q + 1'b1;
        scaled_q[1] <= scaled_q[0];
        for (int unsigned i = 1; i < 4; i++) rest_q[i] <= rest_q[i-1];
    end

    // Comparison i of a pass is the sign of 64 a - midpoint * b: a multiplier and an adder, one DSP slice.
    logic [2:0] reached, count_q;
    logic [1:0] first_q;
    logic [Comparisons-1:0] below;
    for (genvar i = 0; i < Comparisons; i++) begin : gen_comparison
        logic signed [8:0] midpoint;
        logic signed [21:0] product_q;
        /* verilator lint_off UNUSEDSIGNAL */
        logic signed [21:0] difference_q;
        /* verilator lint_on UNUSEDSIGNAL */
        assign midpoint = -$signed({1'b0, Midpoints[2'(pass_q*Comparisons+i)]});
        always_ff @(posedge clk_i) begin
            product_q <= 22'(midpoint) * 22'($signed({1'b0, divisor_q}));
            difference_q <= product_q + 22'($signed({1'b0, scaled_q[1], 6'd0}));
        end
        assign below[i] = difference_q[21];
    end
    always_comb begin
        reached = '0;
        for (int unsigned i = 0; i < Comparisons; i++) reached += 3'(!below[i]);
    end
    always_ff @(posedge clk_i) begin
        first_q <= {first_q[0], pass_q == '0};
        count_q <= (first_q[1] ? '0 : count_q) + reached;
    end
    assign mantissa_o = rest_q[3][ExponentBits] ? '0 : 4'd4 + 4'(count_q);
    assign exponent_o = rest_q[3][ExponentBits-1:0];
endmodule
