"""The units that move data, as FINN operators: duplicate, concatenate, split, FIFO."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from bitpan.arithmetic import Integers
from bitpan.errors import BuildError
from bitpan.hw.measure.unit import Unit, sizes
from bitpan.hw.operators.base import Folded, Operator, block_memories, operator, register_rtl
from bitpan.hw.operators.streams import Stream
from bitpan.hw.operators.writer import Writer
from bitpan.model import Node

_WIDTHS = sizes("Width0 Width1", (12, 12), (12, 48), (160, 160))


@operator
class ConcatStreams(Operator):
    """The channels of two images side by side, the first image's lowest; whole pixels a beat."""

    op = "concat"
    entry = Unit("bp_concat_streams", 160, "two streams become one, side by side", _WIDTHS, test="routing")
    own = {"Channels": ("ints", True, []), "inputDataType": ("s", True, "")}  # noqa: RUF012

    @classmethod
    def placed(cls, writer: Writer, node: Node) -> dict[str, Any]:
        """Channels of each input; the unit knows one datatype."""
        kinds = sorted({writer.datatypes[name] for name in node.inputs})
        if len(kinds) != 1:
            raise BuildError(f"node {node.name}: concatenates different formats, {', '.join(kinds)}")
        return {**super().placed(writer, node), "Channels": [writer.shape(name)[-1] for name in node.inputs]}

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """Two images in, one out."""
        image, kind = (self.attribute("Height"), self.attribute("Width")), self.attribute("inputDataType")
        counts = [int(count) for count in self.attribute("Channels")]
        return [Stream(*image, c, c, kind) for c in counts], [Stream(*image, sum(counts), sum(counts), kind)]

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Widths."""
        return {"Width0": str(self.get_instream_width(0)), "Width1": str(self.get_instream_width(1))}


@operator
class SplitStreams(Operator):
    """The first channels of an image and the others, the inverse of :class:`ConcatStreams`; whole pixels a beat."""

    entry = Unit("bp_split_streams", 170, "one stream becomes two, parted", _WIDTHS, test="routing")
    own = {"Channels": ("ints", True, []), "inputDataType": ("s", True, "")}  # noqa: RUF012

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """One image in, two out."""
        image, kind = (self.attribute("Height"), self.attribute("Width")), self.attribute("inputDataType")
        counts = [int(count) for count in self.attribute("Channels")]
        return [Stream(*image, sum(counts), sum(counts), kind)], [Stream(*image, c, c, kind) for c in counts]

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """Split along the channels."""
        return list(np.split(images[0], [int(self.attribute("Channels")[0])]))

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Widths."""
        return {"Width0": str(self.get_outstream_width(0)), "Width1": str(self.get_outstream_width(1))}


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
    own = {  # noqa: RUF012
        "Channels": ("i", True, 0),
        "InLanes": ("i", True, 1),
        "OutLanes": ("i", True, 1),
        "dataType": ("s", True, ""),
    }

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """The same image, other lanes."""
        height, width, channels = (self.attribute(name) for name in ("Height", "Width", "Channels"))
        lanes = self.attribute("InLanes"), self.attribute("OutLanes")
        narrow, wide = (Stream(height, width, channels, count, self.attribute("dataType")) for count in lanes)
        return [narrow], [wide]

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """What comes in goes out."""
        return images

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Widths."""
        return {"InWidth": str(self.get_instream_width()), "OutWidth": str(self.get_outstream_width())}

    def lut_estimation(self, fpgapart: str) -> int:
        """A multiplexer of the wide beat's parts, or none where registers shift."""
        wide, narrow = self.get_instream_width(), self.get_outstream_width()
        return 10 + (math.ceil(wide / 4) if wide > narrow else 0)


