"""The table of units in ``hw/README.md``: what each computes, its cycles, and its cost at one representative size.

python -m bitpan.hw.table            print it
python -m bitpan.hw.table --write    put it into the README
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bitpan.errors import BuildError
from bitpan.hw.packing import literal
from bitpan.hw.simulation import RTL, rtl
from bitpan.hw.yosys import Area, area

README = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- units: python -m bitpan.hw.table --write -->\n", "<!-- end of units -->\n"


@dataclass(frozen=True)
class Unit:
    """A row of the table.

    Attributes:
        name: of the module.
        computes: in a few words.
        cycles: how long, in clocks.
        size: parameters of the measurement, shown.
        rest: further parameters (weights), not shown.
        test: stem of its file in ``tests/hw``.
    """

    name: str
    computes: str
    cycles: str
    size: Mapping[str, int]
    rest: Mapping[str, int | str] = field(default_factory=dict)
    test: str = ""

    def area(self) -> Area:
        """Cost on a Zynq-7000."""
        return area([rtl(name) for name in needed(self.name)], self.name, {**self.size, **self.rest})

    def row(self) -> str:
        """One line of Markdown."""
        cost = self.area()
        size = ", ".join(f"{name} {value}" for name, value in self.size.items())
        test = f"[{self.test or self.name}](../tests/hw/test_{self.test or self.name}.py)"
        numbers = [f"{n:,g}" for n in (cost.lut, cost.ff, cost.bram36, cost.dsp)]
        return "| " + " | ".join([f"`{self.name}`", self.computes, self.cycles, size, *numbers, test]) + " |"


def needed(name: str) -> list[str]:
    """A module and the modules of ours that it instantiates, at any depth, each once."""
    others = {file.stem for file in RTL.glob("*.sv")}
    found, open_ = [name], [name]
    while open_:
        text = re.sub(r"//.*", "", rtl(open_.pop()).read_text())
        fresh = sorted((others & set(re.findall(r"^\s*(\w+)\s+(?:#\(|\w+\s*\()", text, re.MULTILINE))) - set(found))
        found += fresh
        open_ += fresh
    return found


def _random(count: int, bits: int) -> str:
    """As many random integers as a literal."""
    return literal(np.random.default_rng(1).integers(-(1 << bits - 1), 1 << bits - 1, count), bits)


# A feature stream of 32 channels of 10 bits, 8 a beat; imagery of 4 bands of 11 bits; a frame of 64 x 64 PAN pixels.
UNITS = [
    Unit(
        "xnor_mvu",
        "binary matrix-vector product: XNOR, popcount",
        "K/Simd · M/Pe a window",
        {"MatrixWidth": 288, "MatrixHeight": 32, "Simd": 72, "Pe": 16, "OutBits": 10},
        {"Weights": _random(32 * 288, 1)},
    ),
    Unit(
        "quant_mvu",
        "integer matrix-vector product, bias, rounding, saturation",
        "K/Simd · M/Pe a window",
        {"MatrixWidth": 45, "MatrixHeight": 32, "Simd": 9, "Pe": 4, "InBits": 12, "WeightBits": 8, "OutBits": 10},
        {"BiasBits": 24, "AccBits": 28, "Weights": _random(32 * 45, 8), "Biases": _random(32, 24)},
    ),
    Unit(
        "sign_threshold",
        "+1 where x >= threshold, else -1; thresholds from the scene",
        "1 a beat",
        {"Channels": 32, "Pe": 8, "InBits": 10, "ThresholdBits": 11, "FrameBeats": 16384},
        test="pointwise",
    ),
    Unit(
        "rprelu",
        "x + round(slope · p + bias), two branches a channel",
        "1 a beat",
        {"Channels": 32, "Pe": 8, "PBits": 10, "XBits": 10, "OutBits": 10, "Shift": 6},
        {
            "Knees": _random(32, 10),
            **{f"Slopes{side}": _random(32, 10) for side in ("Above", "Below")},
            **{f"Biases{side}": _random(32, 20) for side in ("Above", "Below")},
        },
        test="pointwise",
    ),
    Unit(
        "interpolator",
        "MS upsampled to the PAN grid, coefficients from the scene",
        "1 a PAN pixel",
        {"Bands": 4, "Bits": 11, "Width": 64, "Height": 64},
    ),
    Unit(
        "centre",
        "round(x - offset), saturated: the network's input",
        "1 a beat",
        {"Elements": 4, "InBits": 13, "InSigned": 1, "Offset": 512, "OutBits": 12},
        test="pointwise",
    ),
    Unit(
        "add_clip",
        "lms + residual, clipped: the fused image",
        "1 a beat",
        {"Elements": 4, "LmsBits": 13, "ResidualBits": 13, "OutBits": 11},
        test="pointwise",
    ),
    Unit("duplicate", "one stream becomes two", "1 a beat", {"Width": 80}, test="routing"),
    Unit(
        "concat_streams",
        "two streams become one, side by side",
        "1 a beat",
        {"Width0": 12, "Width1": 48},
        test="routing",
    ),
    Unit(
        "width_converter",
        "narrow beats to wide or wide to narrow",
        "1 a narrow beat",
        {"InWidth": 8, "OutWidth": 32},
        test="routing",
    ),
    Unit("stream_fifo", "first in, first out", "1 a beat", {"Width": 32, "Depth": 512}, test="routing"),
    Unit(
        "frame_gate",
        "lets started frames in, fills up or cuts those of a wrong length",
        "1 a beat",
        {"Width": 64, "FrameBeats": 256},
        test="scene_registers",
    ),
    Unit(
        "frame_end",
        "tlast, and the count of finished frames",
        "1 a beat",
        {"Width": 64, "FrameBeats": 4096},
        test="scene_registers",
    ),
    Unit("scene_registers", "AXI-Lite: starts frames, scene parameters, errors", "2 a write", {}),
]


def table() -> str:
    """The whole table as Markdown."""
    head = "| unit | computes | cycles | measured at | LUT | FF | BRAM36 | DSP | tests |\n"
    return head + "|---|---|---|---|--:|--:|--:|--:|---|\n" + "".join(unit.row() + "\n" for unit in UNITS)


def split(text: str) -> tuple[str, str, str]:
    """The README before, in and after the table."""
    before, begin, rest = text.partition(BEGIN)
    middle, end, after = rest.partition(END)
    if not begin or not end:
        raise BuildError(f"{README} lacks the lines {BEGIN.strip()!r} and {END.strip()!r} around the table of units")
    return before + begin, middle, end + after


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Measure the units with Yosys and print their table.")
    parser.add_argument("--write", action="store_true", help="put the table into hw/README.md")
    if not parser.parse_args(arguments).write:
        print(table(), end="")
        return
    before, _, after = split(README.read_text())
    beside = README.with_suffix(".new")
    beside.write_text(before + table() + after)
    os.replace(beside, README)


if __name__ == "__main__":
    main()
