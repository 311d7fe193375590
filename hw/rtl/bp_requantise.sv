// Round half up by Shift bits, then saturate: y = (x + 2**(Shift-1)) >> Shift, no less than the least number of OutBits bits
// and no more than the largest; an exact left shift for Shift <= 0. Combinational.

module bp_requantise #(
    parameter int unsigned InBits = 16,  // bits of x, two's complement
    parameter int Shift = 4,  // bits dropped; may be negative
    parameter int unsigned OutBits = 8,  // bits of y
    parameter bit OutSigned = 1'b1  // y is two's complement
) (
    input  logic [ InBits-1:0] x_i,
    output logic [OutBits-1:0] y_o
);
    localparam int Wide = int'(InBits) + 1 + (Shift < 0 ? -Shift : 0);  // no overflow before the saturation
    localparam int Kept = Shift > 0 ? (Wide > Shift ? Wide - Shift : 1) : Wide;

    logic signed [Wide-1:0] x;
    logic signed [Kept-1:0] rounded;
    assign x = Wide'($signed(x_i));

    if (InBits == 0 || OutBits == 0) begin : gen_check_bits
        $error("bp_requantise: InBits and OutBits are at least 1");
    end
    if (Shift > Wide - 1) begin : gen_check_shift
        $error("bp_requantise: Shift is at most InBits");
    end

    if (Shift > 0) begin : gen_round
        /* verilator lint_off UNUSEDSIGNAL */
        logic signed [Wide-1:0] sum;
        /* verilator lint_on UNUSEDSIGNAL */
        assign sum = x + (Wide'(1) << (Shift - 1));
        assign rounded = sum[Wide-1-:Kept];
    end else begin : gen_left
        assign rounded = x <<< -Shift;
    end

    if (!OutSigned) begin : gen_clip
        localparam int Bits = Kept > int'(OutBits) ? Kept : int'(OutBits) + 1;
        logic signed [Bits-1:0] clipped;
        assign clipped = Bits'(rounded);
        always_comb begin
            if (clipped[Bits-1]) y_o = '0;
            else if (|clipped[Bits-1:OutBits]) y_o = '1;
            else y_o = clipped[OutBits-1:0];
        end
    end else if (Kept > OutBits) begin : gen_saturate
        logic fits;  // all bits above the result repeat its sign
        assign fits = rounded[Kept-1:OutBits-1] == {(Kept - OutBits + 1) {rounded[Kept-1]}};
        assign y_o = fits ? rounded[OutBits-1:0] : {rounded[Kept-1], {(OutBits - 1) {~rounded[Kept-1]}}};
    end else begin : gen_extend
        assign y_o = OutBits'(rounded);
    end
endmodule
