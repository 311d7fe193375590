// Horizontal pass of the interpolator: filtered columns in, one PAN-grid pixel per clock out.
//
//   lms[y][Ratio*j + q] = (sum_t columns[q][t] * v[y][clamp(j - 2 + t, 0, Width - 1)] + 2^9) >> 10
//
// A window of five columns moves on by one every `Ratio` pixels; its middle is column j. Lines follow each other
// without a gap: the taps beyond a line's edge are replaced by the edge, whatever the window holds there. Where no
// further column is to be had after a line's end, an empty one is moved in, so a frame's end never waits for the next.
// Sums wrap at OutBits + 10 bits: exact whenever the result fits OutBits.

module bp_interpolator_columns #(
    parameter int unsigned Bands           = 4,   // elements per beat
    parameter int unsigned Width           = 16,  // columns per line
    parameter int unsigned Ratio           = 4,   // PAN pixels per MS pixel
    parameter int unsigned OutBits         = 13,  // of an element, in and out, signed
    parameter int unsigned CoefficientBits = 12,  // signed, 10 of them fraction
    parameter int unsigned BaseAddress     = 20   // of coefficient (0, 0) on the scene-parameter bus
) (
    input  logic                     clk_i,
    input  logic                     rst_ni,
    input  bp_scene_pkg::write_t     cfg_i,
    input  logic [Bands*OutBits-1:0] column_tdata_i,
    input  logic                     column_bank_i,
    input  logic                     column_tvalid_i,
    output logic                     column_tready_o,
    output logic [Bands*OutBits-1:0] out0_tdata_o,
    output logic                     out0_tvalid_o,
    input  logic                     out0_tready_i
);

    if (Width < 1) begin : gen_check_width
        $error("bp_interpolator_columns: Width must be at least 1");
    end
    if (Ratio < 2) begin : gen_check_ratio
        $error("bp_interpolator_columns: Ratio must be at least 2");
    end

    localparam int unsigned Taps = 5;
    localparam int unsigned Fraction = 10;
    localparam int unsigned AccBits = OutBits + Fraction;
    localparam int unsigned PhaseBits = $clog2(Ratio);
    localparam int unsigned ColumnBits = Width > 1 ? $clog2(Width) : 1;

    // Window: element 0 is the newest column, 2 the middle. `entry` is the next column's number, `middle` the middle's.
    logic [Taps-1:0][Bands*OutBits-1:0] window_q;
    logic [2:0] valid_q, bank_q;
    logic [ColumnBits-1:0] entry_q, middle_q;
    logic [PhaseBits-1:0] phase_q;
    logic advance, last_phase, shift, emit;

    assign advance = !out0_tvalid_o || out0_tready_i;
    assign last_phase = phase_q == PhaseBits'(Ratio - 1);
    assign column_tready_o = advance && (last_phase || !valid_q[2]);
    // Columns of one line stay together: only between two lines may an empty one come in.
    assign shift = column_tready_o && (column_tvalid_i || entry_q == '0);
    assign emit = advance && valid_q[2] && (!last_phase || shift);

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            valid_q  <= '0;
            entry_q  <= '0;
            middle_q <= '0;
            phase_q  <= '0;
        end else begin
            if (emit) phase_q <= last_phase ? '0 : phase_q + 1'b1;
            if (shift) begin
                valid_q <= {valid_q[1:0], column_tvalid_i};
                if (column_tvalid_i) entry_q <= entry_q == ColumnBits'(Width - 1) ? '0 : entry_q + 1'b1;
                if (valid_q[2]) middle_q <= middle_q == ColumnBits'(Width - 1) ? '0 : middle_q + 1'b1;
            end
        end
    end

    always_ff @(posedge clk_i) begin
        if (shift) window_q <= {window_q[Taps-2:0], column_tdata_i};
        if (shift) bank_q <= {bank_q[1:0], column_bank_i};
    end

    // Taps, the oldest column first, edges replicated.
    logic [Taps-1:0][Bands*OutBits-1:0] tap;
    logic one_before, two_before, one_after, two_after;

    assign one_before = middle_q != '0;
    assign two_before = 32'(middle_q) >= 2;
    assign one_after = middle_q != ColumnBits'(Width - 1);
    assign two_after = 32'(middle_q) + 2 < Width;
    assign tap[1] = one_before ? window_q[3] : window_q[2];
    assign tap[0] = two_before ? window_q[4] : tap[1];
    assign tap[2] = window_q[2];
    assign tap[3] = one_after ? window_q[1] : window_q[2];
    assign tap[4] = two_after ? window_q[0] : tap[3];

    logic [Taps-1:0][CoefficientBits-1:0] coefficient;

    bp_coefficient_store #(
        .Ratio(Ratio),
        .Taps(Taps),
        .Lanes(Taps),
        .Steps(1),
        .CoefficientBits(CoefficientBits),
        .BaseAddress(BaseAddress)
    ) u_coefficients (
        .clk_i,
        .cfg_i,
        .bank_i(bank_q[2]),
        .phase_i(phase_q),
        .step_i(1'b0),
        .coefficient_o(coefficient)
    );

    // Pipeline: select, multiply, add, add. It stops as a whole while a pixel waits.
    logic [     2:0]                                   pixel_valid_q;
    logic [Taps-1:0][  Bands*OutBits-1:0]              tap_q;
    logic [Taps-1:0][CoefficientBits-1:0]              coefficient_q;
    logic [Taps-1:0][          Bands-1:0][AccBits-1:0] product_q;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            pixel_valid_q <= '0;
            out0_tvalid_o <= 1'b0;
        end else if (advance) begin
            pixel_valid_q <= {pixel_valid_q[1:0], emit};
            out0_tvalid_o <= pixel_valid_q[2];
        end
    end

    always_ff @(posedge clk_i) begin
        if (advance) tap_q <= tap;
        if (advance) coefficient_q <= coefficient;
    end

    for (genvar band = 0; band < Bands; band++) begin : gen_band
        for (genvar t = 0; t < Taps; t++) begin : gen_tap
            logic signed [CoefficientBits-1:0] factor;
            logic signed [        OutBits-1:0] element;
            logic signed [        AccBits-1:0] product;
            assign factor  = coefficient_q[t];
            assign element = tap_q[t][band*OutBits+:OutBits];
            assign product = factor * element;
            always_ff @(posedge clk_i) begin
                if (advance) product_q[t][band] <= product;
            end
        end

        logic [AccBits-1:0] outer_q, inner_q, centre_q;
        always_ff @(posedge clk_i) begin
            if (advance) begin
                outer_q <= product_q[0][band] + product_q[4][band];
                inner_q <= product_q[1][band] + product_q[3][band];
                centre_q <= product_q[2][band] + AccBits'(1 << (Fraction - 1));
                out0_tdata_o[band*OutBits+:OutBits] <= OutBits'((outer_q + inner_q + centre_q) >> Fraction);
            end
        end
    end

endmodule
