"""What the convolutions have in common as FINN operators: windows of an image, folding, dependence and pace, costs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from qonnx.core.modelwrapper import ModelWrapper

from bitpan.arithmetic import Integers
from bitpan.hw.operators.base import Operator, attributes, block_memories, divisors
from bitpan.hw.operators.facts import Index, lanes_before
from bitpan.hw.operators.streams import Stream, number_format
from bitpan.hw.operators.writer import Writer
from bitpan.model import Node
from bitpan.operations import OPERATIONS

STYLES = ("auto", "distributed", "block")
"""Where weights and lines lie, as ``WeightMemory`` and ``LineMemory`` count: by size, in LUTs, in block memory."""

LUT_WORDS = 256
"""Most words for which the choice by size (``bp_weight_memory.sv``) takes LUTs."""

LUT_COLUMNS = 128
"""Most columns for which the choice by size takes LUTs for lines (``bp_window_columns.sv``)."""

SHAPE = "Channels OutChannels InPe Simd Pe Width"
"""Parameters of a unit that its size is told by."""

DSP_LUTS = 100
"""LUTs that are given for a DSP slice: some devices have half as many for each, some four times as many."""


@dataclass(frozen=True)
class Fold:
    """Lanes of a matrix-vector unit: elements of a row at once, and rows."""

    simd: int
    pe: int


def choose(elements: int, rows: int, clocks: int, cost: Callable[[Fold], float]) -> Fold:
    """The cheapest fold that takes at most ``clocks`` a window; the fastest if there is none.

    Args:
        elements: that a row sees.
        rows: of the matrix.
        clocks: ``elements / simd * rows / pe`` are taken.
        cost: of a fold.
    """
    folds = [Fold(simd, pe) for simd in divisors(elements) for pe in divisors(rows)]
    fast = [fold for fold in folds if (elements // fold.simd) * (rows // fold.pe) <= clocks]
    return min(fast or folds[-1:], key=cost)


class Convolution(Operator):
    """What all three share. Node inputs: the image ``(1, H, W, C)``, weights as in the model, maybe biases.

    An image's beat has ``InPE`` channels, the producer's lanes, a result's ``PE``.
    """

    own = Operator.own | attributes(
        "Stride Kernel Channels OutChannels SIMD PE InPE",
        "inputDataType outputDataType",
        ramStyle=("s", False, "auto", set(STYLES)),
        lineStyle=("s", False, "auto", set(STYLES)),
    )
    settings = "Kernel Channels OutChannels InPe Simd Pe Width StrideBits LineMemory WeightMemory"
    sparing: tuple[tuple[str, str, int | str], ...] = (("BRAM_18K", "lineStyle", "distributed"),)
    sized = True
    smooth = True

    @classmethod
    def make(cls, writer: Writer, node: Node) -> None:
        """The image, the weights as they are, the other constants; a beat is a pixel until the lanes are chosen."""
        weights = writer.model.constant(node, "weights")
        own = cls.placed(writer, node) | {"Kernel": weights.shape[-1], "OutChannels": len(weights), "SIMD": 1}
        own |= {"InPE": own["Channels"]} | cls.seen(weights)
        inputs = [node.inputs[0], *cls.constants(writer, node)]
        writer.add(cls.__name__, node.name, inputs, [node.output], {k: v for k, v in own.items() if k in cls.own})

    @classmethod
    def constants(cls, writer: Writer, node: Node) -> list[str]:
        """Names of the node's constant inputs, written, the weights first."""
        raise NotImplementedError

    @classmethod
    def seen(cls, weights: npt.NDArray[Any]) -> dict[str, Any]:
        """Attributes that follow from the weights."""
        return {}

    def fold(self, clocks: int) -> None:
        """By :func:`choose`, margins aside."""

        def cost(fold: Fold) -> float:
            self.set_nodeattr("SIMD", fold.simd)
            self.set_nodeattr("PE", fold.pe)
            return self.price()

        pixels = int(self.attribute("Height") * self.attribute("Width"))
        cost(
            choose(self.elements, self.attribute("OutChannels") // self.groups, clocks // (pixels * self.groups), cost)
        )

    def follow(self, graph: ModelWrapper) -> None:
        """The unit puts pixels together by itself."""
        self.set_nodeattr("InPE", lanes_before(self, graph))

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """The image in, channels out."""
        image = self.image(self.attribute("Channels"), self.attribute("InPE"), self.attribute("inputDataType"))
        return [image], [
            self.image(self.attribute("OutChannels"), self.attribute("PE"), self.attribute("outputDataType"))
        ]

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """The operation of the model."""
        operation = OPERATIONS[self.op]
        named: dict[str, Any] = dict(zip(operation.constants, constants, strict=True))
        named |= {key: self.attribute(key.capitalize()) for key in operation.attributes}
        return [operation.compute(images, named, number_format(self.attribute("outputDataType")))]

    # Windows and their pieces.

    @property
    def keep(self) -> npt.NDArray[np.bool_]:
        """Elements of a window that go on, ``(kernel, kernel, channels)``."""
        kernel = self.attribute("Kernel")
        return np.ones((kernel, kernel, self.attribute("Channels")), bool)

    @property
    def groups(self) -> int:
        """Groups of channels that do not see each other."""
        return 1

    @property
    def elements(self) -> int:
        """Of a window, that a row of the matrix sees."""
        return int(np.count_nonzero(self.keep)) // self.groups

    @property
    def simd(self) -> int:
        """Elements of a piece."""
        return int(self.attribute("SIMD"))

    @property
    def part(self) -> int:
        """Pieces of a sum."""
        return self.elements // self.simd

    @property
    def times(self) -> int:
        """Row groups, beats of a pixel."""
        return int(self.attribute("OutChannels") // self.attribute("PE"))

    @property
    def steps(self) -> int:
        """Clocks of a window; words of weights, one a clock."""
        return self.part * self.times

    @property
    def margin(self) -> int:
        """Columns and rows of zeros on each side."""
        return int(self.attribute("Kernel")) // 2

    @property
    def folds(self) -> int:
        """Beats of a pixel that come in."""
        return int(self.attribute("Channels") // self.attribute("InPE"))

    # What the build asks.

    def needs(self) -> Index:
        """The last pixel of the window, or the last one before it that there is."""
        height, width = self.attribute("Height"), self.attribute("Width")
        rows, columns = np.arange(height) + self.margin, np.arange(width) + self.margin
        columns = np.where(rows[:, None] < height, np.minimum(columns, width - 1), width - 1)
        last = (np.minimum(rows, height - 1)[:, None] * width + columns).reshape(-1)
        return np.repeat((last + 1) * self.folds - 1, self.times)

    def _line(self) -> int:
        """Clocks of a line's windows and margin; columns come a clock apart where windows do, else two."""
        return int(self.attribute("Width")) * self.steps + self.margin * self._apart()

    def _apart(self) -> int:
        return min(2, self.steps)

    def interval(self, feed: float) -> float:
        """A sum's pieces, and a line's share of its margin."""
        return self._line() / float(self.attribute("Width") * self.times)

    def clocks(self) -> int:
        """Of its lines or its beats; a large window takes in some before its first result, one a clock has a pause."""
        height, width, margin = self.attribute("Height"), self.attribute("Width"), self.margin
        first = max(margin - 1, 0) * (width * max(self.folds, self._apart()) + margin * self._apart())
        return int(height * max(self._line(), width * self.folds) + first + (self.steps == 1 and margin > 0))

    def get_exp_cycles(self) -> int:
        """Cycles per frame."""
        return self.clocks()

    def latency(self) -> int:
        """Clocks through the window, a sum's pieces, and :meth:`depth`."""
        return 1 + (self.margin > 0) + (self.part * self.groups > 1) + self.part + self.depth()

    def depth(self) -> int:
        """Clocks from the last piece of a sum to the result."""
        raise NotImplementedError

    def given(self, **more: int | str) -> dict[str, str]:
        """Those of the image, of folding and where the weights lie, too."""
        known = {"Channels": self.attribute("Channels"), "InPe": self.attribute("InPE"), "Simd": self.simd}
        known |= {"WeightMemory": STYLES.index(self.attribute("ramStyle"))}
        known |= {"LineMemory": STYLES.index(self.attribute("lineStyle"))}
        return super().given(**{name: known[name] for name in self.settings.split() if name in known}, **more)

    def cost(self) -> dict[str, float]:
        """Of the window and of what is behind it, both fitted to Yosys' counts."""
        window, rest = self.window_cost(), self.matrix_cost()
        return {key: window.get(key, 0) + rest.get(key, 0) for key in {**window, **rest}}

    def price(self) -> float:
        """LUTs, those included that are given for its DSP slices."""
        found = self.cost()
        return found["LUT"] + DSP_LUTS * found.get("DSP", 0)

    def matrix_cost(self) -> dict[str, float]:
        """Of products, sums and weights."""
        raise NotImplementedError

    def window_cost(self) -> dict[str, float]:
        """Of registers in front, counters, line memory, and the multiplexer of pieces."""
        image = self.streams()[0][0]
        beat, pieces = image.lanes * image.bits, self.part * self.groups
        found = {"LUT": 12.0 + beat}
        if pieces > 1:
            found["LUT"] += pieces + PIECE_LUTS * pieces * self.simd * image.bits
        if self.margin:
            lines = self.line_cost(self.attribute("lineStyle"))
            found |= lines | {"LUT": found["LUT"] + 95 + lines["LUT"]}
        return found

    def line_cost(self, style: str) -> dict[str, float]:
        """Of the line memory."""
        image = self.streams()[0][0]
        words = line_elements(self.keep) * image.bits if self.margin else 0
        if style == "block" or (style == "auto" and image.width > LUT_COLUMNS):
            return {"LUT": 0, "BRAM_18K": block_memories(image.width, words) if words else 0}
        bits = 6 if image.width <= 32 else 3  # in four LUTs
        return {"LUT": math.ceil(image.width / 64) * (4 * math.ceil(words / bits) + words // 2)}  # with the choice


PIECE_LUTS = 0.4
"""Of a window's bit, for its way to the piece that it is in."""


def line_elements(keep: npt.NDArray[np.bool_]) -> int:
    """Elements that the line memory holds for each column: of each line back those that it or an older one needs."""
    used: npt.NDArray[np.bool_] = np.any(keep, axis=1)  # row, channel
    return sum(int(np.count_nonzero(np.any(used[: len(keep) - back], axis=0))) for back in range(1, len(keep)))


def weight_cost(words: int, bits: int, style: str = "auto") -> dict[str, float]:
    """LUTs or block memories of ``words`` of weights.

    A LUT holds 64 words of a bit, or all that are alike up to their sign; constants in logic, as one word, need none.
    """
    if words == 1:
        return {"LUT": 0}
    if style == "block" or (style == "auto" and words > LUT_WORDS):
        return {"LUT": 0, "BRAM_18K": block_memories(words, bits)}
    return {"LUT": min(bits, 1 << words - 1) * math.ceil(words / 64)}
