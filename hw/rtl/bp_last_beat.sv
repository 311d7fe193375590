// The number of the last beat of so many pixels, counted from 0. The pixels are quasi-static, so it takes its clock.

module bp_last_beat #(
    parameter int unsigned Folds = 1,  // beats per pixel
    parameter int unsigned Bits  = 9   // of the number
) (
    input  logic            clk_i,
    input  logic [    15:0] pixels_i,
    output logic [Bits-1:0] last_o
);
    logic [Bits-1:0] beats;
    always_comb begin
        beats = '0;  // a sum of shifts: a product would be taken for a DSP
        for (int unsigned bit_ = 0; bit_ < 32; bit_++) begin
            if (Folds[bit_]) beats += Bits'({16'b0, pixels_i} << bit_);
        end
    end
    always_ff @(posedge clk_i) last_o <= beats - 1'b1;
endmodule
