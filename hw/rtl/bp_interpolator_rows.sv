// Vertical pass of the interpolator: MS lines in, vertically filtered columns out, `Ratio` lines of them per MS line.
//
//   v[Ratio*i + p][c] = (sum_t rows[p][t] * ms[clamp(i - 2 + t, 0, Height - 1)][c] + 2^9) >> 10
//
// Six lines are kept: the five that MS row i can need and the one being filled. Row i starts as soon as the rows
// that it really uses are complete, so a frame's end never waits for the next frame. A column is allowed `Ratio`
// clocks, the time the horizontal pass takes to spend it, and so ceil(5 / Ratio) multipliers a band suffice. Each of
// these lanes reads its own copy of the lines, which spares the multiplexers that a choice among lines would take.
// Sums wrap at OutBits + 10 bits: exact whenever the result fits OutBits.

module bp_interpolator_rows #(
    parameter int unsigned Bands           = 4,   // elements per beat
    parameter int unsigned Bits            = 11,  // of an MS element, unsigned
    parameter int unsigned Width           = 16,  // MS pixels per line
    parameter int unsigned Height          = 16,  // MS lines per frame
    parameter int unsigned Ratio           = 4,   // PAN pixels per MS pixel
    parameter int unsigned OutBits         = 13,  // of a result, signed
    parameter int unsigned CoefficientBits = 12,  // signed, 10 of them fraction
    parameter int unsigned BaseAddress     = 0    // of coefficient (0, 0) on the scene-parameter bus
) (
    input  logic                     clk_i,
    input  logic                     rst_ni,
    input  bp_scene_pkg::write_t     cfg_i,
    input  bp_scene_pkg::banks_t     bank_of_frame_i,
    input  logic [   Bands*Bits-1:0] in0_tdata_i,
    input  logic                     in0_tvalid_i,
    output logic                     in0_tready_o,
    output logic [Bands*OutBits-1:0] column_tdata_o,
    output logic                     column_bank_o,    // bank of the frame this column belongs to
    output logic                     column_tvalid_o,
    input  logic                     column_tready_i
);

    if (Bands < 1 || Bits < 1) begin : gen_check_bands
        $error("bp_interpolator_rows: Bands and Bits must be at least 1");
    end
    if (Width < 1 || Height < 1) begin : gen_check_width
        $error("bp_interpolator_rows: Width and Height must be at least 1");
    end
    if (Ratio < 2) begin : gen_check_ratio
        $error("bp_interpolator_rows: Ratio must be at least 2");
    end

    localparam int unsigned Taps = 5;
    localparam int unsigned Slots = 6;
    localparam int unsigned Fraction = 10;
    localparam int unsigned Lanes = (Taps + Ratio - 1) / Ratio;
    localparam int unsigned AccBits = OutBits + Fraction;
    localparam int unsigned PhaseBits = $clog2(Ratio);
    localparam int unsigned ColumnBits = Width > 1 ? $clog2(Width) : 1;
    localparam int unsigned RowBits = Height > 1 ? $clog2(Height) : 1;
    localparam int unsigned AddressBits = $clog2(Slots * Width);

    // Lines: written in a ring of slots that does not restart with the frame.
    logic [ColumnBits-1:0] write_column_q;
    logic [2:0] write_slot_q, held_q;  // held: complete lines that are still needed
    logic write, line_written, line_done;
    logic [1:0] released;

    function automatic logic [2:0] next_slot(logic [2:0] slot);
        return slot == 3'(Slots - 1) ? 3'd0 : slot + 3'd1;
    endfunction

    // A table, because slot * Width would be taken for a DSP.
    function automatic logic [AddressBits-1:0] line_base(logic [2:0] slot);
        line_base = '0;
        for (int unsigned s = 0; s < Slots; s++) if (slot == 3'(s)) line_base = AddressBits'(s * Width);
    endfunction

    assign in0_tready_o = held_q != 3'(Slots);
    assign write = in0_tvalid_i && in0_tready_o;
    assign line_written = write && write_column_q == ColumnBits'(Width - 1);

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            write_column_q <= '0;
            write_slot_q <= '0;
            held_q <= '0;
        end else begin
            if (write) write_column_q <= line_written ? '0 : write_column_q + 1'b1;
            if (line_written) write_slot_q <= next_slot(write_slot_q);
            // All sums are there when line_done, which comes late, chooses among them.
            unique case ({line_done, line_written})
                2'b00: held_q <= held_q;
                2'b01: held_q <= held_q + 3'd1;
                2'b10: held_q <= held_q - 3'(released);
                2'b11: held_q <= held_q - 3'(released) + 3'd1;
            endcase
        end
    end

    // Sequence: step within a column, column, phase within an MS row, row, frame.
    logic [PhaseBits-1:0] step_q, phase_q;
    logic [ColumnBits-1:0] column_q;
    logic [   RowBits-1:0] row_q;
    logic [           3:0] frame_q;
    logic [           2:0] slot_q;  // of row_q
    logic [1:0] above, below;
    logic move, issue, last_step, last_column, last_phase, last_row;
    logic ending_q;  // at a line's last step; known ahead, because issue comes late

    assign above = 32'(row_q) >= 2 ? 2'd2 : 2'(row_q);
    assign below = 32'(row_q) + 2 < Height ? 2'd2 : 2'(Height - 1 - 32'(row_q));
    assign last_step = step_q == PhaseBits'(Ratio - 1);
    assign last_column = column_q == ColumnBits'(Width - 1);
    assign last_phase = phase_q == PhaseBits'(Ratio - 1);
    assign last_row = row_q == RowBits'(Height - 1);
    assign move = !column_tvalid_o || column_tready_i;
    assign issue = move && held_q >= 3'(above) + 3'd1 + 3'(below);
    assign line_done = issue && ending_q;
    assign released = last_row ? above + 2'd1 : {1'b0, above[1]};

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            step_q <= '0;
            ending_q <= 1'b0;
            column_q <= '0;
            phase_q <= '0;
            row_q <= '0;
            slot_q <= '0;
            frame_q <= '0;
        end else if (issue) begin
            step_q <= last_step ? '0 : step_q + 1'b1;
            ending_q <= step_q == PhaseBits'(Ratio - 2) && last_column && last_phase;
            if (last_step) column_q <= last_column ? '0 : column_q + 1'b1;
            if (last_step && last_column) phase_q <= last_phase ? '0 : phase_q + 1'b1;
            if (line_done) begin
                row_q   <= last_row ? '0 : row_q + 1'b1;
                slot_q  <= next_slot(slot_q);
                frame_q <= frame_q + 4'(last_row);
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

    // Pipeline: read, hand over (a block memory is slow), multiply, accumulate. It stops as a whole while a finished
    // column waits.
    logic [2:0] valid_q, first_q, last_q, bank_q;
    logic signed [Bands-1:0][AccBits-1:0] acc_q, acc_d;
    logic [Lanes-1:0][Bands-1:0][AccBits-1:0] product_q;

    for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
        logic        [     Bands*Bits-1:0] lines         [Slots*Width];
        logic        [     Bands*Bits-1:0] read_q, pixel_q;
        logic signed [CoefficientBits-1:0] chosen_q, coefficient_q;
        logic [3:0] tap, wanted, offset, ahead;
        logic [2:0] slot;

        // Slot of row i - 2 + tap, clamped to the frame: `ahead` of slot 0, modulo Slots, and at most 13.
        assign tap = 4'(32'(step_q) * Lanes + lane);
        assign wanted = tap > 4'd2 + 4'(below) ? 4'd2 + 4'(below) : tap;
        assign offset = wanted < 4'd2 - 4'(above) ? 4'd2 - 4'(above) : wanted;
        assign ahead = 4'(slot_q) + offset + 4'(Slots - 2);
        assign slot = 3'(ahead - (ahead >= 4'(2 * Slots) ? 4'(2 * Slots) : ahead >= 4'(Slots) ? 4'(Slots) : 4'd0));

        always_ff @(posedge clk_i) begin
            if (write) lines[line_base(write_slot_q)+AddressBits'(write_column_q)] <= in0_tdata_i;
        end
        always_ff @(posedge clk_i) begin
            if (move) read_q <= lines[line_base(slot)+AddressBits'(column_q)];
        end
        always_ff @(posedge clk_i) begin
            if (move) begin
                pixel_q <= read_q;
                chosen_q <= coefficient[lane];
                coefficient_q <= chosen_q;
            end
        end

        for (genvar band = 0; band < Bands; band++) begin : gen_band
            logic signed [     Bits:0] pixel;
            logic signed [AccBits-1:0] product;
            assign pixel   = {1'b0, pixel_q[band*Bits+:Bits]};
            assign product = coefficient_q * pixel;
            always_ff @(posedge clk_i) begin
                if (move) product_q[lane][band] <= product;
            end
        end
    end

    for (genvar band = 0; band < Bands; band++) begin : gen_sum
        always_comb begin
            acc_d[band] = first_q[2] ? AccBits'(1 << (Fraction - 1)) : acc_q[band];
            for (int unsigned lane = 0; lane < Lanes; lane++) acc_d[band] += product_q[lane][band];
        end
        assign column_tdata_o[band*OutBits+:OutBits] = acc_q[band][Fraction+:OutBits];
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            valid_q <= '0;
            column_tvalid_o <= 1'b0;
        end else if (move) begin
            valid_q <= {valid_q[1:0], issue};
            column_tvalid_o <= valid_q[2] && last_q[2];
        end
    end

    always_ff @(posedge clk_i) begin
        if (move) begin
            first_q <= {first_q[1:0], step_q == '0};
            last_q  <= {last_q[1:0], last_step};
            bank_q  <= {bank_q[1:0], bank};
            if (valid_q[2]) acc_q <= acc_d;
            if (valid_q[2]) column_bank_o <= bank_q[2];
        end
    end

endmodule
