"""The matrix-vector units as FINN operators: XNOR-popcount, and 8-bit with bias and requantisation fused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from bitpan import arithmetic
from bitpan.arithmetic import Integers
from bitpan.hw.operator import Operator, Stream, number_format, operator, signed_bits, vector


class MatrixVector(Operator):
    """What the two units share. Node inputs: the windows ``(1, H, W, MW)``, then weights ``(MW, MH)``."""

    own: dict[str, tuple[Any, ...]] = {  # noqa: RUF012
        "MW": ("i", True, 0),
        "MH": ("i", True, 0),
        "SIMD": ("i", True, 1),
        "PE": ("i", True, 1),
        "inputDataType": ("s", True, ""),
        "weightDataType": ("s", True, ""),
        "outputDataType": ("s", True, ""),
    }

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """Windows in, channels out."""
        image = self.attribute("Height"), self.attribute("Width")
        windows = Stream(*image, self.attribute("MW"), self.attribute("SIMD"), self.attribute("inputDataType"))
        sums = Stream(*image, self.attribute("MH"), self.attribute("PE"), self.attribute("outputDataType"))
        return [windows], [sums]

    @property
    def length(self) -> int:
        """Beats of a window."""
        return int(self.attribute("MW") // self.attribute("SIMD"))

    @property
    def times(self) -> int:
        """Row groups, each of which reads the window once."""
        return int(self.attribute("MH") // self.attribute("PE"))

    def get_exp_cycles(self) -> int:
        """Cycles per frame."""
        return int(self.attribute("Height") * self.attribute("Width") * self.length * self.times)

    def get_op_and_param_counts(self) -> dict[str, int]:
        """Multiply-accumulates and weights per frame."""
        size = self.attribute("MW") * self.attribute("MH")
        kind = f"{self.attribute('inputDataType')}_{self.attribute('weightDataType')}"
        return {f"op_mac_{kind}": size * self.attribute("Height") * self.attribute("Width"), f"param_{kind}": size}

    def shape_parameters(self) -> dict[str, str]:
        """The parameters of folding."""
        return {
            "MatrixWidth": str(self.attribute("MW")),
            "MatrixHeight": str(self.attribute("MH")),
            "Simd": str(self.attribute("SIMD")),
            "Pe": str(self.attribute("PE")),
        }

    def _weight_luts(self, bits: int) -> int:
        """LUTs of the weights' memory: 64 words of one bit each; constants in logic need none."""
        words = self.length * self.times
        lanes = self.attribute("SIMD") * self.attribute("PE")
        return 0 if words == 1 else int(lanes * bits * math.ceil(words / 64))


@operator
class XnorMVU(MatrixVector):
    """Binary matrix-vector product: ``2*popcount(w xnor x) - MW``; weights and windows are bits, 1 for +1."""

    unit = "xnor_mvu"

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """A 1 x 1 convolution of the windows, in +1 and -1."""
        weights = (2 * constants[0] - 1).T[:, :, None, None]
        return [arithmetic.conv2d(2 * images[0] - 1, weights, pad_value=-1)]

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Weights row by row."""
        bits = self.streams()[1][0].bits
        return {**self.shape_parameters(), "OutBits": str(bits), "Weights": vector(constants[0].T, 1)}

    def latency(self) -> int:
        """Replay read, popcount tree, accumulator."""
        return 3 + max(1, math.ceil(math.log(self.attribute("SIMD"), 3)))

    def lut_estimation(self, fpgapart: str) -> int:
        """1.74 LUTs per binary MAC and cycle for XNOR, popcount and replay (measured in Yosys), and the weights."""
        return int(1.74 * self.attribute("SIMD") * self.attribute("PE")) + self._weight_luts(1)


@operator
class QuantMVU(MatrixVector):
    """Integer matrix-vector product with bias, rounding and saturation. Third node input: biases ``(MH,)``."""

    unit = "quant_mvu"
    own = {**MatrixVector.own, "Shift": ("i", True, 0)}  # noqa: RUF012

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """A 1 x 1 convolution of the windows, biased and requantised."""
        weights, bias = constants
        total = arithmetic.conv2d(images[0], weights.T[:, :, None, None]) + bias[:, None, None]
        fmt = number_format(self.attribute("outputDataType"))
        return [arithmetic.requantise(total, self.attribute("Shift"), fmt)]

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Weights row by row, biases, and an accumulator that the worst input cannot overflow."""
        weights, bias = constants
        inputs, outputs = self.streams()
        weight_bits, bias_bits = signed_bits(weights), signed_bits(bias)
        worst = int(abs(weights).sum(axis=0).max()) << (inputs[0].bits - 1)
        return {
            **self.shape_parameters(),
            "InBits": str(inputs[0].bits),
            "WeightBits": str(weight_bits),
            "BiasBits": str(bias_bits),
            "AccBits": str(max(worst.bit_length() + 1, bias_bits) + 1),
            "Shift": str(self.attribute("Shift")),
            "OutBits": str(outputs[0].bits),
            "Weights": vector(weights.T, weight_bits),
            "Biases": vector(bias, bias_bits),
        }

    def latency(self) -> int:
        """Replay read, multiply, adder tree, accumulator, requantise."""
        return 5 + math.ceil(math.log2(max(2, self.attribute("SIMD"))))

    def dsp_estimation(self, fpgapart: str) -> int:
        """One DSP slice per multiplier."""
        return int(self.attribute("SIMD") * self.attribute("PE"))

    def lut_estimation(self, fpgapart: str) -> int:
        """Adder tree, accumulator and requantiser of each PE, and the weights."""
        simd, pe = self.attribute("SIMD"), self.attribute("PE")
        return int(pe * (22 * simd + 100) + self._weight_luts(8))
