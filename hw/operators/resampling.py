"""The units that change an image's size, as FINN operators: Haar wavelet and its inverse, average pool, bilinear."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bitpan import arithmetic
from bitpan.arithmetic import Integers
from bitpan.hw.measure.unit import Unit, sizes
from bitpan.hw.operators.base import Folded, block_memories, operator
from bitpan.hw.operators.facts import Index, last_beats
from bitpan.hw.operators.streams import Stream, datatype, number_format

_IMAGE = "Channels Pe Width Height"
_LARGE = (8, 8, 16, 16), (32, 8, 64, 64), (32, 32, 512, 512)
_SMALL = (8, 8, 8, 8), (32, 8, 32, 32), (32, 32, 256, 256)


class Resampling(Folded):
    """Base: ``Height`` and ``Width`` are the input's; channels and folding are the same on all streams."""

    own: dict[str, tuple[Any, ...]] = {**Folded.own, "inputDataType": ("s", True, "")}  # noqa: RUF012

    def source(self) -> Stream:
        """An input stream."""
        height, width, channels, lanes = (self.attribute(name) for name in ("Height", "Width", "Channels", "PE"))
        return Stream(height, width, channels, lanes, self.attribute("inputDataType"))

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Folding, width and shape of the input."""
        stream = self.source()
        return {
            "Channels": str(stream.channels),
            "Pe": str(stream.lanes),
            "InBits": str(stream.bits),
            "Width": str(stream.width),
            "Height": str(stream.height),
        }

    def lines(self, count: int) -> Index:
        """The last row (or column) of the input that each of the output's depends on, of ``count`` of the input."""
        raise NotImplementedError

    def needs(self) -> Index:
        """The same beat of the last row and column that matter."""
        image = self.source()
        rows, columns = self.lines(image.height), self.lines(image.width)
        return last_beats(rows, columns, image.width, image.channels // image.lanes)

    def line_beats(self) -> int:
        """Beats of an input line."""
        stream = self.source()
        return stream.width * stream.channels // stream.lanes

    def buffer(self) -> tuple[int, int]:
        """Beats that the line buffer holds, and bits of each."""
        raise NotImplementedError

    def bram_estimation(self, fpgapart: str) -> int:
        """Halves of a 36 Kbit block memory; small buffers stay in LUT memory."""
        depth, bits = self.buffer()
        return 0 if depth * bits <= _IN_LUTS else block_memories(depth, bits)

    def buffer_luts(self) -> int:
        """LUTs of a line buffer that stays in LUT memory: 64 words of a bit in each."""
        depth, bits = self.buffer()
        return bits * math.ceil(depth / 64) if depth * bits <= _IN_LUTS else 0


_IN_LUTS = 16384
"""Largest line buffer, in bits, that Yosys keeps in LUT memory, about."""


class Signed(Resampling):
    """A unit that takes natural binary as well as two's complement."""

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Those of all, and the sign."""
        return {**super().parameters(constants), "InSigned": str(int(self.source().datatype.startswith("INT")))}


class Halving(Signed):
    """A unit that makes one pixel of each 2x2 block."""

    def lines(self, count: int) -> Index:
        """The block's second one."""
        return np.arange(1, count, 2)


@operator
class Haar(Halving):
    """One level of the wavelet: LL, LH, HL, HH, of half the height and width."""

    op = "haar"
    entry = Unit(
        "bp_haar", 90, "LL, LH, HL, HH of each 2x2 block, exact", sizes(_IMAGE, *_LARGE, InBits=10), test="resampling"
    )
    delay = 3  # line buffer, columns' memory, sums

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """The image in, four subbands out."""
        image = self.source()
        kind = datatype(arithmetic.haar_format(number_format(image.datatype)))
        return [image], [replace(image, height=image.height // 2, width=image.width // 2, datatype=kind)] * 4

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """:func:`bitpan.arithmetic.haar`."""
        return list(arithmetic.haar(images[0]))

    def buffer(self) -> tuple[int, int]:
        """A line of the image."""
        return self.line_beats(), self.get_instream_width()

    def lut_estimation(self, fpgapart: str) -> int:
        """Six sums a lane (measured in Yosys, as the others')."""
        image = self.source()
        return int(self.buffer_luts() + 6 * image.lanes * (image.bits + 2) + 40)


@operator
class InverseHaar(Resampling):
    """The image of four subbands of one datatype, rounded by ``Shift`` bits; ``outputDataType`` is signed."""

    op = "inverse_haar"
    entry = Unit(
        "bp_inverse_haar",
        100,
        "the image of four subbands, rounded, saturated",
        sizes(_IMAGE, *_SMALL, InBits=12, OutBits=10),
        cycles="1 an output beat",
        test="resampling",
    )
    own = {**Resampling.own, "outputDataType": ("s", True, ""), "Shift": ("i", True, 2)}  # noqa: RUF012
    delay = 4  # line buffer and its register, columns' memory, rounding

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """Four subbands in, the image out."""
        band, kind = self.source(), self.attribute("outputDataType")
        return [band] * 4, [replace(band, height=2 * band.height, width=2 * band.width, datatype=kind)]

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Those of all, the shift and the result's bits."""
        own = {"Shift": str(self.attribute("Shift")), "OutBits": str(self.streams()[1][0].bits)}
        return {**super().parameters(constants), **own}

    def lines(self, count: int) -> Index:
        """Two from each."""
        return np.arange(2 * count) // 2

    def buffer(self) -> tuple[int, int]:
        """Two sums of each pixel of a subband's line."""
        band = self.source()
        return self.line_beats(), 2 * band.lanes * (band.bits + 1)

    def lut_estimation(self, fpgapart: str) -> int:
        """Six sums a lane, two memories' outputs chosen, rounding and saturation."""
        band = self.source()
        return int(self.buffer_luts() + 8 * band.lanes * (band.bits + 2) + 40)


@operator
class AveragePool(Halving):
    """Rounded mean of each 2x2 block."""

    op = "pool"
    entry = Unit(
        "bp_average_pool", 110, "mean of each 2x2 block, rounded", sizes(_IMAGE, *_LARGE, InBits=10), test="resampling"
    )
    delay = 3  # columns' memory, line buffer, sum

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """The image in, half of it out."""
        image = self.source()
        return [image], [replace(image, height=image.height // 2, width=image.width // 2)]

    def buffer(self) -> tuple[int, int]:
        """Half a line of sums."""
        image = self.source()
        return self.line_beats() // 2, image.lanes * (image.bits + 1)

    def lut_estimation(self, fpgapart: str) -> int:
        """Two sums a lane."""
        image = self.source()
        return int(self.buffer_luts() + 2 * image.lanes * (image.bits + 2) + 40)


@operator
class BilinearUp(Signed):
    """Twice the size, bilinear."""

    op = "up"
    entry = Unit(
        "bp_bilinear_up",
        120,
        "twice the size: (9a + 3b + 3c + d + 8) >> 4",
        sizes(_IMAGE, *_SMALL, InBits=10),
        cycles="1 an output beat",
        test="resampling",
    )

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """The image in, twice of it out."""
        image = self.source()
        return [image], [replace(image, height=2 * image.height, width=2 * image.width)]

    def lines(self, count: int) -> Index:
        """The next one, but for the first and the last."""
        return np.minimum(np.arange(1, 2 * count + 1) // 2, count - 1)

    def latency(self) -> int:
        """Two passes of write, read, triple and add; the first pixel comes at two clocks a beat."""
        image = self.source()
        return 8 + 2 * image.channels // image.lanes

    def buffer(self) -> tuple[int, int]:
        """Two lines."""
        return 2 * self.line_beats(), self.get_instream_width()

    def lut_estimation(self, fpgapart: str) -> int:
        """Four sums a lane, a ring of pixels read twice, and the counters."""
        image = self.source()
        return int(self.buffer_luts() + 5 * image.lanes * (image.bits + 3) + 60)
