// Sum of signed numbers by pairs, pipelined: a register after each level, one set of numbers per clock.

module adder_tree #(
    parameter int unsigned Inputs = 4,  // numbers
    parameter int unsigned InBits = 8,  // bits of each, two's complement
    parameter int unsigned TagBits = 1,  // bits that travel along
    localparam int unsigned Levels = $clog2(Inputs),
    localparam int unsigned OutBits = InBits + Levels
) (
    input  logic                          clk_i,
    input  logic                          rst_ni,    // clears the tags
    input  logic                          enable_i,
    input  logic [Inputs-1:0][InBits-1:0] numbers_i,
    input  logic [TagBits-1:0]            tag_i,
    output logic [OutBits-1:0]            sum_o,
    output logic [TagBits-1:0]            tag_o
);
    for (genvar level = 0; level <= Levels; level++) begin : gen_level
        localparam int unsigned Count = (Inputs + 2 ** level - 1) / 2 ** level;
        localparam int unsigned Bits = InBits + level;
        logic [Count-1:0][Bits-1:0] v;
        logic [TagBits-1:0] tag;

        if (level == 0) begin : gen_input
            assign v   = numbers_i;
            assign tag = tag_i;
        end else begin : gen_sum
            localparam int unsigned Before = (Inputs + 2 ** (level - 1) - 1) / 2 ** (level - 1);
            for (genvar i = 0; i < Count; i++) begin : gen_pair
                if (2 * i + 1 < Before) begin : gen_add
                    always_ff @(posedge clk_i) begin
                        if (enable_i) v[i] <= Bits'($signed(gen_level[level-1].v[2*i]))
                                + Bits'($signed(gen_level[level-1].v[2*i+1]));
                    end
                end else begin : gen_single
                    always_ff @(posedge clk_i) if (enable_i) v[i] <= Bits'($signed(gen_level[level-1].v[2*i]));
                end
            end
            always_ff @(posedge clk_i) begin
                if (!rst_ni) tag <= '0;
                else if (enable_i) tag <= gen_level[level-1].tag;
            end
        end
    end
    assign sum_o = gen_level[Levels].v;
    assign tag_o = gen_level[Levels].tag;
endmodule
