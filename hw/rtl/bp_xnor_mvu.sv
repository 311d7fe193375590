// Binary matrix-vector product: out[m] = sum over k of w[m][k] * x[k] with w, x = +1 (bit 1) or -1 (bit 0),
// that is 2 * popcount(w XNOR x) - MatrixWidth; or, if asked for, whether that is at least the threshold of row m.
//
// What rows see comes as MatrixWidth/Simd pieces, anew for each of the MatrixHeight/Pe groups of rows (bp_window repeats
// them); each group gives one beat of Pe sums. A piece a clock. When there is one piece and one group the weights are
// constants in logic, else they lie in a memory of as many words as there are steps.

module bp_xnor_mvu #(
    parameter int unsigned MatrixWidth = 36,  // elements that a row sees
    parameter int unsigned MatrixHeight = 4,  // output channels
    parameter int unsigned Simd = 12,  // elements per piece, a divisor of MatrixWidth
    parameter int unsigned Pe = 2,  // sums per output beat, a divisor of MatrixHeight
    parameter int unsigned OutBits = 7,  // bits of a sum, two's complement
    parameter int unsigned WeightMemory = 0,  // 0: by size, 1: LUTs, 2: block memory
    parameter bit Compare = 1'b0,  // an output is the bit sum >= threshold instead of the sum
    localparam int unsigned ElementBits = Compare ? 1 : OutBits,
    parameter logic [MatrixHeight*MatrixWidth-1:0] Weights = '0,  // row m, column k at bit m * MatrixWidth + k
    parameter logic [MatrixHeight*(OutBits+1)-1:0] Thresholds = '0  // two's complement, row 0 lowest
) (
    input  logic                      clk_i,
    input  logic                      rst_ni,
    input  logic [          Simd-1:0] in0_tdata_i,
    input  logic                      in0_tvalid_i,
    output logic                      in0_tready_o,
    output logic [Pe*ElementBits-1:0] out0_tdata_o,
    output logic                      out0_tvalid_o,
    input  logic                      out0_tready_i
);
    localparam int unsigned Part = MatrixWidth / Simd;  // pieces of a sum
    localparam int unsigned Times = MatrixHeight / Pe;
    localparam bit Constant = Part * Times == 1;
    localparam int unsigned SumBits = OutBits - 1;  // sums are all even or all odd: their lowest bit is constant
    localparam int Half = (int'(MatrixWidth) + 1) / 2;

    if (MatrixWidth == 0 || MatrixHeight == 0) begin : gen_check_size
        $error("bp_xnor_mvu: MatrixWidth and MatrixHeight are at least 1");
    end
    if (MatrixWidth % Simd != 0) begin : gen_check_simd
        $error("bp_xnor_mvu: Simd divides MatrixWidth");
    end
    if (MatrixHeight % Pe != 0) begin : gen_check_pe
        $error("bp_xnor_mvu: Pe divides MatrixHeight");
    end
    if (64'd1 << SumBits <= 64'(MatrixWidth)) begin : gen_check_bits
        $error("bp_xnor_mvu: OutBits must hold -MatrixWidth to MatrixWidth");
    end

    // Inverted weights as heaps of parities (bp_xnor_core), in the order of the steps: node h of step and row pe at
    // (step * Simd + h - 1) * Pe + pe, rows side by side.
    function automatic logic [MatrixHeight*MatrixWidth-1:0] stepped();
        logic [MatrixHeight*MatrixWidth-1:0] w;
        for (int unsigned step = 0; step < Times * Part; step++) begin
            for (int unsigned pe = 0; pe < Pe; pe++) begin
                for (int unsigned h = Simd; h >= 1; h--) begin
                    logic node;
                    node = !Weights[(step/Part*Pe+pe)*MatrixWidth+step%Part*Simd+h-1];
                    if (2 * h <= Simd) node ^= w[(step*Simd+2*h-1)*Pe+pe];
                    if (2 * h < Simd) node ^= w[(step*Simd+2*h)*Pe+pe];
                    w[(step*Simd+h-1)*Pe+pe] = node;
                end
            end
        end
        return w;
    endfunction

    localparam logic [MatrixHeight*MatrixWidth-1:0] Stepped = stepped();

    logic advance, valid, first, last;
    logic [Simd-1:0] heap, piece;
    logic [Simd*Pe-1:0] weights;

    assign advance = !out0_tvalid_o || out0_tready_i;
    assign in0_tready_o = advance;

    bp_parity_heap #(
        .Width(Simd)
    ) u_heap (
        .bits_i    (in0_tdata_i),
        .parities_o(heap)
    );

    bp_mvu_front #(
        .Width       (Simd),
        .Part        (Part),
        .Times       (Times),
        .StepBits    (Pe * Simd),
        .WeightMemory(WeightMemory),
        .Weights     (Stepped)
    ) u_front (
        .clk_i,
        .rst_ni,
        .enable_i   (advance),
        .in0_tdata_i(heap),
        .in0_tvalid_i,
        .valid_o    (valid),
        .first_o    (first),
        .last_o     (last),
        .piece_o    (piece),
        .weights_o  (weights)
    );

    logic total_valid;
    logic [Pe-1:0][SumBits-1:0] total;
    bp_xnor_core #(
        .Simd      (Simd),
        .Pe        (Pe),
        .SumBits   (SumBits),
        .Accumulate(Part > 1),
        .Start     (-Half),
        .Constant  (Constant)
    ) u_core (
        .clk_i,
        .rst_ni,
        .enable_i  (advance),
        .valid_i   (valid),
        .first_i   (first),
        .last_i    (last),
        .parities_i(piece),
        .weights_i (Constant ? (Simd * Pe)'(Stepped) : weights),
        .valid_o   (total_valid),
        .total_o   (total)
    );

    logic [Pe-1:0][OutBits-1:0] sum;
    always_comb for (int unsigned pe = 0; pe < Pe; pe++) sum[pe] = {total[pe], 1'(MatrixWidth % 2)};

    if (Compare) begin : gen_compare
        localparam int unsigned PassBits = Times > 1 ? $clog2(Times) : 1;
        logic [PassBits-1:0] pass_q;  // group of rows the sums belong to
        logic [Times-1:0][Pe-1:0][OutBits:0] thresholds;
        assign thresholds = Thresholds;
        always_ff @(posedge clk_i) begin
            if (!rst_ni) begin
                pass_q <= '0;
                out0_tvalid_o <= 1'b0;
            end else if (advance) begin
                if (total_valid) pass_q <= pass_q == PassBits'(Times - 1) ? '0 : pass_q + 1'b1;
                out0_tvalid_o <= total_valid;
            end
            if (advance) begin
                for (int unsigned pe = 0; pe < Pe; pe++) begin
                    out0_tdata_o[pe] <= (OutBits + 1)'($signed(sum[pe])) >= $signed(thresholds[pass_q][pe]);
                end
            end
        end
    end else begin : gen_sums
        assign out0_tvalid_o = total_valid;
        assign out0_tdata_o  = sum;
    end
endmodule
