// Sum of Count numbers, in pairs level by level, a register behind every level: $clog2(Count) clocks.

module bp_adder_tree #(
    parameter int unsigned Count = 4,
    parameter int unsigned Bits = 8,  // of a number
    parameter bit Signed = 1'b1,  // two's complement
    localparam int unsigned Levels = $clog2(Count),
    localparam int unsigned SumBits = Bits + Levels
) (
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic                       clk_i,
    input  logic                       enable_i,  // all registers move
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic [Count-1:0][Bits-1:0] v_i,
    output logic [SumBits-1:0]         sum_o
);
    for (genvar level = 0; level <= Levels; level++) begin : gen_level
        localparam int unsigned Here = (Count + 2 ** level - 1) / 2 ** level;
        localparam int unsigned Wide = Bits + level;
        logic [Here-1:0][Wide-1:0] v;

        if (level == 0) begin : gen_input
            assign v = v_i;
        end else begin : gen_sums
            localparam int unsigned Before = (Count + 2 ** (level - 1) - 1) / 2 ** (level - 1);
            logic [Before-1:0][Wide-1:0] wide;
            always_comb begin
                for (int unsigned i = 0; i < Before; i++) begin
                    wide[i] = {Signed && gen_level[level-1].v[i][Wide-2], gen_level[level-1].v[i]};
                end
            end
            always_ff @(posedge clk_i) begin
                if (enable_i) begin
                    for (int unsigned i = 0; i < Here; i++) begin
                        v[i] <= 2 * i + 1 < Before ? wide[2*i] + wide[(2*i+1)%Before] : wide[2*i];
                    end
                end
            end
        end
    end

    assign sum_o = gen_level[Levels].v[0];
endmodule
