"""The depthwise convolution as a FINN operator: each channel with a filter of its own, on FINN's depthwise windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bitpan import arithmetic
from bitpan.arithmetic import Integers
from bitpan.hw.measure.unit import Parameters, Unit, random_contents, sizes
from bitpan.hw.operators.base import Folded, operator, signed_bits, vector
from bitpan.hw.operators.finns import windows
from bitpan.hw.operators.matrix import weight_luts, weight_memories
from bitpan.hw.operators.streams import Stream, number_format
from bitpan.hw.operators.writer import Writer
from bitpan.model import Node


def _random_filters(values: Parameters) -> dict[str, int | str]:
    return {"Weights": random_contents(values["Channels"] * values["Taps"], values["WeightBits"])}


@operator
class Depthwise(Folded):
    """A filter a channel, rounded by ``Shift`` bits. Node inputs: windows ``(1, H, W, C Taps)``, weights ``(C, Taps)``.

    A window is ``(C / PE, Taps, PE)``: the taps of the first channels in raster order, then those of the next.
    """

    op = "depthwise"
    entry = Unit(
        "bp_depthwise",
        25,
        "each channel convolved with a filter of its own, rounded, saturated",
        sizes("Channels Pe", (8, 2), (32, 16), (32, 32), InBits=10, OutBits=10),
        cycles="C/Pe · Taps a pixel",
        rest=_random_filters,
    )
    own = {  # noqa: RUF012
        **Folded.own,
        "Taps": ("i", True, 9),
        "Shift": ("i", True, 0),
        "inputDataType": ("s", True, ""),
        "outputDataType": ("s", True, ""),
    }
    multipliers = 1
    delay = 4  # taps and weights, products, sums, results

    @classmethod
    def make(cls, writer: Writer, node: Node) -> None:
        """Padding, windows, and the unit, all channels a beat like the windows."""
        weights = writer.model.constant(node, "weights")
        filters = weights.reshape(len(weights), -1)
        own: dict[str, Any] = {**cls.placed(writer, node), "Taps": filters.shape[1], "PE": len(filters)}
        inputs = [windows(writer, node, weights.shape[-1], depthwise=True)]
        inputs += [writer.constant(f"{node.name}.weights", filters, "INT8")]
        writer.add(cls.__name__, node.name, inputs, [node.output], **own)

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """Windows in, the filtered image out."""
        height, width, channels, taps = (self.attribute(name) for name in ("Height", "Width", "Channels", "Taps"))
        taken = Stream(height, width, taps * channels, self.pe(), self.attribute("inputDataType"))
        return [taken], [Stream(height, width, channels, self.pe(), self.attribute("outputDataType"))]

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """The sum of each channel's taps, requantised as :func:`bitpan.arithmetic.depthwise` does."""
        (windows,), (filters,) = images, constants
        channels, taps = filters.shape
        folds = windows.reshape(channels // self.pe(), taps, self.pe(), *windows.shape[1:])
        total = (folds.swapaxes(1, 2).reshape(channels, taps, *windows.shape[1:]) * filters[:, :, None, None]).sum(
            axis=1
        )
        fmt = number_format(self.attribute("outputDataType"))
        return [arithmetic.requantise(total, self.attribute("Shift"), fmt)]

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Folding, widths and the filters, channel by channel."""
        (taken,), (out,) = self.streams()
        bits = signed_bits(constants[0])
        values = {"Channels": out.channels, "Pe": out.lanes, "Taps": self.attribute("Taps"), "InBits": taken.bits}
        values |= {"WeightBits": bits, "Shift": self.attribute("Shift"), "OutBits": out.bits}
        return {name: str(value) for name, value in values.items()} | {"Weights": vector(constants[0], bits)}

    def interval(self, feed: float) -> float:
        """A tap a clock."""
        return float(self.attribute("Taps"))

    def lut_estimation(self, fpgapart: str) -> int:
        """Sum and rounding of each lane, and the weights (measured in Yosys)."""
        return int(11 * self.pe() + 35 + weight_luts(self._steps(), 8 * self.pe()))

    def bram_estimation(self, fpgapart: str) -> int:
        """Weights in halves of a 36 Kbit block memory."""
        return weight_memories(self._steps(), 8 * self.pe())

    def _steps(self) -> int:
        """Words of weights, one a clock."""
        return int(self.attribute("Channels")) // self.pe() * int(self.attribute("Taps"))
