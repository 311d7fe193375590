"""The units that move data, as FINN operators: duplicate, concatenate, split, FIFO."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper

from bitpan.arithmetic import Integers
from bitpan.errors import BuildError
from bitpan.hw.measure.unit import Unit, sizes
from bitpan.hw.operators.base import Folded, Operator, attributes, block_memories, operator, ultra_memories
from bitpan.hw.operators.facts import lanes_before
from bitpan.hw.operators.streams import Stream
from bitpan.hw.operators.writer import Writer
from bitpan.model import Node

_WIDTHS = sizes("Width0 Width1", (12, 12), (12, 48), (160, 160))


@operator
class ConcatStreams(Operator):
    """The channels of two images side by side, the first image's lowest; whole pixels a beat."""

    op = "concat"
    entry = Unit("bp_concat_streams", 160, "two streams become one, side by side", _WIDTHS, test="routing")
    own = Operator.own | attributes("", "inputDataType", Channels=("ints", True, []))

    @classmethod
    def placed(cls, writer: Writer, node: Node) -> dict[str, Any]:
        """Channels of each input; the unit knows one datatype, which is the result's too: signs stay bits."""
        kinds = sorted({writer.datatypes[name] for name in node.inputs})
        if len(kinds) != 1:
            raise BuildError(f"node {node.name}: concatenates different formats, {', '.join(kinds)}")
        (writer.datatypes[node.output],) = kinds
        return {**super().placed(writer, node), "Channels": [writer.shape(name)[-1] for name in node.inputs]}

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """Two images in, one out."""
        counts, kind = self.attribute("Channels"), self.attribute("inputDataType")
        return [self.image(count, count, kind) for count in counts], [self.image(sum(counts), sum(counts), kind)]

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Widths of the narrow streams."""
        narrow = max(self.streams(), key=len)
        return self.given(**{f"Width{i}": stream.lanes * stream.bits for i, stream in enumerate(narrow)})


@operator
class SplitStreams(ConcatStreams):
    """The first channels of an image and the others, the inverse of :class:`ConcatStreams`; whole pixels a beat."""

    entry = Unit("bp_split_streams", 170, "one stream becomes two, parted", _WIDTHS, test="routing")
    op = ""

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """One image in, two out."""
        parts, whole = super().streams()
        return whole, parts

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """Split along the channels."""
        return list(np.split(images[0], self.attribute("Channels")[:1]))


@operator
class WidthConverter(Operator):
    """Narrow beats to wide ones or wide to narrow, in an integer ratio."""

    entry = Unit(
        "bp_width_converter",
        180,
        "narrow beats to wide or wide to narrow",
        sizes("InWidth OutWidth", (8, 16), (8, 32), (320, 40)),
        cycles="1 a narrow beat",
        test="routing",
    )
    own = Operator.own | attributes("Channels InLanes OutLanes", "dataType")
    settings = "InWidth OutWidth"
    relays = True

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """The same image, other lanes."""
        channels, kind = self.attribute("Channels"), self.attribute("dataType")
        narrow, wide = (self.image(channels, self.attribute(lanes), kind) for lanes in ("InLanes", "OutLanes"))
        return [narrow], [wide]

    def cost(self) -> dict[str, float]:
        """A multiplexer of the wide beat's parts, or none where registers shift."""
        wide, narrow = self.get_instream_width(), self.get_outstream_width()
        return {"LUT": 10 + (math.ceil(wide / 4) if wide > narrow else 0)}


