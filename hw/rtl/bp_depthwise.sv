// Convolution of each channel with a filter of its own: out[c] = saturate(round_half_up(sum over t of w[c][t] * x[c][t],
// Shift)).
//
// A pixel's window comes as bp_window sends it: of channels 0 to Pe - 1 tap after tap in raster order,
// a beat each, then those of the next Pe channels. A multiplier a lane, so Channels / Pe * Taps clocks a pixel. Four
// registers deep: taps and weights, products, sums, results; all of them move together.

module bp_depthwise #(
    parameter int unsigned Channels = 4,
    parameter int unsigned Pe = 2,  // channels per beat, a divisor of Channels
    parameter int unsigned Taps = 9,  // of a filter: 9 for 3 x 3
    parameter int unsigned InBits = 10,  // bits of x; all numbers are two's complement
    parameter int unsigned WeightBits = 8,
    parameter int Shift = 6,  // bits dropped
    parameter int unsigned OutBits = 10,
    parameter int unsigned WeightMemory = 0,  // 0: by size, 1: LUTs, 2: block memory
    // Channel c, tap t at bit (c * Taps + t) * WeightBits.
    parameter logic [Channels*Taps*WeightBits-1:0] Weights = '0
) (
    input  logic                  clk_i,
    input  logic                  rst_ni,
    input  logic [ Pe*InBits-1:0] in0_tdata_i,
    input  logic                  in0_tvalid_i,
    output logic                  in0_tready_o,
    output logic [Pe*OutBits-1:0] out0_tdata_o,
    output logic                  out0_tvalid_o,
    input  logic                  out0_tready_i
);
    localparam int unsigned Steps = Channels / Pe * Taps;
    localparam int unsigned TapBits = Taps > 1 ? $clog2(Taps) : 1;
    localparam int unsigned ProductBits = InBits + WeightBits;
    localparam int unsigned SumBits = ProductBits + $clog2(Taps);

    if (Taps == 0 || InBits == 0 || WeightBits == 0) begin : gen_check_size
        $error("bp_depthwise: Taps, InBits and WeightBits are at least 1");
    end
    if (Channels == 0 || Channels % Pe != 0) begin : gen_check_pe
        $error("bp_depthwise: Channels is at least 1, Pe divides it");
    end

    function automatic logic [Channels*Taps*WeightBits-1:0] stepped();
        for (int unsigned step = 0; step < Steps; step++) begin
            for (int unsigned pe = 0; pe < Pe; pe++) begin
                stepped[(step*Pe+pe)*WeightBits+:WeightBits] =
                    Weights[((step/Taps*Pe+pe)*Taps+step%Taps)*WeightBits+:WeightBits];
            end
        end
    endfunction

    logic advance, accept;
    logic [TapBits-1:0] tap_q;
    logic [1:0] valid_q, first_q, last_q;  // of taps, of products
    logic total_q;  // the sums are whole
    logic [Pe*InBits-1:0] taps_q;
    logic [Pe*WeightBits-1:0] weights;

    assign advance = !out0_tvalid_o || out0_tready_i;
    assign accept = advance && in0_tvalid_i;
    assign in0_tready_o = advance;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            tap_q <= '0;
            valid_q <= '0;
            total_q <= 1'b0;
            out0_tvalid_o <= 1'b0;
        end else if (advance) begin
            if (accept) tap_q <= tap_q == TapBits'(Taps - 1) ? '0 : tap_q + 1'b1;
            valid_q <= {valid_q[0], accept};
            total_q <= last_q[1] && valid_q[1];
            out0_tvalid_o <= total_q;
        end
    end

    always_ff @(posedge clk_i) begin
        if (advance) begin
            taps_q  <= in0_tdata_i;
            first_q <= {first_q[0], tap_q == '0};
            last_q  <= {last_q[0], tap_q == TapBits'(Taps - 1)};
        end
    end

    if (Steps > 1) begin : gen_weights
        bp_weight_memory #(
            .Width(Pe * WeightBits),
            .Depth(Steps),
            .Style(WeightMemory),
            .Words(stepped())
        ) u_weights (
            .clk_i,
            .rst_ni,
            .enable_i(advance),
            .step_i  (in0_tvalid_i),
            .word_o  (weights)
        );
    end else begin : gen_constant
        assign weights = Weights;
    end

    for (genvar pe = 0; pe < Pe; pe++) begin : gen_pe
        logic signed [InBits-1:0] x;
        logic signed [WeightBits-1:0] w;
        logic signed [ProductBits-1:0] product_q;
        logic signed [SumBits-1:0] sum_q;
        logic [OutBits-1:0] result;
        assign x = taps_q[pe*InBits+:InBits];
        assign w = weights[pe*WeightBits+:WeightBits];
        bp_requantise #(
            .InBits (SumBits),
            .Shift  (Shift),
            .OutBits(OutBits)
        ) u_requantise (
            .x_i(sum_q),
            .y_o(result)
        );
        always_ff @(posedge clk_i) begin
            if (advance) product_q <= ProductBits'(x) * ProductBits'(w);
            if (advance && valid_q[1]) sum_q <= (first_q[1] ? '0 : sum_q) + SumBits'(product_q);
            if (advance) out0_tdata_o[pe*OutBits+:OutBits] <= result;
        end
    end
endmodule
