"""The interpolator as a FINN operator: MS upsampled to the PAN grid, coefficients from the scene-parameter bus."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from bitpan.arithmetic import TAPS, Integers
from bitpan.hw.measure.unit import Unit, sizes
from bitpan.hw.operators.base import Operator, operator
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
    own = {  # noqa: RUF012
        "Bands": ("i", True, 0),
        "Ratio": ("i", True, 0),
        "CoefficientBits": ("i", True, 0),
        "inputDataType": ("s", True, ""),
        "outputDataType": ("s", True, ""),
    }
    delay = 10  # line read in two steps, two passes of multiply, sum and round, the second sum in two steps

    @classmethod
    def placed(cls, writer: Writer, node: Node) -> dict[str, Any]:
        """The image's bands, and the bits of the scene's coefficients."""
        bands = writer.shape(node.inputs[0])[-1]
        sizes = {"Bands": bands, "Ratio": writer.model.ratio, "CoefficientBits": writer.scene_bits(node)}
        return {**super().placed(writer, node), **sizes}

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """MS pixels in, PAN-grid pixels out."""
        height, width, bands, ratio = (self.attribute(name) for name in ("Height", "Width", "Bands", "Ratio"))
        coarse = Stream(height, width, bands, bands, self.attribute("inputDataType"))
        return [coarse], [Stream(ratio * height, ratio * width, bands, bands, self.attribute("outputDataType"))]

    def scene_words(self) -> int:
        """Rows, then columns."""
        return int(2 * self.attribute("Ratio") * TAPS)

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Shape and widths."""
        coarse, fine = self.streams()[0][0], self.streams()[1][0]
        return {
            "Bands": str(coarse.channels),
            "Bits": str(coarse.bits),
            "Width": str(coarse.width),
            "Height": str(coarse.height),
            "Ratio": str(self.attribute("Ratio")),
            "OutBits": str(fine.bits),
            "CoefficientBits": str(self.attribute("CoefficientBits")),
        }

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

    def dsp_estimation(self, fpgapart: str) -> int:
        """Per band: the vertical taps, spread over the columns of an MS pixel, and the horizontal ones."""
        return int(self.attribute("Bands") * (math.ceil(TAPS / self.attribute("Ratio")) + TAPS))

    def bram_estimation(self, fpgapart: str) -> int:
        """Line buffers, in halves of 36 Kbit; short lines stay in LUT memory."""
        width = self.get_instream_width()
        return (
            TAPS * math.ceil(width / 36) * math.ceil(self.attribute("Width") / 512)
            if self.attribute("Width") > 64
            else 0
        )

    def lut_estimation(self, fpgapart: str) -> int:
        """Sums, line buffers and coefficients."""
        lines = 0 if self.attribute("Width") > 64 else TAPS * self.get_instream_width()
        return int(lines + 2 * self.attribute("Bands") * 5 * 24 + 200)
