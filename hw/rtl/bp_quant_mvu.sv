// Integer matrix-vector product: out[m] = saturate(round_half_up(bias[m] + sum over k of w[m][k] * x[k], Shift)).
//
// Pieces, folding and weights as in bp_xnor_mvu: MatrixWidth/Simd pieces, anew for each of the MatrixHeight/Pe groups of rows.
//
// Where Paired, two rows of a beat share their multipliers. With weights a and b of them, (a * 2**Offset + b) * x holds b * x in its low bits
// and a * x + carried above, where carried = floor(b * x / 2**Offset), in [-2**(Over-1), 2**(Over-1)). The lowest Over bits of
// a * x, which take a few LUTs, tell what was carried: with it b * x is complete, and the carried ones' own sum is taken from
// that of a's row.

module bp_quant_mvu #(
    parameter int unsigned MatrixWidth = 18,  // elements that a row sees
    parameter int unsigned MatrixHeight = 4,  // output channels
    parameter int unsigned Simd = 6,  // elements per piece, a divisor of MatrixWidth
    parameter int unsigned Pe = 2,  // results per output beat, a divisor of MatrixHeight
    parameter int unsigned InBits = 12,  // bits of x; all numbers are two's complement
    parameter int unsigned WeightBits = 8,  // where Paired, none is the lowest number, -2**(WeightBits-1)
    parameter int unsigned BiasBits = 24,
    parameter int unsigned AccBits = 28,  // bits that hold every sum with its bias
    parameter int Shift = 8,  // bits dropped
    parameter int unsigned OutBits = 10,
    parameter int unsigned WeightMemory = 0,  // 0: by size, 1: LUTs, 2: block memory
    parameter bit Paired = 1'b0,  // a DSP slice makes the products of two rows
    // Row m, column k at bit (m * MatrixWidth + k) * WeightBits.
    parameter logic [MatrixHeight*MatrixWidth*WeightBits-1:0] Weights = '0,
    parameter logic [MatrixHeight*BiasBits-1:0] Biases = '0  // row 0 lowest
) (
    input  logic                   clk_i,
    input  logic                   rst_ni,
    input  logic [Simd*InBits-1:0] in0_tdata_i,
    input  logic                   in0_tvalid_i,
    output logic                   in0_tready_o,
    output logic [ Pe*OutBits-1:0] out0_tdata_o,
    output logic                   out0_tvalid_o,
    input  logic                   out0_tready_i
);
    localparam int unsigned Part = MatrixWidth / Simd;  // pieces of a sum
    localparam int unsigned Times = MatrixHeight / Pe;
    localparam int unsigned PassBits = Times > 1 ? $clog2(Times) : 1;
    localparam bit Constant = Part * Times == 1;
    localparam int unsigned RowBits = Simd * WeightBits;  // weights of one unit and step
    localparam int unsigned ProductBits = InBits + WeightBits;
    localparam int unsigned Levels = $clog2(Simd);
    localparam int unsigned TreeBits = ProductBits + Levels;
    localparam int unsigned FactorBits = 25;  // of a DSP slice's wide factor
    // Not above the product's sign, so that something is carried.
    localparam int unsigned Offset = ProductBits - 1 < FactorBits - WeightBits ? ProductBits - 1 : FactorBits - WeightBits;
    localparam int unsigned Over = ProductBits - Offset;
    localparam int unsigned WideBits = Offset + ProductBits;
    localparam int unsigned Pairs = Paired ? Pe / 2 : 0;

    if (MatrixWidth == 0 || MatrixHeight == 0 || BiasBits == 0) begin : gen_check_size
        $error("bp_quant_mvu: MatrixWidth, MatrixHeight and BiasBits are at least 1");
    end
    if (MatrixWidth % Simd != 0) begin : gen_check_simd
        $error("bp_quant_mvu: Simd divides MatrixWidth");
    end
    if (MatrixHeight % Pe != 0) begin : gen_check_pe
        $error("bp_quant_mvu: Pe divides MatrixHeight");
    end

    typedef logic signed [WeightBits-1:0] weight_t;

    function automatic weight_t weight(int unsigned row, int unsigned column);
        return Weights[(row*MatrixWidth+column)*WeightBits+:WeightBits];
    endfunction

    function automatic bit lowest();
        for (int unsigned row = 0; row < MatrixHeight; row++) begin
            for (int unsigned k = 0; k < MatrixWidth; k++) begin
                if (weight(row, k) == {1'b1, {WeightBits - 1{1'b0}}}) return 1'b1;
            end
        end
        return 1'b0;
    endfunction

    if (Pairs > 0 && (2 * WeightBits > FactorBits || InBits + WeightBits > FactorBits)) begin : gen_check_pairs
        $error("bp_quant_mvu: pairs have at most 12 bits of weights, and 25 with those of x");
    end
    if (Pairs > 0 && lowest()) begin : gen_check_weights
        $error("bp_quant_mvu: -2**(WeightBits-1) is a weight; WeightBits is one more then");
    end

    // In the order of the steps. Of a pair, the sum of both factors is a * 2**Offset + b: the upper one is less by the sign of b.
    function automatic logic [MatrixHeight*MatrixWidth*WeightBits-1:0] stepped();
        logic [MatrixHeight*MatrixWidth*WeightBits-1:0] w;
        for (int unsigned pass = 0; pass < Times; pass++) begin
            for (int unsigned k = 0; k < Part; k++) begin
                for (int unsigned pe = 0; pe < Pe; pe++) begin
                    for (int unsigned i = 0; i < Simd; i++) begin
                        weight_t own, below;
                        own = weight(pass * Pe + pe, k * Simd + i);
                        below = pe % 2 == 1 && pe < 2 * Pairs ? weight(pass * Pe + pe - 1, k * Simd + i) : '0;
                        w[(((pass*Part+k)*Pe+pe)*Simd+i)*WeightBits+:WeightBits] = below < 0 ? own - 1'b1 : own;
                    end
                end
            end
        end
        return w;
    endfunction

    localparam logic [MatrixHeight*MatrixWidth*WeightBits-1:0] Stepped = stepped();

    logic advance, valid, first, last;
    logic [Simd*InBits-1:0] piece;
    /* verilator lint_off UNUSEDSIGNAL */
    logic [Pe*RowBits-1:0] weights;  // 0 where the weights are constants
    /* verilator lint_on UNUSEDSIGNAL */

    assign advance = !out0_tvalid_o || out0_tready_i;
    assign in0_tready_o = advance;

    bp_mvu_front #(
        .Width       (Simd * InBits),
        .Part        (Part),
        .Times       (Times),
        .StepBits    (Pe * RowBits),
        .WeightMemory(WeightMemory),
        .Weights     (Stepped)
    ) u_front (
        .clk_i,
        .rst_ni,
        .enable_i (advance),
        .in0_tdata_i,
        .in0_tvalid_i,
        .valid_o  (valid),
        .first_o  (first),
        .last_o   (last),
        .piece_o  (piece),
        .weights_o(weights)
    );

    weight_t rows[Pe*Simd];
    logic signed [InBits-1:0] x[Simd];
    always_comb begin
        for (int unsigned i = 0; i < Simd; i++) x[i] = piece[i*InBits+:InBits];
        for (int unsigned i = 0; i < Pe * Simd; i++) begin
            rows[i] = Constant ? Stepped[i*WeightBits+:WeightBits] : weights[i*WeightBits+:WeightBits];
        end
    end

    // Products, their sums, what was carried away: 2 + Levels registers. All products in loops over arrays, which simulators
    // compile once instead of once per multiplier.
    logic signed [TreeBits-1:0] sum[Pe];

    for (genvar pair = 0; pair < Pairs; pair++) begin : gen_pair
        logic [Simd-1:0][WideBits-1:0] wide_q;
        logic [Simd-1:0][Over-1:0] rest_q, carried;
        logic [Simd-1:0][ProductBits-1:0] lower, upper;
        logic signed [TreeBits-1:0] lower_sum, upper_sum;
        logic signed [Over+Levels-1:0] carried_sum;

        always_ff @(posedge clk_i) begin
            if (advance) begin
                for (int unsigned i = 0; i < Simd; i++) begin
                    weight_t a, b;
                    {a, b} = {rows[(2*pair+1)*Simd+i], rows[2*pair*Simd+i]};
                    wide_q[i] <= WideBits'($signed({a, Offset'(b)})) * WideBits'(x[i]);
                    rest_q[i] <= (a[Over-1:0] + Over'(b[WeightBits-1])) * x[i][Over-1:0];
                end
            end
        end
        always_comb begin
            for (int unsigned i = 0; i < Simd; i++) begin
                carried[i] = wide_q[i][Offset+:Over] - rest_q[i];
                lower[i]   = {carried[i], wide_q[i][Offset-1:0]};
                upper[i]   = wide_q[i][WideBits-1:Offset];
            end
        end
        bp_adder_tree #(
            .Count(Simd),
            .Bits (ProductBits)
        ) u_lower (
            .clk_i,
            .enable_i(advance),
            .v_i     (lower),
            .sum_o   (lower_sum)
        );
        bp_adder_tree #(
            .Count(Simd),
            .Bits (ProductBits)
        ) u_upper (
            .clk_i,
            .enable_i(advance),
            .v_i     (upper),
            .sum_o   (upper_sum)
        );
        bp_adder_tree #(
            .Count(Simd),
            .Bits (Over)
        ) u_carried (
            .clk_i,
            .enable_i(advance),
            .v_i     (carried),
            .sum_o   (carried_sum)
        );
        always_ff @(posedge clk_i) begin
            if (advance) begin
                sum[2*pair]   <= lower_sum;
                sum[2*pair+1] <= upper_sum - TreeBits'(carried_sum);
            end
        end
    end

    for (genvar pe = 2 * Pairs; pe < Pe; pe++) begin : gen_alone
        logic [Simd-1:0][ProductBits-1:0] product_q;
        logic signed [TreeBits-1:0] product_sum;
        always_ff @(posedge clk_i) begin
            if (advance) begin
                for (int unsigned i = 0; i < Simd; i++) begin
                    product_q[i] <= ProductBits'(x[i]) * ProductBits'(rows[pe*Simd+i]);
                end
                sum[pe] <= product_sum;
            end
        end
        bp_adder_tree #(
            .Count(Simd),
            .Bits (ProductBits)
        ) u_sum (
            .clk_i,
            .enable_i(advance),
            .v_i     (product_q),
            .sum_o   (product_sum)
        );
    end

    logic [Levels+1:0][2:0] tag_q;
    logic sum_valid, sum_first, sum_last;
    assign {sum_valid, sum_first, sum_last} = tag_q[Levels+1];
    always_ff @(posedge clk_i) begin
        if (!rst_ni) tag_q <= '0;
        else if (advance) tag_q <= {tag_q[Levels:0], {valid, first, last}};
    end

    // Accumulate from the bias on, then requantise.
    logic [PassBits-1:0] pass_q;  // group of rows the sums belong to
    logic total_valid_q;
    logic [Times-1:0][Pe-1:0][BiasBits-1:0] biases;
    assign biases = Biases;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            pass_q <= '0;
            total_valid_q <= 1'b0;
            out0_tvalid_o <= 1'b0;
        end else if (advance) begin
            if (sum_valid && sum_last) pass_q <= pass_q == PassBits'(Times - 1) ? '0 : pass_q + 1'b1;
            total_valid_q <= sum_valid && sum_last;
            out0_tvalid_o <= total_valid_q;
        end
    end

    for (genvar pe = 0; pe < Pe; pe++) begin : gen_total
        logic signed [AccBits-1:0] total_q, start;
        logic [OutBits-1:0] result;
        assign start = sum_first ? AccBits'($signed(biases[pass_q][pe])) : total_q;
        bp_requantise #(
            .InBits (AccBits),
            .Shift  (Shift),
            .OutBits(OutBits)
        ) u_requantise (
            .x_i(total_q),
            .y_o(result)
        );
        always_ff @(posedge clk_i) begin
            if (advance && sum_valid) total_q <= start + AccBits'(sum[pe]);
            if (advance) out0_tdata_o[pe*OutBits+:OutBits] <= result;
        end
    end
endmodule
