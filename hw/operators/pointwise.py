"""The units that work element by element, as FINN operators: centring, sign with thresholds, RPReLU, additions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from bitpan import arithmetic
from bitpan.arithmetic import Integers
from bitpan.hw.operators.base import Operator, Stream, number_format, operator, signed_bits, vector

_CHANNELS: dict[str, tuple[Any, ...]] = {"Channels": ("i", True, 0), "PE": ("i", True, 1)}


class Pointwise(Operator):
    """Inputs and one output of the same image, channels and folding."""

    own: dict[str, tuple[Any, ...]] = {  # noqa: RUF012
        **_CHANNELS,
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

    def pe(self) -> int:
        """Lanes."""
        return int(self.attribute("PE"))


@operator
class Centre(Pointwise):
    """Image counts to network input: subtract the offset, round, saturate."""

    unit = "bp_centre"
    own = {**Pointwise.own, "Offset": ("i", True, 0), "Shift": ("i", True, 0)}  # noqa: RUF012

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """:func:`bitpan.arithmetic.centre`."""
        fmt = number_format(self.attribute("outputDataType"))
        return [arithmetic.centre(images[0], self.attribute("Offset"), self.attribute("Shift"), fmt)]

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


@operator
class Requantise(Centre):
    """Another grid: round by ``Shift`` bits, saturate. The unit is that of centring, with an offset of 0."""

    own = {**Centre.own, "Offset": ("i", False, 0)}  # noqa: RUF012


@operator
class SignThreshold(Pointwise):
    """+1 (bit 1) where x reaches the channel's threshold, else -1 (bit 0). Second node input: thresholds ``(C,)``."""

    unit = "bp_sign_threshold"
    own = {**Pointwise.own, "ThresholdBits": ("i", True, 0)}  # noqa: RUF012

    def scene_words(self) -> int:
        """One threshold per channel."""
        return int(self.attribute("Channels"))

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """:func:`bitpan.arithmetic.sign`, as bits unless the node still says BIPOLAR."""
        signs = arithmetic.sign(images[0], constants[0])
        return [signs if self.attribute("outputDataType") == "BIPOLAR" else (signs + 1) // 2]

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


@operator
class RPReLU(Pointwise):
    """Two slopes, two biases, a knee, plus the residual. Inputs: p, x; then knee, slopes and biases ``(5, C)``."""

    unit = "bp_rprelu"
    own = {**Pointwise.own, "Shift": ("i", True, 0)}  # noqa: RUF012

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """:func:`bitpan.arithmetic.rprelu`."""
        fmt = number_format(self.attribute("outputDataType"))
        p, x = images if len(images) > 1 else (images[0], 0)
        knee, slope_above, slope_below, bias_above, bias_below = constants[0]
        branches = (slope_above, slope_below, bias_above, bias_below)
        return [arithmetic.rprelu(p, x, knee, *branches, shift=self.attribute("Shift"), fmt=fmt)]

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

    def latency(self) -> int:
        """Compare, multiply, add, round."""
        return 4

    def dsp_estimation(self, fpgapart: str) -> int:
        """One multiplier per lane."""
        return self.pe()

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

    unit = "bp_rprelu_plain"

    def lut_estimation(self, fpgapart: str) -> int:
        """The same but the addition."""
        return int(self.pe() * (12 + 8 * self._folds()))


@operator
class Add(Pointwise):
    """The saturating sum of two tensors on one grid: a skip connection."""

    unit = "bp_add"

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """:func:`bitpan.arithmetic.add`."""
        a, b = images
        return [arithmetic.add(a, b, number_format(self.attribute("outputDataType")))]

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

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """:func:`bitpan.arithmetic.add_clip`."""
        lms, residual = images
        return [arithmetic.add_clip(lms, residual, self.streams()[1][0].bits)]
