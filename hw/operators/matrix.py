"""What the matrix-vector units have in common as FINN operators: windows, folding, where weights lie."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bitpan.arithmetic import Integers
from bitpan.hw.operators.base import Operator, attributes, block_memories, divisors
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

    own = Operator.own | attributes(
        "MW MH SIMD PE",
        "inputDataType weightDataType outputDataType",
        Channels=("i", False, 0),
        ramStyle=("s", False, "auto", set(STYLES)),
    )

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
        writer.add(cls.__name__, node.name, inputs, [node.output], cls.placed(writer, node) | size | kinds)

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
        return np.asarray((np.arange(self.beats_out()) // self.times + 1) * self.part * self.groups - 1)

    def interval(self, feed: float) -> float:
        """A row group for each piece of its part of the window."""
        return float(self.part)

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """Windows in, channels out."""
        windows = self.image(self.attribute("MW"), self.attribute("SIMD"), self.attribute("inputDataType"))
        return [windows], [self.image(self.attribute("MH"), self.attribute("PE"), self.attribute("outputDataType"))]

    @property
    def groups(self) -> int:
        """Groups of channels that do not see each other."""
        return 1

    @property
    def part(self) -> int:
        """Beats of a sum."""
        return int(self.attribute("MW") // self.attribute("SIMD")) // self.groups

    @property
    def times(self) -> int:
        """Row groups, each of which reads its part of the window once."""
        return int(self.attribute("MH") // self.attribute("PE"))

    def get_exp_cycles(self) -> int:
        """Cycles per frame."""
        return int(self.attribute("Height") * self.attribute("Width") * self.steps)

    def given(self, **more: int | str) -> dict[str, str]:
        """Those of folding and where the weights lie, too."""
        shape = {name: self.attribute(key) for name, key in zip(SHAPE.split(), ("MW", "MH", "SIMD", "PE"), strict=True)}
        return super().given(**shape, WeightMemory=STYLES.index(self.attribute("ramStyle")), **more)

    @property
    def steps(self) -> int:
        """Words of weights, one a clock."""
        return self.part * self.times


def weight_cost(words: int, bits: int, style: str = "auto") -> dict[str, float]:
    """LUTs or block memories of ``words`` of weights.

    A LUT holds 64 words of a bit, or all bits alike; constants in logic, which one word is, need none.
    """
    if words == 1:
        return {"LUT": 0}
    if style == "block" or (style == "auto" and words > LUT_WORDS):
        return {"LUT": 0, "BRAM_18K": block_memories(words, bits)}
    return {"LUT": min(bits, 1 << words) * math.ceil(words / 64)}
