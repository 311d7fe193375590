"""The binary matrix-vector unit as a FINN operator: XNOR and popcount."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bitpan import arithmetic
from bitpan.arithmetic import Integers
from bitpan.errors import BuildError
from bitpan.hw.measure.unit import Parameters, Unit, random_contents, sizes
from bitpan.hw.operators.base import attributes, operator
from bitpan.hw.operators.matrix import SHAPE, MatrixVector, weight_cost
from bitpan.hw.operators.writer import Writer
from bitpan.hw.packing import literal
from bitpan.model import Node


def _random_bits(values: Parameters) -> dict[str, int | str]:
    width, height = values["MatrixWidth"] // max(values["Groups"], 1), values["MatrixHeight"]
    bits = width.bit_length() + 1
    thresholds = {"Thresholds": random_contents(height, bits + 1)} if values["Compare"] else {}
    return {"OutBits": bits, "Weights": random_contents(width * height, 1), **thresholds}


@operator
class XnorMVU(MatrixVector):
    """Binary matrix-vector product: ``2*popcount(w xnor x) - MW``; weights and windows are bits, 1 for +1.

    In ``Groups`` of ``Channels`` weights are ``(MW / Groups, MH)`` and each group of
    rows sees its own group of channels. With a third node input, thresholds ``(MH,)``, the output is BINARY:
    ``sum >= threshold``.
    """

    op = "binary_conv"
    entry = Unit(
        "bp_xnor_mvu",
        10,
        "binary matrix-vector product: XNOR, popcount",
        sizes(SHAPE, (36, 4, 36, 4), (288, 32, 72, 16), (288, 32, 288, 16)),
        cycles="K/Simd · M/Pe a window",
        rest=_random_bits,
    )
    own = MatrixVector.own | attributes("", Groups=("i", False, 1))

    @classmethod
    def constants(cls, writer: Writer, node: Node, matrix: Integers, kind: str) -> list[str]:
        """Bits for signs."""
        fmt = writer.model.tensors[node.output].format
        if fmt.min > -len(matrix) or fmt.max < len(matrix):
            raise BuildError(f"{node.output}: {fmt} does not hold sums of {len(matrix)} signs")
        return [writer.constant(f"{node.name}.weights", (matrix + 1) // 2, kind)]

    @property
    def groups(self) -> int:
        """Groups of channels."""
        return int(self.attribute("Groups"))

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """A 1 x 1 convolution of the windows, in +1 and -1, for each group of channels."""
        _, height, width = images[0].shape
        channels = self.channels // self.groups
        windows = (2 * images[0] - 1).reshape(-1, self.groups, channels, height, width)
        rows = np.split((2 * constants[0] - 1).T[:, :, None, None], self.groups)
        parts = [windows[:, g].reshape(-1, height, width) for g in range(self.groups)]
        sums = [arithmetic.conv2d(part, row, pad_value=-1) for part, row in zip(parts, rows, strict=True)]
        total = np.concatenate(sums)
        return [(arithmetic.sign(total, constants[1]) + 1) // 2 if len(constants) > 1 else total]

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Weights row by row; thresholds, saturated just beyond the sums."""
        sums = {"Groups": self.groups, "Channels": self.channels}
        weights = literal(constants[0].T, 1)
        if len(constants) == 1:
            return self.given(**sums, OutBits=self.streams()[1][0].bits, Weights=weights)
        largest = int(self.attribute("MW")) // self.groups
        bits = largest.bit_length() + 1
        thresholds = literal(np.clip(constants[1], -largest, largest + 1), bits + 1)
        return self.given(**sums, OutBits=bits, Weights=weights, Compare=1, Thresholds=thresholds)

    def latency(self) -> int:
        """Replay read, majorities, popcount's stages, sum, accumulator, comparison."""
        return 5 + (int(self.attribute("SIMD")) // 12).bit_length()

    def cost(self) -> dict[str, float]:
        """Measured in Yosys: so much per binary MAC and cycle, so much per element of a beat; and the weights."""
        simd, pe = int(self.attribute("SIMD")), int(self.attribute("PE"))
        if self.steps == 1:  # rows share up to four majorities for two elements
            return {"LUT": 0.55 * simd * pe + (0.6 + min(4, pe) / 2) * simd}
        weights = weight_cost(self.steps, simd * pe, self.attribute("ramStyle"))
        return {**weights, "LUT": int(1.1 * simd * pe + 1.3 * simd) + weights["LUT"]}
