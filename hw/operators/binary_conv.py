"""The binary convolution as a FINN operator: XNOR and popcount."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bitpan import arithmetic
from bitpan.arithmetic import Integers
from bitpan.errors import BuildError
from bitpan.hw.measure.unit import Parameters, Unit, random_contents, sizes
from bitpan.hw.operators.base import attributes, operator
from bitpan.hw.operators.convolution import SHAPE, Convolution, weight_cost
from bitpan.hw.operators.writer import Writer
from bitpan.hw.packing import literal
from bitpan.model import Node


def _random_bits(values: Parameters) -> dict[str, int | str]:
    width = values["Kernel"] ** 2 * values["Channels"] // max(values["Groups"], 1)
    height, bits = values["OutChannels"], width.bit_length() + 1
    thresholds = {"Thresholds": random_contents(height, bits + 1)} if values["Compare"] else {}
    return {"OutBits": bits, "Weights": random_contents(width * height, 1), **thresholds}


@operator
class BinaryConv(Convolution):
    """Sums of signs, ``2*popcount(w xnor x) - row width``; images are bits, 1 for +1, weights are +1 and -1.

    Weights are ``(O, I / Groups, k, k)``. With a third node input, thresholds ``(O,)``, the output is BINARY:
    ``sum >= threshold``.
    """

    op = "binary_conv"
    entry = Unit(
        "bp_binary_conv",
        10,
        "binary convolution: XNOR, popcount",
        sizes(SHAPE, (4, 4, 2, 36, 4, 64), (32, 32, 8, 72, 16, 496), (32, 32, 32, 288, 16, 496)),
        cycles="9 C/Simd · O/Pe a pixel",
        rest=_random_bits,
        test="convolutions",
    )
    own = Convolution.own | attributes("", Groups=("i", False, 1))

    @classmethod
    def constants(cls, writer: Writer, node: Node) -> list[str]:
        """The weights."""
        weights, fmt = writer.model.constant(node, "weights"), writer.model.tensors[node.output].format
        products = int(weights[0].size)
        if fmt.min > -products or fmt.max < products:
            raise BuildError(f"{node.output}: {fmt} does not hold sums of {products} signs")
        return [writer.constant(f"{node.name}.weights", weights, "BIPOLAR")]

    @property
    def groups(self) -> int:
        """Groups of channels."""
        return int(self.attribute("Groups"))

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """The convolution in +1 and -1, of each group of channels."""
        signs, rows = (np.split(array, self.groups) for array in (2 * images[0] - 1, constants[0]))
        total = np.concatenate([arithmetic.conv2d(s, row, pad_value=-1) for s, row in zip(signs, rows, strict=True)])
        return [(arithmetic.sign(total, constants[1]) + 1) // 2 if len(constants) > 1 else total]

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Weights row by row; thresholds, saturated just beyond the sums."""
        known: dict[str, int | str] = {
            "Groups": self.groups,
            "Weights": literal(constants[0].transpose(0, 2, 3, 1) > 0, 1),
        }
        if len(constants) == 1:
            return self.given(**known, OutBits=self.streams()[1][0].bits)
        bits = self.elements.bit_length() + 1
        thresholds = literal(np.clip(constants[1], -self.elements, self.elements + 1), bits + 1)
        return self.given(**known, OutBits=bits, Compare=1, Thresholds=thresholds)

    def depth(self) -> int:
        """Piece, majorities, popcount's stages, sum, accumulator, comparison."""
        return 4 + (int(self.attribute("SIMD")) // 12).bit_length()

    def matrix_cost(self) -> dict[str, float]:
        """So much per binary MAC and cycle, per element of a piece, and per accumulator; and the weights."""
        simd, pe = int(self.attribute("SIMD")), int(self.attribute("PE"))
        if self.steps == 1:  # rows share up to four majorities for two elements
            return {"LUT": 0.57 * simd * pe + (0.6 + min(4, pe) / 2) * simd}
        weights = weight_cost(self.steps, simd * pe, self.attribute("ramStyle"))
        macs = (0.98 if self.steps == 2 else 1.04) * simd * pe
        return {**weights, "LUT": macs + 0.6 * simd + 10 * pe * (self.part > 1) + weights["LUT"]}
