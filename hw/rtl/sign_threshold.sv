// Sign against a threshold per channel: bit = x >= threshold[channel] (bit 1 is +1, bit 0 is -1).
//
// Thresholds are scene parameters in two banks, written over the cfg bus: channel c at BaseAddress + c. The unit counts
// the frames at its input; frame n uses bank bank_of_frame_i[n mod 16] from its first beat to its last.

module sign_threshold #(
    parameter int unsigned Channels = 4,
    parameter int unsigned Pe = 2,  // channels per beat, a divisor of Channels
    parameter int unsigned InBits = 10,  // bits of x, two's complement
    parameter int unsigned ThresholdBits = 11,  // bits of a threshold, two's complement
    parameter int unsigned FrameBeats = 8,  // beats per frame, a multiple of Channels / Pe
    parameter int unsigned BaseAddress = 0  // scene word of channel 0's threshold
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    input  logic                 cfg_valid_i,
    input  logic                 cfg_bank_i,
    input  logic [         15:0] cfg_address_i,
    input  logic [         31:0] cfg_data_i,
    input  logic [         15:0] bank_of_frame_i,
    input  logic [Pe*InBits-1:0] in0_tdata_i,
    input  logic                 in0_tvalid_i,
    output logic                 in0_tready_o,
    output logic [       Pe-1:0] out0_tdata_o,
    output logic                 out0_tvalid_o,
    input  logic                 out0_tready_i
);
    localparam int unsigned Folds = Channels / Pe;
    localparam int unsigned Wider = InBits > ThresholdBits ? InBits : ThresholdBits;
    localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1;
    localparam int unsigned BeatBits = FrameBeats > 1 ? $clog2(FrameBeats) : 1;
    localparam int unsigned WordBits = Channels > 1 ? $clog2(Channels) : 1;

    if (Channels % Pe != 0) begin : gen_check_pe
        $error("sign_threshold: Pe divides Channels");
    end
    if (FrameBeats % Folds != 0) begin : gen_check_frame
        $error("sign_threshold: a frame is a whole number of pixels");
    end

    logic accept, last_fold, last_beat;
    logic [FoldBits-1:0] fold_q;
    logic [BeatBits-1:0] beat_q;
    logic [3:0] frame_q;

    assign in0_tready_o = !out0_tvalid_o || out0_tready_i;
    assign accept = in0_tvalid_i && in0_tready_o;
    assign last_fold = fold_q == FoldBits'(Folds - 1);
    assign last_beat = beat_q == BeatBits'(FrameBeats - 1);

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            fold_q <= '0;
            beat_q <= '0;
            frame_q <= '0;
            out0_tvalid_o <= 1'b0;
        end else begin
            if (accept) begin
                fold_q <= last_fold ? '0 : fold_q + 1'b1;
                beat_q <= last_beat ? '0 : beat_q + 1'b1;
                if (last_beat) frame_q <= frame_q + 1'b1;
            end
            if (in0_tready_o) out0_tvalid_o <= in0_tvalid_i;
        end
    end

    logic valid, bank;
    logic [WordBits-1:0] word;
    logic [ThresholdBits-1:0] data;

    scene_words #(
        .BaseAddress(BaseAddress),
        .Words(Channels),
        .Bits(ThresholdBits)
    ) u_words (
        .clk_i,
        .cfg_valid_i,
        .cfg_bank_i,
        .cfg_address_i,
        .cfg_data_i,
        .valid_o(valid),
        .bank_o(bank),
        .word_o(word),
        .data_o(data)
    );

    // Where the word lies: in which lane, in which row of it.
    logic [Pe-1:0] write;
    logic [FoldBits:0] row;

    always_comb begin
        write = '0;
        row   = '0;
        for (int unsigned channel = 0; channel < Channels; channel++) begin
            if (word == WordBits'(channel)) begin
                write[channel%Pe] = valid;
                row = {bank, FoldBits'(channel / Pe)};
            end
        end
    end

    for (genvar pe = 0; pe < Pe; pe++) begin : gen_pe
        logic [ThresholdBits-1:0] thresholds[2**(FoldBits+1)];
        logic signed [ThresholdBits-1:0] threshold;
        logic signed [InBits-1:0] x;

        always_ff @(posedge clk_i) if (write[pe]) thresholds[row] <= data;
        assign threshold = thresholds[{bank_of_frame_i[frame_q], fold_q}];
        assign x = in0_tdata_i[pe*InBits+:InBits];
        always_ff @(posedge clk_i) if (in0_tready_o) out0_tdata_o[pe] <= Wider'(x) >= Wider'(threshold);
    end
endmodule
