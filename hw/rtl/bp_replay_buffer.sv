// Repeats each window of Length beats for Times groups of rows of the matrix: a window is read once per group of rows.
//
// Two windows fit, so the next one arrives while the current one is repeated, and reading follows writing by one beat:
// the output runs at a beat per clock as long as the input delivers one window per Length / Groups * Times cycles. One
// register stands at the output; it and the memory's read port move when enable_i is set.
//
// Of a convolution in groups of channels, the first Times / Groups repetitions give the beats of the first group alone,
// the next those of the second, and so on. A window comes pixel by pixel, in each pixel Run beats of the first group,
// Run of the second...

module bp_replay_buffer #(
    parameter int unsigned Width = 8,  // bits per beat
    parameter int unsigned Length = 4,  // beats per window
    parameter int unsigned Times = 2,  // repetitions, at least 2
    parameter int unsigned Groups = 1,  // of channels, a divisor of Times
    parameter int unsigned Run = Length  // beats of a pixel's channels of one group; Run * Groups divides Length
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             enable_i,
    input  logic [Width-1:0] in0_tdata_i,
    input  logic             in0_tvalid_i,
    output logic             in0_tready_o,
    output logic [Width-1:0] beat_o,        // registered
    output logic             issue_o        // a beat is being read; it is on beat_o at the next enabled clock
);
    if (Times < 2) begin : gen_check
        $error("bp_replay_buffer: Times is at least 2");
    end
    if (Times % Groups != 0 || Length % (Run * Groups) != 0) begin : gen_check_groups
        $error("bp_replay_buffer: Groups divides Times, Run * Groups divides Length");
    end

    localparam int unsigned Rows = 2 * Length;
    localparam int unsigned RowBits = $clog2(Rows);
    localparam int unsigned CountBits = $clog2(Rows + 1);
    localparam int unsigned Passes = Times / Groups;
    localparam int unsigned Skip = Run * (Groups - 1);  // beats of other groups between two runs

    logic [Width-1:0] memory[Rows];
    logic [RowBits-1:0] write_q, base_q, beat_q;  // base: 0 or Length; beat: position in the window
    logic [CountBits-1:0] stored_q;  // beats from the current window's first one on
    logic [RowBits-1:0] origin, next_origin;  // first beat of the group
    logic push, end_of_run, end_of_pass, end_of_group, release_window;

    assign in0_tready_o = stored_q != CountBits'(Rows);
    assign push = in0_tvalid_i && in0_tready_o;
    assign issue_o = enable_i && stored_q > CountBits'(beat_q);
    assign end_of_pass = issue_o && beat_q == origin + RowBits'(Length - 1 - Skip);

    always_ff @(posedge clk_i) begin
        if (push) memory[write_q] <= in0_tdata_i;
        if (enable_i) beat_o <= memory[base_q+beat_q];
    end

    if (Passes > 1) begin : gen_passes
        logic [$clog2(Passes)-1:0] pass_q;
        assign end_of_group = end_of_pass && pass_q == ($clog2(Passes))'(Passes - 1);
        always_ff @(posedge clk_i) begin
            if (!rst_ni) pass_q <= '0;
            else if (end_of_pass) pass_q <= end_of_group ? '0 : pass_q + 1'b1;
        end
    end else begin : gen_one_pass
        assign end_of_group = end_of_pass;
    end

    if (Groups > 1) begin : gen_groups
        logic [RowBits-1:0] origin_q;
        assign origin = origin_q;
        assign release_window = end_of_group && origin_q == RowBits'(Skip);
        assign next_origin = !end_of_group ? origin_q : release_window ? '0 : origin_q + RowBits'(Run);
        always_ff @(posedge clk_i) begin
            if (!rst_ni) origin_q <= '0;
            else origin_q <= next_origin;
        end
    end else begin : gen_one_group
        assign origin = '0;
        assign next_origin = '0;
        assign release_window = end_of_group;
    end

    if (Groups > 1 && Run > 1) begin : gen_runs
        logic [$clog2(Run)-1:0] run_q;
        assign end_of_run = run_q == ($clog2(Run))'(Run - 1);
        always_ff @(posedge clk_i) begin
            if (!rst_ni) run_q <= '0;
            else if (issue_o) run_q <= end_of_run ? '0 : run_q + 1'b1;
        end
    end else begin : gen_one_run
        assign end_of_run = 1'b1;
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            write_q <= '0;
            base_q <= '0;
            beat_q <= '0;
            stored_q <= '0;
        end else begin
            if (push) write_q <= write_q == RowBits'(Rows - 1) ? '0 : write_q + 1'b1;
            if (end_of_pass) beat_q <= next_origin;
            else if (issue_o) beat_q <= beat_q + (end_of_run ? RowBits'(Skip + 1) : RowBits'(1));
            if (release_window) base_q <= base_q == '0 ? RowBits'(Length) : '0;
            stored_q <= stored_q + CountBits'(push) - (release_window ? CountBits'(Length) : '0);
        end
    end
endmodule
