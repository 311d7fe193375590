// Twice as many samples along one axis, edges replicated, unscaled:
//
//   out[2i] = 3 * x[i] + x[i-1] + 2 * Round     out[2i+1] = 3 * x[i] + x[i+1] + 2 * Round
//
// A sample is Stride beats: a line of an image, or one pixel of a line. The ring keeps Slots samples. It is filled and
// freed beat by beat: beat p of the sample after next takes the place of the oldest sample's as soon as that is read
// for the last time, so two samples do where the input may wait a few clocks, and four where it may not.

module bp_bilinear_axis #(
    parameter int unsigned Lanes = 2,  // elements per beat
    parameter int unsigned InBits = 10,  // bits of x
    parameter bit InSigned = 1'b1,  // x is two's complement
    parameter int unsigned Length = 8,  // samples along the axis; then the next line or frame begins
    parameter int unsigned Stride = 4,  // beats per sample
    parameter int unsigned Slots = 2,  // samples kept, a power of two
    parameter int unsigned Interval = 1,  // clocks per output beat, 1 or 2; with 2, the ring needs one read port, not two
    parameter bit Round = 1'b0,  // add 2
    localparam int unsigned OutBits = InBits + 2
) (
    input  logic                     clk_i,
    input  logic                     rst_ni,
    input  logic [ Lanes*InBits-1:0] in0_tdata_i,
    input  logic                     in0_tvalid_i,
    output logic                     in0_tready_o,
    output logic [Lanes*OutBits-1:0] out0_tdata_o,
    output logic                     out0_tvalid_o,
    input  logic                     out0_tready_i
);
    if (Length < 1 || Stride < 1) begin : gen_check_size
        $error("bp_bilinear_axis: Length and Stride are at least 1");
    end
    if (Slots < 2 || Slots != 1 << $clog2(Slots)) begin : gen_check_slots
        $error("bp_bilinear_axis: Slots is a power of two, at least 2");
    end
    if (Interval != 1 && Interval != 2) begin : gen_check_interval
        $error("bp_bilinear_axis: Interval is 1 or 2");
    end

    localparam int unsigned PlaceBits = Stride > 1 ? $clog2(Stride) : 1;
    localparam int unsigned SlotBits = $clog2(Slots);
    localparam int unsigned IndexBits = Length > 1 ? $clog2(Length) : 1;
    localparam int unsigned CountBits = $clog2(Slots * Stride + 1);

    function automatic logic [PlaceBits-1:0] next(logic [PlaceBits-1:0] place);
        return place == PlaceBits'(Stride - 1) ? '0 : place + 1'b1;
    endfunction

    // The ring does not restart with the line or frame.
    logic [Lanes*InBits-1:0] memory[Slots << PlaceBits];
    logic [PlaceBits-1:0] write_place_q;
    logic [SlotBits-1:0] write_slot_q;
    logic [CountBits-1:0] room_q;  // beats that may be written
    logic write, freed;

    assign in0_tready_o = room_q != '0;
    assign write = in0_tvalid_i && in0_tready_o;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            write_place_q <= '0;
            write_slot_q <= '0;
            room_q <= CountBits'(Slots * Stride);
        end else begin
            if (write) write_place_q <= next(write_place_q);
            if (write && next(write_place_q) == '0) write_slot_q <= write_slot_q + 1'b1;
            room_q <= room_q + CountBits'(freed) - CountBits'(write);
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
    logic odd_q, advance, issue, first_index, last_index, last_place, again;
    logic step;  // both samples are read, or the second of them

    assign advance = !out0_tvalid_o || out0_tready_i;
    assign first_index = index_q == '0;
    assign last_index = index_q == IndexBits'(Length - 1);
    assign last_place = next(place_q) == '0;
    assign issue = advance && lead_q != '0 && step;
    // An output whose newer sample is the last one's goes back to its start; one that is the last to use its older
    // sample frees it.
    assign again = issue && last_place && odd_q != last_index;
    assign freed = issue && (odd_q ? last_index : !first_index);
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
        end else begin
            lead_q <= lead_q + CountBits'(write) - CountBits'(issue) + (again ? CountBits'(Stride) : '0);
            if (issue) place_q <= next(place_q);
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
        always_ff @(posedge clk_i) begin
            if (advance) near_q <= memory[{slot_q, place_q}];
            if (advance) far_q <= memory[{far_slot, place_q}];
        end
    end else begin : gen_one_port
        logic step_q;
        assign step = step_q;
        always_ff @(posedge clk_i) begin
            if (!rst_ni) step_q <= 1'b0;
            else if (advance && lead_q != '0) step_q <= !step_q;
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
