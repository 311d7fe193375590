// A unit's own words of the scene-parameter bus: those from BaseAddress on, counted from 0, a clock later.
//
// The register stands between the bus, which crosses the whole device, and the unit's memories.

module bp_scene_words #(
    parameter int unsigned BaseAddress = 0,  // of word 0 on the bus
    parameter int unsigned Words = 4,
    parameter int unsigned Bits = 12,  // of a word
    localparam int unsigned WordBits = Words > 1 ? $clog2(Words) : 1
) (
    input  logic                 clk_i,
    // verilator lint_off UNUSEDSIGNAL
    input  bp_scene_pkg::write_t cfg_i,
    // verilator lint_on UNUSEDSIGNAL
    output logic                 valid_o,
    output logic                 bank_o,
    output logic [ WordBits-1:0] word_o,
    output logic [     Bits-1:0] data_o
);

    if (Bits > 32) begin : gen_check_bits
        $error("bp_scene_words: a bus word has 32 bits");
    end
    if (BaseAddress + Words > 65536) begin : gen_check_address
        $error("bp_scene_words: the words pass the end of the bus");
    end

    logic [15:0] word;
    assign word = cfg_i.address - 16'(BaseAddress);

    always_ff @(posedge clk_i) begin
        valid_o <= cfg_i.valid && 32'(word) < Words;
        bank_o  <= cfg_i.bank;
        word_o  <= word[WordBits-1:0];
        data_o  <= cfg_i.data[Bits-1:0];
    end

endmodule
