// Narrow beats into wide ones or wide into narrow, the first narrow beat lowest. A narrow beat moves per clock.

module bp_width_converter #(
    parameter int unsigned InWidth = 8,  // bits per input beat
    parameter int unsigned OutWidth = 24  // bits per output beat, a multiple or a divisor of InWidth
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    input  logic [ InWidth-1:0] in0_tdata_i,
    input  logic                in0_tvalid_i,
    output logic                in0_tready_o,
    output logic [OutWidth-1:0] out0_tdata_o,
    output logic                out0_tvalid_o,
    input  logic                out0_tready_i
);
    localparam bit Up = OutWidth >= InWidth;
    localparam int unsigned Narrow = Up ? InWidth : OutWidth;
    localparam int unsigned Ratio = Up ? OutWidth / InWidth : InWidth / OutWidth;
    localparam int unsigned CountBits = Ratio > 1 ? $clog2(Ratio) : 1;

    if (Narrow * Ratio != (Up ? OutWidth : InWidth)) begin : gen_check
        $error("bp_width_converter: one width must be a multiple of the other");
    end

    logic [Ratio-1:0][Narrow-1:0] beat_q;
    logic [CountBits-1:0] count_q;  // narrow beats collected, or sent
    logic last, step;

    assign last = count_q == CountBits'(Ratio - 1);
    always_ff @(posedge clk_i) begin
        if (!rst_ni) count_q <= '0;
        else if (step) count_q <= last ? '0 : count_q + 1'b1;
    end

    if (Up) begin : gen_up
        assign in0_tready_o = !out0_tvalid_o || out0_tready_i;
        assign step = in0_tvalid_i && in0_tready_o;
        assign out0_tdata_o = beat_q;
        always_ff @(posedge clk_i) begin
            if (step) beat_q[count_q] <= in0_tdata_i;
            if (!rst_ni) out0_tvalid_o <= 1'b0;
            else if (in0_tready_o) out0_tvalid_o <= step && last;
        end
    end else begin : gen_down
        assign in0_tready_o = !out0_tvalid_o || (last && out0_tready_i);
        assign step = out0_tvalid_o && out0_tready_i;
        assign out0_tdata_o = beat_q[count_q];
        always_ff @(posedge clk_i) begin
            if (in0_tready_o) beat_q <= in0_tdata_i;
            if (!rst_ni) out0_tvalid_o <= 1'b0;
            else if (in0_tready_o) out0_tvalid_o <= in0_tvalid_i;
        end
    end
endmodule
