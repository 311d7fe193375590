// MS upsampled to the PAN grid: separable, five taps an axis, vertical pass then horizontal, each rounded half up
// by 10 bits, unclipped (Keys' cubic with the coefficients that the host writes).
//
//   v  [Ratio*i + p][c] = (sum_t rows   [p][t] * ms[i + t][c] + 2^9) >> 10
//   lms[y][Ratio*j + q] = (sum_t columns[q][t] * v[y][j + t]  + 2^9) >> 10
//
// Ratio is 2 ** StrideBits. The MS has a border of two pixels on each side beyond the PAN's frame. in0 takes one MS pixel
// (Bands elements) a beat in raster order, out0 gives one PAN-grid pixel a beat, one in `Clocks` clocks once the first
// five lines are in; between frames it waits for two lines. Multipliers go over the bands of a pixel in these clocks:
// there are ceil(5 / (Ratio - 1)) + 5 for each Bands / Clocks bands. A frame is at least 12 MS pixels wide at ratio 4, or
// its border's columns take longer than its pixels. Coefficients are
// scene parameters: rows[p][t] at BaseAddress + 5*p + t, columns[q][t] at BaseAddress + 5*Ratio + 5*q + t. Frame n uses the
// bank bank_of_frame_i[n mod 16].
//
// v and lms must fit OutBits = Bits + 2. They do for every set of keys_coefficients: the taps of a phase add up to
// 1024 and their absolute values to at most 1280, which puts lms within (-0.29, 1.29) * 2^Bits.

module bp_interpolator #(
    parameter int unsigned Bands           = 4,         // elements per beat
    parameter int unsigned Bits            = 11,        // of an MS element, unsigned
    parameter int unsigned Width           = 16,        // most MS pixels of a line, its border included
    parameter int unsigned StrideBits      = 2,         // log2 of PAN pixels per MS pixel
    parameter int unsigned Clocks          = 1,         // per PAN pixel, a divisor of Bands
    parameter int unsigned OutBits         = Bits + 2,  // of an upsampled element, signed
    parameter int unsigned CoefficientBits = 12,        // signed, 10 of them fraction
    parameter int unsigned BaseAddress     = 0          // first of 10 * Ratio words on the scene-parameter bus
) (
    input  logic                     clk_i,
    input  logic                     rst_ni,
    input  bp_scene_pkg::size_t      size_i,
    input  bp_scene_pkg::write_t     cfg_i,
    input  bp_scene_pkg::banks_t     bank_of_frame_i,
    input  logic [   Bands*Bits-1:0] in0_tdata_i,
    input  logic                     in0_tvalid_i,
    output logic                     in0_tready_o,
    output logic [Bands*OutBits-1:0] out0_tdata_o,
    output logic                     out0_tvalid_o,
    input  logic                     out0_tready_i
);
    localparam int unsigned Part = Clocks > 0 && Bands >= Clocks ? Bands / Clocks : 1;  // bands at once
    localparam int unsigned Ratio = 2 ** StrideBits;

    if (Clocks == 0 || Part * Clocks != Bands) begin : gen_check_clocks
        $error("bp_interpolator: Clocks is at least 1 and divides Bands");
    end
    if (Bits == 0 || Width == 0 || StrideBits == 0 || CoefficientBits == 0) begin : gen_check_least
        $error("bp_interpolator: Bits, Width, StrideBits and CoefficientBits must be at least 1");
    end
    if (OutBits < Bits + 2) begin : gen_check_bits
        $error("bp_interpolator: OutBits must be at least Bits + 2");
    end

    logic [Part*OutBits-1:0] column;
    logic column_bank, column_tlast, column_valid, column_ready;
    logic [Bands*OutBits-1:0] pixel;
    logic pixel_valid, pixel_ready;

    bp_interpolator_rows #(
        .Part(Part),
        .Folds(Clocks),
        .Bits(Bits),
        .Width(Width),
        .StrideBits(StrideBits),
        .OutBits(OutBits),
        .CoefficientBits(CoefficientBits),
        .BaseAddress(BaseAddress)
    ) u_rows (
        .clk_i,
        .rst_ni,
        .size_i,
        .cfg_i,
        .bank_of_frame_i,
        .in0_tdata_i,
        .in0_tvalid_i,
        .in0_tready_o,
        .column_tdata_o (column),
        .column_bank_o  (column_bank),
        .column_tlast_o  (column_tlast),
        .column_tvalid_o(column_valid),
        .column_tready_i(column_ready)
    );

    bp_interpolator_columns #(
        .Part(Part),
        .Folds(Clocks),
        .Ratio(Ratio),
        .OutBits(OutBits),
        .CoefficientBits(CoefficientBits),
        .BaseAddress(BaseAddress + 5 * Ratio)
    ) u_columns (
        .clk_i,
        .rst_ni,
        .cfg_i,
        .column_tdata_i (column),
        .column_bank_i  (column_bank),
        .column_tlast_i  (column_tlast),
        .column_tvalid_i(column_valid),
        .column_tready_o(column_ready),
        .out0_tdata_o (pixel),
        .out0_tvalid_o(pixel_valid),
        .out0_tready_i(pixel_ready)
    );

    // A stop of what follows would go through both passes in a clock.
    bp_register_slice #(
        .Width(Bands * OutBits)
    ) u_slice (
        .clk_i,
        .rst_ni,
        .in0_tdata_i  (pixel),
        .in0_tvalid_i (pixel_valid),
        .in0_tready_o (pixel_ready),
        .out0_tdata_o,
        .out0_tvalid_o,
        .out0_tready_i
    );

endmodule
