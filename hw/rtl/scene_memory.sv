// A scene parameter per channel, in two banks: written over the cfg bus, channel c at BaseAddress + c, read fold by fold.
//
// Reads are combinational (LUT memory). The host never writes a bank that a frame in flight uses.

module scene_memory #(
    parameter int unsigned Channels = 4,
    parameter int unsigned Pe = 2,  // channels read at once, a divisor of Channels
    parameter int unsigned Bits = 11,  // of a parameter, at most the 32 of a word
    parameter int unsigned BaseAddress = 0,  // scene word of channel 0
    localparam int unsigned FoldBits = Channels / Pe > 1 ? $clog2(Channels / Pe) : 1
) (
    input  logic                clk_i,
    input  logic                cfg_valid_i,
    input  logic                cfg_bank_i,
    input  logic [        15:0] cfg_address_i,
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic [        31:0] cfg_data_i,
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic                bank_i,
    input  logic [FoldBits-1:0] fold_i,
    output logic [ Pe*Bits-1:0] words_o  // of channels fold_i * Pe and up
);
    if (Channels % Pe != 0) begin : gen_check_pe
        $error("scene_memory: Pe divides Channels");
    end
    if (Bits > 32 || BaseAddress + Channels > 65536) begin : gen_check_scene
        $error("scene_memory: parameters must fit the words and addresses of the scene-parameter bus");
    end

    // A register between the bus, which crosses the whole device, and the memories.
    logic [Pe-1:0] write_d, write_q;
    logic [FoldBits:0] row_d, row_q;  // {bank, fold}
    logic [Bits-1:0] data_q;

    always_comb begin
        write_d = '0;
        row_d   = '0;
        for (int unsigned channel = 0; channel < Channels; channel++) begin
            if (cfg_valid_i && cfg_address_i == 16'(BaseAddress + channel)) begin
                write_d[channel%Pe] = 1'b1;
                row_d = {cfg_bank_i, FoldBits'(channel / Pe)};
            end
        end
    end

    always_ff @(posedge clk_i) begin
        write_q <= write_d;
        row_q   <= row_d;
        data_q  <= cfg_data_i[Bits-1:0];
    end

    for (genvar pe = 0; pe < Pe; pe++) begin : gen_pe
        logic [Bits-1:0] words[2**(FoldBits+1)];
        always_ff @(posedge clk_i) if (write_q[pe]) words[row_q] <= data_q;
        assign words_o[pe*Bits+:Bits] = words[{bank_i, fold_i}];
    end
endmodule
