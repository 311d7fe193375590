// Two banks of filter coefficients, written over the scene-parameter bus, read as `Lanes` coefficients at once.
//
//   coefficient_o[lane] = bank(bank_i)[phase_i][tap],  tap = step_i * Lanes + lane,  and 0 for tap >= Taps
//
// The word at BaseAddress + phase * Taps + tap is coefficient (phase, tap). Reads are combinational (LUT memory).
// The host never writes a bank that a frame in flight uses, so a read needs no protection against a write.

module coefficient_store #(
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
    input  logic                                      cfg_valid_i,
    input  logic                                      cfg_bank_i,
    input  logic [         15:0]                      cfg_address_i,
    // verilator lint_off UNUSEDSIGNAL
    input  logic [         31:0]                      cfg_data_i,
    // verilator lint_on UNUSEDSIGNAL
    input  logic                                      bank_i,
    input  logic [PhaseBits-1:0]                      phase_i,
    input  logic [ StepBits-1:0]                      step_i,
    output logic [    Lanes-1:0][CoefficientBits-1:0] coefficient_o
);

    if (Ratio < 2) begin : gen_check_ratio
        $error("coefficient_store: Ratio must be at least 2");
    end
    if (Lanes * Steps < Taps) begin : gen_check_lanes
        $error("coefficient_store: Lanes * Steps must cover Taps");
    end
    if (CoefficientBits > 32) begin : gen_check_bits
        $error("coefficient_store: a bus word has 32 bits");
    end
    if (BaseAddress + Ratio * Taps > 65536) begin : gen_check_address
        $error("coefficient_store: the words pass the end of the bus");
    end

    localparam int unsigned AddressBits = 1 + PhaseBits + StepBits;

    // A register between the bus and the memories: the bus crosses the whole device.
    logic [Lanes-1:0] write_d, write_q;
    logic [AddressBits-1:0] address_d, address_q;
    logic [CoefficientBits-1:0] data_q;

    always_comb begin
        write_d   = '0;
        address_d = '0;
        for (int unsigned phase = 0; phase < Ratio; phase++) begin
            for (int unsigned tap = 0; tap < Taps; tap++) begin
                if (cfg_valid_i && cfg_address_i == 16'(BaseAddress + phase * Taps + tap)) begin
                    write_d[tap%Lanes] = 1'b1;
                    address_d = {cfg_bank_i, PhaseBits'(phase), StepBits'(tap / Lanes)};
                end
            end
        end
    end

    always_ff @(posedge clk_i) begin
        write_q <= write_d;
        address_q <= address_d;
        data_q <= cfg_data_i[CoefficientBits-1:0];
    end

    for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
        logic [CoefficientBits-1:0] words[2**AddressBits];
        // A lane's tap at step s is s * Lanes + lane: within Taps up to this step.
        localparam int unsigned LaneSteps = (Taps - lane + Lanes - 1) / Lanes;

        always_ff @(posedge clk_i) begin
            if (write_q[lane]) words[address_q] <= data_q;
        end

        assign coefficient_o[lane] = 32'(step_i) < LaneSteps ? words[{bank_i, phase_i, step_i}] : '0;
    end

endmodule
