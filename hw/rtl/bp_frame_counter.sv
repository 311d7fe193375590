// The pixels of frames, counted: which one is its frame's last.
//
// Columns and rows count from 1, so that the last of each equals the size that the frames have now, their border included.

module bp_frame_counter #(
    parameter int unsigned Width = 65535,  // pixels per line, at most
    parameter int unsigned StrideBits = 0,  // log2 of the PAN pixels per pixel
    parameter int unsigned Border = 0  // pixels beyond the image on each side
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

    localparam int unsigned RowBits = 16 - StrideBits + (Border > 0 ? 1 : 0);
    localparam int unsigned ColumnBits = $clog2(Width + 1) < RowBits ? $clog2(Width + 1) : RowBits;

    // Whether the next column and row are the last is known when they begin, but for the first ones: the size may change
    // before those.
    logic [ColumnBits-1:0] columns, column_q, before_last_column_q;
    logic [RowBits-1:0] rows, row_q, before_last_row_q;
    logic one_column_q, first_column_q, next_column_q, last_column;
    logic one_row_q, first_row_q, next_row_q, last_row;

    assign columns = ColumnBits'((17'(size_i.columns) >> StrideBits) + 17'(2 * Border));
    assign rows = RowBits'((17'(size_i.rows) >> StrideBits) + 17'(2 * Border));
    assign last_column = first_column_q ? one_column_q : next_column_q;
    assign last_row = first_row_q ? one_row_q : next_row_q;
    assign last_o = last_column && last_row;

    always_ff @(posedge clk_i) begin
        one_column_q <= columns == ColumnBits'(1);
        one_row_q <= rows == RowBits'(1);
        before_last_column_q <= columns - 1'b1;
        before_last_row_q <= rows - 1'b1;
        if (!rst_ni) begin
            column_q <= ColumnBits'(1);
            row_q <= RowBits'(1);
            first_column_q <= 1'b1;
            first_row_q <= 1'b1;
        end else if (step_i) begin
            column_q <= last_column ? ColumnBits'(1) : column_q + 1'b1;
            first_column_q <= last_column;
            next_column_q <= column_q == before_last_column_q;
            if (last_column) begin
                row_q <= last_row ? RowBits'(1) : row_q + 1'b1;
                first_row_q <= last_row;
                next_row_q <= row_q == before_last_row_q;
            end
        end
    end
endmodule
