"""The integer convolution as a FINN operator: 8-bit weights, bias and requantisation fused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import Integers
from bitpan.hw.measure.unit import Parameters, Unit, random_contents, sizes
from bitpan.hw.operators.base import attributes, operator, signed_bits
from bitpan.hw.operators.convolution import SHAPE, Convolution, line_elements, weight_cost
from bitpan.hw.operators.writer import Writer
from bitpan.hw.packing import literal
from bitpan.model import Node


def _random_integers(values: Parameters) -> dict[str, int | str]:
    width, height, bias_bits = values["Kernel"] ** 2 * values["Channels"], values["OutChannels"], values["BiasBits"]
    product = values["InBits"] + values["WeightBits"]
    return {
        "AccBits": max(product + width.bit_length(), bias_bits) + 1,
        "Weights": random_contents(width * height, values["WeightBits"], symmetric=True),
        "Biases": random_contents(height, bias_bits),
    }


@operator
class IntegerConv(Convolution):
    """Convolution with bias, rounding and saturation. Third node input: biases ``(O,)``.

    ``Keep`` are the elements of a window that a weight is not zero for, and maybe a few more, as a hexadecimal number,
    element 0 lowest.
    """

    op = "conv"
    entry = Unit(
        "bp_integer_conv",
        20,
        "integer convolution, bias, rounding, saturation",
        sizes(
            f"Kernel {SHAPE} Paired",
            (3, 1, 4, 1, 3, 2, 64, 0),
            (3, 5, 32, 5, 9, 4, 496, 0),
            (3, 5, 32, 5, 9, 4, 496, 1),
            InBits=12,
            WeightBits=8,
            OutBits=10,
        ),
        cycles="9 C/Simd · O/Pe a pixel",
        rest=_random_integers,
        test="convolutions",
    )
    own = Convolution.own | attributes("Shift", Keep=("s", True, ""), Paired=("i", False, 0))
    sparing = (*Convolution.sparing, ("DSP", "Paired", 1))
    settings = f"{Convolution.settings} InBits Shift OutBits Paired"

    @classmethod
    def seen(cls, weights: npt.NDArray[Any]) -> dict[str, Any]:
        """The elements that some weight is not zero for, at least one."""
        used = (weights != 0).any(axis=0).transpose(1, 2, 0).reshape(-1)
        used[0] |= not used.any()
        return {"Keep": _hexadecimal(used)}

    @classmethod
    def constants(cls, writer: Writer, node: Node) -> list[str]:
        """Weights and biases."""
        kinds = {"weights": "INT8", "bias": "INT32"}
        return [writer.constant(f"{node.name}.{key}", writer.model.constant(node, key), kinds[key]) for key in kinds]

    @property
    def keep(self) -> npt.NDArray[np.bool_]:
        """Of ``Keep``."""
        found = super().keep
        number = int(self.attribute("Keep"), 16).to_bytes((found.size + 7) // 8, "little")
        bits = np.unpackbits(np.frombuffer(number, np.uint8), bitorder="little", count=found.size)
        return np.asarray(bits.reshape(found.shape) > 0)

    def fold(self, clocks: int) -> None:
        """With up to :data:`SPARE` elements of zero weight more, where their number has better divisors."""
        found, pixels = [], int(self.attribute("Height") * self.attribute("Width"))
        for keep in _wider(self.keep):
            self.set_nodeattr("Keep", _hexadecimal(keep.reshape(-1)))
            super().fold(clocks)
            chosen = {name: self.attribute(name) for name in ("Keep", "SIMD", "PE")}
            found.append((max(self.steps * pixels, clocks), self.price(), chosen))
        for name, value in min(found, key=lambda each: each[:2])[-1].items():
            self.set_nodeattr(name, value)

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Weights row by row, biases, and an accumulator that the worst input cannot overflow."""
        weights, bias = constants
        rows = weights.transpose(0, 2, 3, 1)[:, self.keep]
        (image,), _ = self.streams()
        symmetric = np.stack([weights, -weights])  # pairs of rows leave out the lowest number
        weight_bits, bias_bits = signed_bits(symmetric if self.pairs else weights), signed_bits(bias)
        worst = int(abs(rows).sum(axis=1).max()) << (image.bits - 1)
        widths = {"WeightBits": weight_bits, "BiasBits": bias_bits}
        widths["AccBits"] = max(worst.bit_length() + 1, bias_bits) + 1
        contents = {"Weights": literal(rows, weight_bits), "Biases": literal(bias, bias_bits)}
        return self.given(**widths, Keep=f"{self.keep.size}'h{self.attribute('Keep')}", **contents)

    def depth(self) -> int:
        """Piece, multiply, adder tree, what pairs carried, accumulator, requantise."""
        return 5 + math.ceil(math.log2(max(2, self.attribute("SIMD"))))

    def matrix_cost(self) -> dict[str, float]:
        """Multipliers, adder tree, accumulator and requantiser of each PE, and the weights (measured in Yosys)."""
        simd, pe = self.attribute("SIMD"), self.attribute("PE")
        weights = weight_cost(self.steps, 8 * simd * pe, self.attribute("ramStyle"))
        luts = pe * (10.5 * simd + 35 + 100 * (self.part > 1)) + weights["LUT"]
        luts += self.pairs * simd * (14 + 7.7 * max(1, self._overlap))
        return {**weights, "LUT": luts, "DSP": simd * (pe - self.pairs)}

    @property
    def pairs(self) -> int:
        """Of channels that share their multipliers (``bp_quant_mvu.sv``), if its operands are not too wide."""
        return self.attribute("Paired") * self.attribute("PE") // 2 if self._overlap < 8 else 0

    @property
    def _overlap(self) -> int:
        """Bits of one product that lie on the other in a DSP slice."""
        return self.streams()[0][0].bits + 2 * 8 - 25


SPARE = 2
"""Elements more than needed: 17, of a network's first convolution, is a prime."""


def _wider(keep: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.bool_]]:
    """What is kept, and with one element more, and two, those first that take the least line memory."""
    found = [keep]
    for _ in range(SPARE):
        choices = []
        for place in np.argwhere(~found[-1]):
            more = found[-1].copy()
            more[tuple(place)] = True
            choices.append(more)
        found += sorted(choices, key=line_elements)[:1]
    return found


def _hexadecimal(bits: npt.NDArray[np.bool_]) -> str:
    return f"{int.from_bytes(np.packbits(bits, bitorder='little').tobytes(), 'little'):x}"
