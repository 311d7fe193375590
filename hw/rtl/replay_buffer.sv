// Repeats each group of Length beats Times times: a window is read once per group of rows of the matrix.
//
// Two windows fit, so the next one arrives while the current one is repeated, and reading follows writing by one beat:
// the output runs at a beat per clock as long as the input delivers one window per Length * Times cycles. One register
// stands at the output; it and the memory's read port move when enable_i is set.

module replay_buffer #(
    parameter int unsigned Width = 8,  // bits per beat
    parameter int unsigned Length = 4,  // beats per window
    parameter int unsigned Times = 2  // repetitions, at least 2
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
        $error("replay_buffer: Times is at least 2");
    end

    localparam int unsigned Rows = 2 * Length;
    localparam int unsigned RowBits = $clog2(Rows);
    localparam int unsigned CountBits = $clog2(Rows + 1);

    logic [Width-1:0] memory[Rows];
    logic [RowBits-1:0] write_q, base_q, beat_q;  // base: 0 or Length; beat: position in the window
    logic [CountBits-1:0] stored_q;  // beats from the current window's first one on
    logic [$clog2(Times)-1:0] pass_q;
    logic push, end_of_pass, release_window;

    assign in0_tready_o = stored_q != CountBits'(Rows);
    assign push = in0_tvalid_i && in0_tready_o;
    assign issue_o = enable_i && stored_q > CountBits'(beat_q);
    assign end_of_pass = issue_o && beat_q == RowBits'(Length - 1);
    assign release_window = end_of_pass && pass_q == ($clog2(Times))'(Times - 1);

    always_ff @(posedge clk_i) begin
        if (push) memory[write_q] <= in0_tdata_i;
        if (enable_i) beat_o <= memory[base_q+beat_q];
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            write_q <= '0;
            base_q <= '0;
            beat_q <= '0;
            pass_q <= '0;
            stored_q <= '0;
        end else begin
            if (push) write_q <= write_q == RowBits'(Rows - 1) ? '0 : write_q + 1'b1;
            if (issue_o) beat_q <= end_of_pass ? '0 : beat_q + 1'b1;
            if (end_of_pass) pass_q <= release_window ? '0 : pass_q + 1'b1;
            if (release_window) base_q <= base_q == '0 ? RowBits'(Length) : '0;
            stored_q <= stored_q + CountBits'(push) - (release_window ? CountBits'(Length) : '0);
        end
    end
endmodule
