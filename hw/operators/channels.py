"""BNNPan's units over the channels of a pixel, as FINN operators: the norm, and the affine map from the scene."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bitpan.arithmetic import AFFINE, AFFINE_FRACTION, AFFINE_SCALE, Integers
from bitpan.errors import FormatError
from bitpan.hw.measure.unit import Parameters, Unit, random_contents, sizes
from bitpan.hw.operators.base import attributes, operator, signed_bits
from bitpan.hw.operators.facts import Index
from bitpan.hw.operators.pointwise import Pointwise, product_cost, product_steps
from bitpan.hw.packing import literal


@operator
class ChannelAffine(Pointwise):
    """A scale and an offset per channel. Second node input: scales, then offsets ``(2, C)``, from the scene."""

    op = "affine"
    entry = Unit(
        "bp_channel_affine",
        70,
        "y · scale + offset, rounded, saturated; both from the scene",
        sizes("Channels Pe", (8, 2), (32, 8), (32, 32), InBits=12, OutBits=12, Width=512),
    )
    own = Pointwise.own | attributes("Stride", UseDsp=("i", False, 1))
    sparing = (("DSP", "UseDsp", 0),)
    sized = True  # where a frame ends it changes banks
    settings = "Channels Pe InBits ScaleBits OffsetBits Shift OutBits Width StrideBits UseDsp"

    def scene_words(self) -> int:
        """A scale and an offset per channel."""
        return 2 * int(self.attribute("Channels"))

    def latency(self) -> int:
        """Operands, multiply, add, round."""
        return 3 + product_steps(self.attribute("UseDsp"), AFFINE_SCALE.bits)

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Formats of scales and offsets."""
        return self.given(ScaleBits=AFFINE_SCALE.bits, OffsetBits=AFFINE.bits, Shift=AFFINE_FRACTION)

    def cost(self) -> dict[str, float]:
        """Two banks of scales and offsets, 32 words of three bits in two LUTs, and the rounding (measured in Yosys)."""
        words = math.ceil((AFFINE_SCALE.bits + AFFINE.bits) * 2 / 3) * math.ceil(2 * self.folds() / 32)
        product = product_cost(self.attribute("UseDsp"), self.streams()[0][0].bits, AFFINE_SCALE.bits)
        return {"LUT": self.pe() * (words + 20 + product["LUT"]) + 70, "DSP": self.pe() * product["DSP"]}


_CONSTANTS = {"Gains": "GainBits", "Centres": "CentreBits", "Biases": "BiasBits"}


def _random_constants(values: Parameters) -> dict[str, int | str]:
    return {name: random_contents(values["Channels"], values[bits]) for name, bits in _CONSTANTS.items()}


@operator
class ChannelNorm(Pointwise):
    """The norm over the channels of each pixel. Inputs: x, residual; then gain, centre and bias ``(3, C)``."""

    op = "norm"
    entry = Unit(
        "bp_channel_norm",
        60,
        "BNNPan's norm over the channels of each pixel, plus the residual",
        sizes("Channels Pe", (8, 2), (32, 8), (32, 32), Bits=12),
        rest=_random_constants,
    )
    settings = "Channels Pe Bits"

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Constants of every channel, channel 0 lowest, in no more bits than they need."""
        inputs, (out,) = self.streams()
        kinds = {stream.datatype for stream in (*inputs, out)}
        if kinds != {out.datatype} or not out.datatype.startswith("INT"):
            found = ", ".join(sorted(kinds))
            raise FormatError(f"{self.onnx_node.name}: the norm's unit has one signed format on all edges, not {found}")
        values: dict[str, int | str] = {}
        for plural, constant in zip(_CONSTANTS, constants[0], strict=True):
            bits = signed_bits(constant)
            values |= {_CONSTANTS[plural]: bits, plural: literal(constant, bits)}
        return self.given(**values)

    def needs(self) -> Index:
        """The whole pixel."""
        return np.asarray((np.arange(self.beats_out()) // self.folds() + 1) * self.folds() - 1)

    def latency(self) -> int:
        """A pixel's statistics and factors, and the pipeline of its channels."""
        return math.ceil(math.log2(self.pe())) + 30

    def cost(self) -> dict[str, float]:
        """Per lane statistics, FIFO and pipeline (two squares, two products); of a pixel the squared sum, the ratio."""
        shared = 2 if self.folds() >= 4 else 3 if self.folds() > 1 else 6
        return {"LUT": 125 * self.pe() + 500, "DSP": 4 * self.pe() + shared}
