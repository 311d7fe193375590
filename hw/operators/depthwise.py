"""The depthwise convolution as a FINN operator: each channel with a filter of its own."""

from __future__ import annotations

from collections.abc import Sequence

from bitpan.arithmetic import Integers
from bitpan.hw.measure.unit import Parameters, Unit, random_contents, sizes
from bitpan.hw.operators.base import attributes, divisors, operator, signed_bits
from bitpan.hw.operators.convolution import Convolution, weight_cost
from bitpan.hw.operators.writer import Writer
from bitpan.hw.packing import literal
from bitpan.model import Node


def _random_filters(values: Parameters) -> dict[str, int | str]:
    return {"Weights": random_contents(values["Channels"] * values["Kernel"] ** 2, values["WeightBits"])}


@operator
class DepthwiseConv(Convolution):
    """A filter a channel, rounded by ``Shift`` bits; ``PE`` channels at once, tap by tap; weights ``(C, 1, k, k)``."""

    op = "depthwise"
    entry = Unit(
        "bp_depthwise_conv",
        25,
        "each channel convolved with a filter of its own, rounded, saturated",
        sizes("Channels InPe Pe Width", (8, 2, 2, 64), (32, 16, 16, 496), (32, 32, 32, 496), InBits=10, OutBits=10),
        cycles="9 C/Pe a pixel",
        rest=_random_filters,
        test="convolutions",
    )
    own = Convolution.own | attributes("Shift")
    settings = "Kernel Channels InPe Pe Width StrideBits LineMemory WeightMemory InBits Shift OutBits"

    @classmethod
    def constants(cls, writer: Writer, node: Node) -> list[str]:
        """The filters."""
        return [writer.constant(f"{node.name}.weights", writer.model.constant(node, "weights"), "INT8")]

    def fold(self, clocks: int) -> None:
        """The fewest lanes that keep up, or all."""
        for lanes in divisors(int(self.attribute("Channels"))):
            self.set_nodeattr("PE", lanes)
            if self.steps * self.attribute("Height") * self.attribute("Width") <= clocks:
                return

    @property
    def groups(self) -> int:
        """Each beat's channels are a group."""
        return self.times

    @property
    def simd(self) -> int:
        """A tap of each lane."""
        return int(self.attribute("PE"))

    @property
    def part(self) -> int:
        """Taps."""
        return int(self.attribute("Kernel")) ** 2

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Folding, widths and the filters, channel by channel."""
        bits = signed_bits(constants[0])
        return self.given(WeightBits=bits, Weights=literal(constants[0], bits))

    def depth(self) -> int:
        """Taps and weights, products, sums, results."""
        return 4

    def matrix_cost(self) -> dict[str, float]:
        """A product, sum and rounding of each lane, and the weights, a word a clock."""
        lanes = int(self.attribute("PE"))
        weights = weight_cost(self.steps, 8 * lanes, self.attribute("ramStyle"))
        return {**weights, "LUT": 11 * lanes + 35 + weights["LUT"], "DSP": lanes}
