// Numbers of ones, for Lanes words side by side: sum = popcount(word XOR flip) + Offset (mod 2**SumBits), pipelined.
//
// Column compression: six bits of the same weight become a three-bit count (three 6-input LUTs remove three bits), stage
// after stage until no column has six bits left; adders sum the few rows that remain. That is about one LUT per input
// bit. A register follows each stage; all of them move when enable_i is set. Where the bits themselves are functions of
// two signals (XNOR with weights from a memory), First = 3 lets the first stage take them in: two LUTs for three pairs.
//
// Flip serves constant weights. A group of six whose first bit is flipped counts the complement and inverts the count:
// ones(~v) = 6 - ones(v) and ~n = 7 - n, so the sum comes out one too high per such group, which the offset takes back.
// Thus lanes that share inputs share the counts of groups that are equal or opposite: synthesis merges them.
//
// A column is an array of words, a word holding the bits of all lanes: loops over words, all lanes at once, are fast to
// simulate. The groups of six are {v[g], v[G+g], ..., v[5G+g]}.

module popcount #(
    parameter int unsigned Width = 36,  // bits of a word
    parameter int unsigned Lanes = 1,  // words
    parameter int unsigned SumBits = 8,  // bits of a sum
    parameter int unsigned TagBits = 1,  // bits that travel along
    parameter int unsigned First = 6,  // bits per group in the first stage, 6 or 3
    parameter logic [Width*Lanes-1:0] Flip = '0,  // bits inverted before they are counted
    parameter int Offset = 0  // added to the count
) (
    input  logic                          clk_i,
    input  logic                          rst_ni,    // clears the tags
    input  logic                          enable_i,
    input  logic [             Lanes-1:0] bits_i[Width],
    input  logic [           TagBits-1:0] tag_i,
    output logic [Lanes-1:0][SumBits-1:0] sum_o,
    output logic [           TagBits-1:0] tag_o
);
    if (Width < 1) begin : gen_check
        $error("popcount: Width is at least 1");
    end

    if (First != 6 && First != 3) begin : gen_check_first
        $error("popcount: First is 6 or 3");
    end

    localparam int MaxStages = 8;  // enough for a width of 10^5

    // What each lane adds in the end, bit c of a lane at c * Lanes + lane; its ones join the columns at the start.
    function automatic logic [SumBits*Lanes-1:0] constants();
        logic [SumBits*Lanes-1:0] bits;
        for (int lane = 0; lane < int'(Lanes); lane++) begin
            int value;
            value = Offset;
            if (First == 6) for (int g = 0; g < int'(Width) / 6; g++) value -= int'(Flip[g*int'(Lanes)+lane]);
            for (int c = 0; c < int'(SumBits); c++) bits[c*int'(Lanes)+lane] = 1'(value >> c);
        end
        return bits;
    endfunction

    localparam logic [SumBits*Lanes-1:0] Constant = constants();

    // Heights of the columns before each stage, and how many groups the stage takes from them.
    typedef logic [MaxStages:0][SumBits-1:0][31:0] sizes_t;

    function automatic sizes_t sizes(bit groups);
        sizes_t height, group;
        for (int s = 0; s <= MaxStages; s++) begin
            for (int c = 0; c < int'(SumBits); c++) begin
                if (s == 0) begin
                    height[s][c] = (c == 0 ? Width : 0) + 32'(|Constant[c*int'(Lanes)+:Lanes]);
                    group[s][c]  = c == 0 ? Width / First : 0;
                end else begin
                    height[s][c] = height[s-1][c] - (s == 1 ? First - 1 : 5) * group[s-1][c];
                    if (c >= 1) height[s][c] += group[s-1][c-1];
                    if (c >= 2 && (s > 1 || First == 6)) height[s][c] += group[s-1][c-2];
                    group[s][c] = height[s][c] / 6;
                end
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

    // Lanes in which bit i of column c is inverted before stage s.
    function automatic logic [Lanes-1:0] flip(int s, int c, int i);
        return s == 0 && c == 0 && i < int'(Width) ? Flip[i*int'(Lanes)+:Lanes] : '0;
    endfunction

    logic [Stages:0][TagBits-1:0] tag;
    assign tag[0] = tag_i;

    for (genvar s = 0; s <= Stages; s++) begin : gen_stage
        for (genvar c = 0; c < SumBits; c++) begin : gen_column
            localparam int H = Height[s][c];
            localparam int G = s < Stages ? Group[s][c] : 0;
            localparam int Size = s == 0 ? First : 6;
            localparam int Left = H - Size * G;
            // The column: what was left over, then the counts' bits from this column, the one below, two below.
            /* verilator lint_off UNUSEDSIGNAL */
            logic [Lanes-1:0] v[H > 0 ? H : 1];
            /* verilator lint_on UNUSEDSIGNAL */

            if (H == 0) begin : gen_empty
                assign v[0] = '0;
            end else if (s == 0) begin : gen_input
                always_comb begin
                    for (int i = 0; i < H; i++) v[i] = Constant[c*Lanes+:Lanes];
                    if (c == 0) for (int i = 0; i < int'(Width); i++) v[i] = bits_i[i];
                end
            end else begin : gen_collect
                localparam int G0 = Group[s-1][c];
                localparam int G1 = c >= 1 ? Group[s-1][c-1] : 0;
                localparam int G2 = c >= 2 && (s > 1 || First == 6) ? Group[s-1][c-2] : 0;
                localparam int L = H - G0 - G1 - G2;
                if (L > 0) begin : gen_left_over
                    assign v[0:L-1] = gen_stage[s-1].gen_column[c].gen_left.left_q;
                end
                if (G0 > 0) begin : gen_ones
                    assign v[L:L+G0-1] = gen_stage[s-1].gen_column[c].gen_count.ones;
                end
                if (G1 > 0) begin : gen_twos
                    assign v[L+G0:L+G0+G1-1] = gen_stage[s-1].gen_column[c-1].gen_count.twos;
                end
                if (G2 > 0) begin : gen_fours
                    assign v[L+G0+G1:H-1] = gen_stage[s-1].gen_column[c-2].gen_count.fours;
                end
            end

            if (s < Stages && Left > 0) begin : gen_left
                logic [Lanes-1:0] left[Left], left_q[Left];
                always_comb for (int i = 0; i < Left; i++) left[i] = v[Size*G+i] ^ flip(s, c, Size * G + i);
                always_ff @(posedge clk_i) if (enable_i) left_q <= left;
            end
            if (G > 0) begin : gen_count
                logic [Lanes-1:0] ones_d[G], twos_d[G], fours_d[G], ones_q[G], twos_q[G], fours_q[G];
                /* verilator lint_off UNUSEDSIGNAL */
                logic [Lanes-1:0] ones[G], twos[G], fours[G];
                /* verilator lint_on UNUSEDSIGNAL */
                always_comb begin
                    for (int g = 0; g < G; g++) begin
                        logic [5:0][Lanes-1:0] b;
                        // Three functions of six inputs. They group them differently, so that no mapper is tempted to
                        // build them from shared smaller functions, which take more LUTs.
                        logic [Lanes-1:0] sum0, sum1, carry0, carry1, sum2, sum3, carry2, carry3, carry4;
                        b = '0;
                        for (int i = 0; i < Size; i++) b[i] = v[i*G+g] ^ flip(s, c, i * G + g) ^ flip(s, c, g);
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
                always_comb begin
                    for (int g = 0; g < G; g++) begin
                        ones[g]  = ones_q[g] ^ flip(s, c, g);
                        twos[g]  = twos_q[g] ^ flip(s, c, g);
                        fours[g] = fours_q[g] ^ flip(s, c, g);
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
                assign row[r*SumBits+c] = gen_stage[Stages].gen_column[c].v[r] ^ flip(Stages, c, r);
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
