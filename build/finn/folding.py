"""Folding: how many lanes each unit gets, so that every unit keeps up with a target of cycles per PAN pixel.

A matrix-vector unit of ``MW x MH`` with SIMD inputs and PE outputs takes ``(MW / SIMD) * (MH / PE)`` cycles a pixel.
Its windows come from a window unit, either in pieces of at most a pixel's channels, or whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx
from qonnx.core.modelwrapper import ModelWrapper

from bitpan.build.finn.flow import instance

if TYPE_CHECKING:
    from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp

POINTWISE = ("SignThreshold_rtl", "RPReLU_rtl")
WHOLE_PIXELS = ("Centre_rtl", "AddClip_rtl")


@dataclass(frozen=True)
class Fold:
    """Lanes of a matrix-vector unit; ``whole``: windows come whole, in one beat."""

    simd: int
    pe: int
    whole: bool = False


def divisors(n: int) -> list[int]:
    """Divisors of ``n``, ascending."""
    return [d for d in range(1, n + 1) if n % d == 0]


def choose(mw: int, mh: int, channels: int, target: int) -> Fold:
    """The cheapest fold of a matrix-vector unit within ``target`` cycles a pixel.

    Args:
        mw: elements of a window.
        mh: output channels.
        channels: of a pixel; a window holds ``mw / channels`` pixels.
        target: cycles a pixel, at least 1.
    """
    pieces = [(simd, False) for simd in divisors(channels)]
    options = [
        (simd * pe + 2 * simd * whole, -simd, Fold(simd, pe, whole))
        for simd, whole in [*pieces, (mw, mw > channels)]
        for pe in divisors(mh)
        if (mw // simd) * (mh // pe) <= target
    ]
    return min(options, key=lambda option: option[:2])[2]


def fold(graph: ModelWrapper, target: int) -> None:
    """Set PE and SIMD of every node for ``target`` cycles per PAN pixel."""
    for node in graph.graph.node:
        operation = instance(node)
        if node.op_type in ("XnorMVU_rtl", "QuantMVU_rtl"):
            _fold_matrix(graph, node, operation, target)
        elif node.op_type in POINTWISE:
            channels = operation.get_nodeattr("Channels")
            lanes = [pe for pe in divisors(channels) if channels // pe <= target]
            operation.set_nodeattr("PE", lanes[0])
        elif node.op_type in WHOLE_PIXELS:
            operation.set_nodeattr("PE", operation.get_nodeattr("Channels"))
    for node in graph.graph.node:
        if node.op_type == "DuplicateStreams_rtl":
            instance(node).set_nodeattr("PE", _joined_lanes(graph, node))


def _joined_lanes(graph: ModelWrapper, node: onnx.NodeProto) -> int:
    """Lanes of the join that a duplicated stream ends in, so that its FIFO needs no width converter behind it."""
    for name in node.output:
        consumer = graph.find_consumers(name)[0]
        operation = instance(consumer)
        if len(consumer.input) > 1 and operation.get_instream_width(1):
            return int(operation.get_folded_input_shape(list(consumer.input).index(name))[-1])
    producer = graph.find_producer(node.input[0])
    return int(instance(producer).get_folded_output_shape(list(producer.output).index(node.input[0]))[-1])


def _fold_matrix(graph: ModelWrapper, node: onnx.NodeProto, operation: HWCustomOp, target: int) -> None:
    mw, mh = operation.get_nodeattr("MW"), operation.get_nodeattr("MH")
    window = graph.find_producer(node.input[0])
    windowed = window is not None and window.op_type == "ConvolutionInputGenerator_rtl"
    channels = instance(window).get_nodeattr("IFMChannels") if windowed else mw
    found = choose(mw, mh, channels, target)
    operation.set_nodeattr("SIMD", found.simd)
    operation.set_nodeattr("PE", found.pe)
    if windowed:
        lanes = channels if found.whole else found.simd
        for unit in (instance(window), instance(graph.find_producer(window.input[0]))):
            unit.set_nodeattr("SIMD", lanes)
        instance(window).set_nodeattr("parallel_window", int(found.whole))
        instance(window).set_nodeattr("ram_style", "auto")
