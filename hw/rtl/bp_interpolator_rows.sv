// Vertical pass of the interpolator: MS lines in, vertically filtered columns out, `Ratio` lines of them per MS line.
//
//   v[Ratio*i + p][c] = (sum_t rows[p][t] * ms[clamp(i - 2 + t, 0, height - 1)][c] + 2^9) >> 10
//
// Six lines are kept: the five that MS row i can need and the one being filled. Row i starts as soon as the rows
// that it really uses are complete, so a frame's end never waits for the next frame. A column is allowed `Ratio`
// steps of `Folds` clocks, the time the horizontal pass takes to spend it, and so ceil(5 / Ratio) multipliers suffice for
// each of the `Part` bands at once. Each of these lanes reads its own copy of the lines, which spares the multiplexers
// that a choice among lines would take. Sums wrap at OutBits + 10 bits: exact whenever the result fits OutBits.

module bp_interpolator_rows #(
    parameter int unsigned Part            = 4,   // elements of an output beat
    parameter int unsigned Folds           = 1,   // output beats per column
    parameter int unsigned Bits            = 11,  // of an MS element, unsigned
    parameter int unsigned Width           = 16,  // most MS pixels of a line
    parameter int unsigned StrideBits      = 2,   // log2 of PAN pixels per MS pixel
    parameter int unsigned OutBits         = 13,  // of a result, signed
    parameter int unsigned CoefficientBits = 12,  // signed, 10 of them fraction
    parameter int unsigned BaseAddress     = 0    // of coefficient (0, 0) on the scene-parameter bus
) (
    input  logic                       clk_i,
    input  logic                       rst_ni,
    input  bp_scene_pkg::size_t        size_i,
    input  bp_scene_pkg::write_t       cfg_i,
    input  bp_scene_pkg::banks_t       bank_of_frame_i,
    input  logic [Folds*Part*Bits-1:0] in0_tdata_i,
    input  logic                       in0_tvalid_i,
    output logic                       in0_tready_o,
    output logic [   Part*OutBits-1:0] column_tdata_o,
    output logic                       column_bank_o,    // bank of the frame this column belongs to
    output logic                       column_tlast_o,    // of its line
    output logic                       column_tvalid_o,
    input  logic                       column_tready_i
);
    localparam int unsigned Ratio = 2 ** StrideBits;
    localparam int unsigned Taps = 5;
    localparam int unsigned Slots = 6;
    localparam int unsigned Fraction = 10;
    localparam int unsigned Lanes = (Taps + Ratio - 1) / Ratio;
    localparam int unsigned AccBits = OutBits + Fraction;
    localparam int unsigned PhaseBits = StrideBits;
    localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1;
    localparam int unsigned ColumnBits = Width > 1 ? $clog2(Width) : 1;
    localparam int unsigned RowBits = 16 - StrideBits;

    // The slot some lines further on.
    function automatic logic [2:0] slot_at(logic [2:0] slot, int unsigned lines);
        slot_at = '0;
        for (int unsigned s = 0; s < Slots; s++) if (slot == 3'(s)) slot_at = 3'((s + lines) % Slots);
    endfunction

    // Lines: written in a ring of slots that does not restart with the frame.
    logic [ColumnBits-1:0] last_column_q, write_column_q;
    logic [RowBits-1:0] last_row_q, write_row_q;
    logic [2:0] write_slot_q;
    logic write, line_written, line_done;

    // Complete lines from the row's own one on, and which of them are the last of their frames; the lines above it that it
    // uses. Whether all lines of the row are complete, and of the next one, is known a clock later.
    logic [2:0] complete_q;
    logic [Slots-1:0] ends_q;
    logic [1:0] above_q;
    logic ready_q, next_ready_q;
    logic two, three, four;  // or more are complete

    assign two = |complete_q[2:1];
    assign three = complete_q[2] || &complete_q[1:0];
    assign four = complete_q[2];
    // No sum of the two, which would be a carry chain.
    assign in0_tready_o = complete_q != (above_q[1] ? 3'(Slots - 2) : above_q[0] ? 3'(Slots - 1) : 3'(Slots));
    assign write = in0_tvalid_i && in0_tready_o;
    assign line_written = write && write_column_q == last_column_q;

    always_ff @(posedge clk_i) begin
        last_column_q <= ColumnBits'((size_i.columns >> StrideBits) - 16'd1);
        last_row_q <= RowBits'((size_i.rows >> StrideBits) - 16'd1);
        if (!rst_ni) begin
            write_column_q <= '0;
            write_row_q <= '0;
            write_slot_q <= '0;
            complete_q <= '0;
            above_q <= '0;
            ready_q <= 1'b0;
            next_ready_q <= 1'b0;
        end else begin
            if (write) write_column_q <= line_written ? '0 : write_column_q + 1'b1;
            if (line_written) begin
                write_row_q  <= write_row_q == last_row_q ? '0 : write_row_q + 1'b1;
                write_slot_q <= slot_at(write_slot_q, 1);
            end
            if (line_done) above_q <= ends_q[0] ? 2'd0 : above_q[1] ? above_q : above_q + 2'd1;
            if (line_done != line_written) complete_q <= line_done ? complete_q - 3'd1 : complete_q + 3'd1;
            next_ready_q <= four || three && ends_q[2] || two && ends_q[1];
            ready_q <= line_done ? next_ready_q : three || two && ends_q[1] || complete_q != '0 && ends_q[0];
        end
    end

    for (genvar line = 0; line < Slots; line++) begin : gen_line
        logic stays, comes;  // the flag once the line in front is done, and if it is not
        assign stays = complete_q == 3'(line) && line_written ? write_row_q == last_row_q : ends_q[line];
        if (line == Slots - 1) begin : gen_last
            assign comes = stays;
        end else begin : gen_inner
            assign comes = gen_line[line+1].stays;
        end
        always_ff @(posedge clk_i) ends_q[line] <= line_done ? comes : stays;
    end

    // Sequence: fold, step within a column, column, phase within an MS row, row, frame.
    logic [FoldBits-1:0] fold_q;
    logic [PhaseBits-1:0] step_q, phase_q;
    logic [ColumnBits-1:0] column_q;
    logic [3:0] frame_q;
    logic [2:0] slot_q;  // of the row
    logic move, issue, last_fold, last_step, last_column, last_phase;
    logic ending_q;  // at a line's last step; known ahead, because issue comes late

    assign last_fold = fold_q == FoldBits'(Folds - 1);
    assign last_step = step_q == PhaseBits'(Ratio - 1);
    assign last_column = column_q == last_column_q;
    assign last_phase = phase_q == PhaseBits'(Ratio - 1);
    assign move = !column_tvalid_o || column_tready_i;
    assign issue = move && ready_q;
    assign line_done = issue && ending_q;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            fold_q <= '0;
            step_q <= '0;
            ending_q <= 1'b0;
            column_q <= '0;
            phase_q <= '0;
            slot_q <= '0;
            frame_q <= '0;
        end else if (issue) begin
            fold_q <= last_fold ? '0 : fold_q + 1'b1;
            if (last_fold) step_q <= last_step ? '0 : step_q + 1'b1;
            if (last_fold && last_step) column_q <= last_column ? '0 : column_q + 1'b1;
            if (last_fold && last_step && last_column) phase_q <= last_phase ? '0 : phase_q + 1'b1;
            ending_q <= last_column && last_phase && (Folds > 1 ? last_step && fold_q == FoldBits'(Folds - 2) :
                                                                  step_q == PhaseBits'(Ratio - 2));
            if (line_done) begin
                slot_q  <= slot_at(slot_q, 1);
                frame_q <= frame_q + 4'(ends_q[0]);
            end
        end
    end

    logic                                  bank;
    logic [Lanes-1:0][CoefficientBits-1:0] coefficient;

    assign bank = bank_of_frame_i[frame_q];

    bp_coefficient_store #(
        .Ratio(Ratio),
        .Taps(Taps),
        .Lanes(Lanes),
        .Steps(Ratio),
        .CoefficientBits(CoefficientBits),
        .BaseAddress(BaseAddress)
    ) u_coefficients (
        .clk_i,
        .cfg_i,
        .bank_i(bank),
        .phase_i(phase_q),
        .step_i(step_q),
        .coefficient_o(coefficient)
    );

    // Pipeline: read, hand over (a block memory is slow), choose the fold, multiply, sum, accumulate. It stops as a whole
    // while a finished column waits. The folds' sums take turns.
    localparam int unsigned Depth = 5;
    logic [Depth-1:0] valid_q, first_q, last_q, bank_q, line_q;
    logic [1:0][FoldBits-1:0] late_fold_q;
    logic [Lanes-1:0][Part-1:0][AccBits-1:0] product_q;
    logic [Part-1:0][AccBits-1:0] sum_d, sum_q, acc_d;
    logic [Folds-1:0][Part-1:0][AccBits-1:0] acc_q;  // the latest fold's in element 0

    // Slots of the rows i - 2 ... i + 2, clamped to the frame.
    logic [Taps-1:0][2:0] row_slot;
    assign row_slot[2] = slot_q;
    assign row_slot[1] = above_q == 2'd0 ? slot_q : slot_at(slot_q, Slots - 1);
    assign row_slot[0] = above_q[1] ? slot_at(slot_q, Slots - 2) : row_slot[1];
    assign row_slot[3] = ends_q[0] ? slot_q : slot_at(slot_q, 1);
    assign row_slot[4] = ends_q[0] || ends_q[1] ? row_slot[3] : slot_at(slot_q, 2);

    for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
        logic [Folds*Part*Bits-1:0] lines[Slots*2**ColumnBits];
        logic [Folds-1:0][Part*Bits-1:0] read_q, pixel_q;
        logic [Part*Bits-1:0] part_q;
        logic [2:0][CoefficientBits-1:0] coefficient_q;
        logic [2:0] slot;

        always_comb begin
            slot = row_slot[Taps-1];
            for (int unsigned step = 0; step < Ratio; step++) begin
                if (step_q == PhaseBits'(step) && step * Lanes + lane < Taps) slot = row_slot[step*Lanes+lane];
            end
        end

        always_ff @(posedge clk_i) if (write) lines[{write_slot_q, write_column_q}] <= in0_tdata_i;
        always_ff @(posedge clk_i) if (move) read_q <= lines[{slot, column_q}];
        always_ff @(posedge clk_i) begin
            if (move) begin
                pixel_q <= read_q;
                part_q <= pixel_q[late_fold_q[1]];
                coefficient_q <= {coefficient_q[1:0], coefficient[lane]};
            end
        end

        for (genvar band = 0; band < Part; band++) begin : gen_band
            logic signed [Bits:0] pixel;
            logic signed [CoefficientBits-1:0] factor;
            logic signed [AccBits-1:0] product;
            assign pixel   = {1'b0, part_q[band*Bits+:Bits]};
            assign factor  = coefficient_q[2];
            assign product = factor * pixel;
            always_ff @(posedge clk_i) begin
                if (move) product_q[lane][band] <= product;
            end
        end
    end

    always_comb begin
        sum_d = product_q[0];
        for (int unsigned lane = 1; lane < Lanes; lane++) begin
            for (int unsigned band = 0; band < Part; band++) sum_d[band] += product_q[lane][band];
        end
    end

    for (genvar band = 0; band < Part; band++) begin : gen_band
        assign acc_d[band] = sum_q[band] + (first_q[Depth-1] ? AccBits'(1 << (Fraction - 1)) : acc_q[Folds-1][band]);
        assign column_tdata_o[band*OutBits+:OutBits] = acc_q[0][band][Fraction+:OutBits];
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            valid_q <= '0;
            column_tvalid_o <= 1'b0;
        end else if (move) begin
            valid_q <= {valid_q[Depth-2:0], issue};
            column_tvalid_o <= valid_q[Depth-1] && last_q[Depth-1];
        end
    end

    always_ff @(posedge clk_i) begin
        if (move) begin
            late_fold_q <= {late_fold_q[0], fold_q};
            first_q <= {first_q[Depth-2:0], step_q == '0};
            last_q <= {last_q[Depth-2:0], last_step};
            bank_q <= {bank_q[Depth-2:0], bank};
            line_q <= {line_q[Depth-2:0], last_column};
            sum_q <= sum_d;
            if (valid_q[Depth-1]) begin
                for (int unsigned fold = 1; fold < Folds; fold++) acc_q[fold] <= acc_q[fold-1];
                acc_q[0] <= acc_d;
                column_bank_o   <= bank_q[Depth-1];
                column_tlast_o <= line_q[Depth-1];
            end
        end
    end

endmodule
