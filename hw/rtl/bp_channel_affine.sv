// An affine map per channel: out = saturate(round_half_up(y * scale[channel] + offset[channel], Shift)).
//
// Scales and offsets are scene parameters in two banks, written over the cfg bus: channel c's scale at BaseAddress + c, its
// offset at BaseAddress + Channels + c. The unit counts the frames at its input; frame n uses bank
// bank_of_frame_i[n mod 16]. Operands, product (`bp_product`: a register, or more in LUTs), sum, result: all registers move
// together.

module bp_channel_affine #(
    parameter int unsigned Channels = 4,
    parameter int unsigned Pe = 2,  // channels per beat, a divisor of Channels
    parameter int unsigned InBits = 12,  // bits of y; all numbers are two's complement
    parameter int unsigned ScaleBits = 12,
    parameter int unsigned OffsetBits = 20,
    parameter int unsigned Shift = 8,  // fraction bits of the scales
    parameter int unsigned OutBits = 12,
    parameter bit UseDsp = 1'b1,  // else products are built in LUTs
    parameter int unsigned Width = 16,  // pixels per line, at most
    parameter int unsigned StrideBits = 0,  // log2 of the PAN pixels per pixel
    parameter int unsigned BaseAddress = 0  // scene word of channel 0's scale
) (
    input  logic                  clk_i,
    input  logic                  rst_ni,
    input  bp_scene_pkg::size_t   size_i,
    input  bp_scene_pkg::write_t  cfg_i,
    input  bp_scene_pkg::banks_t  bank_of_frame_i,
    input  logic [ Pe*InBits-1:0] in0_tdata_i,
    input  logic                  in0_tvalid_i,
    output logic                  in0_tready_o,
    output logic [Pe*OutBits-1:0] out0_tdata_o,
    output logic                  out0_tvalid_o,
    input  logic                  out0_tready_i
);
    localparam int unsigned Folds = Channels / Pe;
    localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1;
    localparam int unsigned Steps = UseDsp ? 1 : (ScaleBits + 3) / 4;  // registers of a product
    localparam int unsigned ProductBits = InBits + ScaleBits;
    localparam int unsigned SumBits = (ProductBits > OffsetBits ? ProductBits : OffsetBits) + 1;

    logic bank;
    logic [FoldBits-1:0] fold;
    logic [Pe*ScaleBits-1:0] scales;
    logic [Pe*OffsetBits-1:0] offsets;
    logic [Steps+1:0] valid_q;

    assign in0_tready_o = !out0_tvalid_o || out0_tready_i;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) {out0_tvalid_o, valid_q} <= '0;
        else if (in0_tready_o) {out0_tvalid_o, valid_q} <= {valid_q, in0_tvalid_i};
    end

    bp_scene_position #(
        .Folds     (Folds),
        .Width     (Width),
        .StrideBits(StrideBits)
    ) u_position (
        .clk_i,
        .rst_ni,
        .size_i,
        .accept_i(in0_tvalid_i && in0_tready_o),
        .bank_of_frame_i,
        .bank_o  (bank),
        .fold_o  (fold)
    );

    bp_scene_memory #(
        .Channels   (Channels),
        .Pe         (Pe),
        .Bits       (ScaleBits),
        .BaseAddress(BaseAddress)
    ) u_scales (
        .clk_i,
        .cfg_i,
        .bank_i (bank),
        .fold_i (fold),
        .words_o(scales)
    );

    bp_scene_memory #(
        .Channels   (Channels),
        .Pe         (Pe),
        .Bits       (OffsetBits),
        .BaseAddress(BaseAddress + Channels)
    ) u_offsets (
        .clk_i,
        .cfg_i,
        .bank_i (bank),
        .fold_i (fold),
        .words_o(offsets)
    );

    for (genvar pe = 0; pe < Pe; pe++) begin : gen_pe
        logic signed [InBits-1:0] y_q;
        logic signed [ScaleBits-1:0] scale_q;
        logic signed [OffsetBits-1:0] offset_q[Steps+1];
        logic signed [ProductBits-1:0] product;
        logic signed [SumBits-1:0] sum_q;
        logic [OutBits-1:0] result;

        always_ff @(posedge clk_i) begin
            if (in0_tready_o) begin
                y_q <= in0_tdata_i[pe*InBits+:InBits];
                scale_q <= scales[pe*ScaleBits+:ScaleBits];
                offset_q[0] <= offsets[pe*OffsetBits+:OffsetBits];

                for (int unsigned step = 0; step < Steps; step++) offset_q[step+1] <= offset_q[step];

                sum_q <= SumBits'(product) + SumBits'(offset_q[Steps]);

                out0_tdata_o[pe*OutBits+:OutBits] <= result;
            end
        end

        bp_product #(
            .ABits (InBits),
            .BBits (ScaleBits),
            .UseDsp(UseDsp)
        ) u_product (
            .clk_i,
            .enable_i (in0_tready_o),
            .a_i      (y_q),
            .b_i      (scale_q),
            .product_o(product)
        );

        bp_requantise #(
            .InBits (SumBits),
            .Shift  (Shift),
            .OutBits(OutBits)
        ) u_requantise (
            .x_i(sum_q),
            .y_o(result)
        );
    end
endmodule