@operator
class StreamFifo(Operator):
    """Waiting room of ``Depth`` beats on an edge, in shift registers, distributed or block memory."""

    entry = Unit(
        "bp_stream_fifo",
        190,
        "first in, first out",
        sizes("Width Depth", (8, 16), (32, 512), (80, 2048)),
        test="routing",
    )
    styles = ("auto", "shift", "distributed", "block")
    own = {  # noqa: RUF012
        **Folded.own,
        "Depth": ("i", True, 2),
        "dataType": ("s", True, ""),
        "ramStyle": ("s", False, "auto", set(styles)),
    }
    delay = 2  # memory and output register

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """The same in and out."""
        height, width, channels, lanes = (self.attribute(name) for name in ("Height", "Width", "Channels", "PE"))
        stream = Stream(height, width, channels, lanes, self.attribute("dataType"))
        return [stream], [stream]

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """What comes in goes out."""
        return images

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Width, depth and storage."""
        style = self.styles.index(self.attribute("ramStyle"))
        return {"Width": str(self.get_instream_width()), "Depth": str(self.attribute("Depth")), "Style": str(style)}

    def _style(self) -> str:
        """Where the beats are kept; by size as in ``bp_stream_fifo.sv``."""
        depth, style = self.attribute("Depth"), str(self.attribute("ramStyle"))
        if style != "auto":
            return style
        if depth <= 17:
            return "shift"
        return "distributed" if depth <= 65 or depth * self.get_instream_width() <= 4096 else "block"

    def bram_estimation(self, fpgapart: str) -> int:
        """Halves of a 36 Kbit block memory."""
        block = self._style() == "block"
        return block_memories(self.attribute("Depth") - 1, self.get_instream_width()) if block else 0

    def lut_estimation(self, fpgapart: str) -> int:
        """32 beats of a bit in a shift register, of six bits in four LUTs of distributed memory; and the counters."""
        rows, width = math.ceil((self.attribute("Depth") - 1) / 32), self.get_instream_width()
        memory = {"shift": width * rows, "distributed": 4 * math.ceil(width / 6) * rows, "block": 0}[self._style()]
        return int(memory + 30)


@register_rtl
class DuplicateStreams_rtl(Operator):  # noqa: N801 - FINN's naming
    """Copies of a stream for several consumers; the RTL variant of FINN's DuplicateStreams, which has none."""

    entry = Unit("bp_duplicate", 150, "one stream becomes two", sizes("Width", [10], [80], [320]), test="routing")
    image = {}  # noqa: RUF012
    own = {  # noqa: RUF012
        "NumChannels": ("i", True, 0),
        "PE": ("i", True, 0),
        "NumOutputStreams": ("i", True, 0),
        "inputDataType": ("s", True, ""),
        "numInputVectors": ("ints", False, [1]),
    }

    def follow(self, graph: ModelWrapper) -> None:
        """The lanes of the join that a copy ends in, so that its FIFO needs no converter behind it."""
        takers = [(getCustomOp(graph.find_consumers(name)[0]), name) for name in self.onnx_node.output]
        taker, name = max(takers, key=lambda taker: len(taker[0].stream_inputs))
        shape = taker.get_folded_input_shape(list(taker.onnx_node.input).index(name))
        self.set_nodeattr("PE", int(shape[-1]))

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """One in, the copies out."""
        _, height, width = self.attribute("numInputVectors")
        kind = self.attribute("inputDataType")
        stream = Stream(int(height), int(width), self.attribute("NumChannels"), self.attribute("PE"), kind)
        return [stream], [stream] * self.attribute("NumOutputStreams")

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """Copies."""
        return images * int(self.attribute("NumOutputStreams"))

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Width; the unit has two outputs."""
        return {"Width": str(self.get_instream_width()), "Copies": str(self.attribute("NumOutputStreams"))}


def duplicate(writer: Writer) -> None:
    """Two copies of every tensor that two nodes take; of the second copy two for a third node, and so on."""
    for tensor in writer.model.tensors:
        uses = [(node, i) for node in writer.nodes for i, name in enumerate(node.input) if name == tensor]
        _, height, width, channels = writer.shape(tensor)
        size: dict[str, Any] = {"NumChannels": channels, "PE": 1, "NumOutputStreams": 2}
        size["numInputVectors"] = [1, height, width]
        source = tensor
        while len(uses) > 1:
            node, i = uses.pop(0)
            node.input[i], source = writer.inner(
                "DuplicateStreams", f"{source}_copies", source, writer.shape(tensor), 2, **size
            )
        for node, i in uses:
            node.input[i] = source
