#!/usr/bin/env bash
# Yosys 0.70 (pyosys): synth_xilinx maps a ROM of 64 words to one LUT6 a bit where the address is an input, and to more
# than three where the address is a counter in the same module.
#
# Expected: a bit of 64 words is a function of six inputs, one LUT6, whatever drives the address: 288 LUTs and a few for
# the counter.
# Seen: 288 LUTs alone, 1,044 with the counter. ABC9 parts the words into smaller functions that bits are to share, and
# loses by it; the contents are random, so that there is little to share. Nothing else in the module is slow.
# What helps: a counter that is one ahead, and an address register that does nothing but take it over. The ROM sees the
# same address in the same clock, and it is 288 LUTs again.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet pyosys==0.70
cat >"$work/rom.py" <<'PYTHON'
import json
import random

from pyosys import libyosys

random.seed(7)
WORDS, BITS = 64, 288
ADDRESS = {
    "an input": ("input [5:0] address, ", ""),
    "a counter": ("input reset, ", "reg [5:0] address; always @(posedge clk) address <= reset ? 0 : address + 1;"),
    "a copy of a counter": (
        "input reset, ",
        "reg [5:0] address, ahead; always @(posedge clk) begin "
        "address <= reset ? 0 : ahead; ahead <= reset ? 1 : ahead + 1; end",
    ),
}
contents = "".join(f"rom[{i}] = {BITS}'h{random.getrandbits(BITS):x};\n" for i in range(WORDS))
found = {}
for name, (port, logic) in ADDRESS.items():
    with open("rom.v", "w") as file:
        file.write(
            f"module top(input clk, {port}output reg [{BITS - 1}:0] word);\n{logic}\n"
            f"reg [{BITS - 1}:0] rom [0:{WORDS - 1}];\ninitial begin\n{contents}end\n"
            "always @(posedge clk) word <= rom[address];\nendmodule\n"
        )
    design = libyosys.Design()
    for command in ("read_verilog rom.v", "synth_xilinx -family xcup -noiopad -top top", "tee -q -o stat.json stat -json"):
        design.run_pass(command)
    with open("stat.json") as file:
        cells = json.load(file)["design"]["num_cells_by_type"]
    found[name] = sum(count for kind, count in cells.items() if kind.startswith("LUT"))
with open("found.json", "w") as file:
    json.dump(found, file)
PYTHON
cd "$work"
venv/bin/python rom.py >log 2>&1 || { tail -5 log && exit 1; }
venv/bin/python - <<'PYTHON'
import json
import sys

found = json.load(open("found.json"))
print(", ".join(f"address {name}: {luts} LUTs" for name, luts in found.items()))
if found["an input"] != 288 or found["a counter"] < 2 * 288:
    sys.exit("Yosys maps both alike now: this finding is over")
if found["a copy of a counter"] > 288 + 10:
    sys.exit("a copy of the counter does not help any more")
print("as found: more than twice the LUTs behind a counter, and not behind its copy")
PYTHON
