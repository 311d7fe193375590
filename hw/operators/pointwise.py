"""The units that work element by element, as FINN operators: centring, sign with thresholds, RPReLU, additions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from bitpan.arithmetic import Integers
from bitpan.hw.measure.unit import Parameters, Unit, random_contents, sizes
from bitpan.hw.operators.base import Folded, operator, signed_bits, vector
from bitpan.hw.operators.streams import Stream, number_format
from bitpan.hw.operators.writer import Writer
from bitpan.model import Node

FRAME = 64 * 64
"""PAN pixels of a frame for the table of units."""


class Pointwise(Folded):
    """Inputs and one output of the same image, channels and folding."""

    own: dict[str, tuple[Any, ...]] = {  # noqa: RUF012
        **Folded.own,
        "inputDataTypes": ("strings", True, []),
        "outputDataType": ("s", True, ""),
    }

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """One stream per input datatype, one output."""
        height, width, channels, lanes = (self.attribute(name) for name in ("Height", "Width", "Channels", "PE"))
        kinds = [kind.decode() if isinstance(kind, bytes) else kind for kind in self.attribute("inputDataTypes")]
        kinds.append(self.attribute("outputDataType"))
        *inputs, output = (Stream(height, width, channels, lanes, kind) for kind in kinds)
        return inputs, [output]


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
    own = {**Pointwise.own, "Offset": ("i", True, 0), "Shift": ("i", True, 0)}  # noqa: RUF012

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Widths, offset and shift."""
        inputs, outputs = self.streams()
        return {
            "Elements": str(self.pe()),
            "InBits": str(inputs[0].bits),
            "InSigned": str(int(inputs[0].datatype.startswith("INT"))),
            "Offset": str(self.attribute("Offset")),
            "Shift": str(self.attribute("Shift")),
            "OutBits": str(outputs[0].bits),
        }

    def lut_estimation(self, fpgapart: str) -> int:
        """A subtraction and a saturation per lane."""
        return 2 * self.pe() * self.streams()[0][0].bits


def beats_of_frame(values: Parameters) -> dict[str, int | str]:
    """Beats of a frame, for the table of units."""
    return {"FrameBeats": values["Channels"] // max(values["Pe"], 1) * FRAME}


@operator
class SignThreshold(Pointwise):
    """+1 (bit 1) where x reaches the channel's threshold, else -1 (bit 0). Second node input: thresholds ``(C,)``."""

    op, only = "sign", "with thresholds from the scene"
    entry = Unit(
        "bp_sign_threshold",
        30,
        "+1 where x >= threshold, else -1; thresholds from the scene",
        sizes("Channels Pe", (8, 2), (32, 8), (32, 32), InBits=10, ThresholdBits=11),
        rest=beats_of_frame,
        test="pointwise",
    )
    own = {**Pointwise.own, "ThresholdBits": ("i", True, 0)}  # noqa: RUF012

    @classmethod
    def takes(cls, node: Node) -> bool:
        """Thresholds come from the scene."""
        return bool(node.scene)

    @classmethod
    def placed(cls, writer: Writer, node: Node) -> dict[str, Any]:
        """The output is bits; thresholds have one more than x, for "never"."""
        writer.datatypes[node.output] = "BINARY"
        return {**super().placed(writer, node), "ThresholdBits": writer.scene_bits(node)}

    def scene_words(self) -> int:
        """One threshold per channel."""
        return int(self.attribute("Channels"))

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """:func:`bitpan.arithmetic.sign`, as bits."""
        return [(signs + 1) // 2 for signs in super().compute(images, constants)]

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Folding and widths; a frame's beats tell the unit when to change banks."""
        stream = self.streams()[0][0]
        return {
            "Channels": str(stream.channels),
            "Pe": str(stream.lanes),
            "InBits": str(stream.bits),
            "ThresholdBits": str(self.attribute("ThresholdBits")),
            "FrameBeats": str(stream.beats),
        }

    def lut_estimation(self, fpgapart: str) -> int:
        """Two banks of thresholds and a comparison per lane."""
        folds = self.attribute("Channels") // self.pe()
        return int(self.pe() * self.attribute("ThresholdBits") * (1 + math.ceil(2 * folds / 64)) + 40)


def _random_branches(values: Parameters) -> dict[str, int | str]:
    names = {
        "Knees": "Knee",
        "SlopesAbove": "Slope",
        "SlopesBelow": "Slope",
        "BiasesAbove": "Bias",
        "BiasesBelow": "Bias",
    }
    # Different ones: where both branches are equal, synthesis leaves the choice out.
    return {
        name: random_contents(values["Channels"], values[f"{kind}Bits"], seed)
        for seed, (name, kind) in enumerate(names.items(), 1)
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
    own = {**Pointwise.own, "Shift": ("i", True, 0)}  # noqa: RUF012
    multipliers = 1
    delay = 4  # compare, multiply, add, round

    @classmethod
    def takes(cls, node: Node) -> bool:
        """With or without the residual."""
        return len(node.inputs) == cls.inputs

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Constants of every channel, channel 0 lowest, in no more bits than they need."""
        knee, slopes, biases = constants[0][0], constants[0][1:3], constants[0][3:5]
        bits = {"Knee": signed_bits(knee), "Slope": signed_bits(slopes), "Bias": signed_bits(biases)}
        (p, *residual), (out,) = self.streams()
        return {
            "Channels": str(p.channels),
            "Pe": str(p.lanes),
            "PBits": str(p.bits),
            **({"XBits": str(residual[0].bits)} if residual else {}),
            **{f"{name}Bits": str(count) for name, count in bits.items()},
            "Shift": str(self.attribute("Shift")),
            "OutBits": str(out.bits),
            "Knees": vector(knee, bits["Knee"]),
            "SlopesAbove": vector(slopes[0], bits["Slope"]),
            "SlopesBelow": vector(slopes[1], bits["Slope"]),
            "BiasesAbove": vector(biases[0], bits["Bias"]),
            "BiasesBelow": vector(biases[1], bits["Bias"]),
        }

    def lut_estimation(self, fpgapart: str) -> int:
        """Comparison, rounding, final addition, and the constants of each fold, in memories from 16 on, per lane.

        Within a quarter of what Yosys counts for 32 channels.
        """
        return int(self.pe() * (36 + 9 * self._folds()))

    def _folds(self) -> int:
        """Sets of constants that logic chooses from."""
        return min(int(self.attribute("Channels")) // self.pe(), 16)


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

    def lut_estimation(self, fpgapart: str) -> int:
        """The same but the addition."""
        return int(self.pe() * (12 + 8 * self._folds()))


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

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Widths."""
        (a, b), (out,) = self.streams()
        widths = {"In0Bits": a.bits, "In1Bits": b.bits, "OutBits": out.bits}
        signed = number_format(self.attribute("outputDataType")).signed
        values = {"Elements": self.pe(), **widths, "OutSigned": int(signed)}
        return {name: str(value) for name, value in values.items()}

    def lut_estimation(self, fpgapart: str) -> int:
        """An addition and a saturation per lane."""
        return 2 * self.pe() * self.streams()[0][0].bits


@operator
class AddClip(Add):
    """The fused image: upsampled MS plus residual, clipped to the imagery's range."""

    op = "add_clip"
    whole_pixels = True
