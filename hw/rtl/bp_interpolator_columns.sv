// Horizontal pass of the interpolator: filtered columns in, one PAN-grid pixel every `Folds` clocks out.
//
//   lms[y][Ratio*j + q] = (sum_t columns[q][t] * v[y][clamp(j - 2 + t, 0, width - 1)] + 2^9) >> 10
//
// A window of five columns moves on by one every `Ratio` pixels; its middle is column j. Its columns turn, a fold a clock:
// with each pixel once round, and while the window moves a fold of a column takes the place of the next column's. Lines
// follow each other without a gap: the taps beyond a line's edge are replaced by the edge, whatever the window holds
// there. Where no further column is to be had after a line's end, an empty one is moved in, so a frame's end never waits
// for the next. Sums wrap at OutBits + 10 bits: exact whenever the result fits OutBits.

module bp_interpolator_columns #(
    parameter int unsigned Part            = 4,   // elements of an input beat
    parameter int unsigned Folds           = 1,   // input beats per column
    parameter int unsigned Ratio           = 4,   // PAN pixels per MS pixel
    parameter int unsigned OutBits         = 13,  // of an element, in and out, signed
    parameter int unsigned CoefficientBits = 12,  // signed, 10 of them fraction
    parameter int unsigned BaseAddress     = 20   // of coefficient (0, 0) on the scene-parameter bus
) (
    input  logic                          clk_i,
    input  logic                          rst_ni,
    input  bp_scene_pkg::write_t          cfg_i,
    input  logic [      Part*OutBits-1:0] column_tdata_i,
    input  logic                          column_bank_i,
    input  logic                          column_tlast_i,    // of its line
    input  logic                          column_tvalid_i,
    output logic                          column_tready_o,
    output logic [Folds*Part*OutBits-1:0] out0_tdata_o,
    output logic                          out0_tvalid_o,
    input  logic                          out0_tready_i
);
    localparam int unsigned Taps = 5;
    localparam int unsigned Fraction = 10;
    localparam int unsigned AccBits = OutBits + Fraction;
    localparam int unsigned PartBits = Part * OutBits;
    localparam int unsigned PhaseBits = $clog2(Ratio);
    localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1;

    // Window: column 0 is the newest, 2 the middle. Of each column the fold in turn is the last of its ring.
    logic [Taps-1:0][Folds-1:0][PartBits-1:0] ring_q;
    logic [Taps-1:0][PartBits-1:0] part;
    logic [2:0] valid_q, bank_q, last_q;  // last of its line
    logic [3:0] first_q;  // first of its line
    logic [FoldBits-1:0] fold_q;
    logic [PhaseBits-1:0] phase_q;
    logic between_q;  // the next column begins a line
    logic empty_q;  // an empty column is being moved in
    logic advance, last_fold, last_phase, move, empty, turn, emit;

    assign advance = !out0_tvalid_o || out0_tready_i;
    assign last_fold = fold_q == FoldBits'(Folds - 1);
    assign last_phase = phase_q == PhaseBits'(Ratio - 1);
    assign move = last_phase || !valid_q[2];
    assign column_tready_o = advance && move && !empty_q;
    // Columns of one line stay together: only between two lines may an empty one come in.
    assign empty = empty_q || between_q && fold_q == '0 && !column_tvalid_i;
    assign turn = advance && (!move || column_tvalid_i || empty);
    assign emit = turn && valid_q[2];

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            valid_q <= '0;
            fold_q <= '0;
            phase_q <= '0;
            between_q <= 1'b1;
            empty_q <= 1'b0;
        end else if (turn) begin
            fold_q <= last_fold ? '0 : fold_q + 1'b1;
            if (Folds > 1) empty_q <= move && empty && !last_fold;
            if (last_fold && valid_q[2]) phase_q <= last_phase ? '0 : phase_q + 1'b1;
            if (last_fold && move) begin
                valid_q <= {valid_q[1:0], !empty};
                if (!empty) between_q <= column_tlast_i;
            end
        end
    end

    always_ff @(posedge clk_i) begin
        if (turn && last_fold && move) begin
            bank_q  <= {bank_q[1:0], column_bank_i};
            first_q <= {first_q[2:0], between_q};
            last_q  <= {last_q[1:0], column_tlast_i};
        end
    end

    for (genvar t = 0; t < Taps; t++) begin : gen_column
        logic [PartBits-1:0] next;
        if (t == 0) begin : gen_newest
            assign next = column_tdata_i;
        end else begin : gen_older
            assign next = part[t-1];
        end
        assign part[t] = ring_q[t][Folds-1];
        always_ff @(posedge clk_i) begin
            if (turn) begin
                for (int unsigned fold = 1; fold < Folds; fold++) ring_q[t][fold] <= ring_q[t][fold-1];
                ring_q[t][0] <= move ? next : part[t];
            end
        end
    end

    // Taps, the oldest column first, edges replicated.
    logic [Taps-1:0][PartBits-1:0] tap;

    assign tap[1] = first_q[2] ? part[2] : part[3];
    assign tap[0] = first_q[2] || first_q[3] ? tap[1] : part[4];
    assign tap[2] = part[2];
    assign tap[3] = last_q[2] ? part[2] : part[1];
    assign tap[4] = last_q[2] || last_q[1] ? tap[3] : part[0];

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
    logic [     2:0]                                  part_valid_q, whole_q;  // whole: the pixel's last part
    logic [Taps-1:0][  PartBits-1:0]                  tap_q;
    logic [Taps-1:0][CoefficientBits-1:0]             coefficient_q;
    logic [Taps-1:0][          Part-1:0][AccBits-1:0] product_q;
    logic           [  PartBits-1:0]                  result;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            part_valid_q  <= '0;
            out0_tvalid_o <= 1'b0;
        end else if (advance) begin
            part_valid_q  <= {part_valid_q[1:0], emit};
            out0_tvalid_o <= part_valid_q[2] && whole_q[2];
        end
    end

    always_ff @(posedge clk_i) begin
        if (advance) begin
            whole_q <= {whole_q[1:0], last_fold};
            tap_q <= tap;
            coefficient_q <= coefficient;
            if (part_valid_q[2]) begin
                out0_tdata_o <= (Folds * PartBits)'({result, out0_tdata_o} >> PartBits);
            end
        end
    end

    for (genvar band = 0; band < Part; band++) begin : gen_band
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
            end
        end
        assign result[band*OutBits+:OutBits] = OutBits'((outer_q + inner_q + centre_q) >> Fraction);
    end

endmodule
