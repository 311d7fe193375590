// The columns that a window moves over: Kernel pixels above each other, from the lines of a frame and the margins around it.
//
// P = Kernel / 2 columns of zeros follow each line and P lines of zeros each frame; the same zeros are the right margin of
// a line and the left one of the next, the bottom of a frame and the top of the next. A step takes the pixel of its place,
// if there is one, and the older pixels of its column from the line memory, and gives the column. It tells which of the
// column's pixels exist, and whether the column completes a window: the window's centre is P columns and lines back.
//
// The first line of a frame completes nothing: it only goes into the line memory. That happens while the last line of
// margin of the frame before is stepped through, just behind it, so that no time is lost between frames, and none of a
// frame's windows waits for the next frame. The line memory is shifted by a line with each step.

module bp_window_columns #(
    parameter int unsigned Kernel = 3,  // lines of a window, odd, at least 3
    parameter int unsigned Channels = 4,
    parameter int unsigned Bits = 1,  // per element
    parameter int unsigned Width = 8,  // most columns of a frame
    parameter int unsigned StrideBits = 0,  // log2 of PAN pixels per pixel
    parameter int unsigned LineMemory = 0,  // 0: by size, 1: LUTs, 2: block memory
    parameter bit Streaming = 1'b1,  // a column a clock; else one in two, and no path from ready_i through the unit
    parameter logic [(Kernel-1)*Channels-1:0] Stored = '1,  // channel c of the line l + 1 back is of use: bit l * Channels + c
    localparam int unsigned PixelBits = Channels * Bits
) (
    input  logic                             clk_i,
    input  logic                             rst_ni,
    input  bp_scene_pkg::size_t              size_i,
    input  logic [PixelBits-1:0]             in0_tdata_i,    // a pixel
    input  logic                             in0_tvalid_i,
    output logic                             in0_tready_o,
    output logic [Kernel-1:0][PixelBits-1:0] column_o,       // element 0: this line, the next: the line before
    output logic [Kernel-1:0]                exists_o,       // else that pixel is zero
    output logic                             completes_o,    // a window
    output logic                             valid_o,
    input  logic                             ready_i
);
    localparam int unsigned Margin = Kernel / 2;
    localparam int unsigned PlaceBits = Width > 1 ? $clog2(Width) : 1;

    if (Kernel < 3 || Kernel % 2 == 0) begin : gen_check_kernel
        $error("bp_window_columns: Kernel is odd, at least 3");
    end
    if (LineMemory > 2) begin : gen_check_memory
        $error("bp_window_columns: LineMemory is 0 (by size), 1 (LUTs) or 2 (block memory)");
    end

    // Where the next step is: column and margin of the line, the lines behind it that exist, and the lines to come, this
    // one and those of the frame before it included. At home there is none: the first line is not in yet.
    logic home_q;
    logic [PlaceBits-1:0] column_q, last_column_q;
    logic [Margin-1:0] margin_q;  // one-hot
    logic [Margin:1] left_q;  // columns before this one exist
    logic [Kernel-1:1] above_q;  // lines before this one exist
    logic [15:0] lines_q;
    logic real_line_q;  // that is, lines_q != 1
    logic step, real_pixel, last_line, end_of_line;
    // The frame's first line on its way into the memory.
    logic loading_q;
    logic [PlaceBits-1:0] load_column_q;
    logic load, loaded;

    assign real_pixel = real_line_q && margin_q == '0;
    assign end_of_line = margin_q[Margin-1];
    assign step = !home_q && (!valid_o || Streaming && ready_i) && (in0_tvalid_i || !real_pixel);
    assign load = loading_q && in0_tvalid_i && (home_q || margin_q != '0 || column_q != load_column_q);
    assign loaded = load_column_q == last_column_q;
    assign in0_tready_o = load || step && real_pixel;

    if (Margin > 1) begin : gen_last
        assign last_line = !real_line_q && above_q[Margin-1:1] == '0;
    end else begin : gen_last_of_one
        assign last_line = !real_line_q;
    end

    always_ff @(posedge clk_i) begin
        last_column_q <= PlaceBits'((size_i.columns >> StrideBits) - 16'd1);
        if (!rst_ni) begin
            home_q <= 1'b1;
            column_q <= '0;
            margin_q <= '0;
            left_q <= '0;
        end else if (home_q) begin
            home_q <= loading_q;
            lines_q <= size_i.rows >> StrideBits;
            real_line_q <= size_i.rows >> StrideBits != 16'd1;
            above_q <= (Kernel - 1)'(1);
        end else if (step) begin
            if (margin_q == '0) column_q <= column_q == last_column_q ? '0 : column_q + 1'b1;
            margin_q <= Margin'({margin_q, margin_q == '0 && column_q == last_column_q});
            left_q <= end_of_line ? '0 : Margin'({left_q, margin_q == '0});
            if (end_of_line) begin
                home_q  <= last_line;
                above_q <= (Kernel - 1)'({above_q, real_line_q});
                if (real_line_q) lines_q <= lines_q - 16'd1;
                if (lines_q == 16'd2) real_line_q <= 1'b0;
            end
        end
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            loading_q <= 1'b1;
            load_column_q <= '0;
        end else begin
            if (step && last_line && left_q == '0) loading_q <= 1'b1;
            else if (load && loaded) loading_q <= 1'b0;
            if (load) load_column_q <= loaded ? '0 : load_column_q + 1'b1;
        end
    end

    // A step's own pixel and place, kept until the column has left; in the last line of margin, which has no pixels, those
    // of the next frame's first line. What the last line's own steps write before is written over.
    logic [PixelBits-1:0] pixel_q;
    logic [PlaceBits-1:0] place_q;
    logic keep_q, load_q;  // the column goes into the memory once it leaves; a pixel of the first line does so now

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            valid_o <= 1'b0;
            load_q <= 1'b0;
        end else begin
            if (step) valid_o <= 1'b1;
            else if (ready_i) valid_o <= 1'b0;
            load_q <= load;
        end
        if (in0_tready_o) pixel_q <= in0_tdata_i;
        if (in0_tready_o || step) place_q <= load ? load_column_q : column_q;
        if (step) begin
            keep_q <= margin_q == '0;
            exists_o <= margin_q == '0 ? {above_q, real_line_q} : '0;
            completes_o <= above_q[Margin] && left_q[Margin];
        end
    end

    // Line memory: a word a column, the elements that are of use side by side.
    function automatic int unsigned count(int unsigned limit);  // of elements before this one
        count = 0;
        for (int unsigned i = 0; i < limit; i++) if (Stored[i]) count++;
    endfunction

    localparam int unsigned Elements = count((Kernel - 1) * Channels);
    localparam int unsigned WordBits = (Elements > 0 ? Elements : 1) * Bits;

    logic [WordBits-1:0] word_d, word_q;
    logic write;

    assign write = load_q || valid_o && ready_i && keep_q;
    assign column_o[0] = pixel_q;
    for (genvar l = 1; l < Kernel; l++) begin : gen_line
        for (genvar c = 0; c < Channels; c++) begin : gen_channel
            if (Stored[(l-1)*Channels+c]) begin : gen_stored
                localparam int unsigned Place = count((l - 1) * Channels + c) * Bits;
                assign word_d[Place+:Bits] = column_o[l-1][c*Bits+:Bits];
                assign column_o[l][c*Bits+:Bits] = word_q[Place+:Bits];
            end else begin : gen_absent
                assign column_o[l][c*Bits+:Bits] = '0;
            end
        end
    end
    if (Elements == 0) begin : gen_nothing
        assign word_d = '0;
    end

    if (LineMemory == 1 || LineMemory == 0 && Width <= 128) begin : gen_luts
        (* ram_style = "distributed" *) logic [WordBits-1:0] memory[Width];
        always_ff @(posedge clk_i) begin
            if (write) memory[place_q] <= word_d;
            if (step) word_q <= memory[column_q];
        end
    end else begin : gen_block
        (* ram_style = "block" *) logic [WordBits-1:0] memory[Width];
        always_ff @(posedge clk_i) begin
            if (write) memory[place_q] <= word_d;
            if (step) word_q <= memory[column_q];
        end
    end
endmodule
