"""The units over the channels of a pixel, as FINN operators: BNNPan's affine map from the scene."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bitpan import arithmetic
from bitpan.arithmetic import AFFINE, AFFINE_FRACTION, AFFINE_SCALE, Integers
from bitpan.hw.operator import number_format, operator
from bitpan.hw.pointwise import Pointwise


@operator
class ChannelAffine(Pointwise):
    """A scale and an offset per channel. Second node input: scales, then offsets ``(2, C)``, from the scene."""

    unit = "channel_affine"

    def scene_words(self) -> int:
        """A scale and an offset per channel."""
        return 2 * int(self.attribute("Channels"))

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """:func:`bitpan.arithmetic.channel_affine`."""
        fmt = number_format(self.attribute("outputDataType"))
        return [arithmetic.channel_affine(images[0], constants[0], fmt)]

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Folding and widths; a frame's beats tell the unit when to change banks."""
        (y,), (out,) = self.streams()
        sizes = {
            "Channels": y.channels,
            "Pe": y.lanes,
            "InBits": y.bits,
            "ScaleBits": AFFINE_SCALE.bits,
            "OffsetBits": AFFINE.bits,
            "Shift": AFFINE_FRACTION,
            "OutBits": out.bits,
            "FrameBeats": y.beats,
        }
        return {name: str(size) for name, size in sizes.items()}

    def latency(self) -> int:
        """Operands, multiply, add, round."""
        return 4

    def dsp_estimation(self, fpgapart: str) -> int:
        """One multiplier per lane."""
        return self.pe()

    def lut_estimation(self, fpgapart: str) -> int:
        """Two banks of scales and offsets, and the rounding, per lane."""
        folds = self.attribute("Channels") // self.pe()
        words = (AFFINE_SCALE.bits + AFFINE.bits) * math.ceil(2 * folds / 32)
        return int(self.pe() * (words + 60) + 60)
