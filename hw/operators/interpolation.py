"""The interpolator as a FINN operator: MS upsampled to the PAN grid, coefficients from the scene-parameter bus."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from bitpan.arithmetic import TAPS
from bitpan.hw.measure.unit import Unit, sizes
from bitpan.hw.operators.base import Operator, attributes, operator
from bitpan.hw.operators.facts import Index, last_beats
from bitpan.hw.operators.streams import Stream
from bitpan.hw.operators.writer import Writer
from bitpan.model import Node


@operator
class Interpolator(Operator):
    """Keys' cubic, separable; ``Height`` and ``Width`` in MS pixels. Other inputs: rows, columns ``(ratio, 5)``."""

    op = "interpolate"
    entry = Unit(
        "bp_interpolator",
        130,
        "MS upsampled to the PAN grid, coefficients from the scene",
        sizes("Bands Bits Width Height", (4, 11, 16, 16), (4, 11, 64, 64), (8, 11, 256, 256)),
        cycles="1 a PAN pixel",
    )
    own = Operator.own | attributes("Bands Ratio CoefficientBits", "inputDataType outputDataType")
    settings = "Bands Bits Width Height Ratio OutBits CoefficientBits"
    delay = 10  # line read in two steps, two passes of multiply, sum and round, the second sum in two steps

    @classmethod
    def placed(cls, writer: Writer, node: Node) -> dict[str, Any]:
        """The image's bands, and the bits of the scene's coefficients."""
        bands = writer.shape(node.inputs[0])[-1]
        sizes = {"Bands": bands, "Ratio": writer.model.ratio, "CoefficientBits": writer.scene_bits(node)}
        return {**super().placed(writer, node), **sizes}

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """MS pixels in, PAN-grid pixels out."""
        bands, ratio = self.attribute("Bands"), self.attribute("Ratio")
        coarse = self.image(bands, bands, self.attribute("inputDataType"))
        fine = replace(coarse, height=ratio * coarse.height, width=ratio * coarse.width)
        return [coarse], [replace(fine, datatype=self.attribute("outputDataType"))]

    def scene_words(self) -> int:
        """Rows, then columns."""
        return int(2 * self.attribute("Ratio") * TAPS)

    def needs(self) -> Index:
        """Two more rows and columns of the MS, as far as there are."""
        (coarse,), (fine,) = self.streams()
        ratio = self.attribute("Ratio")
        rows = np.minimum(np.arange(fine.height) // ratio + 2, coarse.height - 1)
        columns = np.minimum(np.arange(fine.width) // ratio + 2, coarse.width - 1)
        return last_beats(rows, columns, coarse.width, folds=1)

    def interval(self, feed: float) -> float:
        """A pixel for each PAN pixel that comes: both meet in front of the network."""
        return feed

    def cost(self) -> dict[str, float]:
        """Sums, coefficients, products and line buffers, short ones of which stay in LUT memory.

        Per band: the vertical taps, spread over the columns of an MS pixel, and the horizontal ones.
        """
        bits, width, bands = self.get_instream_width(), self.attribute("Width"), self.attribute("Bands")
        products = bands * (math.ceil(TAPS / self.attribute("Ratio")) + TAPS)
        sums = 2 * bands * 5 * 24 + 200
        if width > 64:
            return {"LUT": sums, "DSP": products, "BRAM_18K": TAPS * math.ceil(bits / 36) * math.ceil(width / 512)}
        return {"LUT": sums + TAPS * bits, "DSP": products}
