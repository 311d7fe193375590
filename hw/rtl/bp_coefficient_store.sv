// Two banks of filter coefficients, written over the scene-parameter bus, read as `Lanes` coefficients at once.
//
//   coefficient_o[lane] = bank(bank_i)[phase_i][tap],  tap = step_i * Lanes + lane,  and 0 for tap >= Taps
//
// The word at BaseAddress + phase * Taps + tap is coefficient (phase, tap). Reads are combinational (LUT memory).
// The host never writes a bank that a frame in flight uses, so a read needs no protection against a write.

module bp_coefficient_store #(
    parameter int unsigned Ratio = 4,  // phases, PAN pixels per MS pixel
    parameter int unsigned Taps = 5,  // coefficients per phase
    parameter int unsigned Lanes = 2,  // coefficients read at once
    parameter int unsigned Steps = 4,  // reads that cover a phase, Lanes * Steps >= Taps
    parameter int unsigned CoefficientBits = 12,  // signed
    parameter int unsigned BaseAddress = 0,  // first word on the bus
    localparam int unsigned PhaseBits = $clog2(Ratio),
    localparam int unsigned StepBits = Steps > 1 ? $clog2(Steps) : 1
) (
    input  logic                                      clk_i,
    input  bp_scene_pkg::write_t                      cfg_i,
    input  logic                                      bank_i,
    input  logic [PhaseBits-1:0]                      phase_i,
    input  logic [ StepBits-1:0]                      step_i,
    output logic [    Lanes-1:0][CoefficientBits-1:0] coefficient_o
);

    if (Ratio < 2) begin : gen_check_ratio
        $error("bp_coefficient_store: Ratio must be at least 2");
    end
    if (Lanes * Steps < Taps) begin : gen_check_lanes
        $error("bp_coefficient_store: Lanes * Steps must cover Taps");
    end

    localparam int unsigned AddressBits = 1 + PhaseBits + StepBits;
    localparam int unsigned Words = Ratio * Taps;

    logic valid, bank;
    logic [$clog2(Words)-1:0] word;
    logic [CoefficientBits-1:0] data;

    bp_scene_words #(
        .BaseAddress(BaseAddress),
        .Words(Words),
        .Bits(CoefficientBits)
    ) u_words (
        .clk_i,
        .cfg_i,
        .valid_o(valid),
        .bank_o(bank),
        .word_o(word),
        .data_o(data)
    );

    // Where the word lies: in which lane, in which row of it.
    logic [Lanes-1:0] write;
    logic [AddressBits-1:0] address;

    always_comb begin
        write   = '0;
        address = '0;
        for (int unsigned phase = 0; phase < Ratio; phase++) begin
            for (int unsigned tap = 0; tap < Taps; tap++) begin
                if (word == ($clog2(Words))'(phase * Taps + tap)) begin
                    write[tap%Lanes] = valid;
                    address = {bank, PhaseBits'(phase), StepBits'(tap / Lanes)};
                end
            end
        end
    end

    for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
        logic [CoefficientBits-1:0] words[2**AddressBits];
        // A lane's tap at step s is s * Lanes + lane: within Taps up to this step.
        localparam int unsigned LaneSteps = (Taps - lane + Lanes - 1) / Lanes;

        always_ff @(posedge clk_i) begin
            if (write[lane]) words[address] <= data;
        end

        assign coefficient_o[lane] = 32'(step_i) < LaneSteps ? words[{bank_i, phase_i, step_i}] : '0;
    end

endmodule
