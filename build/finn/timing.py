"""When each beat passes each edge of the dataflow graph: the estimate of cycles, and from it the depths of FIFOs.

Every unit is a server: an output beat leaves when the last input beat it depends on has come and the latency has
passed, and no sooner than the unit's interval after the beat before it. In max-plus algebra
``t_out[k] = max(t_in[needs(k)] + latency, t_out[k-1] + interval)``, which is a running maximum, exact for whole frames
without back-pressure. Fed as fast as it takes its input, the schedule's last beat is the estimate of a frame's cycles.
Fed at the pace of the slowest unit, a FIFO's fullest moment is the room the real one needs: a shallower FIFO could
stop the long path before its first result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import onnx
from qonnx.core.modelwrapper import ModelWrapper

from bitpan.build.finn.flow import instance

if TYPE_CHECKING:
    from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp

Times = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

_LATENCY = {
    "FMPadding_rtl": 1,
    "ConvolutionInputGenerator_rtl": 3,
    "StreamingDataWidthConverter_rtl": 1,
}


@dataclass
class Schedule:
    """Times of one frame, in cycles since its first beat.

    Attributes:
        interval: cycles per PAN pixel of the slowest unit.
        pixels: PAN pixels of a frame.
        refill: PAN pixels that a window unit takes in before its first window.
        departures: time of each beat, by tensor, as it leaves its producer.
        arrivals: time of each beat as its consumer takes it, by tensor.
    """

    interval: float
    pixels: int
    refill: int
    departures: dict[str, Times]
    arrivals: dict[str, Times]

    @property
    def latency(self) -> int:
        """Cycles from the first input beat to the last output beat of a frame."""
        return int(np.ceil(self.departures["fused"][-1])) + 1

    @property
    def period(self) -> int:
        """Cycles from frame to frame when they follow each other without a gap.

        FINN's window unit starts the next frame when it has given out the last, so that it fills again in between; the
        units behind it meanwhile finish the last frame, so that one filling is lost, not one for each unit.
        """
        return int(np.ceil(self.interval * (self.pixels + self.refill)))

    def occupancy(self, tensor: str) -> int:
        """Most beats that ever wait on an edge."""
        pushed = np.sort(self.departures[tensor])
        popped = np.searchsorted(np.sort(self.arrivals[tensor]), pushed, side="left")
        return int((np.arange(1, len(pushed) + 1) - popped).max(initial=0))


def schedule(graph: ModelWrapper, paced: bool = False) -> Schedule:
    """The schedule of one frame through ``graph``; ``paced``: fed at the pace of its slowest unit."""
    pixels = int(np.prod(graph.get_tensor_shape("pan")))
    interval = max(instance(node).get_exp_cycles() for node in _paced(graph)) / pixels
    coarse = int(np.prod(graph.get_tensor_shape("ms")[:3]))
    feed = interval if paced else 1.0
    departures: dict[str, Times] = {"pan": np.arange(pixels) * feed, "ms": np.arange(coarse, dtype=np.float64)}
    arrivals: dict[str, Times] = {}
    for node in graph.graph.node:
        _serve(node, feed, departures, arrivals)
    return Schedule(interval, pixels, _refill(graph), departures, arrivals)


def _refill(graph: ModelWrapper) -> int:
    """PAN pixels of the largest window's lead: lines above its last pixel's, and the pixels before it."""
    leads = [0]
    for node in graph.graph.node:
        if node.op_type == "ConvolutionInputGenerator_rtl":
            operation = instance(node)
            margin = operation.get_nodeattr("ConvKernelDim")[0] // 2
            leads.append(margin * (operation.get_nodeattr("OFMDim")[1] + 1))
    return max(leads)


def _paced(graph: ModelWrapper) -> list[onnx.NodeProto]:
    """Nodes whose cycles per frame set the pace; a window unit's own count includes its filling, once per frame."""
    return [node for node in graph.graph.node if node.op_type != "ConvolutionInputGenerator_rtl"]


def _serve(node: onnx.NodeProto, feed: float, departures: dict[str, Times], arrivals: dict[str, Times]) -> None:
    operation = instance(node)
    streams = [name for i, name in enumerate(node.input) if operation.get_instream_width(i)]
    beats = int(np.prod(operation.get_folded_output_shape(0)[:-1]))
    needs = _needs(node.op_type, operation, beats, len(departures[streams[0]]))
    ready = np.max([_take(departures[name], needs) for name in streams], axis=0)
    latency = _LATENCY.get(node.op_type) or operation.latency()
    pace = {"Interpolator_rtl": feed}.get(node.op_type, 1.0)
    if node.op_type in ("XnorMVU_rtl", "QuantMVU_rtl"):
        pace = float(operation.part)
    steps = np.arange(beats) * pace
    out = np.maximum.accumulate(ready - steps) + steps
    for name in streams:
        arrivals[name] = _first_use(out, needs, len(departures[name]))
    for name in node.output:
        departures[name] = out + latency


def _take(times: Times, needs: Index) -> Times:
    """Times of the needed beats; no beat (-1) is there from the start."""
    return np.where(needs < 0, 0.0, times[np.maximum(needs, 0)])


def _first_use(out: Times, needs: Index, beats: int) -> Times:
    """When each input beat is taken: with the first output that depends on it or on a later one."""
    taken = np.searchsorted(needs, np.arange(beats), side="left")
    return out[np.minimum(taken, len(out) - 1)]


def _needs(op: str, operation: HWCustomOp, beats: int, inputs: int) -> Index:
    """For each output beat the last input beat it depends on, not descending; -1 for none."""
    k = np.arange(beats)
    if op in ("XnorMVU_rtl", "QuantMVU_rtl"):
        return np.asarray((k // operation.times + 1) * operation.length - 1)
    if op == "FMPadding_rtl":
        return _needs_padding(operation)
    if op == "ConvolutionInputGenerator_rtl":
        return _needs_window(operation)
    if op == "Interpolator_rtl":
        return _needs_interpolator(operation)
    return np.asarray(-(-(k + 1) * inputs // beats) - 1)  # width converters; one to one for all the others


def _needs_padding(operation: HWCustomOp) -> Index:
    _, height, width, folds, _ = operation.get_folded_input_shape()
    top, left, bottom, right = operation.get_nodeattr("Padding")
    inner = np.full((height + top + bottom, width + left + right, folds), -1)
    inner[top : top + height, left : left + width] = np.arange(height * width * folds).reshape(height, width, folds)
    return np.maximum.accumulate(inner.reshape(-1))


def _needs_window(operation: HWCustomOp) -> Index:
    _, _, width, folds, _ = operation.get_folded_input_shape()
    _, rows, columns, pieces, _ = operation.get_folded_output_shape()
    kernel = operation.get_nodeattr("ConvKernelDim")[0]
    y, x, piece = np.meshgrid(np.arange(rows), np.arange(columns), np.arange(pieces), indexing="ij")
    ky, kx, f = (
        (kernel - 1, kernel - 1, folds - 1) if pieces == folds else np.unravel_index(piece, (kernel, kernel, folds))
    )
    return np.maximum.accumulate((((y + ky) * width + x + kx) * folds + f).reshape(-1))


def _needs_interpolator(operation: HWCustomOp) -> Index:
    (coarse,), (fine,) = operation.streams()
    ratio = operation.get_nodeattr("Ratio")
    rows = np.minimum(np.arange(fine.height) // ratio + 2, coarse.height - 1)
    columns = np.minimum(np.arange(fine.width) // ratio + 2, coarse.width - 1)
    return np.maximum.accumulate((rows[:, None] * coarse.width + columns).reshape(-1))
