"""The depthwise convolution as a FINN operator: each channel with a filter of its own, on FINN's depthwise windows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bitpan import arithmetic
from bitpan.arithmetic import Integers
from bitpan.hw.measure.unit import Parameters, Unit, random_contents, sizes
from bitpan.hw.operators.base import Folded, attributes, operator, signed_bits
from bitpan.hw.operators.finns import windows
from bitpan.hw.operators.matrix import weight_cost
from bitpan.hw.operators.streams import Stream, number_format
from bitpan.hw.operators.writer import Writer
from bitpan.hw.packing import literal
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
    own = Folded.own | attributes("Taps Shift", "inputDataType outputDataType")
    settings = "Channels Pe Taps InBits WeightBits Shift OutBits"
    delay = 4  # taps and weights, products, sums, results

    @classmethod
    def make(cls, writer: Writer, node: Node) -> None:
        """Padding, windows, and the unit, all channels a beat like the windows."""
        weights = writer.model.constant(node, "weights")
        filters = weights.reshape(len(weights), -1)
        own = {**cls.placed(writer, node), "Taps": filters.shape[1], "PE": len(filters)}
        inputs = [windows(writer, node, weights.shape[-1], depthwise=True)]
        inputs += [writer.constant(f"{node.name}.weights", filters, "INT8")]
        writer.add(cls.__name__, node.name, inputs, [node.output], own)

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """Windows in, the filtered image out."""
        taken = self.image(
            self.attribute("Taps") * self.attribute("Channels"), self.pe(), self.attribute("inputDataType")
        )
        return [taken], [self.folded(self.attribute("outputDataType"))]

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """The sum of each channel's taps, requantised as :func:`bitpan.arithmetic.depthwise` does."""
        (windows,), (filters,) = images, constants
        shape = self.folds(), filters.shape[1], self.pe(), *windows.shape[1:]
        weights = filters.reshape(self.folds(), self.pe(), -1)
        total = np.einsum("ftphw,fpt->fphw", windows.reshape(shape), weights).reshape(-1, *windows.shape[1:])
        return [arithmetic.requantise(total, self.attribute("Shift"), number_format(self.attribute("outputDataType")))]

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Folding, widths and the filters, channel by channel."""
        bits = signed_bits(constants[0])
        return self.given(WeightBits=bits, Weights=literal(constants[0], bits))

    def interval(self, feed: float) -> float:
        """A tap a clock."""
        return float(self.attribute("Taps"))

    def cost(self) -> dict[str, float]:
        """A product, sum and rounding of each lane (measured in Yosys), and the weights, a word a clock."""
        weights = weight_cost(self.folds() * self.attribute("Taps"), 8 * self.pe())
        return {**weights, "LUT": 11 * self.pe() + 35 + weights["LUT"], "DSP": self.pe()}
