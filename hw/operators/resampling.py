"""The units that change an image's size, as FINN operators: Haar wavelet and its inverse, average pool, bilinear."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper

from bitpan import arithmetic
from bitpan.arithmetic import Integers
from bitpan.errors import BuildError
from bitpan.hw.measure.unit import Unit, sizes
from bitpan.hw.operators.base import Folded, attributes, block_memories, operator
from bitpan.hw.operators.facts import Index, lanes_before, last_beats
from bitpan.hw.operators.routing import fifo_cost
from bitpan.hw.operators.streams import Stream, datatype, number_format
from bitpan.hw.operators.writer import Writer
from bitpan.model import Node

_IMAGE = "Channels Pe Width"
_LARGE = (8, 8, 16), (32, 8, 64), (32, 32, 512)
_SMALL = (8, 8, 8), (32, 8, 32), (32, 32, 256)


class Resampling(Folded):
    """Base: ``Height`` and ``Width`` are the input's; channels and folding are the same on all streams.

    Attributes:
        scale: output pixels of an input pixel along each axis.
        inputs, outputs: streams.
    """

    own = Folded.own | attributes("Stride", "inputDataType")
    sized = True
    settings = "Channels Pe InBits Width StrideBits InSigned"
    scale: float = 2
    inputs, outputs = 1, 1

    def source(self) -> Stream:
        """An input stream."""
        return self.folded(self.attribute("inputDataType"))

    def result(self) -> str:
        """Datatype of the output."""
        return str(self.attribute("inputDataType"))

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """Images in, resized ones out."""
        image = self.source()
        height, width = int(image.height * self.scale), int(image.width * self.scale)
        resized = replace(image, height=height, width=width, datatype=self.result())
        return [image] * self.inputs, [resized] * self.outputs

    def lines(self, count: int) -> Index:
        """The last row (or column) of the input that each of the output's depends on, of ``count`` of the input."""
        raise NotImplementedError

    def needs(self) -> Index:
        """The same beat of the last row and column that matter."""
        image = self.source()
        rows, columns = self.lines(image.height), self.lines(image.width)
        return last_beats(rows, columns, image.width, self.folds())

    def line_beats(self) -> int:
        """Beats of an input line."""
        return int(self.attribute("Width")) * self.folds()

    def buffered(self, depth: int, bits: int, sums: int, rest: int = 40) -> dict[str, float]:
        """Cost of a line buffer of ``depth`` words, of ``sums`` of a pixel's lanes, and of the rest.

        Small buffers stay in LUT memory, 64 words of a bit in each LUT.
        """
        luts = sums + rest
        if depth * bits > _IN_LUTS:
            return {"LUT": luts, "BRAM_18K": block_memories(depth, bits)}
        return {"LUT": luts + bits * math.ceil(depth / 64)}


_IN_LUTS = 16384
"""Largest line buffer, in bits, that Yosys keeps in LUT memory, about."""

SPARE = 16
"""Beats of room that the FIFOs of both wavelets have beyond what the order asks for."""


