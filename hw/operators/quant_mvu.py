"""The integer matrix-vector unit as a FINN operator: 8-bit weights, bias and requantisation fused."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bitpan import arithmetic
from bitpan.arithmetic import Integers
from bitpan.hw.measure.unit import Parameters, Unit, random_contents, sizes
from bitpan.hw.operators.base import attributes, operator, signed_bits
from bitpan.hw.operators.matrix import SHAPE, MatrixVector, weight_cost
from bitpan.hw.operators.streams import number_format
from bitpan.hw.operators.writer import Writer
from bitpan.hw.packing import literal
from bitpan.model import Node


def _random_integers(values: Parameters) -> dict[str, int | str]:
    width, height, bias_bits = values["MatrixWidth"], values["MatrixHeight"], values["BiasBits"]
    product = values["InBits"] + values["WeightBits"]
    return {
        "AccBits": max(product + width.bit_length(), bias_bits) + 1,
        "Weights": random_contents(width * height, values["WeightBits"]),
        "Biases": random_contents(height, bias_bits),
    }


@operator
class QuantMVU(MatrixVector):
    """Integer matrix-vector product with bias, rounding and saturation. Third node input: biases ``(MH,)``."""

    op = "conv"
    entry = Unit(
        "bp_quant_mvu",
        20,
        "integer matrix-vector product, bias, rounding, saturation",
        sizes(SHAPE, (9, 4, 3, 2), (45, 32, 9, 4), (288, 4, 36, 4), InBits=12, WeightBits=8, OutBits=10),
        cycles="K/Simd · M/Pe a window",
        rest=_random_integers,
    )
    own = MatrixVector.own | attributes("Shift")
    settings = f"{SHAPE} WeightMemory InBits WeightBits BiasBits AccBits Shift OutBits"

    @classmethod
    def constants(cls, writer: Writer, node: Node, matrix: Integers, kind: str) -> list[str]:
        """Weights and biases."""
        weights = writer.constant(f"{node.name}.weights", matrix, kind)
        return [weights, writer.constant(f"{node.name}.bias", writer.model.constant(node, "bias"), "INT32")]

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """A 1 x 1 convolution of the windows, biased and requantised."""
        weights, bias = constants
        total = arithmetic.conv2d(images[0], weights.T[:, :, None, None]) + bias[:, None, None]
        fmt = number_format(self.attribute("outputDataType"))
        return [arithmetic.requantise(total, self.attribute("Shift"), fmt)]

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Weights row by row, biases, and an accumulator that the worst input cannot overflow."""
        weights, bias = constants
        (windows,), _ = self.streams()
        weight_bits, bias_bits = signed_bits(weights), signed_bits(bias)
        worst = int(abs(weights).sum(axis=0).max()) << (windows.bits - 1)
        widths = {"InBits": windows.bits, "WeightBits": weight_bits, "BiasBits": bias_bits}
        widths["AccBits"] = max(worst.bit_length() + 1, bias_bits) + 1
        contents = {"Weights": literal(weights.T, weight_bits), "Biases": literal(bias, bias_bits)}
        return self.given(**widths, **contents)

    def latency(self) -> int:
        """Replay read, multiply, adder tree, accumulator, requantise."""
        return 5 + math.ceil(math.log2(max(2, self.attribute("SIMD"))))

    def cost(self) -> dict[str, float]:
        """Multipliers, adder tree, accumulator and requantiser of each PE, and the weights."""
        simd, pe = self.attribute("SIMD"), self.attribute("PE")
        weights = weight_cost(self.steps, 8 * simd * pe, self.attribute("ramStyle"))
        return {**weights, "LUT": pe * (22 * simd + 100) + weights["LUT"], "DSP": simd * pe}
