// Numbers of ones, for Lanes words side by side: sum = one + 2 * popcount(twos) + Offset (mod 2**SumBits), pipelined.
//
// Column compression: six bits of the same weight become a three-bit count (three 6-input LUTs remove three bits), stage
// after stage until no column has six bits left; adders sum the few rows that remain. That is about one LUT per bit. A
// register follows each stage; all of them move when enable_i is set.
//
// A column is an array of words, a word holding the bits of all lanes: loops over words, all lanes at once, are fast to
// simulate. The groups of six are {v[g], v[G+g], ..., v[5G+g]}.

module bp_popcount #(
    parameter int unsigned Width = 36,  // bits of weight 2
    parameter int unsigned Lanes = 1,  // words
    parameter int unsigned SumBits = 8,  // bits of a sum
    parameter int unsigned TagBits = 1,  // bits that travel along
    parameter int Offset = 0  // added to the count
) (
    input  logic                          clk_i,
    input  logic                          rst_ni,        // clears the tags
    input  logic                          enable_i,
    input  logic [             Lanes-1:0] ones_i,        // a bit of weight 1
    input  logic [             Lanes-1:0] twos_i[Width],
    input  logic [           TagBits-1:0] tag_i,
    output logic [Lanes-1:0][SumBits-1:0] sum_o,
    output logic [           TagBits-1:0] tag_o
);
    if (Width < 1) begin : gen_check
        $error("bp_popcount: Width is at least 1");
    end

    localparam int MaxStages = 8;  // enough for a width of 10^5
    localparam logic [SumBits-1:0] Constant = SumBits'(Offset);

    // Heights of the columns before each stage, and how many groups of six the stage takes from them.
    typedef logic [MaxStages:0][SumBits-1:0][31:0] sizes_t;

    function automatic sizes_t sizes(bit groups);
        sizes_t height, group;
        for (int s = 0; s <= MaxStages; s++) begin
            for (int c = 0; c < int'(SumBits); c++) begin
                if (s == 0) begin
                    height[s][c] = (c == 0 ? 1 : c == 1 ? Width : 0) + 32'(Constant[c]);
                end else begin
                    height[s][c] = height[s-1][c] - 5 * group[s-1][c];
                    if (c >= 1) height[s][c] += group[s-1][c-1];
                    if (c >= 2) height[s][c] += group[s-1][c-2];
                end
                group[s][c] = height[s][c] / 6;
            end
        end
        return groups ? group : height;
    endfunction

    localparam sizes_t Height = sizes(1'b0);
    localparam sizes_t Group = sizes(1'b1);

    function automatic int stages();
        int count;
        count = 0;
        for (int s = 0; s < MaxStages; s++) begin
            for (int c = 0; c < int'(SumBits); c++) if (Height[s][c] >= 6) count = s + 1;
        end
        return count;
    endfunction

    localparam int Stages = stages();

    logic [Stages:0][TagBits-1:0] tag;
    assign tag[0] = tag_i;

    for (genvar s = 0; s <= Stages; s++) begin : gen_stage
        for (genvar c = 0; c < SumBits; c++) begin : gen_column
            localparam int H = Height[s][c];
            localparam int G = s < Stages ? Group[s][c] : 0;
            localparam int Left = H - 6 * G;
            // The column: what was left over, then the counts' bits from this column, the one below, two below.
            /* verilator lint_off UNUSEDSIGNAL */
            logic [Lanes-1:0] v[H > 0 ? H : 1];
            /* verilator lint_on UNUSEDSIGNAL */

            if (H == 0) begin : gen_empty
                assign v[0] = '0;
            end else if (s == 0) begin : gen_input
                always_comb begin
                    v[H-1] = '1;  // of the constant, if nothing else
                    if (c == 0) v[0] = ones_i;
                    if (c == 1) for (int i = 0; i < int'(Width); i++) v[i] = twos_i[i];
                end
            end else begin : gen_collect
                localparam int G0 = Group[s-1][c];
                localparam int G1 = c >= 1 ? Group[s-1][c-1] : 0;
                localparam int G2 = c >= 2 ? Group[s-1][c-2] : 0;
                localparam int L = H - G0 - G1 - G2;
                if (L > 0) begin : gen_left_over
                    assign v[0:L-1] = gen_stage[s-1].gen_column[c].gen_left.left_q;
                end
                if (G0 > 0) begin : gen_ones
                    assign v[L:L+G0-1] = gen_stage[s-1].gen_column[c].gen_count.ones_q;
                end
                if (G1 > 0) begin : gen_twos
                    assign v[L+G0:L+G0+G1-1] = gen_stage[s-1].gen_column[c-1].gen_count.twos_q;
                end
                if (G2 > 0) begin : gen_fours
                    assign v[L+G0+G1:H-1] = gen_stage[s-1].gen_column[c-2].gen_count.fours_q;
                end
            end

            if (s < Stages && Left > 0) begin : gen_left
                logic [Lanes-1:0] left_q[Left];
                always_ff @(posedge clk_i) if (enable_i) left_q <= v[6*G:H-1];
            end
            if (G > 0) begin : gen_count
                /* verilator lint_off UNUSEDSIGNAL */
                logic [Lanes-1:0] ones_d[G], twos_d[G], fours_d[G], ones_q[G], twos_q[G], fours_q[G];
                /* verilator lint_on UNUSEDSIGNAL */
                always_comb begin
                    for (int g = 0; g < G; g++) begin
                        logic [5:0][Lanes-1:0] b;
                        // Three functions of six inputs. They group them differently, so that no mapper is tempted to
                        // build them from shared smaller functions, which take more LUTs.
                        logic [Lanes-1:0] sum0, sum1, carry0, carry1, sum2, sum3, carry2, carry3, carry4;
                        for (int i = 0; i < 6; i++) b[i] = v[i*G+g];
                        sum0 = b[0] ^ b[1] ^ b[2];
                        sum1 = b[3] ^ b[4] ^ b[5];
                        carry0 = b[0] & b[1] | b[2] & (b[0] | b[1]);
                        carry1 = b[3] & b[4] | b[5] & (b[3] | b[4]);
                        sum2 = b[0] ^ b[2] ^ b[4];
                        sum3 = b[1] ^ b[3] ^ b[5];
                        carry2 = b[0] & b[2] | b[4] & (b[0] | b[2]);
                        carry3 = b[1] & b[3] | b[5] & (b[1] | b[3]);
                        carry4 = sum2 & sum3;
                        ones_d[g] = (b[0] ^ b[3]) ^ (b[1] ^ b[4]) ^ (b[2] ^ b[5]);
                        twos_d[g] = carry0 ^ carry1 ^ (sum0 & sum1);
                        fours_d[g] = carry2 & carry3 | carry4 & (carry2 | carry3);
                    end
                end
                always_ff @(posedge clk_i) begin
                    if (enable_i) begin
                        ones_q  <= ones_d;
                        twos_q  <= twos_d;
                        fours_q <= fours_d;
                    end
                end
            end
        end
    end

    for (genvar s = 0; s < Stages; s++) begin : gen_tag
        always_ff @(posedge clk_i) begin
            if (!rst_ni) tag[s+1] <= '0;
            else if (enable_i) tag[s+1] <= tag[s];
        end
    end

    // At most five rows remain.
    logic [Lanes-1:0] row[5*SumBits];
    for (genvar c = 0; c < SumBits; c++) begin : gen_row
        for (genvar r = 0; r < 5; r++) begin : gen_bits
            if (r < Height[Stages][c]) begin : gen_used
                assign row[r*SumBits+c] = gen_stage[Stages].gen_column[c].v[r];
            end else begin : gen_unused
                assign row[r*SumBits+c] = '0;
            end
        end
    end

    logic [Lanes-1:0][SumBits-1:0] sum;
    always_comb begin
        for (int unsigned lane = 0; lane < Lanes; lane++) begin
            logic [4:0][SumBits-1:0] word;
            for (int unsigned r = 0; r < 5; r++) begin
                for (int unsigned c = 0; c < SumBits; c++) word[r][c] = row[r*SumBits+c][lane];
            end
            sum[lane] = word[0] + word[1] + word[2] + word[3] + word[4];
        end
    end

    always_ff @(posedge clk_i) begin
        if (enable_i) sum_o <= sum;
        if (!rst_ni) tag_o <= '0;
        else if (enable_i) tag_o <= tag[Stages];
    end
endmodule
