// Twice as many samples along one axis, edges replicated, unscaled:
//
//   out[2i] = 3 * x[i] + x[i-1] + 2 * Round     out[2i+1] = 3 * x[i] + x[i+1] + 2 * Round
//
// A sample is a line of an image, or one pixel of a line. Its beats, and the samples along the axis, are quasi-static:
// they change only while nothing is inside. The ring keeps Slots samples. It is filled and
// freed beat by beat: beat p of the sample after next takes the place of the oldest sample's as soon as that is read
// for the last time, so two samples do where the input may wait a few clocks, and four where it may not.

module bp_bilinear_axis #(
    parameter int unsigned Lanes = 2,  // elements per beat
    parameter int unsigned InBits = 10,  // bits of x
    parameter bit InSigned = 1'b1,  // x is two's complement
    parameter int unsigned IndexBits = 3,  // of a sample's number along the axis
    parameter int unsigned Stride = 4,  // beats per sample, at most
    parameter int unsigned Slots = 2,  // samples kept, a power of two
    parameter int unsigned Interval = 1,  // clocks per output beat, 1 or 2; with 2, the ring needs one read port, not two
    parameter bit Round = 1'b0,  // add 2
    localparam int unsigned PlaceBits = Stride > 1 ? $clog2(Stride) : 1,
    localparam int unsigned OutBits = InBits + 2
) (
    input  logic                     clk_i,
    input  logic                     rst_ni,
    input  logic [    IndexBits-1:0] last_index_i,  // of the samples along the axis, then the next begins
    input  logic [    PlaceBits-1:0] last_place_i,  // of the beats of a sample
    input  logic [ Lanes*InBits-1:0] in0_tdata_i,
    input  logic                     in0_tvalid_i,
    output logic                     in0_tready_o,
    output logic [Lanes*OutBits-1:0] out0_tdata_o,
    output logic                     out0_tvalid_o,
    input  logic                     out0_tready_i
);
    if (IndexBits < 1 || Stride < 1) begin : gen_check_size
        $error("bp_bilinear_axis: IndexBits and Stride are at least 1");
    end
    if (Slots < 2 || Slots != 1 << $clog2(Slots)) begin : gen_check_slots
        $error("bp_bilinear_axis: Slots is a power of two, at least 2");
    end
    if (Interval != 1 && Interval != 2) begin : gen_check_interval
        $error("bp_bilinear_axis: Interval is 1 or 2");
    end

    localparam int unsigned SlotBits = $clog2(Slots);
    localparam int unsigned CountBits = $clog2(Slots * Stride + 1);

    // The ring does not restart with the line or frame.
    logic [Lanes*InBits-1:0] memory[Slots << PlaceBits];
    logic [PlaceBits-1:0] write_place_q;
    logic [SlotBits-1:0] write_slot_q;
    logic [CountBits-1:0] most_q, held_q;  // beats in the ring: all but one, and now
    logic full_q, write, write_last, freed;

    assign in0_tready_o = !full_q;
    assign write = in0_tvalid_i && in0_tready_o;
    assign write_last = write_place_q == last_place_i;

    always_ff @(posedge clk_i) most_q <= CountBits'({last_place_i, {SlotBits{1'b1}}});

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            write_place_q <= '0;
            write_slot_q <= '0;
            held_q <= '0;
            full_q <= 1'b0;
        end else begin
            if (write) write_place_q <= write_last ? '0 : write_place_q + 1'b1;
            if (write && write_last) write_slot_q <= write_slot_q + 1'b1;
            held_q <= held_q + CountBits'(write) - CountBits'(freed);
            full_q <= (full_q || write && held_q == most_q) && !freed;
        end
    end

    always_ff @(posedge clk_i) begin
        if (write) memory[{write_slot_q, write_place_q}] <= in0_tdata_i;
    end

    // Sequence: place in the sample, the two outputs of a sample, samples. Of the two samples that an output needs,
    // the newer one has `lead` of the beats from this place on.
    logic [PlaceBits-1:0] place_q;
    logic [IndexBits-1:0] index_q;
    logic [SlotBits-1:0] slot_q, far_slot;  // slot: of sample index
    logic [CountBits-1:0] lead_q;
    logic [CountBits-1:0] change;  // with an output: one less, or more by a sample less one
    logic leads_q;  // it has one at least
    logic odd_q, advance, issue, first_index, last_index, last_place, again;
    logic step;  // both samples are read, or the second of them

    assign advance = !out0_tvalid_o || out0_tready_i;
    assign first_index = index_q == '0;
    assign issue = advance && leads_q && step;
    // An output whose newer sample is the last one's goes back to its start; one that is the last to use its older
    // sample frees it.
    assign again = last_place && odd_q != last_index;
    assign freed = issue && (odd_q ? last_index : !first_index);
    assign change = again ? CountBits'(last_place_i) : '1;
    always_comb begin
        far_slot = slot_q;
        if (odd_q && !last_index) far_slot = slot_q + 1'b1;
        if (!odd_q && !first_index) far_slot = slot_q - 1'b1;
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            place_q <= '0;
            index_q <= '0;
            slot_q <= '0;
            odd_q <= 1'b0;
            lead_q <= '0;
            leads_q <= 1'b0;
        end else begin
            lead_q <= lead_q + ({CountBits{issue}} & change) + CountBits'(write);
            leads_q <= write || (issue ? again || lead_q > CountBits'(1) : leads_q);
            if (issue) place_q <= last_place ? '0 : place_q + 1'b1;
            if (issue && last_place) begin
                odd_q <= !odd_q;
                if (odd_q) index_q <= last_index ? '0 : index_q + 1'b1;
                if (odd_q) slot_q <= slot_q + 1'b1;
            end
        end
    end

    // Pipeline: read, triple, add. It stops as a whole while an output waits.
    logic [Lanes-1:0][InBits-1:0] near_q, far_q;
    logic [1:0] valid_q;

    if (Interval == 1) begin : gen_two_ports
        assign step = 1'b1;
        assign last_index = index_q == last_index_i;
        assign last_place = place_q == last_place_i;
        always_ff @(posedge clk_i) begin
            if (advance) near_q <= memory[{slot_q, place_q}];
            if (advance) far_q <= memory[{far_slot, place_q}];
        end
    end else begin : gen_one_port
        logic step_q;
        assign step = step_q;
        // An output takes two clocks: what it comes to may be known a clock after it is there.
        always_ff @(posedge clk_i) begin
            last_index <= index_q == last_index_i;
            last_place <= place_q == last_place_i;
        end
        always_ff @(posedge clk_i) begin
            if (!rst_ni) step_q <= 1'b0;
            else if (advance && leads_q) step_q <= !step_q;
        end
        always_ff @(posedge clk_i) begin
            if (advance) near_q <= memory[{step_q ? slot_q : far_slot, place_q}];
            if (advance) far_q <= near_q;
        end
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni) {out0_tvalid_o, valid_q} <= '0;
        else if (advance) {out0_tvalid_o, valid_q} <= {valid_q, issue};
    end

    for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
        logic [OutBits-1:0] near, far, triple_q, far_late_q;
        /* verilator lint_off UNUSEDSIGNAL */
        logic [OutBits:0] triple;
        /* verilator lint_on UNUSEDSIGNAL */
        assign near = {{2{InSigned && near_q[lane][InBits-1]}}, near_q[lane]};
        assign far = {{2{InSigned && far_q[lane][InBits-1]}}, far_q[lane]};
        assign triple = {near[OutBits-2:0], Round, Round} + {near, Round};  // one adder: the bit below carries
        always_ff @(posedge clk_i) begin
            if (advance) begin
                triple_q <= triple[1+:OutBits];
                far_late_q <= far;
                out0_tdata_o[lane*OutBits+:OutBits] <= triple_q + far_late_q;
            end
        end
    end
endmodule
