"""The matrix-vector units as FINN operators: XNOR-popcount, and 8-bit with bias and requantisation fused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from bitpan import arithmetic
from bitpan.arithmetic import Integers
from bitpan.hw.operators.base import Operator, Stream, block_memories, number_format, operator, signed_bits, vector

STYLES = ("auto", "distributed", "block")
"""Where weights lie, in the order of ``WeightMemory``: by size, in LUTs, in block memory."""

LUT_WORDS = 256
"""Most words for which the choice by size (``bp_weight_memory.sv``) takes LUTs."""


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
        "ramStyle": ("s", False, "auto", set(STYLES)),
    }

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """Windows in, channels out."""
        image = self.attribute("Height"), self.attribute("Width")
        windows = Stream(*image, self.attribute("MW"), self.attribute("SIMD"), self.attribute("inputDataType"))
        sums = Stream(*image, self.attribute("MH"), self.attribute("PE"), self.attribute("outputDataType"))
        return [windows], [sums]

    @property
    def groups(self) -> int:
        """Groups of channels that do not see each other."""
        return 1

    @property
    def length(self) -> int:
        """Beats of a window."""
        return int(self.attribute("MW") // self.attribute("SIMD"))

    @property
    def part(self) -> int:
        """Beats of a sum."""
        return self.length // self.groups

    @property
    def times(self) -> int:
        """Row groups, each of which reads its part of the window once."""
        return int(self.attribute("MH") // self.attribute("PE"))

    def get_exp_cycles(self) -> int:
        """Cycles per frame."""
        return int(self.attribute("Height") * self.attribute("Width") * self.part * self.times)

    def get_op_and_param_counts(self) -> dict[str, int]:
        """Multiply-accumulates and weights per frame."""
        size = self.attribute("MW") // self.groups * self.attribute("MH")
        kind = f"{self.attribute('inputDataType')}_{self.attribute('weightDataType')}"
        return {f"op_mac_{kind}": size * self.attribute("Height") * self.attribute("Width"), f"param_{kind}": size}

    def shape_parameters(self) -> dict[str, str]:
        """The parameters of folding, and where the weights lie."""
        return {
            "MatrixWidth": str(self.attribute("MW")),
            "MatrixHeight": str(self.attribute("MH")),
            "Simd": str(self.attribute("SIMD")),
            "Pe": str(self.attribute("PE")),
            "WeightMemory": str(STYLES.index(self.attribute("ramStyle"))),
        }

    def _in_block_memory(self) -> bool:
        words, style = self.part * self.times, self.attribute("ramStyle")
        return words > 1 and (style == "block" or (style == "auto" and words > LUT_WORDS))

    def _weight_luts(self, bits: int) -> int:
        """LUTs of ``bits`` of weights a step: 64 words of a bit, or all bits alike; constants in logic need none."""
        words = self.part * self.times
        if words == 1 or self._in_block_memory():
            return 0
        return int(min(bits, 1 << words) * math.ceil(words / 64))

    def _weight_memories(self, bits: int) -> int:
        """Halves of a 36 Kbit block memory for ``bits`` of weights a step."""
        return block_memories(self.part * self.times, bits) if self._in_block_memory() else 0


@operator
class XnorMVU(MatrixVector):
    """Binary matrix-vector product: ``2*popcount(w xnor x) - MW``; weights and windows are bits, 1 for +1.

    In ``Groups`` of ``Channels`` (elements of a window's pixel) weights are ``(MW / Groups, MH)`` and each group of
    rows sees its own group of channels. With a third node input, thresholds ``(MH,)``, the output is BINARY:
    ``sum >= threshold``.
    """

    unit = "bp_xnor_mvu"
    own = {**MatrixVector.own, "Groups": ("i", False, 1), "Channels": ("i", False, 0)}  # noqa: RUF012

    @property
    def groups(self) -> int:
        """Groups of channels."""
        return int(self.attribute("Groups"))

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """A 1 x 1 convolution of the windows, in +1 and -1, for each group of channels."""
        _, height, width = images[0].shape
        channels = (self.attribute("Channels") or self.attribute("MW")) // self.groups
        windows = (2 * images[0] - 1).reshape(-1, self.groups, channels, height, width)
        rows = np.split((2 * constants[0] - 1).T[:, :, None, None], self.groups)
        parts = [windows[:, g].reshape(-1, height, width) for g in range(self.groups)]
        sums = [arithmetic.conv2d(part, row, pad_value=-1) for part, row in zip(parts, rows, strict=True)]
        total = np.concatenate(sums)
        return [(arithmetic.sign(total, constants[1]) + 1) // 2 if len(constants) > 1 else total]

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Weights row by row; thresholds, saturated just beyond the sums."""
        found = {
            **self.shape_parameters(),
            "Groups": str(self.groups),
            "Channels": str(self.attribute("Channels") or self.attribute("MW")),
            "OutBits": str(self.streams()[1][0].bits),
            "Weights": vector(constants[0].T, 1),
        }
        if len(constants) > 1:
            largest = int(self.attribute("MW")) // self.groups
            bits = largest.bit_length() + 1
            thresholds = np.clip(constants[1], -largest, largest + 1)
            found |= {"OutBits": str(bits), "Compare": "1", "Thresholds": vector(thresholds, bits + 1)}
        return found

    def latency(self) -> int:
        """Replay read, majorities, popcount's stages, sum, accumulator, comparison."""
        return 5 + (int(self.attribute("SIMD")) // 12).bit_length()

    def bram_estimation(self, fpgapart: str) -> int:
        """Weights in halves of a 36 Kbit block memory."""
        return self._weight_memories(self.attribute("SIMD") * self.attribute("PE"))

    def lut_estimation(self, fpgapart: str) -> int:
        """Measured in Yosys: so much per binary MAC and cycle, so much per element of a beat; and the weights."""
        simd, pe = int(self.attribute("SIMD")), int(self.attribute("PE"))
        if self.part * self.times == 1:  # rows share up to four majorities for two elements
            return int(0.55 * simd * pe + (0.6 + min(4, pe) / 2) * simd)
        return int(1.1 * simd * pe + 1.3 * simd) + self._weight_luts(simd * pe)


@operator
class QuantMVU(MatrixVector):
    """Integer matrix-vector product with bias, rounding and saturation. Third node input: biases ``(MH,)``."""

    unit = "bp_quant_mvu"
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
        return int(pe * (22 * simd + 100) + self._weight_luts(8 * simd * pe))

    def bram_estimation(self, fpgapart: str) -> int:
        """Weights in halves of a 36 Kbit block memory."""
        return self._weight_memories(8 * self.attribute("SIMD") * self.attribute("PE"))