@operator
class StreamFifo(Operator):
    """Waiting room of ``Depth`` beats on an edge, in shift registers, distributed, block or ultra memory."""

    entry = Unit(
        "bp_stream_fifo",
        190,
        "first in, first out",
        sizes("Width Depth", (8, 16), (32, 512), (80, 2048)),
        test="routing",
    )
    styles = ("auto", "shift", "distributed", "block", "ultra")
    own = Folded.own | attributes("Depth", "dataType", ramStyle=("s", False, "auto", set(styles)))
    settings = "Width Depth Style"
    sparing = (("BRAM_18K", "ramStyle", "distributed"),)

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """The same in and out."""
        stream = self.image(self.attribute("Channels"), self.attribute("PE"), self.attribute("dataType"))
        return [stream], [stream]

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Width, depth and storage."""
        return self.given(Width=self.get_instream_width(), Style=self.styles.index(self.attribute("ramStyle")))

    def style(self) -> str:
        """Where the beats are kept."""
        return fifo_style(self.attribute("Depth"), self.get_instream_width(), self.attribute("ramStyle"))

    def latency(self) -> int:
        """Memory and output register; between them one for a slow memory."""
        return 3 if self.style() in ("block", "ultra") else 2

    def cost(self) -> dict[str, float]:
        """:func:`fifo_cost`."""
        return fifo_cost(self.attribute("Depth"), self.get_instream_width(), self.attribute("ramStyle"))


def fifo_style(depth: int, width: int, style: str = "auto") -> str:
    """The style, or that which is chosen by size as in ``bp_stream_fifo.sv``."""
    if style != "auto":
        return style
    return "shift" if depth <= 17 else "distributed" if depth <= 65 or depth * width <= 4096 else "block"


def fifo_cost(depth: int, width: int, style: str = "auto") -> dict[str, float]:
    """Storage and counters.

    32 beats of a bit lie in a LUT as shift register, of six bits in four LUTs of distributed memory; deeper ones by 64
    beats of three bits, with the choice among them.
    """
    style = fifo_style(depth, width, style)
    if style == "block":
        return {"LUT": 40, "BRAM_18K": block_memories(depth - 2, width)}
    if style == "ultra":
        return {"LUT": 70 + (width if depth > 4098 else 0), "URAM": ultra_memories(depth - 2, width)}
    if style == "shift":
        return {"LUT": 30 + width * math.ceil((depth - 1) / 32)}
    blocks = math.ceil((depth - 1) / 64)
    return {"LUT": 45 + (blocks * (4 * math.ceil(width / 3) + width // 2) if blocks > 1 else 4 * math.ceil(width / 3))}


@operator
class DuplicateStreams_rtl(Operator):  # noqa: N801 - FINN's naming
    """Copies of a stream for several consumers; the RTL variant of FINN's DuplicateStreams, which has none."""

    entry = Unit("bp_duplicate", 150, "one stream becomes two", sizes("Width", [10], [80], [320]), test="routing")
    own = attributes("NumChannels PE NumOutputStreams", "inputDataType", numInputVectors=("ints", False, [1]))

    def follow(self, graph: ModelWrapper) -> None:
        """The producer's lanes: what is duplicated goes on as it comes."""
        self.set_nodeattr("PE", lanes_before(self, graph))

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """One in, the copies out."""
        _, height, width = self.attribute("numInputVectors")
        channels, lanes = self.attribute("NumChannels"), self.attribute("PE")
        stream = Stream(height, width, channels, lanes, self.attribute("inputDataType"))
        return [stream], [stream] * self.attribute("NumOutputStreams")

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Width; the unit has two outputs."""
        return self.given(Width=self.get_instream_width(), Copies=self.attribute("NumOutputStreams"))


def duplicate(writer: Writer) -> None:
    """Two copies of every tensor that two nodes take; of the first copy two for a third node, and so on.

    So the last node takes the second copy, and the first two get theirs in the same clock: where their results meet
    beat by beat, neither has to wait for the other.
    """
    for tensor in writer.model.tensors:
        uses = [(node, i) for node in writer.nodes for i, name in enumerate(node.input) if name == tensor]
        _, height, width, channels = writer.shape(tensor)
        size = {"NumChannels": channels, "PE": 1, "NumOutputStreams": 2, "numInputVectors": [1, height, width]}
        source = tensor
        while len(uses) > 1:
            node, i = uses.pop()
            copies = writer.inner("DuplicateStreams", f"{source}_copies", source, writer.shape(tensor), size, outputs=2)
            source, node.input[i] = copies
        for node, i in uses:
            node.input[i] = source
