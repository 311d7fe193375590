// Number of ones: sum = popcount(bits XOR Flip) + Offset (mod 2**SumBits), pipelined, one word per clock.
//
// Column compression: six bits of the same weight become a three-bit count (three 6-input LUTs remove three bits), stage
// after stage until no column has six bits left; adders sum the few rows that remain. That is about one LUT per input
// bit. A register follows each stage; all of them move when enable_i is set.
//
// Flip serves constant weights. A group of six whose first bit is flipped counts the complement and inverts the count:
// ones(~v) = 6 - ones(v) and ~n = 7 - n, so the sum comes out one too high per such group, which the offset takes back.
// Thus units that share inputs share the counts of groups that are equal or opposite: synthesis merges them.
//
// The groups of a column of 6 * G bits are {v[j], v[G+j], ..., v[5G+j]}, so that all are described by operations on
// G-bit words, which simulate fast.

module popcount #(
    parameter int unsigned Width = 36,  // bits counted
    parameter int unsigned SumBits = 8,  // bits of the sum, two's complement if Offset is negative
    parameter int unsigned TagBits = 1,  // bits that travel along
    parameter logic [Width-1:0] Flip = '0,  // bits inverted before they are counted
    parameter int Offset = 0  // added to the count
) (
    input  logic               clk_i,
    input  logic               rst_ni,  // clears the tags
    input  logic               enable_i,
    input  logic [  Width-1:0] bits_i,
    input  logic [TagBits-1:0] tag_i,
    output logic [SumBits-1:0] sum_o,
    output logic [TagBits-1:0] tag_o
);
    if (Width < 1) begin : gen_check
        $error("popcount: Width is at least 1");
    end

    localparam int MaxStages = 8;  // enough for a width of 10^5

    function automatic int opposite();
        int count;
        count = 0;
        for (int g = 0; g < int'(Width) / 6; g++) count += int'(Flip[g]);
        return count;
    endfunction

    // The ones of the offset join the columns at the start.
    localparam logic [SumBits-1:0] Constant = SumBits'(Offset - opposite());

    // Heights of the columns before each stage, and how many groups of six the stage takes from them.
    typedef logic [MaxStages:0][SumBits-1:0][31:0] sizes_t;

    function automatic sizes_t sizes(bit groups);
        sizes_t height, group;
        for (int s = 0; s <= MaxStages; s++) begin
            for (int c = 0; c < int'(SumBits); c++) begin
                if (s == 0) begin
                    height[s][c] = 32'(Constant[c]) + (c == 0 ? 32'(Width) : 32'd0);
                    group[s][c]  = c == 0 ? 32'(Width / 6) : 32'd0;
                end else begin
                    height[s][c] = height[s-1][c] - 5 * group[s-1][c];
                    if (c >= 1) height[s][c] += group[s-1][c-1];
                    if (c >= 2) height[s][c] += group[s-1][c-2];
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

    logic [Stages:0][TagBits-1:0] tag;
    assign tag[0] = tag_i;

    for (genvar s = 0; s <= Stages; s++) begin : gen_stage
        for (genvar c = 0; c < SumBits; c++) begin : gen_column
            localparam int H = Height[s][c];
            localparam int G = s < Stages ? Group[s][c] : 0;
            localparam int Left = H - 6 * G;
            // The column: what was left over, then the counts' bits from this column, the one below, two below.
            /* verilator lint_off UNUSEDSIGNAL */
            logic [(H > 0 ? H : 1)-1:0] v;
            /* verilator lint_on UNUSEDSIGNAL */

            if (s == 0) begin : gen_input
                if (c == 0) begin : gen_bits
                    assign v[Width-1:0] = bits_i;
                end
                if (Constant[c]) begin : gen_offset
                    assign v[H-1] = 1'b1;
                end else if (H == 0) begin : gen_none
                    assign v = 1'b0;
                end
            end else begin : gen_collect
                localparam int G0 = Group[s-1][c];
                localparam int G1 = c >= 1 ? Group[s-1][c-1] : 0;
                localparam int G2 = c >= 2 ? Group[s-1][c-2] : 0;
                localparam int L = H - G0 - G1 - G2;
                if (L > 0) begin : gen_left_over
                    assign v[0+:L] = gen_stage[s-1].gen_column[c].gen_left.left_q;
                end
                if (G0 > 0) begin : gen_ones
                    assign v[L+:G0] = gen_stage[s-1].gen_column[c].gen_count.count[0];
                end
                if (G1 > 0) begin : gen_twos
                    assign v[L+G0+:G1] = gen_stage[s-1].gen_column[c-1].gen_count.count[1];
                end
                if (G2 > 0) begin : gen_fours
                    assign v[L+G0+G1+:G2] = gen_stage[s-1].gen_column[c-2].gen_count.count[2];
                end
                if (H == 0) begin : gen_empty
                    assign v = 1'b0;
                end
            end

            if (s < Stages && Left > 0) begin : gen_left
                localparam logic [Left-1:0] F = s == 0 && c == 0 ? Left'(Flip >> 6 * G) : '0;
                logic [Left-1:0] left_q;
                always_ff @(posedge clk_i) if (enable_i) left_q <= v[6*G+:Left] ^ F;
            end
            if (G > 0) begin : gen_count
                localparam logic [5:0][G-1:0] F = s == 0 ? (6 * G)'(Flip) : '0;
                logic [2:0][G-1:0] count_q, count;
                logic [5:0][G-1:0] b;
                logic [G-1:0] sum0, sum1, carry0, carry1, carry2;
                assign b = v[6*G-1:0] ^ F ^ {6{F[0]}};
                assign sum0 = b[0] ^ b[1] ^ b[2];
                assign sum1 = b[3] ^ b[4] ^ b[5];
                assign carry0 = b[0] & b[1] | b[2] & (b[0] | b[1]);
                assign carry1 = b[3] & b[4] | b[5] & (b[3] | b[4]);
                assign carry2 = sum0 & sum1;
                always_ff @(posedge clk_i) begin
                    if (enable_i) begin
                        count_q[0] <= sum0 ^ sum1;
                        count_q[1] <= carry0 ^ carry1 ^ carry2;
                        count_q[2] <= carry0 & carry1 | carry2 & (carry0 | carry1);
                    end
                end
                assign count = count_q ^ {3{F[0]}};
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
    localparam logic [Width-1:0] LastFlip = Stages == 0 ? Flip : '0;
    logic [4:0][SumBits-1:0] row;
    for (genvar c = 0; c < SumBits; c++) begin : gen_row
        for (genvar r = 0; r < 5; r++) begin : gen_bit
            if (r < Height[Stages][c]) begin : gen_used
                assign row[r][c] = gen_stage[Stages].gen_column[c].v[r] ^ (c == 0 && r < Width && LastFlip[r%Width]);
            end else begin : gen_empty
                assign row[r][c] = 1'b0;
            end
        end
    end
    always_ff @(posedge clk_i) begin
        if (enable_i) sum_o <= row[0] + row[1] + row[2] + row[3] + row[4];
        if (!rst_ni) tag_o <= '0;
        else if (enable_i) tag_o <= tag[Stages];
    end
endmodule
