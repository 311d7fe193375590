// Binary matrix-vector product: out[m] = sum over k of w[m][k] * x[k] with w, x = +1 (bit 1) or -1 (bit 0),
// that is 2 * popcount(w XNOR x) - MatrixWidth.
//
// A window comes as MatrixWidth/Simd beats; it is repeated for each of the MatrixHeight/Pe groups of rows, and each group
// gives one beat of Pe sums. One window takes (MatrixWidth/Simd) * (MatrixHeight/Pe) cycles, without gaps. When that is
// one cycle the weights are constants in logic, else they lie in a memory of as many words.

module xnor_mvu #(
    parameter int unsigned MatrixWidth = 36,  // elements of a window
    parameter int unsigned MatrixHeight = 4,  // output channels
    parameter int unsigned Simd = 12,  // elements per input beat, a divisor of MatrixWidth
    parameter int unsigned Pe = 2,  // sums per output beat, a divisor of MatrixHeight
    parameter int unsigned OutBits = 7,  // bits of a sum, two's complement
    parameter logic [MatrixHeight*MatrixWidth-1:0] Weights = '0  // row m, column k at bit m * MatrixWidth + k
) (
    input  logic                  clk_i,
    input  logic                  rst_ni,
    input  logic [      Simd-1:0] in0_tdata_i,
    input  logic                  in0_tvalid_i,
    output logic                  in0_tready_o,
    output logic [Pe*OutBits-1:0] out0_tdata_o,
    output logic                  out0_tvalid_o,
    input  logic                  out0_tready_i
);
    localparam int unsigned Length = MatrixWidth / Simd;
    localparam int unsigned Times = MatrixHeight / Pe;
    localparam bit Constant = Length * Times == 1;
    localparam int unsigned SumBits = OutBits - 1;  // sums are all even or all odd: their lowest bit is constant
    localparam int Half = (int'(MatrixWidth) + 1) / 2;

    if (MatrixWidth % Simd != 0) begin : gen_check_simd
        $error("xnor_mvu: Simd divides MatrixWidth");
    end
    if (MatrixHeight % Pe != 0) begin : gen_check_pe
        $error("xnor_mvu: Pe divides MatrixHeight");
    end
    if (64'd1 << SumBits <= 64'(MatrixWidth)) begin : gen_check_bits
        $error("xnor_mvu: OutBits must hold -MatrixWidth to MatrixWidth");
    end

    // Weights in the order of the steps: bit (step * Simd + i) * Pe + pe, units side by side as popcount wants them.
    function automatic logic [MatrixHeight*MatrixWidth-1:0] stepped();
        logic [MatrixHeight*MatrixWidth-1:0] w;
        for (int unsigned pass = 0; pass < Times; pass++) begin
            for (int unsigned k = 0; k < MatrixWidth; k++) begin
                for (int unsigned pe = 0; pe < Pe; pe++) begin
                    w[(pass*MatrixWidth+k)*Pe+pe] = Weights[(pass*Pe+pe)*MatrixWidth+k];
                end
            end
        end
        return w;
    endfunction

    localparam logic [MatrixHeight*MatrixWidth-1:0] Stepped = stepped();

    logic advance, valid, first, last;
    logic [Simd-1:0] beat;
    /* verilator lint_off UNUSEDSIGNAL */
    logic [Simd*Pe-1:0] weights;  // 0 where the weights are constants
    /* verilator lint_on UNUSEDSIGNAL */

    assign advance = !out0_tvalid_o || out0_tready_i;

    mvu_front #(
        .Width   (Simd),
        .Length  (Length),
        .Times   (Times),
        .StepBits(Pe * Simd),
        .Weights (Stepped)
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

    // x XNOR w; with constant weights popcount inverts where w is 0.
    logic [Pe-1:0] equal[Simd];
    logic [Pe-1:0][SumBits-1:0] sum;
    logic sum_valid;
    /* verilator lint_off UNUSEDSIGNAL */
    logic sum_first, sum_last;  // of no use where a window is one beat
    /* verilator lint_on UNUSEDSIGNAL */
    always_comb begin
        for (int unsigned i = 0; i < Simd; i++) begin
            equal[i] = {Pe{beat[i]}};
            if (!Constant) equal[i] = equal[i] ~^ weights[i*Pe+:Pe];
        end
    end

    popcount #(
        .Width  (Simd),
        .Lanes  (Pe),
        .SumBits(SumBits),
        .TagBits(3),
        .First  (Constant ? 6 : 3),
        .Flip   (Constant ? ~(Simd * Pe)'(Stepped) : '0),
        .Offset (Length == 1 ? -Half : 0)
    ) u_popcount (
        .clk_i,
        .rst_ni,
        .enable_i(advance),
        .bits_i  (equal),
        .tag_i   ({valid, first, last}),
        .sum_o   (sum),
        .tag_o   ({sum_valid, sum_first, sum_last})
    );

    logic [Pe-1:0][SumBits-1:0] total;
    if (Length == 1) begin : gen_whole
        assign total = sum;
        assign out0_tvalid_o = sum_valid;
    end else begin : gen_accumulate
        always_ff @(posedge clk_i) begin
            if (!rst_ni) out0_tvalid_o <= 1'b0;
            else if (advance) out0_tvalid_o <= sum_valid && sum_last;
            if (advance && sum_valid) begin
                for (int unsigned pe = 0; pe < Pe; pe++) begin
                    total[pe] <= sum[pe] + (sum_first ? SumBits'(-Half) : total[pe]);
                end
            end
        end
    end

    for (genvar pe = 0; pe < Pe; pe++) begin : gen_out
        assign out0_tdata_o[pe*OutBits+:OutBits] = {total[pe], 1'(MatrixWidth % 2)};
    end
endmodule
