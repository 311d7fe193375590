// The Kept leading bits of a number from its leading one on, and how many zeros stood above: v ~ bits * 2**(Bits-Kept-zeros),
// truncated. Of 0 the bits are 0. ($clog2(max(Bits, Kept)) + 1) / 2 clocks, a number per clock.

module bp_leading_bits #(
    parameter int unsigned Bits = 32,  // of v, natural binary
    parameter int unsigned Kept = 12,
    localparam int unsigned Wide = Bits > Kept ? Bits : Kept,
    localparam int unsigned Levels = $clog2(Wide)
) (
    input  logic              clk_i,
    input  logic [  Bits-1:0] v_i,
    output logic [  Kept-1:0] bits_o,
    output logic [Levels-1:0] zeros_o
);
    // Level by level 2**(Levels-1), ..., 2, 1 places to the left where so many leading bits are 0; two levels a clock.
    for (genvar level = 0; level <= Levels; level++) begin : gen_level
        /* verilator lint_off UNUSEDSIGNAL */
        logic [Wide-1:0] v;
        /* verilator lint_on UNUSEDSIGNAL */
        logic [Levels-1:0] zeros;

        if (level == 0) begin : gen_input
            assign v = Wide'(v_i) << (Wide - Bits);
            assign zeros = '0;
        end else begin : gen_shift
            localparam int unsigned Places = 2 ** (Levels - level);
            logic empty;
            logic [Wide-1:0] shifted;
            logic [Levels-1:0] counted;
            assign empty = gen_level[level-1].v[Wide-1-:Places] == '0;
            assign shifted = empty ? gen_level[level-1].v << Places : gen_level[level-1].v;
            assign counted = gen_level[level-1].zeros | (Levels'(empty) << (Levels - level));
            if (level % 2 == 0 || level == Levels) begin : gen_register
                always_ff @(posedge clk_i) {v, zeros} <= {shifted, counted};
            end else begin : gen_wire
                assign {v, zeros} = {shifted, counted};
            end
        end
    end

    assign bits_o  = gen_level[Levels].v[Wide-1-:Kept];
    assign zeros_o = gen_level[Levels].zeros;
endmodule
