// BNNPan's norm of each channel, given what the pixel's channels share (bp_norm_factors):
//
//   normal = saturate(round_half_up((C x - sum x - centre) * ratio / 2**ceil(log2 C))) to 15 bits,
//   out = saturate(r + round_half_up((gain * normal + bias) / 2**6 + mean))
//
// with gain, centre and bias per channel. in0 gives x and r side by side, in1 the pixel's values, taken with its last
// beat. Nine registers deep; all of them move together.

module bp_norm_apply #(
    parameter int unsigned Channels = 32,
    parameter int unsigned Pe = 2,  // channels per beat, a divisor of Channels
    parameter int unsigned Bits = 12,  // of x, r and the result; all numbers are two's complement
    parameter int unsigned GainBits = 10,
    parameter int unsigned CentreBits = 18,
    parameter int unsigned BiasBits = 20,
    parameter int unsigned Reach = 14,  // see bp_norm_factors
    parameter logic [Channels*GainBits-1:0] Gains = '0,  // channel 0 lowest
    parameter logic [Channels*CentreBits-1:0] Centres = '0,
    parameter logic [Channels*BiasBits-1:0] Biases = '0,
    localparam int unsigned ScaledBits = Bits + $clog2(Channels),
    localparam int unsigned MeanBits = Bits + 1,
    localparam int unsigned PlaceBits = $clog2(Reach + 1),
    localparam int unsigned FactorBits = ScaledBits + 1 + MeanBits + 3 + PlaceBits + 1
) (
    input  logic                       clk_i,
    input  logic                       rst_ni,
    input  logic [Pe-1:0][2*Bits-1:0]  in0_tdata_i,    // {r, x} of each channel
    input  logic                       in0_tvalid_i,
    output logic                       in0_tready_o,
    input  logic [     FactorBits-1:0] in1_tdata_i,    // {-sum x, mean, mantissa, place, window}
    input  logic                       in1_tvalid_i,
    output logic                       in1_tready_o,
    output logic [        Pe*Bits-1:0] out0_tdata_o,
    output logic                       out0_tvalid_o,
    input  logic                       out0_tready_i
);
    localparam int unsigned Folds = Channels / Pe;
    localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1;
    localparam int unsigned Fraction = 6;  // of gains and biases
    localparam int unsigned NormalBits = 15;
    // |C x - sum x| < 2**ScaledBits
    localparam int unsigned OffsetBits = (ScaledBits > CentreBits ? ScaledBits : CentreBits) + 1;
    localparam int unsigned DeviationBits = (ScaledBits + 1 > CentreBits ? ScaledBits + 1 : CentreBits) + 1;
    localparam int unsigned FactorWidth = Reach + 4;  // of mantissa * 2**place, with a sign of 0
    localparam int unsigned ProductBits = DeviationBits + FactorWidth - 1;
    localparam int unsigned Dropped0 = Reach + 2 + $clog2(Channels);  // bits that window 0 rounds off
    localparam int unsigned Dropped1 = 1 + $clog2(Channels);
    localparam logic signed [ProductBits-1:0] Half0 = ProductBits'(1) << (Dropped0 - 1);
    localparam logic signed [ProductBits-1:0] Half1 = ProductBits'(1) << (Dropped1 - 1);
    localparam int unsigned RoundedBits = ProductBits - Dropped1;
    // The bias holds the half of the last rounding as well.
    localparam int unsigned RoundingBits = (BiasBits > Fraction + 1 ? BiasBits : Fraction + 1) + 1;
    localparam int unsigned GainedBits = GainBits + NormalBits;
    localparam int unsigned BaseBits = (RoundingBits > MeanBits + 1 + Fraction ? RoundingBits : MeanBits + 1 + Fraction) + 1;
    localparam int unsigned TotalBits = (GainedBits > BaseBits ? GainedBits : BaseBits) + 1;

    logic advance, accept, last;
    logic [FoldBits-1:0] fold_q[6];  // of the beat at in0, and at the registers behind
    logic [7:0] valid_q;

    assign advance = !out0_tvalid_o || out0_tready_i;
    assign accept = advance && in0_tvalid_i && in1_tvalid_i;
    assign last = fold_q[0] == FoldBits'(Folds - 1);
    assign in0_tready_o = advance && in1_tvalid_i;
    assign in1_tready_o = advance && in0_tvalid_i && last;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            {out0_tvalid_o, valid_q} <= '0;
            fold_q[0] <= '0;
        end else if (advance) begin
            {out0_tvalid_o, valid_q} <= {valid_q, accept};
            if (accept) fold_q[0] <= last ? '0 : fold_q[0] + 1'b1;
        end
        if (advance) for (int unsigned i = 1; i < 6; i++) fold_q[i] <= fold_q[i-1];
    end

    // What the channels share, as it is needed on the way.
    logic [ScaledBits:0] negative_sum;
    logic [MeanBits-1:0] mean;
    logic [2:0] mantissa;
    logic [PlaceBits-1:0] place;
    logic window;
    logic signed [ScaledBits:0] negative_sum_q[2];
    logic signed [FactorWidth-1:0] factor_q[3];
    logic signed [MeanBits-1:0] mean_q[5];
    logic [4:0] window_q;
    assign {negative_sum, mean, mantissa, place, window} = in1_tdata_i;
    always_ff @(posedge clk_i) begin
        if (advance) begin
            negative_sum_q <= '{negative_sum, negative_sum_q[0]};
            factor_q <= '{FactorWidth'(mantissa) << place, factor_q[0], factor_q[1]};
            mean_q[0] <= mean;
            for (int unsigned i = 1; i < 5; i++) mean_q[i] <= mean_q[i-1];
            window_q <= {window_q[3:0], window};
        end
    end

    function automatic logic [RoundingBits-1:0] rounding(int unsigned c);
        return RoundingBits'($signed(Biases[c*BiasBits+:BiasBits])) + RoundingBits'(2 ** (Fraction - 1));
    endfunction

    for (genvar pe = 0; pe < Pe; pe++) begin : gen_pe
        logic [CentreBits-1:0] centre;
        logic [GainBits+RoundingBits-1:0] word;
        if (Folds > 1) begin : gen_memory
            logic [CentreBits-1:0] centres[Folds];
            logic [GainBits+RoundingBits-1:0] words[Folds];
            initial begin
                for (int unsigned fold = 0; fold < Folds; fold++) begin
                    centres[fold] = Centres[(fold*Pe+pe)*CentreBits+:CentreBits];
                    words[fold]   = {Gains[(fold*Pe+pe)*GainBits+:GainBits], rounding(fold * Pe + pe)};
                end
            end
            always_ff @(posedge clk_i) begin
                if (advance) begin
                    centre <= centres[fold_q[0]];
                    word   <= words[fold_q[5]];
                end
            end
        end else begin : gen_constant
            assign centre = Centres[pe*CentreBits+:CentreBits];
            assign word   = {Gains[pe*GainBits+:GainBits], rounding(pe)};
        end

        logic signed [Bits-1:0] r_q[5];
        logic signed [ScaledBits-1:0] scaled_q;
        logic signed [OffsetBits-1:0] offset_q;
        logic signed [DeviationBits-1:0] deviation_q;
        logic signed [ProductBits-1:0] product_q, rounded_q;
        logic signed [RoundedBits-1:0] windowed;
        logic [NormalBits-1:0] normal;
        logic signed [NormalBits-1:0] normal_q;
        logic signed [GainBits-1:0] gain;
        logic signed [RoundingBits-1:0] bias;
        logic signed [MeanBits:0] level_q;  // r + mean
        logic signed [GainedBits-1:0] gained_q;
        logic signed [BaseBits-1:0] base_q;
        /* verilator lint_off UNUSEDSIGNAL */
        logic signed [TotalBits-1:0] total_q;
        /* verilator lint_on UNUSEDSIGNAL */
        logic [Bits-1:0] result, result_q;

        assign {gain, bias} = word;
        assign windowed = window_q[4] ? RoundedBits'(rounded_q >>> Dropped1) : RoundedBits'(rounded_q >>> Dropped0);
        bp_requantise #(
            .InBits (RoundedBits),
            .Shift  (0),
            .OutBits(NormalBits)
        ) u_normal (
            .x_i(windowed),
            .y_o(normal)
        );
        bp_requantise #(
            .InBits (TotalBits - Fraction),
            .Shift  (0),
            .OutBits(Bits)
        ) u_result (
            .x_i(total_q[TotalBits-1:Fraction]),
            .y_o(result)
        );

        always_ff @(posedge clk_i) begin
            if (advance) begin
                scaled_q <= ScaledBits'(Channels) * ScaledBits'($signed(in0_tdata_i[pe][Bits-1:0]));
                offset_q <= OffsetBits'(scaled_q) - OffsetBits'($signed(centre));
                deviation_q <= DeviationBits'(offset_q) + DeviationBits'(negative_sum_q[1]);
                product_q <= ProductBits'(deviation_q) * ProductBits'(factor_q[2]);
                rounded_q <= product_q + (window_q[3] ? Half1 : Half0);
                normal_q <= normal;

                r_q[0] <= in0_tdata_i[pe][Bits+:Bits];
                for (int unsigned i = 1; i < 5; i++) r_q[i] <= r_q[i-1];
                level_q <= (MeanBits + 1)'(r_q[4]) + (MeanBits + 1)'(mean_q[4]);

                gained_q <= GainedBits'(gain) * GainedBits'(normal_q);
                base_q <= (BaseBits'(level_q) <<< Fraction) + BaseBits'(bias);
                total_q <= TotalBits'(gained_q) + TotalBits'(base_q);
                result_q <= result;
            end
        end
        assign out0_tdata_o[pe*Bits+:Bits] = result_q;
    end
endmodule
