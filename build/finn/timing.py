"""When each beat passes each edge of the dataflow graph: the estimate of cycles, and from it the depths of FIFOs.

Every unit is a server: an output beat leaves when the last input beat it depends on has come and the latency has
passed, and no sooner than the unit's interval after the beat before it. In max-plus algebra
``t_out[k] = max(t_in[needs(k)] + latency, t_out[k-1] + interval)``, which is a running maximum, exact for whole frames
without back-pressure. Fed as fast as it takes its input, the schedule's last beat is the estimate of a frame's cycles.

FIFOs come from a second schedule, *paced*: fed at the pace of the slowest unit, and smoothed, so that beats wait where
they are narrow. What no edge holds more of in it than its FIFO has room for is a schedule that the hardware can
follow; running as early as it can, it is never later than that. A shallower FIFO could stop the long way round before
its first result, or the slowest unit for want of room behind a pool, which gives its lines in bursts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from qonnx.core.modelwrapper import ModelWrapper

from bitpan.arithmetic import TAPS
from bitpan.build.finn.flow import instance
from bitpan.hw.operators.facts import Facts, Index

Times = npt.NDArray[np.float64]

LINES_AHEAD = TAPS
"""Of the MS: those that a pixel is interpolated from, whole."""


@dataclass
class Schedule:
    """Times of one frame, in cycles since its first beat.

    Attributes:
        interval: cycles per PAN pixel of the slowest unit.
        pixels: PAN pixels of a frame.
        departures: time of each beat, by tensor, as it leaves its producer.
        arrivals: time of each beat as its consumer takes it, by tensor.
    """

    interval: float
    pixels: int
    departures: dict[str, Times]
    arrivals: dict[str, Times]

    @property
    def latency(self) -> int:
        """Cycles from the first input beat to the last output beat of a frame."""
        return int(np.ceil(self.departures["fused"][-1])) + 1

    @property
    def period(self) -> int:
        """Cycles from frame to frame when they follow each other without a gap."""
        return int(np.ceil(self.interval * self.pixels))

    def occupancy(self, tensor: str) -> int:
        """Most beats that ever wait on an edge; they come and go in order."""
        pushed = self.departures[tensor]
        popped = np.searchsorted(self.arrivals[tensor], pushed, side="left")
        return int((np.arange(1, len(pushed) + 1) - popped).max(initial=0))


def slowest(graph: ModelWrapper) -> float:
    """Cycles per PAN pixel of the slowest unit."""
    pixels = int(np.prod(graph.get_tensor_shape("pan")))
    return float(max(instance(node).clocks() for node in graph.graph.node)) / pixels


def schedule(graph: ModelWrapper, paced: bool = False) -> Schedule:
    """The schedule of one frame through ``graph``; ``paced``: at the pace of its slowest unit, and smoothed."""
    pixels = int(np.prod(graph.get_tensor_shape("pan")))
    interval = slowest(graph)
    coarse = int(np.prod(graph.get_tensor_shape("ms")[:3]))
    feed = interval if paced else 1.0
    departures: dict[str, Times] = {"pan": np.arange(float(pixels)) * feed, "ms": np.arange(float(coarse))}
    if paced:
        departures["ms"] = _ahead(graph.get_tensor_shape("ms"), pixels * feed)
    arrivals: dict[str, Times] = {}
    for node in graph.graph.node:
        unit = instance(node)
        if paced and unit.late:
            continue
        for name in unit.stream_inputs:
            if name not in departures:
                _serve_late(graph, name, unit, departures, arrivals)
        _serve(unit, feed, interval * pixels * paced, departures, arrivals)
    return Schedule(interval, pixels, departures, arrivals)


def _ahead(shape: Sequence[int], frame: float) -> Times:
    """When the MS comes: evenly in the time of a ``frame``, but the lines ahead that an interpolator wants."""
    _, height, width, _ = shape
    beats = np.arange(float(height * width))
    return np.asarray(np.maximum(beats, (beats - LINES_AHEAD * width) * frame / len(beats)))


def _serve_late(
    graph: ModelWrapper, name: str, taker: Facts, departures: dict[str, Times], arrivals: dict[str, Times]
) -> None:
    """Of the late unit that gives ``name``: each beat leaves when those that the ``taker`` joins it with are there."""
    unit = instance(graph.find_producer(name))
    out = np.max([departures[other] for other in taker.stream_inputs if other in departures], axis=0)
    departures[name] = out
    for source in unit.stream_inputs:
        arrivals[source] = _taken(out - unit.latency(), unit.needs(), departures[source], joined=False)


def _serve(unit: Facts, feed: float, pace: float, departures: dict[str, Times], arrivals: dict[str, Times]) -> None:
    """``pace``: clocks of a frame that a smooth unit spreads its beats over; 0: none does."""
    needs, streams = unit.needs(), unit.stream_inputs
    waits = [np.where(needs < 0, 0.0, departures[name][np.maximum(needs, 0)]) for name in streams]
    ready = np.max(waits, axis=0)
    steps = np.arange(len(needs)) * max(unit.interval(feed), pace * unit.smooth / len(needs))
    out = np.maximum.accumulate(ready - steps) + steps
    for name in streams:
        came = np.max([departures[each] for each in streams], axis=0) if unit.holds else departures[name]
        arrivals[name] = came if unit.holds else _taken(out, needs, came, joined=len(streams) > 1)
    for name in unit.onnx_node.output:
        departures[name] = out + unit.latency()


def _taken(out: Times, needs: Index, came: Times, *, joined: bool) -> Times:
    """When each input beat is taken: by a join with the first output that needs it or a later one, of all streams.

    Elsewhere as soon as the output before that one has left: lines and pixels wait inside the unit, not in front of it.
    """
    first = np.searchsorted(needs, np.arange(len(came)), side="left")
    if joined:
        return np.asarray(out[np.minimum(first, len(out) - 1)])
    return np.where(first > 0, np.maximum(came, out[np.maximum(first, 1) - 1]), came)
