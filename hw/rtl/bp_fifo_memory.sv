// A memory with a write port and a registered read port, of distributed, block or ultra memory.

module bp_fifo_memory #(
    parameter int unsigned Width = 8,  // bits per word
    parameter int unsigned Depth = 16,  // words
    parameter int unsigned Kind = 3,  // 2: distributed memory, 3: block memory, 4: ultra memory
    localparam int unsigned AddressBits = Depth > 1 ? $clog2(Depth) : 1
) (
    input  logic                   clk_i,
    input  logic                   write_i,
    input  logic [AddressBits-1:0] write_address_i,
    input  logic [      Width-1:0] word_i,
    input  logic                   read_i,
    input  logic [AddressBits-1:0] read_address_i,
    output logic [      Width-1:0] word_o
);
    if (Kind < 2 || Kind > 4) begin : gen_check_kind
        $error("bp_fifo_memory: Kind is 2 (distributed), 3 (block) or 4 (ultra memory)");
    end

    if (Kind == 2) begin : gen_distributed
        (* ram_style = "distributed" *) logic [Width-1:0] memory[Depth];
        always_ff @(posedge clk_i) begin
            if (write_i) memory[write_address_i] <= word_i;
            if (read_i) word_o <= memory[read_address_i];
        end
    end else if (Kind == 3) begin : gen_block
        (* ram_style = "block" *) logic [Width-1:0] memory[Depth];
        always_ff @(posedge clk_i) begin
            if (write_i) memory[write_address_i] <= word_i;
            if (read_i) word_o <= memory[read_address_i];
        end
    end else begin : gen_ultra
        (* ram_style = "ultra" *) logic [Width-1:0] memory[Depth];
        always_ff @(posedge clk_i) begin
            if (write_i) memory[write_address_i] <= word_i;
            if (read_i) word_o <= memory[read_address_i];
        end
    end
endmodule
