// Horizontal pass of the interpolator: filtered columns in, one PAN-grid pixel every `Folds` clocks out.
//
//   lms[y][Ratio*j + q] = (sum_t columns[q][t] * v[y][j + t] + 2^9) >> 10
//
// A line has its border: four columns more than an image. Sixteen columns are kept, of as many lines as they happen to be
// of: the five of column j, which `Ratio` pixels are made of, and those to come. After a line's last five the next five
// are the next line's, so lines follow each other without a gap if their columns come in time. Each tap reads a memory of
// its own. Sums wrap at OutBits + 10 bits: exact whenever the result fits OutBits.

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
    localparam int unsigned SlotBits = 4;

    // Columns: written in a ring of slots that does not restart with the line.
    logic [SlotBits-1:0] write_slot_q, slot_q;  // slot: of the oldest of the five
    logic [FoldBits-1:0] write_fold_q, fold_q;
    logic [PhaseBits-1:0] phase_q;
    logic [SlotBits:0] complete_q;  // columns from that one on
    logic ready_q, next_ready_q;  // whether they are enough, and will be for the next five; known a clock later
    logic advance, write, written, last_write_fold, last_fold, last_phase, emit, done;
    logic ending_q;  // at the last of what five columns give; known ahead, because emit comes late
    logic bank, line_ends;  // of the five: their bank, and whether their line ends with them
    logic line_ends_q;  // a clock later: they give two pixels at least

    assign advance = !out0_tvalid_o || out0_tready_i;
    assign column_tready_o = !complete_q[SlotBits];
    assign write = column_tvalid_i && column_tready_o;
    assign last_write_fold = write_fold_q == FoldBits'(Folds - 1);
    assign written = write && last_write_fold;
    assign last_fold = fold_q == FoldBits'(Folds - 1);
    assign last_phase = phase_q == PhaseBits'(Ratio - 1);
    assign emit = advance && ready_q;
    assign done = emit && ending_q;

    always_ff @(posedge clk_i) line_ends_q <= line_ends;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            write_slot_q <= '0;
            write_fold_q <= '0;
            slot_q <= '0;
            fold_q <= '0;
            phase_q <= '0;
            ending_q <= 1'b0;
            complete_q <= '0;
            ready_q <= 1'b0;
            next_ready_q <= 1'b0;
        end else begin
            if (write) write_fold_q <= last_write_fold ? '0 : write_fold_q + 1'b1;
            if (written) write_slot_q <= write_slot_q + 1'b1;
            if (emit) fold_q <= last_fold ? '0 : fold_q + 1'b1;
            if (emit && last_fold) phase_q <= last_phase ? '0 : phase_q + 1'b1;
            if (emit && Folds > 1) ending_q <= last_phase && fold_q == FoldBits'(Folds - 2);
            else if (emit) ending_q <= phase_q == PhaseBits'(Ratio - 2);
            if (done) slot_q <= slot_q + (line_ends_q ? SlotBits'(Taps) : SlotBits'(1));
            // The sum is there when done, which comes late, chooses.
            if (done) complete_q <= complete_q - (line_ends_q ? 5'(Taps) : 5'd1) + 5'(written);
            else if (written) complete_q <= complete_q + 5'd1;
            next_ready_q <= complete_q >= (line_ends ? 5'(2 * Taps) : 5'(Taps + 1));
            ready_q <= done ? next_ready_q : complete_q >= 5'(Taps);
        end
    end

    logic [Taps-1:0][PartBits-1:0] tap;  // the oldest column first

    for (genvar t = 0; t < Taps; t++) begin : gen_memory
        logic [PartBits-1:0] columns[2**(SlotBits+FoldBits)];
        logic [SlotBits-1:0] slot;
        assign slot = slot_q + SlotBits'(t);
        assign tap[t] = columns[{slot, fold_q}];
        always_ff @(posedge clk_i) if (write) columns[{write_slot_q, write_fold_q}] <= column_tdata_i;
    end

    logic [1:0] marks[2**SlotBits];
    logic [SlotBits-1:0] newest;
    assign newest = slot_q + SlotBits'(Taps - 1);
    assign {bank, line_ends} = marks[newest];
    always_ff @(posedge clk_i) if (write) marks[write_slot_q] <= {column_bank_i, column_tlast_i};

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
        .bank_i(bank),
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
