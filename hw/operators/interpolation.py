"""The interpolator as a FINN operator: MS upsampled to the PAN grid, coefficients from the scene-parameter bus."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from bitpan.arithmetic import BORDER, TAPS
from bitpan.hw.measure.unit import Unit, sizes
from bitpan.hw.operators.base import Operator, attributes, block_memories, divisors, operator
from bitpan.hw.operators.facts import Index, last_beats
from bitpan.hw.operators.streams import Stream
from bitpan.hw.operators.writer import Writer
from bitpan.model import Node


@operator
class Interpolator(Operator):
    """Keys' cubic, separable; ``Height`` and ``Width`` in MS pixels with their border, ``Clocks`` a PAN pixel.

    Other inputs: coefficients of rows and columns ``(Stride, 5)``.
    """

    op = "interpolate"
    entry = Unit(
        "bp_interpolator",
        130,
        "MS upsampled to the PAN grid, coefficients from the scene",
        sizes("Bands Bits Width Clocks", (4, 11, 16, 1), (4, 11, 128, 4), (8, 11, 256, 1)),
        cycles="Clocks a PAN pixel",
    )
    own = Operator.own | attributes(
        "Bands Stride CoefficientBits", "inputDataType outputDataType", Clocks=("i", False, 1), Late=("i", False, 0)
    )
    sized = True
    repeats, holds = True, True
    settings = "Bands Bits Width Clocks StrideBits OutBits CoefficientBits"

    @classmethod
    def placed(cls, writer: Writer, node: Node) -> dict[str, Any]:
        """The image's bands, and the bits of the scene's coefficients."""
        bands = writer.shape(node.inputs[0])[-1]
        return {**super().placed(writer, node), "Bands": bands, "CoefficientBits": writer.scene_bits(node)}

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """MS pixels in, PAN-grid pixels out."""
        bands, ratio = self.attribute("Bands"), self.attribute("Stride")
        coarse = self.image(bands, bands, self.attribute("inputDataType"))
        height, width = (ratio * (side - 2 * BORDER) for side in (coarse.height, coarse.width))
        fine = replace(coarse, height=height, width=width)
        return [coarse], [replace(fine, datatype=self.attribute("outputDataType"))]

    def scene_words(self) -> int:
        """Rows, then columns."""
        return int(2 * self.attribute("Stride") * TAPS)

    def get_exp_cycles(self) -> int:
        """``Clocks`` for each pixel of the PAN grid; in narrow frames for the steps of the columns, border included."""
        return int(self.attribute("Clocks")) * self._turns()

    def _turns(self) -> int:
        """Pixels of the PAN grid, or steps of the columns for as many lines where these are more."""
        (coarse,), (fine,) = self.streams()
        return int(fine.height * max(fine.width, self._steps() * coarse.width))

    def _lanes(self) -> int:
        """Taps of a column that a step takes: all of them in fewer steps than a column is spent in."""
        return math.ceil(TAPS / (int(self.attribute("Stride")) - 1))

    def _steps(self) -> int:
        """Steps of a column."""
        return math.ceil(TAPS / self._lanes())

    def fold(self, clocks: int) -> None:
        """As many clocks a pixel as there are, so that its bands share multipliers."""
        parts = divisors(int(self.attribute("Bands")))
        self.set_nodeattr("Clocks", max([part for part in parts if part * self._turns() <= clocks], default=1))

    def needs(self) -> Index:
        """The last of the five lines that a row is made of."""
        (coarse,), (fine,) = self.streams()
        rows = np.arange(fine.height) // self.attribute("Stride") + TAPS - 1
        return last_beats(rows, np.full(fine.width, coarse.width - 1), coarse.width, folds=1)

    def interval(self, feed: float) -> float:
        """A pixel for each PAN pixel that comes: both meet in front of the network."""
        return max(feed, self.get_exp_cycles() / self.beats_out())

    def latency(self) -> int:
        """Five columns of the vertical pass, a pixel of the horizontal one, and the pipeline."""
        return int((TAPS * self._steps() + 1) * self.attribute("Clocks") + 12)

    def cost(self) -> dict[str, float]:
        """Per band at once five taps of a line, and of a column those that a step takes (measured in Yosys).

        Each of these has lines of its own, short ones in LUT memory; of a long one's memories an output is chosen.
        """
        bits, clocks = self.get_instream_width(), int(self.attribute("Clocks"))
        words = 8 << (int(self.attribute("Width")) - 1).bit_length()
        copies, part = self._lanes(), int(self.attribute("Bands")) // clocks
        luts = 209 + self.get_outstream_width() + part * (121 + 92 * math.log2(clocks))
        found = {"DSP": float(part * (copies + TAPS))}
        if words * bits < _IN_BLOCKS:
            return found | {"LUT": luts + copies * bits * 1.55 * math.ceil(words / 64)}
        memories = copies * block_memories(words, bits)
        return found | {"LUT": luts + (copies * bits if words > 1024 else 0), "BRAM_18K": memories}


_IN_BLOCKS = 6144
"""Smallest lines, in bits, that Yosys puts into block memory, about."""
