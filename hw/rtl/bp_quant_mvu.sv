// Integer matrix-vector product: out[m] = saturate(round_half_up(bias[m] + sum over k of w[m][k] * x[k], Shift)).
//
// Pieces, folding and weights as in bp_xnor_mvu: MatrixWidth/Simd pieces, anew for each of the MatrixHeight/Pe groups of rows.

module bp_quant_mvu #(
    parameter int unsigned MatrixWidth = 18,  // elements that a row sees
    parameter int unsigned MatrixHeight = 4,  // output channels
    parameter int unsigned Simd = 6,  // elements per piece, a divisor of MatrixWidth
    parameter int unsigned Pe = 2,  // results per output beat, a divisor of MatrixHeight
    parameter int unsigned InBits = 12,  // bits of x; all numbers are two's complement
    parameter int unsigned WeightBits = 8,
    parameter int unsigned BiasBits = 24,
    parameter int unsigned AccBits = 28,  // bits that hold every sum with its bias
    parameter int Shift = 8,  // bits dropped
    parameter int unsigned OutBits = 10,
    parameter int unsigned WeightMemory = 0,  // 0: by size, 1: LUTs, 2: block memory
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

    if (MatrixWidth == 0 || MatrixHeight == 0 || BiasBits == 0) begin : gen_check_size
        $error("bp_quant_mvu: MatrixWidth, MatrixHeight and BiasBits are at least 1");
    end
    if (MatrixWidth % Simd != 0) begin : gen_check_simd
        $error("bp_quant_mvu: Simd divides MatrixWidth");
    end
    if (MatrixHeight % Pe != 0) begin : gen_check_pe
        $error("bp_quant_mvu: Pe divides MatrixHeight");
    end

    function automatic logic [MatrixHeight*MatrixWidth*WeightBits-1:0] stepped();
        logic [MatrixHeight*MatrixWidth*WeightBits-1:0] w;
        for (int unsigned pass = 0; pass < Times; pass++) begin
            for (int unsigned k = 0; k < Part; k++) begin
                for (int unsigned pe = 0; pe < Pe; pe++) begin
                    w[((pass*Part+k)*Pe+pe)*RowBits+:RowBits] =
                        Weights[((pass*Pe+pe)*MatrixWidth+k*Simd)*WeightBits+:RowBits];
                end
            end
        end
        return w;
    endfunction

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
        .Weights     (stepped())
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

    // Products, then sums of pairs, level by level; sum i of unit pe at pe * Count + i. All in loops over arrays, which
    // simulators compile once instead of once per multiplier.
    for (genvar level = 0; level <= Levels; level++) begin : gen_level
        localparam int unsigned Count = (Simd + 2 ** level - 1) / 2 ** level;  // per unit
        localparam int unsigned Bits = ProductBits + level;
        logic signed [Bits-1:0] v_d[Pe*Count], v_q[Pe*Count];
        logic [2:0] tag_q;  // valid, first, last

        if (level == 0) begin : gen_product
            logic signed [InBits-1:0] x[Simd];
            logic [Pe*RowBits-1:0] rows;
            assign rows = Constant ? (Pe * RowBits)'(Weights) : weights;
            always_comb begin
                for (int unsigned i = 0; i < Simd; i++) x[i] = piece[i*InBits+:InBits];
                for (int unsigned pe = 0; pe < Pe; pe++) begin
                    for (int unsigned i = 0; i < Simd; i++) begin
                        logic signed [WeightBits-1:0] w;
                        w = rows[(pe*Simd+i)*WeightBits+:WeightBits];
                        v_d[pe*Simd+i] = Bits'(x[i]) * Bits'(w);
                    end
                end
            end
            always_ff @(posedge clk_i) begin
                if (!rst_ni) tag_q <= '0;
                else if (advance) tag_q <= {valid, first, last};
            end
        end else begin : gen_sum
            localparam int unsigned Before = (Simd + 2 ** (level - 1) - 1) / 2 ** (level - 1);
            always_comb begin
                for (int unsigned pe = 0; pe < Pe; pe++) begin
                    for (int unsigned i = 0; i < Before / 2; i++) begin
                        v_d[pe*Count+i] = Bits'(gen_level[level-1].v_q[pe*Before+2*i])
                            + Bits'(gen_level[level-1].v_q[pe*Before+2*i+1]);
                    end
                    if (Before % 2 != 0) v_d[pe*Count+Count-1] = Bits'(gen_level[level-1].v_q[pe*Before+Before-1]);
                end
            end
            always_ff @(posedge clk_i) begin
                if (!rst_ni) tag_q <= '0;
                else if (advance) tag_q <= gen_level[level-1].tag_q;
            end
        end
        always_ff @(posedge clk_i) if (advance) v_q <= v_d;
    end

    logic sum_valid, sum_first, sum_last;
    logic signed [TreeBits-1:0] sum[Pe];
    assign {sum_valid, sum_first, sum_last} = gen_level[Levels].tag_q;
    assign sum = gen_level[Levels].v_q;

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