def waiting_cost(image: Stream, logic: float) -> dict[str, float]:
    """Of a line and half a line of an image, each in a FIFO, and of the logic around them."""
    beats, found = image.beats // image.height, Counter({"LUT": logic})
    for part in (1, 2):
        found.update(fifo_cost(beats // part + SPARE, image.lanes * image.bits))
    return dict(found)


class Halving(Resampling):
    """A unit that makes one pixel of each 2x2 block."""

    scale = 0.5

    def lines(self, count: int) -> Index:
        """The block's second one."""
        return np.arange(1, count, 2)


@operator
class Haar(Halving):
    """One level of the wavelet: LL, LH, HL, HH, of half the height and width."""

    op = "haar"
    entry = Unit(
        "bp_haar", 90, "LL, LH, HL, HH of each 2x2 block, exact", sizes(_IMAGE, *_LARGE, InBits=10), test="resampling"
    )
    outputs = 4
    smooth, holds = True, True
    delay = 4  # FIFO, columns' memory, sums
    registered = 8
    """Most beats of a left pixel during which blocks wait in registers alone."""

    @classmethod
    def make(cls, writer: Writer, node: Node) -> None:
        """One node with four outputs, where the integer model has a node for each: written with the first of them.

        Raises:
            BuildError: the model does not take each subband of the image once.
        """
        nodes = [other for other in writer.model.nodes if other.op == cls.op and other.inputs == node.inputs]
        names = [other.output for other in sorted(nodes, key=lambda other: other.attributes["subband"])]
        if sorted(other.attributes["subband"] for other in nodes) != list(range(cls.outputs)):
            raise BuildError(f"node {node.name}: there is hardware only for all four subbands of an image, each once")
        if node is nodes[0]:
            writer.add(cls.__name__, node.name, node.inputs, names, cls.placed(writer, node))

    def latency(self) -> int:
        """Two clocks more in a FIFO of blocks."""
        return self.delay + 2 * (self.folds() > self.registered)

    def result(self) -> str:
        """Exact sums."""
        return datatype(arithmetic.haar_format(number_format(self.attribute("inputDataType"))))

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """:func:`bitpan.arithmetic.haar`."""
        return list(arithmetic.haar(images[0]))

    def cost(self) -> dict[str, float]:
        """Six sums a lane (measured in Yosys, as the others'); the lines that wait, and blocks."""
        image = self.source()
        sums = image.lanes * (image.bits + 2)
        return waiting_cost(image, 6 * sums + 40 + (self.folds() > self.registered) * 4 * sums)


@operator
class InverseHaar(Resampling):
    """The image of four subbands of one datatype, rounded by ``Shift`` bits; ``outputDataType`` is signed."""

    op = "inverse_haar"
    entry = Unit(
        "bp_inverse_haar",
        100,
        "the image of four subbands, rounded, saturated",
        sizes(_IMAGE, *_SMALL, InBits=12, OutBits=10),
        cycles="1 an output beat",
        test="resampling",
    )
    own = Resampling.own | attributes("Shift", "outputDataType", InPE=("i", False, 0))
    settings = "Channels Pe InPe InBits Width StrideBits Shift OutBits"
    inputs = 4
    smooth, holds = True, True
    delay = 7  # two sums and the rounding, FIFO, columns' memory

    def in_pe(self) -> int:
        """Lanes of the subbands."""
        return int(self.attribute("InPE")) or self.pe()

    def follow(self, graph: ModelWrapper) -> None:
        """The producers' lanes, if they are parts of its own."""
        lanes = lanes_before(self, graph)
        self.set_nodeattr("InPE", lanes if self.pe() % lanes == 0 else self.pe())

    def source(self) -> Stream:
        """A subband."""
        return replace(super().source(), lanes=self.in_pe())

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """Four subbands in, the image out."""
        subbands, (image,) = super().streams()
        return subbands, [replace(image, lanes=self.pe())]

    def given(self, **more: int | str) -> dict[str, str]:
        """With the subbands' lanes."""
        return super().given(InPe=self.in_pe(), **more)

    def result(self) -> str:
        """As the attribute says."""
        return str(self.attribute("outputDataType"))

    def lines(self, count: int) -> Index:
        """Two from each."""
        return np.arange(2 * count) // 2

    def needs(self) -> Index:
        """The last of the beats that an output beat is made of."""
        parts = self.pe() // self.in_pe()
        return super().needs() * parts + parts - 1

    def _queues(self) -> bool:
        """Whether blocks wait in a FIFO while a right pixel passes."""
        return self.in_pe() < self.pe() and self.folds() > 2

    def latency(self) -> int:
        """Two clocks more in a FIFO of blocks."""
        return self.delay + 2 * self._queues()

    def cost(self) -> dict[str, float]:
        """Eight sums and four roundings of a subband's lane; the lines that wait, and blocks, and a spare bit."""
        image = self.streams()[1][0]
        bits = image.lanes * image.bits
        return waiting_cost(image, self.in_pe() * 12 * (self.source().bits + 2) + bits * (5 if self._queues() else 1))


@operator
class AveragePool(Halving):
    """Rounded mean of each 2x2 block."""

    op = "pool"
    entry = Unit(
        "bp_average_pool", 110, "mean of each 2x2 block, rounded", sizes(_IMAGE, *_LARGE, InBits=10), test="resampling"
    )
    delay = 3  # columns' memory, line buffer, sum

    def cost(self) -> dict[str, float]:
        """Half a line of sums; two sums a lane."""
        image = self.source()
        bits = image.lanes * (image.bits + 1)
        return self.buffered(self.line_beats() // 2, bits, 2 * image.lanes * (image.bits + 2))


@operator
class BilinearUp(Resampling):
    """Twice the size, bilinear."""

    op = "up"
    entry = Unit(
        "bp_bilinear_up",
        120,
        "twice the size: (9a + 3b + 3c + d + 8) >> 4",
        sizes(_IMAGE, *_SMALL, InBits=10),
        cycles="1 an output beat",
        test="resampling",
    )
    smooth = True

    def lines(self, count: int) -> Index:
        """The next one, but for the first and the last."""
        return np.minimum(np.arange(1, 2 * count + 1) // 2, count - 1)

    def latency(self) -> int:
        """Two passes of write, read, triple and add; the first pixel comes at two clocks a beat."""
        return 8 + 2 * self.folds()

    def cost(self) -> dict[str, float]:
        """Two lines; four sums a lane, a ring of pixels read twice, and the counters."""
        image = self.source()
        sums = 5 * image.lanes * (image.bits + 3)
        return self.buffered(2 * self.line_beats(), self.get_instream_width(), sums, rest=60)
