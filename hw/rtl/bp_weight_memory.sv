// Constant words read in turn, each registered, in LUTs or in block memory.
//
// The address only ever takes over a counter that is one word ahead: with the counter's own logic behind the address,
// Yosys' ABC9 parts the words into functions that share some of it, four LUTs and more for 64 words of a bit instead of
// one.
//
// The by-size rule trades a block memory of 18 Kbit (512 words of 36 bits) for the LUTs it saves, 36 for each 64 words,
// at about the ratio in which devices have the two.

module bp_weight_memory #(
    parameter int unsigned Width = 8,  // bits per word
    parameter int unsigned Depth = 16,  // words, at least 2
    parameter int unsigned Style = 0,  // 0: by size, 1: LUTs, 2: block memory
    parameter logic [Depth*Width-1:0] Words = '0,  // word 0 lowest
    localparam int unsigned AddressBits = $clog2(Depth)
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             enable_i,
    input  logic             step_i,  // with enable_i: the word after this one is next
    output logic [Width-1:0] word_o
);
    if (Style > 2) begin : gen_check_style
        $error("bp_weight_memory: Style is 0 (by size), 1 (LUTs) or 2 (block memory)");
    end

    logic [AddressBits-1:0] address_q, ahead_q;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            address_q <= '0;
            ahead_q   <= AddressBits'(1);
        end else if (enable_i && step_i) begin
            address_q <= ahead_q;
            ahead_q   <= ahead_q == AddressBits'(Depth - 1) ? '0 : ahead_q + 1'b1;
        end
    end

    localparam bit Block = Style == 2 || Style == 0 && Depth > 256;

    if (Block) begin : gen_block
        (* rom_style = "block", ram_style = "block" *) logic [Width-1:0] rom[Depth];
        initial for (int unsigned i = 0; i < Depth; i++) rom[i] = Words[i*Width+:Width];
        always_ff @(posedge clk_i) if (enable_i) word_o <= rom[address_q];
    end else begin : gen_luts
        // Vivado's word for a ROM in LUTs, and the one that Yosys takes, to which distributed memory can be written.
        (* ram_style = "registers", rom_style = "distributed" *) logic [Width-1:0] rom[Depth];
        initial for (int unsigned i = 0; i < Depth; i++) rom[i] = Words[i*Width+:Width];
        always_ff @(posedge clk_i) if (enable_i) word_o <= rom[address_q];
    end
endmodule
