// The product of two numbers in two's complement: in a DSP slice, a clock later, or in LUTs, a clock later for every four
// bits of b.
//
// In LUTs b is read in digits of two bits, -2 ... 2 (Booth's recoding), lowest first; each adds its multiple of a to what
// is left of the sum so far, in one LUT a bit. Two digits a clock.

module bp_product #(
    parameter int unsigned ABits = 10,
    parameter int unsigned BBits = 8,
    parameter bit UseDsp = 1'b1
) (
    input  logic                   clk_i,
    input  logic                   enable_i,  // all registers move
    input  logic [      ABits-1:0] a_i,
    input  logic [      BBits-1:0] b_i,
    output logic [ABits+BBits-1:0] product_o
);
    localparam int unsigned Bits = ABits + BBits;

    if (UseDsp) begin : gen_dsp
        logic signed [Bits-1:0] product_q;
        always_ff @(posedge clk_i) begin
            if (enable_i) product_q <= Bits'($signed(a_i)) * Bits'($signed(b_i));
        end
        assign product_o = product_q;
    end else begin : gen_logic
        localparam int unsigned Digits = (BBits + 1) / 2;
        localparam int unsigned SumBits = ABits + 2;

        for (genvar d = 0; d < Digits; d++) begin : gen_digit
            logic [ABits-1:0] a;
            logic [2*Digits:0] b;  // a zero below
            logic [2*Digits-1:0] done;  // bits of the product
            logic signed [SumBits-1:0] left, multiple, sum;
            logic carry, one, two, negative;

            if (d == 0) begin : gen_first
                assign a = a_i;
                assign b = {{2 * Digits - BBits{b_i[BBits-1]}}, b_i, 1'b0};
                assign done = '0;
                assign left = '0;
            end else if (d % 2 == 0) begin : gen_register
                always_ff @(posedge clk_i) begin
                    if (enable_i) begin
                        a <= gen_digit[d-1].a;
                        b <= gen_digit[d-1].b;
                        done <= gen_digit[d-1].done | (2 * Digits)'(gen_digit[d-1].sum[1:0]) << 2 * (d - 1);
                        left <= gen_digit[d-1].sum >>> 2;
                    end
                end
            end else begin : gen_direct
                assign a = gen_digit[d-1].a;
                assign b = gen_digit[d-1].b;
                assign done = gen_digit[d-1].done | (2 * Digits)'(gen_digit[d-1].sum[1:0]) << 2 * (d - 1);
                assign left = gen_digit[d-1].sum >>> 2;
            end

            assign one = b[2*d+1] ^ b[2*d];
            assign two = b[2*d+2] ? !b[2*d+1] && !b[2*d] : b[2*d+1] && b[2*d];
            assign negative = b[2*d+2];
            assign multiple = (one ? SumBits'($signed(a)) : two ? SumBits'($signed(a)) <<< 1 : '0) ^ {SumBits{negative}};
            assign {sum, carry} = {left, 1'b1} + {multiple, negative};
        end

        logic [SumBits+2*Digits-1:0] product_q;
        always_ff @(posedge clk_i) begin
            if (enable_i) begin
                product_q <= (SumBits+2*Digits)'(gen_digit[Digits-1].done) |
                    (SumBits+2*Digits)'(gen_digit[Digits-1].sum) << 2 * (Digits - 1);
            end
        end
        assign product_o = product_q[Bits-1:0];
    end
endmodule
