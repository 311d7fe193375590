// A word as a heap of parities: node h (1 to Width) has its own bit h - 1 and the children 2h and 2h + 1, and becomes the
// parity of its subtree. The matrix-vector unit of signs counts in this form, see bp_xnor_core.

module bp_parity_heap #(
    parameter int unsigned Width = 8
) (
    input  logic [Width-1:0] bits_i,
    output logic [Width-1:0] parities_o
);
    logic node[Width+2];  // nodes 1 to Width; the next is absent, 0

    always_comb begin
        node[0] = 1'b0;
        node[Width+1] = 1'b0;
        for (int unsigned h = Width; h > Width / 2; h--) node[h] = bits_i[h-1];
        for (int unsigned h = Width / 2; h >= 1; h--) node[h] = bits_i[h-1] ^ node[2*h] ^ node[2*h+1];
        for (int unsigned h = 1; h <= Width; h++) parities_o[h-1] = node[h];
    end
endmodule
