// RPReLU of the convolution's sums plus the residual: out = saturate(x + round_half_up(slope * p + bias, Shift)),
// slope and bias "above" where p >= knee, else "below", each per channel.
//
// Constants, branch, product (`bp_product`: a register, or more in LUTs), sum, result. One register per beat and stage; all
// of them move together.

module bp_rprelu #(
    parameter int unsigned Channels = 4,
    parameter int unsigned Pe = 2,  // channels per beat, a divisor of Channels
    parameter int unsigned PBits = 10,  // bits of p; all numbers are two's complement
    parameter int unsigned XBits = 10,  // bits of the residual x
    parameter int unsigned KneeBits = 10,
    parameter int unsigned SlopeBits = 10,
    parameter int unsigned BiasBits = 20,
    parameter int unsigned Shift = 6,  // fraction bits of slopes and biases
    parameter int unsigned OutBits = 10,
    parameter bit UseDsp = 1'b1,  // else products are built in LUTs
    parameter logic [Channels*KneeBits-1:0] Knees = '0,  // channel 0 lowest
    parameter logic [Channels*SlopeBits-1:0] SlopesAbove = '0,
    parameter logic [Channels*SlopeBits-1:0] SlopesBelow = '0,
    parameter logic [Channels*BiasBits-1:0] BiasesAbove = '0,
    parameter logic [Channels*BiasBits-1:0] BiasesBelow = '0
) (
    input  logic                  clk_i,
    input  logic                  rst_ni,
    input  logic [  Pe*PBits-1:0] in0_tdata_i,    // p
    input  logic                  in0_tvalid_i,
    output logic                  in0_tready_o,
    input  logic [  Pe*XBits-1:0] in1_tdata_i,    // x
    input  logic                  in1_tvalid_i,
    output logic                  in1_tready_o,
    output logic [Pe*OutBits-1:0] out0_tdata_o,
    output logic                  out0_tvalid_o,
    input  logic                  out0_tready_i
);
    localparam int unsigned Folds = Channels / Pe;
    localparam int unsigned Wider = PBits > KneeBits ? PBits : KneeBits;
    localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1;
    localparam int unsigned ProductBits = PBits + SlopeBits;
    localparam int unsigned Steps = UseDsp ? 1 : (SlopeBits + 3) / 4;  // registers of a product
    localparam int unsigned Larger = ProductBits > BiasBits ? ProductBits : BiasBits;
    localparam int unsigned SumBits = (Larger > XBits + Shift ? Larger : XBits + Shift) + 2;
    localparam int unsigned WordBits = KneeBits + 2 * SlopeBits + 2 * BiasBits;

    if (Channels == 0 || Channels % Pe != 0) begin : gen_check
        $error("bp_rprelu: Channels is at least 1, Pe divides it");
    end

    logic advance, accept;
    logic [Steps+3:0] valid_q;
    logic [FoldBits-1:0] fold_q;

    assign advance = !out0_tvalid_o || out0_tready_i;
    assign accept = advance && in0_tvalid_i && in1_tvalid_i;
    assign in0_tready_o = advance && in1_tvalid_i;
    assign in1_tready_o = advance && in0_tvalid_i;
    assign out0_tvalid_o = valid_q[Steps+3];

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            valid_q <= '0;
            fold_q  <= '0;
        end else if (advance) begin
            valid_q <= {valid_q[Steps+2:0], accept};
            if (accept) fold_q <= fold_q == FoldBits'(Folds - 1) ? '0 : fold_q + 1'b1;
        end
    end

    for (genvar pe = 0; pe < Pe; pe++) begin : gen_pe
        logic [WordBits-1:0] word;
        logic signed [KneeBits-1:0] knee;
        logic signed [SlopeBits-1:0] slope_above, slope_below, slope_q;
        logic signed [BiasBits-1:0] bias_above, bias_below;
        logic signed [BiasBits-1:0] bias_q;
        logic signed [PBits-1:0] p_q[2];
        logic signed [XBits-1:0] x_q[2];
        logic signed [ProductBits-1:0] product;
        logic signed [SumBits-1:0] base_q[Steps];
        logic signed [SumBits-1:0] sum_q;
        logic [OutBits-1:0] result, result_q;
        logic above;

        function automatic logic [WordBits-1:0] constants(int unsigned c);
            return {
                BiasesBelow[c*BiasBits+:BiasBits],
                BiasesAbove[c*BiasBits+:BiasBits],
                SlopesBelow[c*SlopeBits+:SlopeBits],
                SlopesAbove[c*SlopeBits+:SlopeBits],
                Knees[c*KneeBits+:KneeBits]
            };
        endfunction

        if (Folds > 1) begin : gen_memory
            logic [WordBits-1:0] rom[Folds];
            initial begin
                for (int unsigned fold = 0; fold < Folds; fold++) rom[fold] = constants(fold * Pe + pe);
            end
            always_ff @(posedge clk_i) if (advance) word <= rom[fold_q];
        end else begin : gen_constant
            assign word = constants(pe);
        end
        assign {bias_below, bias_above, slope_below, slope_above, knee} = word;

        assign above = Wider'(p_q[0]) >= Wider'(knee);

        always_ff @(posedge clk_i) begin
            if (advance) begin
                p_q[0] <= in0_tdata_i[pe*PBits+:PBits];
                x_q[0] <= in1_tdata_i[pe*XBits+:XBits];

                slope_q <= above ? slope_above : slope_below;
                bias_q <= above ? bias_above : bias_below;
                p_q[1] <= p_q[0];
                x_q[1] <= x_q[0];

                // x is a whole number of steps, so it may be added before the rounding.
                base_q[0] <= SumBits'(bias_q) + (SumBits'(x_q[1]) <<< Shift);
                for (int unsigned step = 1; step < Steps; step++) base_q[step] <= base_q[step-1];

                sum_q <= SumBits'(product) + base_q[Steps-1];

                result_q <= result;
            end
        end

        bp_product #(
            .ABits (PBits),
            .BBits (SlopeBits),
            .UseDsp(UseDsp)
        ) u_product (
            .clk_i,
            .enable_i (advance),
            .a_i      (p_q[1]),
            .b_i      (slope_q),
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
        assign out0_tdata_o[pe*OutBits+:OutBits] = result_q;
    end
endmodule
