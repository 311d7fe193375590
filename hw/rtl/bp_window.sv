// Windows of an image for a convolution: of each pixel its Kernel x Kernel neighbourhood, zeros (for signs: -1) beyond the
// edges, in pieces, and as often as the matrix-vector unit behind it goes over them.
//
// A window's elements have the order row, column, channel; those not in Keep are left out. With Groups, as in a
// convolution in groups of channels, those of the first group come first. A group goes out as pieces of Simd elements,
// all of them Times / Groups times, before the next group: Times * (pieces of a group) beats a window. Depthwise, each Pe
// channels are a group, and each tap a piece.
//
// A window a clock if it is one beat; else the next column is fetched meanwhile. A line costs Kernel / 2 clocks more, or
// twice as many, a frame nothing; input and output are free of each other, but for what a window needs.

module bp_window #(
    parameter int unsigned Kernel = 3,  // columns and rows of a window, odd
    parameter int unsigned Channels = 4,
    parameter int unsigned Bits = 1,  // per element
    parameter int unsigned InPe = 2,  // elements per input beat, a divisor of Channels
    parameter int unsigned Width = 8,  // most columns of an image
    parameter int unsigned StrideBits = 0,  // log2 of PAN pixels per pixel
    parameter int unsigned LineMemory = 0,  // 0: by size, 1: LUTs, 2: block memory
    parameter int unsigned Simd = 12,  // elements per output beat, a divisor of a group's
    parameter int unsigned Times = 1,  // beats of a piece
    parameter int unsigned Groups = 1,  // of channels, a divisor of Channels and Times
    parameter logic [Kernel*Kernel*Channels-1:0] Keep = '1  // as many elements in each group
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    /* verilator lint_off UNUSEDSIGNAL */
    input  bp_scene_pkg::size_t size_i,  // of no use to a window of one pixel
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic [InPe*Bits-1:0] in0_tdata_i,
    input  logic                 in0_tvalid_i,
    output logic                 in0_tready_o,
    output logic [Simd*Bits-1:0] out0_tdata_o,
    output logic                 out0_tvalid_o,
    input  logic                 out0_tready_i
);
    localparam int unsigned Taps = Kernel * Kernel;
    localparam int unsigned Window = Taps * Channels;
    localparam int unsigned PixelBits = Channels * Bits;
    localparam int unsigned GroupChannels = Channels / Groups;

    function automatic int unsigned kept(int unsigned group);
        kept = 0;
        for (int unsigned i = 0; i < Window; i++) if (Keep[i] && i % Channels / GroupChannels == group) kept++;
    endfunction

    // Position of an element in the order in which they go out.
    function automatic int unsigned rank(int unsigned element);
        rank = element % Channels / GroupChannels * kept(0);
        for (int unsigned i = 0; i < element; i++) begin
            if (Keep[i] && i % Channels / GroupChannels == element % Channels / GroupChannels) rank++;
        end
    endfunction

    // Elements of a line that are of use Back lines later or more.
    localparam int unsigned Backs = Kernel > 1 ? Kernel - 1 : 1;
    function automatic logic [Backs*Channels-1:0] stored();
        stored = '0;
        for (int unsigned back = 1; back < Kernel; back++) begin
            for (int unsigned i = 0; i < (Kernel - back) * Kernel * Channels; i++) begin
                if (Keep[i]) stored[(back-1)*Channels+i%Channels] = 1'b1;
            end
        end
    endfunction

    localparam int unsigned Elements = kept(0) * Groups;
    localparam int unsigned Part = kept(0) / Simd;  // pieces of a group
    localparam int unsigned Passes = Times / Groups;

    if (Kernel % 2 == 0 || Channels == 0 || Bits == 0) begin : gen_check_size
        $error("bp_window: Kernel is odd, Channels and Bits are at least 1");
    end
    if (Channels % InPe != 0) begin : gen_check_in
        $error("bp_window: InPe divides Channels");
    end
    if (Channels % Groups != 0 || Times % Groups != 0) begin : gen_check_groups
        $error("bp_window: Groups divides Channels and Times");
    end
    if (Part == 0 || kept(0) % Simd != 0) begin : gen_check_simd
        $error("bp_window: Simd divides the elements of a group that are kept");
    end
    for (genvar g = 1; g < Groups; g++) begin : gen_check_group
        if (kept(g) != kept(0)) begin : gen_check_keep
            $error("bp_window: Keep has as many elements in each group");
        end
    end

    // The image, pixel by pixel.
    logic [InPe*Bits-1:0] beat;
    logic beat_valid, beat_ready;
    logic [PixelBits-1:0] pixel;
    logic pixel_valid, pixel_ready;

    bp_register_slice #(
        .Width(InPe * Bits)
    ) u_slice (
        .clk_i,
        .rst_ni,
        .in0_tdata_i,
        .in0_tvalid_i,
        .in0_tready_o,
        .out0_tdata_o (beat),
        .out0_tvalid_o(beat_valid),
        .out0_tready_i(beat_ready)
    );

    if (InPe < Channels) begin : gen_collect
        localparam int unsigned Folds = Channels / InPe;
        logic [(Folds-1)*InPe*Bits-1:0] early_q;  // all beats of the pixel but the last
        logic [$clog2(Folds)-1:0] count_q;
        logic completes_q;  // the beat is its pixel's last; known ahead, since all of the unit waits for it
        assign pixel = {beat, early_q};
        assign pixel_valid = beat_valid && completes_q;
        assign beat_ready = !completes_q || pixel_ready;
        always_ff @(posedge clk_i) begin
            if (!rst_ni) begin
                count_q <= '0;
                completes_q <= 1'b0;
            end else if (beat_valid && beat_ready) begin
                count_q <= completes_q ? '0 : count_q + 1'b1;
                completes_q <= count_q == ($clog2(Folds))'(Folds - 2);
            end
            if (beat_valid && !completes_q) early_q <= pixel[PixelBits-1:InPe*Bits];
        end
    end else begin : gen_whole
        assign pixel = beat;
        assign pixel_valid = beat_valid;
        assign beat_ready = pixel_ready;
    end

    // The window, row by row, the latest column in element Kernel - 1.
    logic [Kernel-1:0][Kernel-1:0][PixelBits-1:0] window_q;
    logic next, whole;  // a column comes in; it makes a window
    logic held_q, free, last_q;
    logic take;  // a piece of it goes out

    assign free = !held_q || last_q && take;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) held_q <= 1'b0;
        else if (free) held_q <= next && whole;
    end

    if (Kernel == 1) begin : gen_point
        assign pixel_ready = free;
        assign next = free && pixel_valid;
        assign whole = 1'b1;
        always_ff @(posedge clk_i) if (next) window_q <= pixel;
    end else begin : gen_columns
        logic [Kernel-1:0][PixelBits-1:0] column;
        logic [Kernel-1:0] exists;
        logic valid;
        assign next = free && valid;
        bp_window_columns #(
            .Kernel    (Kernel),
            .Channels  (Channels),
            .Bits      (Bits),
            .Width     (Width),
            .StrideBits(StrideBits),
            .LineMemory(LineMemory),
            .Streaming (Part * Times == 1),
            .Stored    (stored())
        ) u_columns (
            .clk_i,
            .rst_ni,
            .size_i,
            .in0_tdata_i (pixel),
            .in0_tvalid_i(pixel_valid),
            .in0_tready_o(pixel_ready),
            .column_o    (column),
            .exists_o    (exists),
            .completes_o (whole),
            .valid_o     (valid),
            .ready_i     (free)
        );
        // After a reset there is no margin yet: the first windows' left one is the latest column then.
        for (genvar row = 0; row < Kernel; row++) begin : gen_row
            always_ff @(posedge clk_i) begin
                if (next) window_q[row][Kernel-2:0] <= window_q[row][Kernel-1:1];
                if (!rst_ni || next && !exists[Kernel-1-row]) window_q[row][Kernel-1] <= '0;
                else if (next) window_q[row][Kernel-1] <= column[Kernel-1-row];
            end
        end
    end

    // The elements that are kept, group by group, and their pieces in turn.
    logic [Groups-1:0][Part-1:0][Simd*Bits-1:0] pieces;

    if (Elements == Window && Groups == 1) begin : gen_all
        assign pieces = window_q;
    end else begin : gen_kept
        logic [Window*Bits-1:0] elements;
        logic [Elements*Bits-1:0] chosen;
        assign elements = window_q;
        assign pieces = chosen;
        for (genvar i = 0; i < Window; i++) begin : gen_element
            if (Keep[i]) begin : gen_chosen
                assign chosen[rank(i)*Bits+:Bits] = elements[i*Bits+:Bits];
            end
        end
    end

    localparam int unsigned PieceBits = Part > 1 ? $clog2(Part) : 1;
    localparam int unsigned PassBits = Passes > 1 ? $clog2(Passes) : 1;
    localparam int unsigned GroupBits = Groups > 1 ? $clog2(Groups) : 1;

    // Which piece goes out, and whether it is the window's last one: known a clock ahead, since all else waits for it.
    logic [PieceBits-1:0] piece_d, piece_q;
    logic [PassBits-1:0] pass_d, pass_q;
    logic [GroupBits-1:0] group_d, group_q;

    if (Part * Groups > 1) begin : gen_register
        assign take = held_q && (!out0_tvalid_o || out0_tready_i);
        always_ff @(posedge clk_i) begin
            if (!rst_ni) out0_tvalid_o <= 1'b0;
            else if (!out0_tvalid_o || out0_tready_i) out0_tvalid_o <= held_q;
            if (take) out0_tdata_o <= pieces[group_q][piece_q];
        end
    end else begin : gen_direct
        assign take = held_q && out0_tready_i;
        assign out0_tvalid_o = held_q;
        assign out0_tdata_o = pieces;
    end

    always_comb begin
        piece_d = piece_q == PieceBits'(Part - 1) ? '0 : piece_q + 1'b1;
        pass_d  = pass_q;
        group_d = group_q;
        if (piece_d == '0) pass_d = pass_q == PassBits'(Passes - 1) ? '0 : pass_q + 1'b1;
        if (piece_d == '0 && pass_d == '0) group_d = group_q == GroupBits'(Groups - 1) ? '0 : group_q + 1'b1;
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            piece_q <= '0;
            pass_q  <= '0;
            group_q <= '0;
            last_q  <= Part * Times == 1;
        end else if (take) begin
            piece_q <= piece_d;
            pass_q  <= pass_d;
            group_q <= group_d;
            last_q  <= piece_d == PieceBits'(Part - 1) && pass_d == PassBits'(Passes - 1)
                && group_d == GroupBits'(Groups - 1);
        end
    end
endmodule
