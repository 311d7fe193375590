// The pixels of frames, counted: which one is its frame's last.
//
// Columns and rows count from 1, so that the last of each equals the size that the frames have now.

module bp_frame_counter #(
    parameter int unsigned Width = 65535,  // pixels per line, at most
    parameter int unsigned StrideBits = 0  // log2 of the PAN pixels per pixel
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    // verilator lint_off UNUSEDSIGNAL
    input  bp_scene_pkg::size_t size_i,
    // verilator lint_on UNUSEDSIGNAL
    input  logic                step_i,  // a pixel passes
    output logic                last_o   // it is the frame's last
);
    if (Width < 1) begin : gen_check_width
        $error("bp_frame_counter: Width is at least 1");
    end

    localparam int unsigned RowBits = 16 - StrideBits;
    localparam int unsigned ColumnBits = $clog2(Width + 1) < RowBits ? $clog2(Width + 1) : RowBits;

    logic [ColumnBits-1:0] column_q;
    logic [RowBits-1:0] row_q;
    logic last_column, last_row;

    assign last_column = column_q == size_i.columns[StrideBits+:ColumnBits];
    assign last_row = row_q == size_i.rows[StrideBits+:RowBits];
    assign last_o = last_column && last_row;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            column_q <= ColumnBits'(1);
            row_q    <= RowBits'(1);
        end else if (step_i) begin
            column_q <= last_column ? ColumnBits'(1) : column_q + 1'b1;
            if (last_column) row_q <= last_row ? RowBits'(1) : row_q + 1'b1;
        end
    end
endmodule
