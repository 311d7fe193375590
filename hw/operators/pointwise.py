"""The units that work element by element, as FINN operators: centring, sign with thresholds, RPReLU, additions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper

from bitpan.arithmetic import Integers
from bitpan.hw.measure.unit import Parameters, Unit, random_contents, sizes
from bitpan.hw.operators.base import Folded, attributes, operator, signed_bits
from bitpan.hw.operators.facts import lanes_before
from bitpan.hw.operators.streams import Stream
from bitpan.hw.operators.writer import Writer
from bitpan.hw.packing import literal
from bitpan.model import Node


class Pointwise(Folded):
    """Inputs and one output of the same image, channels and folding."""

    own = Folded.own | attributes("", "outputDataType", inputDataTypes=("strings", True, []))

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """One stream per input datatype, one output."""
        inputs = [self.folded(kind) for kind in self.attribute("inputDataTypes")]
        return inputs, [self.folded(self.attribute("outputDataType"))]

    def cost(self) -> dict[str, float]:
        """An addition and a saturation per lane."""
        return {"LUT": 2 * self.pe() * self.streams()[0][0].bits}


@operator
class Centre(Pointwise):
    """Image counts to network input: subtract the offset, round, saturate."""

    op = "centre"
    whole_pixels = True
    entry = Unit(
        "bp_centre",
        140,
        "round(x - offset), saturated: the network's input",
        sizes("Elements", [1], [4], [8], InBits=13, InSigned=1, Offset=512, OutBits=12),
        test="pointwise",
    )
    own = Pointwise.own | attributes("Offset Shift")
    settings = "Elements InBits InSigned Offset Shift OutBits"


class Sign(Pointwise):
    """+1 (bit 1) where x reaches the channel's threshold, else -1 (bit 0). Second node input: the thresholds."""

    op = "sign"

    @classmethod
    def placed(cls, writer: Writer, node: Node) -> dict[str, Any]:
        """The output is bits."""
        writer.datatypes[node.output] = "BINARY"
        return super().placed(writer, node)

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """:func:`bitpan.arithmetic.sign`, as bits."""
        return [(signs + 1) // 2 for signs in super().compute(images, constants)]

    def fold(self, clocks: int) -> None:
        """It follows."""

    def follow(self, graph: ModelWrapper) -> None:
        """The producer's lanes: what a pool gives in bursts waits behind the sign, where it is narrow."""
        self.set_nodeattr("PE", lanes_before(self, graph))


@operator
class SignThreshold(Sign):
    """Thresholds ``(C,)`` from the scene."""

    only = "with thresholds from the scene"
    entry = Unit(
        "bp_sign_threshold",
        30,
        "+1 where x >= threshold, else -1; thresholds from the scene",
        sizes("Channels Pe", (8, 2), (32, 8), (32, 32), InBits=10, ThresholdBits=11, Width=512),
        test="pointwise",
    )
    own = Sign.own | attributes("ThresholdBits Stride")
    sized = True  # where a frame ends it changes banks
    settings = "Channels Pe InBits ThresholdBits Width StrideBits"

    @classmethod
    def takes(cls, node: Node) -> bool:
        """Thresholds come from the scene."""
        return bool(node.scene)

    @classmethod
    def placed(cls, writer: Writer, node: Node) -> dict[str, Any]:
        """Thresholds have one bit more than x, for "never"."""
        return {**super().placed(writer, node), "ThresholdBits": writer.scene_bits(node)}

    def scene_words(self) -> int:
        """One threshold per channel."""
        return int(self.attribute("Channels"))

    def cost(self) -> dict[str, float]:
        """Two banks of thresholds and a comparison per lane."""
        return {"LUT": self.pe() * self.attribute("ThresholdBits") * (1 + math.ceil(2 * self.folds() / 64)) + 40}


def _random_thresholds(values: Parameters) -> dict[str, int | str]:
    return {"Thresholds": random_contents(values["Channels"], values["ThresholdBits"])}


@operator
class SignConstant(Sign):
    """Thresholds are constants, ``(1, C)``."""

    only = "with constant ones"
    entry = Unit(
        "bp_sign_constant",
        35,
        "+1 where x >= threshold, else -1; thresholds are constants",
        sizes("Channels Pe", (8, 2), (32, 8), (32, 32), InBits=10, ThresholdBits=10),
        rest=_random_thresholds,
        test="pointwise",
    )
    settings = "Channels Pe InBits"

    @classmethod
    def takes(cls, node: Node) -> bool:
        """Nothing comes from the scene."""
        return not node.scene

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Threshold of every channel, channel 0 lowest, in no more bits than they need."""
        bits = signed_bits(constants[0])
        return self.given(ThresholdBits=bits, Thresholds=literal(constants[0], bits))

    def cost(self) -> dict[str, float]:
        """A comparison per lane; few constants melt into it, more are a memory before it (measured in Yosys)."""
        share = (4 + self.folds()) / 10 if self.folds() <= 4 else 1.5
        return {"LUT": self.pe() * self.streams()[0][0].bits * share + 6}


def product_steps(dsp: bool, bits: int) -> int:
    """Registers of ``bp_product``, of the bits of its second factor."""
    return 1 if dsp else (bits + 3) // 4


def product_cost(dsp: bool, wide: int, bits: int) -> dict[str, float]:
    """Of ``bp_product`` and what waits for it: a DSP slice, or a sum for each two bits of the second factor."""
    return {"LUT": 0, "DSP": 1} if dsp else {"LUT": (bits + 1) // 2 * (wide + 10), "DSP": 0}


_BRANCHES = {"Knees": "Knee", "SlopesAbove": "Slope", "SlopesBelow": "Slope"}
_BRANCHES |= {"BiasesAbove": "Bias", "BiasesBelow": "Bias"}
"""Constants of RPReLU in the order of its table, and what their bits go by."""


def _random_branches(values: Parameters) -> dict[str, int | str]:
    # Different ones: where both branches are equal, synthesis leaves the choice out.
    return {
        name: random_contents(values["Channels"], values[f"{kind}Bits"], seed)
        for seed, (name, kind) in enumerate(_BRANCHES.items(), 1)
    }


@operator
class RPReLU(Pointwise):
    """Two slopes, two biases, a knee, plus the residual. Inputs: p, x; then knee, slopes and biases ``(5, C)``."""

    op, only = "rprelu", "with a residual"
    inputs = 2
    entry = Unit(
        "bp_rprelu",
        40,
        "x + round(slope · p + bias), two branches a channel",
        sizes("Channels Pe", (8, 2), (32, 8), (32, 32), PBits=10, XBits=10, OutBits=10, Shift=6),
        rest=_random_branches,
        test="pointwise",
    )
    own = Pointwise.own | attributes("Shift", UseDsp=("i", False, 1), SlopeBits=("i", False, 10))
    sparing = (("DSP", "UseDsp", 0),)
    settings = "Channels Pe PBits XBits KneeBits SlopeBits BiasBits Shift OutBits UseDsp"
    luts, luts_a_fold, luts_alone = 24, 9, 25  # comparison, rounding, additions (measured in Yosys)

    @classmethod
    def takes(cls, node: Node) -> bool:
        """With or without the residual."""
        return len(node.inputs) == cls.inputs

    @classmethod
    def placed(cls, writer: Writer, node: Node) -> dict[str, Any]:
        """The slopes' bits say what a product costs in logic."""
        slopes = [writer.model.constant(node, f"slope_{branch}") for branch in ("above", "below")]
        return {**super().placed(writer, node), "SlopeBits": signed_bits(np.stack(slopes))}

    def latency(self) -> int:
        """Compare, multiply, add, round."""
        return 3 + product_steps(self.attribute("UseDsp"), self.attribute("SlopeBits"))

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Constants of every channel, channel 0 lowest, in no more bits than they need."""
        table = constants[0]
        bits = {"Knee": signed_bits(table[:1]), "Slope": signed_bits(table[1:3]), "Bias": signed_bits(table[3:])}
        contents = {name: literal(row, bits[kind]) for (name, kind), row in zip(_BRANCHES.items(), table, strict=True)}
        widths = {name: x.bits for name, x in zip(("PBits", "XBits"), self.streams()[0], strict=False)}
        return self.given(**widths, **{f"{kind}Bits": count for kind, count in bits.items()}, **contents)

    def cost(self) -> dict[str, float]:
        """Per lane a product, and the constants of each fold, in memories from 16 on; those of a single one melt in."""
        luts = self.luts + self.luts_a_fold * min(self.folds(), 16) if self.folds() > 1 else self.luts_alone
        product = product_cost(self.attribute("UseDsp"), self.streams()[0][0].bits, self.attribute("SlopeBits"))
        return {"LUT": self.pe() * (luts + product["LUT"]), "DSP": self.pe() * product["DSP"]}


@operator
class RPReLUPlain(RPReLU):
    """RPReLU without a residual. Inputs: p; then knee, slopes and biases ``(5, C)``."""

    only, inputs = "without one", 1
    entry = Unit(
        "bp_rprelu_plain",
        50,
        "round(slope · p + bias), two branches a channel",
        sizes("Channels Pe", (8, 2), (32, 8), (32, 32), PBits=10, OutBits=12, Shift=6),
        rest=_random_branches,
        test="pointwise",
    )

    settings = RPReLU.settings.replace(" XBits", "")
    luts, luts_a_fold, luts_alone = 12, 8, 16  # no addition of x


@operator
class Add(Pointwise):
    """The saturating sum of two tensors on one grid: a skip connection."""

    op = "add"
    entry = Unit(
        "bp_add",
        80,
        "a + b, saturated: a skip connection, or, unsigned, the fused image",
        sizes(
            "Elements In0Bits In1Bits OutBits OutSigned", (4, 13, 13, 11, 0), (8, 10, 10, 10, 1), (32, 10, 10, 10, 1)
        ),
        test="pointwise",
    )

    settings = "Elements In0Bits In1Bits OutBits OutSigned"


@operator
class AddClip(Add):
    """The fused image: upsampled MS plus residual, clipped to the imagery's range."""

    op = "add_clip"
    whole_pixels = True
