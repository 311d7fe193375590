"""What the matrix-vector units have in common as FINN operators: windows, folding, where weights lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from bitpan.arithmetic import Integers
from bitpan.hw.operators.base import Operator, block_memories, divisors
from bitpan.hw.operators.facts import Index
from bitpan.hw.operators.finns import windows
from bitpan.hw.operators.streams import Stream
from bitpan.hw.operators.writer import Writer
from bitpan.model import Node

STYLES = ("auto", "distributed", "block")
"""Where weights lie, in the order of ``WeightMemory``: by size, in LUTs, in block memory."""

LUT_WORDS = 256
"""Most words for which the choice by size (``bp_weight_memory.sv``) takes LUTs."""

SHAPE = "MatrixWidth MatrixHeight Simd Pe"
"""Parameters of a unit that its size is told by."""


@dataclass(frozen=True)
class Fold:
    """Lanes of a matrix-vector unit; ``whole``: windows come whole, in one beat."""

    simd: int
    pe: int
    whole: bool = False


def choose(mw: int, mh: int, channels: int, target: int) -> Fold:
    """The cheapest fold of a matrix-vector unit within ``target`` clocks a window.

    Args:
        mw: elements of a window.
        mh: output channels.
        channels: of a pixel; a window holds ``mw / channels`` pixels and comes in pieces of at most one, or whole.
        target: at least 1; the unit takes ``(mw / simd) * (mh / pe)`` clocks.
    """
    pieces = [(simd, False) for simd in divisors(channels)]
    options = [
        (simd * pe + 2 * simd * whole, -simd, Fold(simd, pe, whole))
        for simd, whole in [*pieces, (mw, mw > channels)]
        for pe in divisors(mh)
        if (mw // simd) * (mh // pe) <= target
    ]
    return min(options, key=lambda option: option[:2])[2]


class MatrixVector(Operator):
    """What the two units share. Node inputs: the windows ``(1, H, W, MW)``, then weights ``(MW, MH)``.

    ``Channels`` are those of a window's pixel, without which the window is one pixel.
    """

    own: dict[str, tuple[Any, ...]] = {  # noqa: RUF012
        "MW": ("i", True, 0),
        "MH": ("i", True, 0),
        "SIMD": ("i", True, 1),
        "PE": ("i", True, 1),
        "Channels": ("i", False, 0),
        "inputDataType": ("s", True, ""),
        "weightDataType": ("s", True, ""),
        "outputDataType": ("s", True, ""),
        "ramStyle": ("s", False, "auto", set(STYLES)),
    }

    @classmethod
    def make(cls, writer: Writer, node: Node) -> None:
        """Padding, windows, and the unit: FINN's window is rows, columns, channels, and so are the weights."""
        weights = writer.model.constant(node, "weights")
        mh, _, kernel, _ = weights.shape
        matrix = weights.transpose(2, 3, 1, 0).reshape(-1, mh)
        kind = writer.datatypes[node.inputs[0]]
        kinds = {"inputDataType": kind, "weightDataType": "BINARY" if kind == "BINARY" else "INT8"}
        inputs = [windows(writer, node, kernel), *cls.constants(writer, node, matrix, kinds["weightDataType"])]
        size = {"MW": len(matrix), "MH": mh, "SIMD": 1}
        writer.add(cls.__name__, node.name, inputs, [node.output], **{**cls.placed(writer, node), **size, **kinds})

    @classmethod
    def constants(cls, writer: Writer, node: Node, matrix: Integers, kind: str) -> list[str]:
        """The node's constant inputs, weights ``(MW, MH)`` first."""
        raise NotImplementedError

    @property
    def channels(self) -> int:
        """Of a window's pixel."""
        return int(self.attribute("Channels") or self.attribute("MW"))

    def fold(self, clocks: int) -> None:
        """By :func:`choose`; the window unit follows."""
        pixels = int(self.attribute("Height") * self.attribute("Width"))
        found = choose(self.attribute("MW"), self.attribute("MH"), self.channels, clocks // pixels)
        self.set_nodeattr("SIMD", found.simd)
        self.set_nodeattr("PE", found.pe)

    def needs(self) -> Index:
        """The whole window."""
        return np.asarray((np.arange(self.beats_out()) // self.times + 1) * self.length - 1)

    def interval(self, feed: float) -> float:
        """A row group for each piece of its part of the window."""
        return float(self.part)

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
        return int(self.attribute("Height") * self.attribute("Width") * self.steps)

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

    @property
    def steps(self) -> int:
        """Words of weights, one a clock."""
        return self.part * self.times


def weight_luts(words: int, bits: int, style: str = "auto") -> int:
    """LUTs of ``words`` of weights: 64 words of a bit in each, or all bits alike; constants in logic need none."""
    return 0 if words == 1 or _in_block_memory(words, style) else min(bits, 1 << words) * math.ceil(words / 64)


def weight_memories(words: int, bits: int, style: str = "auto") -> int:
    """Halves of a 36 Kbit block memory for ``words`` of weights."""
    return block_memories(words, bits) if _in_block_memory(words, style) else 0


def _in_block_memory(words: int, style: str) -> bool:
    return words > 1 and (style == "block" or (style == "auto" and words > LUT_WORDS))
