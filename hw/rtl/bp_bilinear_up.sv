// Twice the size, bilinear, block-aligned phase, edges replicated: out = (9a + 3b + 3c + d + 8) >> 4, a the nearest
// pixel, b and c the next ones across and along, d the one beyond the corner; it cannot leave the format of x.
//
// By lines, then by columns, 3x + y each time. The 2 that the lines' sums carry becomes the rounding's 8 in the columns'.
// The lines' pass has two clocks a beat, since each of its beats becomes two.

module bp_bilinear_up #(
    parameter int unsigned Channels = 4,
    parameter int unsigned Pe = 2,  // channels per beat, a divisor of Channels
    parameter int unsigned InBits = 10,  // bits of x and of the result
    parameter bit InSigned = 1'b1,  // x is two's complement
    parameter int unsigned Width = 4,  // pixels per line of x, at most
    parameter int unsigned StrideBits = 1  // log2 of the PAN pixels per pixel of x
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    input  bp_scene_pkg::size_t  size_i,
    input  logic [Pe*InBits-1:0] in0_tdata_i,
    input  logic                 in0_tvalid_i,
    output logic                 in0_tready_o,
    output logic [Pe*InBits-1:0] out0_tdata_o,
    output logic                 out0_tvalid_o,
    input  logic                 out0_tready_i
);
    if (Channels % Pe != 0) begin : gen_check_pe
        $error("bp_bilinear_up: Pe divides Channels");
    end
    if (Width < 1) begin : gen_check_size
        $error("bp_bilinear_up: Width is at least 1");
    end

    localparam int unsigned Folds = Channels / Pe;
    localparam int unsigned RowBits = 16 - StrideBits;
    localparam int unsigned ColumnBits = Width > 1 ? $clog2(Width) : 1;
    localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1;
    localparam int unsigned LineBits = Width * Folds > 1 ? $clog2(Width * Folds) : 1;
    localparam int unsigned MidBits = InBits + 2;
    localparam int unsigned SumBits = InBits + 4;

    logic [Pe-1:0][MidBits-1:0] column;
    /* verilator lint_off UNUSEDSIGNAL */
    logic [Pe-1:0][SumBits-1:0] sum;
    /* verilator lint_on UNUSEDSIGNAL */
    logic column_valid, column_ready;

    logic [RowBits-1:0] last_row;
    logic [ColumnBits-1:0] last_column;
    logic [LineBits-1:0] last_of_line;
    bp_last_beat #(
        .Bits(RowBits)
    ) u_last_row (
        .clk_i,
        .pixels_i(size_i.rows >> StrideBits),
        .last_o  (last_row)
    );
    bp_last_beat #(
        .Bits(ColumnBits)
    ) u_last_column (
        .clk_i,
        .pixels_i(size_i.columns >> StrideBits),
        .last_o  (last_column)
    );
    bp_last_beat #(
        .Folds(Folds),
        .Bits (LineBits)
    ) u_last_of_line (
        .clk_i,
        .pixels_i(size_i.columns >> StrideBits),
        .last_o  (last_of_line)
    );

    bp_bilinear_axis #(
        .Lanes(Pe),
        .InBits(InBits),
        .InSigned(InSigned),
        .IndexBits(RowBits),
        .Stride(Width * Folds),
        .Slots(2),
        .Interval(2),
        .Round(1'b1)
    ) u_lines (
        .clk_i,
        .rst_ni,
        .last_index_i (last_row),
        .last_place_i (last_of_line),
        .in0_tdata_i,
        .in0_tvalid_i,
        .in0_tready_o,
        .out0_tdata_o (column),
        .out0_tvalid_o(column_valid),
        .out0_tready_i(column_ready)
    );

    bp_bilinear_axis #(
        .Lanes(Pe),
        .InBits(MidBits),
        .InSigned(InSigned),
        .IndexBits(ColumnBits),
        .Stride(Folds),
        .Slots(4),
        .Interval(1),
        .Round(1'b0)
    ) u_columns (
        .clk_i,
        .rst_ni,
        .last_index_i (last_column),
        .last_place_i (FoldBits'(Folds - 1)),
        .in0_tdata_i  (column),
        .in0_tvalid_i (column_valid),
        .in0_tready_o (column_ready),
        .out0_tdata_o (sum),
        .out0_tvalid_o,
        .out0_tready_i
    );

    for (genvar pe = 0; pe < Pe; pe++) begin : gen_pe
        assign out0_tdata_o[pe*InBits+:InBits] = sum[pe][4+:InBits];
    end
endmodule
