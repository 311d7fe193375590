"""BNNPan's units over the channels of a pixel, as FINN operators: the norm, and the affine map from the scene."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bitpan import arithmetic
from bitpan.arithmetic import AFFINE, AFFINE_FRACTION, AFFINE_SCALE, Integers
from bitpan.errors import FormatError
from bitpan.hw.operators.base import number_format, operator, signed_bits, vector
from bitpan.hw.operators.pointwise import Pointwise


@operator
class ChannelAffine(Pointwise):
    """A scale and an offset per channel. Second node input: scales, then offsets ``(2, C)``, from the scene."""

    unit = "bp_channel_affine"

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
        """Two banks of scales and offsets, 32 words of three bits in two LUTs, and the rounding (measured in Yosys)."""
        folds = self.attribute("Channels") // self.pe()
        words = math.ceil((AFFINE_SCALE.bits + AFFINE.bits) * 2 / 3) * math.ceil(2 * folds / 32)
        return int(self.pe() * (words + 20) + 70)


@operator
class ChannelNorm(Pointwise):
    """The norm over the channels of each pixel. Inputs: x, residual; then gain, centre and bias ``(3, C)``."""

    unit = "bp_channel_norm"

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """:func:`bitpan.arithmetic.channel_norm`."""
        fmt = number_format(self.attribute("outputDataType"))
        x, residual = images
        gain, centre, bias = constants[0]
        return [arithmetic.channel_norm(x, residual, gain, centre, bias, fmt)]

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Constants of every channel, channel 0 lowest, in no more bits than they need."""
        inputs, (out,) = self.streams()
        kinds = {stream.datatype for stream in (*inputs, out)}
        if kinds != {out.datatype} or not out.datatype.startswith("INT"):
            found = ", ".join(sorted(kinds))
            raise FormatError(f"{self.onnx_node.name}: the norm's unit has one signed format on all edges, not {found}")
        values = {"Channels": str(out.channels), "Pe": str(out.lanes), "Bits": str(out.bits)}
        names = (("Gain", "Gains"), ("Centre", "Centres"), ("Bias", "Biases"))
        for (name, plural), constant in zip(names, constants[0], strict=True):
            bits = signed_bits(constant)
            values |= {f"{name}Bits": str(bits), plural: vector(constant, bits)}
        return values

    @property
    def folds(self) -> int:
        """Beats of a pixel."""
        return int(self.attribute("Channels")) // self.pe()

    def latency(self) -> int:
        """A pixel's beats, its statistics and factors, and the pipeline of its channels."""
        return self.folds + math.ceil(math.log2(self.pe())) + 30

    def dsp_estimation(self, fpgapart: str) -> int:
        """Two squares and two products per lane; the squared sum and the comparisons of the ratio."""
        shared = 2 if self.folds >= 4 else 3 if self.folds > 1 else 6
        return 4 * self.pe() + shared

    def lut_estimation(self, fpgapart: str) -> int:
        """Statistics, FIFO and pipeline of each lane, and what a pixel takes (measured in Yosys)."""
        return 125 * self.pe() + 500
