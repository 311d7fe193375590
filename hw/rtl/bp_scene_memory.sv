// A scene parameter per channel, in two banks: written over the cfg bus, channel c at BaseAddress + c, read fold by fold.
//
// Reads are combinational (LUT memory). The host never writes a bank that a frame in flight uses.

module bp_scene_memory #(
    parameter int unsigned Channels = 4,
    parameter int unsigned Pe = 2,  // channels read at once, a divisor of Channels
    parameter int unsigned Bits = 11,  // of a parameter, at most the 32 of a word
    parameter int unsigned BaseAddress = 0,  // scene word of channel 0
    localparam int unsigned FoldBits = Channels / Pe > 1 ? $clog2(Channels / Pe) : 1,
    localparam int unsigned WordBits = Channels > 1 ? $clog2(Channels) : 1
) (
    input  logic                 clk_i,
    input  bp_scene_pkg::write_t cfg_i,
    input  logic                 bank_i,
    input  logic [ FoldBits-1:0] fold_i,
    output logic [  Pe*Bits-1:0] words_o  // of channels fold_i * Pe and up
);
    if (Channels % Pe != 0) begin : gen_check_pe
        $error("bp_scene_memory: Pe divides Channels");
    end
    logic valid, bank;
    logic [WordBits-1:0] word;
    logic [Bits-1:0] data;
    bp_scene_words #(
        .BaseAddress(BaseAddress),
        .Words      (Channels),
        .Bits       (Bits)
    ) u_words (
        .clk_i,
        .cfg_i,
        .valid_o(valid),
        .bank_o (bank),
        .word_o (word),
        .data_o (data)
    );

    // Where the word lies: in which lane, in which row of it.
    logic [Pe-1:0] write;
    logic [FoldBits:0] row;  // {bank, fold}
    always_comb begin
        write = '0;
        row   = '0;
        for (int unsigned channel = 0; channel < Channels; channel++) begin
            if (word == WordBits'(channel)) begin
                write[channel%Pe] = valid;
                row = {bank, FoldBits'(channel / Pe)};
            end
        end
    end

    for (genvar pe = 0; pe < Pe; pe++) begin : gen_pe
        logic [Bits-1:0] words[2**(FoldBits+1)];
        always_ff @(posedge clk_i) if (write[pe]) words[row] <= data;
        assign words_o[pe*Bits+:Bits] = words[{bank_i, fold_i}];
    end
endmodule
