// Vertical pass of the interpolator: MS lines in, vertically filtered columns out, `Ratio` lines of them per MS line.
//
//   v[Ratio*i + p][c] = (sum_t rows[p][t] * ms[i + t][c] + 2^9) >> 10
//
// The MS comes with its border: four lines and four columns more than an image has. Eight lines are kept: the five of row
// i and those being filled. Row i starts as soon as its lines are complete, so a frame's end never waits for the next
// frame; the next one's first row waits for its last two lines. A column takes at most `Ratio` - 1 steps of `Folds`
// clocks, where the horizontal pass spends it in `Ratio`: that leaves the border's columns time to pass. Each of the lanes
// that a step takes reads its own copy of the lines, which spares the multiplexers that a choice among lines would take.
// Sums wrap at OutBits + 10 bits: exact whenever the result fits OutBits.

module bp_interpolator_rows #(
    parameter int unsigned Part            = 4,   // elements of an output beat
    parameter int unsigned Folds           = 1,   // output beats per column
    parameter int unsigned Bits            = 11,  // of an MS element, unsigned
    parameter int unsigned Width           = 16,  // most MS pixels of a line, border included
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
    localparam int unsigned Border = 2 * (Taps / 2);  // of both sides
    localparam int unsigned Slots = 8;
    localparam int unsigned Fraction = 10;
    localparam int unsigned Lanes = Ratio > 1 ? (Taps + Ratio - 2) / (Ratio - 1) : Taps;
    localparam int unsigned Steps = (Taps + Lanes - 1) / Lanes;
    localparam int unsigned AccBits = OutBits + Fraction;
    localparam int unsigned PhaseBits = StrideBits;
    localparam int unsigned StepBits = Steps > 1 ? $clog2(Steps) : 1;
    localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1;
    localparam int unsigned ColumnBits = $clog2(Width);
    localparam int unsigned RowBits = 16 - StrideBits;

    if (Width <= Border) begin : gen_check_width
        $error("bp_interpolator_rows: Width must be at least 5: a pixel and its border");
    end

    // Lines: written in a ring of slots that does not restart with the frame.
    logic [ColumnBits-1:0] last_column_q, near_last_column_q, write_column_q;
    logic [RowBits-1:0] last_row_q;
    logic [2:0] write_slot_q;
    logic write, line_written, line_done;

    // Complete lines from the row's first one on. Whether they are enough for the row, and for the next one, is known a
    // clock later.
    logic [3:0] complete_q;
    logic ready_q, next_ready_q;

    assign in0_tready_o = !complete_q[3];
    assign write = in0_tvalid_i && in0_tready_o;
    assign line_written = write && write_column_q == last_column_q;

    // Sequence: fold, step within a column, column, phase within an MS row, row, frame.
    logic [FoldBits-1:0] fold_q;
    logic [StepBits-1:0] step_q;
    logic [PhaseBits-1:0] phase_q;
    logic [ColumnBits-1:0] column_q;
    logic [RowBits-1:0] row_q;
    logic [3:0] frame_q;
    logic [2:0] slot_q;  // of the row's first line
    logic move, issue, last_fold, last_step, last_column, last_phase;
    logic ends_q;  // the row is its frame's last
    logic ending_q;  // at a line's last step; known ahead, because issue comes late

    assign last_fold = fold_q == FoldBits'(Folds - 1);
    assign last_step = step_q == StepBits'(Steps - 1);
    assign last_column = column_q == last_column_q;
    assign last_phase = phase_q == PhaseBits'(Ratio - 1);
    assign move = !column_tvalid_o || column_tready_i;
    assign issue = move && ready_q;
    assign line_done = issue && ending_q;

    always_ff @(posedge clk_i) begin
        last_column_q <= ColumnBits'((size_i.columns >> StrideBits) + 16'(Border - 1));
        near_last_column_q <= ColumnBits'((size_i.columns >> StrideBits) + 16'(Border - 2));
        last_row_q <= RowBits'((size_i.rows >> StrideBits) - 16'd1);
        ends_q <= row_q == last_row_q;
        if (!rst_ni) begin
            write_column_q <= '0;
            write_slot_q <= '0;
            complete_q <= '0;
            ready_q <= 1'b0;
            next_ready_q <= 1'b0;
        end else begin
            if (write) write_column_q <= line_written ? '0 : write_column_q + 1'b1;
            if (line_written) write_slot_q <= write_slot_q + 1'b1;
            complete_q <= complete_q + 4'(line_written) - (line_done ? ends_q ? 4'(Taps) : 4'd1 : 4'd0);
            next_ready_q <= complete_q >= 4'(Taps + 1) && !ends_q;
            ready_q <= line_done ? next_ready_q : complete_q >= 4'(Taps);
        end
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            fold_q <= '0;
            step_q <= '0;
            ending_q <= 1'b0;
            column_q <= '0;
            phase_q <= '0;
            row_q <= '0;
            slot_q <= '0;
            frame_q <= '0;
        end else if (issue) begin
            fold_q <= last_fold ? '0 : fold_q + 1'b1;
            if (last_fold) step_q <= last_step ? '0 : step_q + 1'b1;
            if (last_fold && last_step) column_q <= last_column ? '0 : column_q + 1'b1;
            if (last_fold && last_step && last_column) phase_q <= last_phase ? '0 : phase_q + 1'b1;
            if (Folds > 1) ending_q <= last_phase && last_column && last_step && fold_q == FoldBits'(Folds - 2);
            else if (Steps > 1) ending_q <= last_phase && last_column && step_q == StepBits'(Steps - 2);
            else ending_q <= last_phase && column_q == near_last_column_q;
            if (line_done) begin
                row_q   <= ends_q ? '0 : row_q + 1'b1;
                slot_q  <= slot_q + (ends_q ? 3'(Taps) : 3'd1);
                frame_q <= frame_q + 4'(ends_q);
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
        .Steps(Steps),
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

    for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
        logic [Folds*Part*Bits-1:0] lines[Slots*2**ColumnBits];
        logic [Folds-1:0][Part*Bits-1:0] read_q, pixel_q;
        logic [Part*Bits-1:0] part_q;
        logic [2:0][CoefficientBits-1:0] coefficient_q;
        logic [2:0] slot;

        always_comb begin
            slot = slot_q + 3'(lane);
            for (int unsigned step = 1; step < Steps; step++) begin
                if (step_q == StepBits'(step)) slot = slot_q + 3'(step * Lanes + lane);
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
