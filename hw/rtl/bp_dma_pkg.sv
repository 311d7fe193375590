// What a DMA channel is told to move: rows of an image that lie at equal distances in memory.

package bp_dma_pkg;
    // Whole pixels, a row at least of one; a contiguous image may be a single row. The address and the stride are multiples
    // of the bytes that pixel and bus have in common (their greatest common divisor).
    typedef struct packed {
        logic [39:0] address;    // of the first byte
        logic [25:0] row_bytes;  // of a row, at least 1 pixel
        logic [25:0] stride;     // bytes from row to row
        logic [15:0] rows;       // at least 1
    } transfer_t;
endpackage
