// Integer matrix-vector product: out[m] = saturate(round_half_up(bias[m] + sum over k of w[m][k] * x[k], Shift)).
//
// Windows, folding and weights as in xnor_mvu: MatrixWidth/Simd beats a window, each repeated for the MatrixHeight/Pe
// groups of rows, one window per (MatrixWidth/Simd) * (MatrixHeight/Pe) cycles.

module quant_mvu #(
    parameter int unsigned MatrixWidth = 18,  // elements of a window
    parameter int unsigned MatrixHeight = 4,  // output channels
    parameter int unsigned Simd = 6,  // elements per input beat, a divisor of MatrixWidth
    parameter int unsigned Pe = 2,  // results per output beat, a divisor of MatrixHeight
    parameter int unsigned InBits = 12,  // bits of x; all numbers are two's complement
    parameter int unsigned WeightBits = 8,
    parameter int unsigned BiasBits = 24,
    parameter int unsigned AccBits = 28,  // bits that hold every sum with its bias
    parameter int Shift = 8,  // bits dropped
    parameter int unsigned OutBits = 10,
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
    localparam int unsigned Length = MatrixWidth / Simd;
    localparam int unsigned Times = MatrixHeight / Pe;
    localparam int unsigned PassBits = Times > 1 ? $clog2(Times) : 1;
    localparam bit Constant = Length * Times == 1;
    localparam int unsigned RowBits = Simd * WeightBits;  // weights of one unit and step
    localparam int unsigned ProductBits = InBits + WeightBits;
    localparam int unsigned TreeBits = ProductBits + $clog2(Simd);

    if (MatrixWidth % Simd != 0) begin : gen_check_simd
        $error("quant_mvu: Simd divides MatrixWidth");
    end
    if (MatrixHeight % Pe != 0) begin : gen_check_pe
        $error("quant_mvu: Pe divides MatrixHeight");
    end

    function automatic logic [MatrixHeight*MatrixWidth*WeightBits-1:0] stepped();
        logic [MatrixHeight*MatrixWidth*WeightBits-1:0] w;
        for (int unsigned pass = 0; pass < Times; pass++) begin
            for (int unsigned beat = 0; beat < Length; beat++) begin
                for (int unsigned pe = 0; pe < Pe; pe++) begin
                    w[((pass*Length+beat)*Pe+pe)*RowBits+:RowBits] =
                        Weights[((pass*Pe+pe)*MatrixWidth+beat*Simd)*WeightBits+:RowBits];
                end
            end
        end
        return w;
    endfunction

    logic advance, valid, first, last;
    logic [Simd*InBits-1:0] beat;
    /* verilator lint_off UNUSEDSIGNAL */
    logic [Pe*RowBits-1:0] weights;  // 0 where the weights are constants
    /* verilator lint_on UNUSEDSIGNAL */

    assign advance = !out0_tvalid_o || out0_tready_i;

    mvu_front #(
        .Width   (Simd * InBits),
        .Length  (Length),
        .Times   (Times),
        .StepBits(Pe * RowBits),
        .Weights (stepped())
    ) u_front (
        .clk_i,
        .rst_ni,
        .enable_i (advance),
        .in0_tdata_i,
        .in0_tvalid_i,
        .in0_tready_o,
        .valid_o  (valid),
        .first_o  (first),
        .last_o   (last),
        .beat_o   (beat),
        .weights_o(weights)
    );

    logic [Pe-1:0][TreeBits-1:0] sum;
    /* verilator lint_off UNUSEDSIGNAL */
    logic [Pe-1:0][2:0] tag;  // valid, first, last: the same for all
    /* verilator lint_on UNUSEDSIGNAL */
    logic [2:0] product_tag_q;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) product_tag_q <= '0;
        else if (advance) product_tag_q <= {valid, first, last};
    end

    for (genvar pe = 0; pe < Pe; pe++) begin : gen_pe
        logic [Simd-1:0][ProductBits-1:0] product_q;
        for (genvar i = 0; i < Simd; i++) begin : gen_product
            logic signed [InBits-1:0] x;
            logic signed [WeightBits-1:0] w;
            assign x = beat[i*InBits+:InBits];
            if (Constant) begin : gen_constant
                assign w = Weights[(pe*MatrixWidth+i)*WeightBits+:WeightBits];
            end else begin : gen_memory
                assign w = weights[(pe*Simd+i)*WeightBits+:WeightBits];
            end
            always_ff @(posedge clk_i) if (advance) product_q[i] <= ProductBits'(x) * ProductBits'(w);
        end
        adder_tree #(
            .Inputs (Simd),
            .InBits (ProductBits),
            .TagBits(3)
        ) u_tree (
            .clk_i,
            .rst_ni,
            .enable_i (advance),
            .numbers_i(product_q),
            .tag_i    (product_tag_q),
            .sum_o    (sum[pe]),
            .tag_o    (tag[pe])
        );
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
            if (tag[0][2] && tag[0][0]) pass_q <= pass_q == PassBits'(Times - 1) ? '0 : pass_q + 1'b1;
            total_valid_q <= tag[0][2] && tag[0][0];
            out0_tvalid_o <= total_valid_q;
        end
    end

    for (genvar pe = 0; pe < Pe; pe++) begin : gen_total
        logic signed [AccBits-1:0] total_q, start;
        logic [OutBits-1:0] result;
        assign start = tag[0][1] ? AccBits'($signed(biases[pass_q][pe])) : total_q;
        requantise #(
            .InBits (AccBits),
            .Shift  (Shift),
            .OutBits(OutBits)
        ) u_requantise (
            .x_i(total_q),
            .y_o(result)
        );
        always_ff @(posedge clk_i) begin
            if (advance && tag[0][2]) total_q <= start + AccBits'($signed(sum[pe]));
            if (advance) out0_tdata_o[pe*OutBits+:OutBits] <= result;
        end
    end
endmodule
