// First in, first out: up to Depth beats wait between a producer and a consumer.
//
// Storage is a shift register (no pointers, 16 or 32 beats in a LUT), distributed memory, block memory or ultra memory: by
// default the first up to 17 beats, the second up to 65 beats or 4096 bits. A block memory of 18 Kbit gives 36 bits of 512
// beats; for 64 beats of 36 bits LUTs are the cheaper by far. What is read goes into the output register; of a block or an
// ultra memory, which take half a clock to read, into a register of their own before. A beat needs two cycles to pass an
// empty FIFO, or three. Holds Depth beats in all, registers included.

module bp_stream_fifo #(
    parameter int unsigned Width = 8,  // bits per beat
    parameter int unsigned Depth = 4,  // beats, at least 2
    parameter int unsigned Style = 0,  // 0: by size, 1: shift register, 2: distributed memory, 3: block memory, 4: ultra memory
    localparam int unsigned CountBits = $clog2(Depth + 1)
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    input  logic [    Width-1:0] in0_tdata_i,
    input  logic                 in0_tvalid_i,
    output logic                 in0_tready_o,
    output logic [    Width-1:0] out0_tdata_o,
    output logic                 out0_tvalid_o,
    input  logic                 out0_tready_i,
    output logic [CountBits-1:0] count_o        // beats inside
);
    if (Width < 1) begin : gen_check_width
        $error("bp_stream_fifo: Width is at least 1");
    end
    if (Depth < 2) begin : gen_check_depth
        $error("bp_stream_fifo: Depth is at least 2");
    end
    if (Style > 4) begin : gen_check_style
        $error("bp_stream_fifo: Style is 0 (by size), 1 (shift register), 2 (distributed), 3 (block) or 4 (ultra memory)");
    end

    localparam int unsigned BySize = Depth <= 17 ? 1 : Depth <= 65 || Depth * Width <= 4096 ? 2 : 3;
    localparam int unsigned Kind = Style == 0 ? BySize : Style;
    localparam bit Slow = Kind > 2;
    localparam int unsigned Rows = Slow ? Depth - 2 : Depth - 1;  // what is in the registers is not in the memory
    localparam int unsigned RowBits = Rows > 1 ? $clog2(Rows) : 1;
    localparam int unsigned BankRows = Kind == 3 ? 4096 : Rows;
    localparam int unsigned Banks = (Rows + BankRows - 1) / BankRows;

    if (Rows == 0) begin : gen_check_rows
        $error("bp_stream_fifo: Depth is at least 3 in block or ultra memory");
    end

    logic [CountBits-1:0] stored_q;  // beats in the memory
    logic [CountBits-1:0] count_q;
    logic full_q, some_q;  // all rows of the memory, or any; known a clock ahead: what they stop lies far
    logic push, fetch, load, pop;
    logic [Width-1:0] read;  // the register behind the memory; the output's, if it is not a slow one
    logic read_valid;

    assign push = in0_tvalid_i && in0_tready_o;
    assign pop = out0_tvalid_o && out0_tready_i;
    assign load = !out0_tvalid_o || out0_tready_i;
    assign in0_tready_o = !full_q;
    assign count_o = count_q;

    if (Kind == 1) begin : gen_shift
        // A shift register per bit, the newest beat at 0; the oldest is at stored - 1. Yosys sees them in slices alone, of
        // which [oldest] is none.
        logic [RowBits-1:0] oldest;
        assign oldest = RowBits'(stored_q - 1'b1);
        for (genvar i = 0; i < Width; i++) begin : gen_bit
            logic [Rows-1:0] line_q;
            always_ff @(posedge clk_i) begin
                if (push) line_q <= Rows'({line_q, in0_tdata_i[i]});
                if (fetch) read[i] <= line_q[oldest+:1];
            end
        end
    end else begin : gen_memory
        logic [RowBits-1:0] head_q, tail_q;

        function automatic logic [RowBits-1:0] next(logic [RowBits-1:0] row);
            return row == RowBits'(Rows - 1) ? '0 : row + 1'b1;
        endfunction

        always_ff @(posedge clk_i) begin
            if (!rst_ni) begin
                head_q <= '0;
                tail_q <= '0;
            end else begin
                if (push) tail_q <= next(tail_q);
                if (fetch) head_q <= next(head_q);
            end
        end

        // Block memories in banks of 4096 words, of which one is chosen behind their registers: a single deep memory,
        // cut by Yosys as its bits go best, takes four times the LUTs to choose.
        logic [Banks-1:0][Width-1:0] reads;
        for (genvar bank = 0; bank < Banks; bank++) begin : gen_bank
            localparam int unsigned Own = bank < Banks - 1 ? BankRows : Rows - bank * BankRows;
            localparam int unsigned OwnBits = Own > 1 ? $clog2(Own) : 1;
            bp_fifo_memory #(
                .Width(Width),
                .Depth(Own),
                .Kind (Kind)
            ) u_memory (
                .clk_i,
                .write_i        (push && 32'(tail_q) / BankRows == bank),
                .write_address_i(OwnBits'(tail_q)),
                .word_i         (in0_tdata_i),
                .read_i         (fetch),
                .read_address_i (OwnBits'(head_q)),
                .word_o         (reads[bank])
            );
        end
        if (Banks > 1) begin : gen_choice
            logic [$clog2(Banks)-1:0] bank_q;
            always_ff @(posedge clk_i) if (fetch) bank_q <= ($clog2(Banks))'(32'(head_q) / BankRows);
            assign read = reads[bank_q];
        end else begin : gen_one
            assign read = reads[0];
        end
    end

    if (Slow) begin : gen_slow
        logic read_valid_q;
        assign read_valid = read_valid_q;
        assign fetch = some_q && (!read_valid_q || load);
        always_ff @(posedge clk_i) begin
            if (!rst_ni) read_valid_q <= 1'b0;
            else if (fetch) read_valid_q <= 1'b1;
            else if (load) read_valid_q <= 1'b0;
            if (load) out0_tdata_o <= read;
        end
    end else begin : gen_fast
        assign read_valid = some_q;
        assign fetch = some_q && load;
        assign out0_tdata_o = read;
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            stored_q <= '0;
            count_q <= '0;
            full_q <= 1'b0;
            some_q <= 1'b0;
            out0_tvalid_o <= 1'b0;
        end else begin
            if (load) out0_tvalid_o <= read_valid;
            // Both sums are there when push and fetch, which come late, choose.
            if (push && !fetch) stored_q <= stored_q + 1'b1;
            if (!push && fetch) stored_q <= stored_q - 1'b1;
            if (push != fetch) full_q <= push && stored_q == CountBits'(Rows - 1);
            if (push != fetch) some_q <= push || stored_q != CountBits'(1);
            if (push && !pop) count_q <= count_q + 1'b1;
            if (!push && pop) count_q <= count_q - 1'b1;
        end
    end
endmodule
