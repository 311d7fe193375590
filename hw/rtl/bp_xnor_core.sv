// Sums of matching signs, for Pe rows side by side: total = Start + number of bits in which word and weights are equal,
// over the beats from first to last.
//
// A full adder makes three bits of weight 1 into their parity, of weight 1, and their majority, of weight 2. With one full
// adder at each inner node of a heap, all bits of a word become one parity, that of the word, and Simd / 2 majorities. The
// adder of node h takes the parities of its children and its own bit, which is the parity of these two and of node h.
// Parities are linear: a node's is the parity of the word's subtree XOR that of the weights' subtree. So both come as
// heaps (bp_parity_heap), the word's made once for all rows and the inverted weights' made ahead, and a majority is one
// function of six bits: half a LUT for each XNOR, with nothing else to pay. Half as many bits are left to be counted.
//
// Constant weights leave functions of three bits, four to a node up to their sign: rows share them. So that synthesis
// sees it, the weights of the left child are then taken out before the register and put in again behind it.

module bp_xnor_core #(
    parameter int unsigned Simd = 12,  // bits per beat
    parameter int unsigned Pe = 2,  // rows
    parameter int unsigned SumBits = 6,  // bits of a total, two's complement
    parameter bit Accumulate = 1'b1,  // sums have more than one beat; otherwise every beat is first and last
    parameter int Start = 0,  // of each sum
    parameter bit Constant = 1'b0  // weights_i is constant
) (
    input  logic                       clk_i,
    input  logic                       rst_ni,
    input  logic                       enable_i,
    input  logic                       valid_i,
    input  logic                       first_i,
    input  logic                       last_i,
    input  logic [           Simd-1:0] parities_i,  // heap of the word
    input  logic [        Simd*Pe-1:0] weights_i,   // heaps of the inverted weights, node h of row pe at (h - 1) * Pe + pe
    output logic                       valid_o,
    output logic [Pe-1:0][SumBits-1:0] total_o
);
    localparam int unsigned Adders = Simd / 2;
    localparam int unsigned Majorities = Adders > 0 ? Adders : 1;

    logic [Pe-1:0] x[Simd+2], w[Simd+2];  // nodes 1 to Simd; the next is absent, 0
    logic [Pe-1:0] majority_d[Majorities], majority_q[Majorities], majority[Majorities];
    logic [Pe-1:0] parity_q;
    logic [2:0] tag_q;  // valid, first, last

    always_comb begin
        x[0] = '0;
        w[0] = '0;
        x[Simd+1] = '0;
        w[Simd+1] = '0;
        for (int unsigned h = 1; h <= Simd; h++) begin
            x[h] = {Pe{parities_i[h-1]}};
            w[h] = weights_i[(h-1)*Pe+:Pe];
        end
    end

    // In `own` words and weights are paired crosswise: were x[2h] ^ w[2h] in all of it, a mapper would be tempted to share
    // it with the node above, and need more LUTs.
    always_comb begin
        if (Adders == 0) majority_d[0] = '0;
        for (int unsigned h = 1; h <= Adders; h++) begin
            logic [Pe-1:0] flip, w_left, w_right, w_node, left, right, own;
            flip = Constant ? w[2*h] : '0;
            w_left = w[2*h] ^ flip;
            w_right = w[2*h+1] ^ flip;
            w_node = w[h] ^ flip;
            left = x[2*h] ^ w_left;
            right = x[2*h+1] ^ w_right;
            own = (x[h] ^ w_left) ^ (x[2*h] ^ w_right) ^ (x[2*h+1] ^ w_node);
            majority_d[h-1] = left & right | own & (left | right);
        end
    end

    if (Constant && Adders > 0) begin : gen_flip
        always_comb for (int unsigned h = 1; h <= Adders; h++) majority[h-1] = majority_q[h-1] ^ w[2*h];
    end else begin : gen_as_it_is
        assign majority = majority_q;
    end

    always_ff @(posedge clk_i) begin
        if (enable_i) begin
            majority_q <= majority_d;
            parity_q   <= x[1] ^ w[1];
        end
        if (!rst_ni) tag_q <= '0;
        else if (enable_i) tag_q <= {valid_i, first_i, last_i};
    end

    logic [Pe-1:0][SumBits-1:0] sum;
    logic sum_valid;
    /* verilator lint_off UNUSEDSIGNAL */
    logic sum_first, sum_last;  // of no use where a sum is one beat
    /* verilator lint_on UNUSEDSIGNAL */

    bp_popcount #(
        .Width  (Majorities),
        .Lanes  (Pe),
        .SumBits(SumBits),
        .TagBits(3),
        .Offset (Accumulate ? 0 : Start)
    ) u_popcount (
        .clk_i,
        .rst_ni,
        .enable_i,
        .ones_i(parity_q),
        .twos_i(majority),
        .tag_i (tag_q),
        .sum_o (sum),
        .tag_o ({sum_valid, sum_first, sum_last})
    );

    if (Accumulate) begin : gen_accumulate
        always_ff @(posedge clk_i) begin
            if (!rst_ni) valid_o <= 1'b0;
            else if (enable_i) valid_o <= sum_valid && sum_last;
            if (enable_i && sum_valid) begin
                for (int unsigned pe = 0; pe < Pe; pe++) begin
                    total_o[pe] <= sum[pe] + (sum_first ? SumBits'(Start) : total_o[pe]);
                end
            end
        end
    end else begin : gen_whole
        assign total_o = sum;
        assign valid_o = sum_valid;
    end
endmodule
