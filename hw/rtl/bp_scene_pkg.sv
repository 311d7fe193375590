// The scene-parameter bus, from the registers to every unit that has scene parameters.
//
// A packed type is a plain vector to a module in Verilog, the first member highest.

package bp_scene_pkg;
    // A word is written in the clock in which it is valid. The host never writes a bank that a frame in flight uses.
    typedef struct packed {
        logic        valid;
        logic        bank;
        logic [15:0] address;
        logic [31:0] data;
    } write_t;

    // Of the frames, in PAN pixels: the host changes it only while no frame is under way.
    typedef struct packed {
        logic [15:0] rows;
        logic [15:0] columns;
    } size_t;

    typedef logic [15:0] banks_t;  // bit n mod 16: the bank of frame n, while it is under way
endpackage
