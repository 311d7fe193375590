// A unit's own words of the scene-parameter bus: those from BaseAddress on, counted from 0, a clock later.
//
// The register stands between the bus, which crosses the whole device, and the unit's memories.

module scene_words #(
    parameter int unsigned BaseAddress = 0,  // of word 0 on the bus
    parameter int unsigned Words = 4,
    parameter int unsigned Bits = 12,  // of a word
    localparam int unsigned WordBits = Words > 1 ? $clog2(Words) : 1
) (
    input  logic                clk_i,
    input  logic                cfg_valid_i,
    input  logic                cfg_bank_i,
    input  logic [        15:0] cfg_address_i,
    // verilator lint_off UNUSEDSIGNAL
    input  logic [        31:0] cfg_data_i,
    // verilator lint_on UNUSEDSIGNAL
    output logic                valid_o,
    output logic                bank_o,
    output logic [WordBits-1:0] word_o,
    output logic [    Bits-1:0] data_o
);

    if (Bits > 32) begin : gen_check_bits
        $error("scene_words: a bus word has 32 bits");
    end
    if (BaseAddress + Words > 65536) begin : gen_check_address
        $error("scene_words: the words pass the end of the bus");
    end

    logic [15:0] word;
    assign word = cfg_address_i - 16'(BaseAddress);

    always_ff @(posedge clk_i) begin
        valid_o <= cfg_valid_i && 32'(word) < Words;
        bank_o  <= cfg_bank_i;
        word_o  <= word[WordBits-1:0];
        data_o  <= cfg_data_i[Bits-1:0];
    end

endmodule
