"""FIFO depths from the schedule: room for what must wait, where it must.

Where a stream is duplicated and its copies meet again, the direct copy waits until the other has been through windows
and matrix-vector units. Too little room there stops both for ever: the duplicator cannot feed the long way while the
short one is full. A pool gives a line in half the time of the next one; without room behind it the units
in front of it stand still.
"""

from __future__ import annotations

import math

from qonnx.core.modelwrapper import ModelWrapper

from bitpan.build.finn.flow import insert_fifo, instance, lanes
from bitpan.build.finn.timing import Schedule
from bitpan.hw.operators.base import block_memories, ultra_memories
from bitpan.hw.operators.facts import Facts

MARGIN_BEATS = 8
MARGIN_SHARE = 1.01
"""Room beyond the schedule's fullest moment: units' internal registers, bursts at the ends of lines."""

PIXELS = 2
"""What waits on an edge without a FIFO: units have a register or two, and stand still for no longer than that."""

REGISTERS = 2
"""Beats of a FIFO's depth that are not in its block memory."""

WORTH = 4
"""Block memories of 18 Kbit that an ultra memory, which holds as much as 16, has to save where the device has some."""


def insert_fifos(graph: ModelWrapper, times: Schedule, ultra: int = 0) -> dict[str, int]:
    """One on each edge where beats wait; returns depths by tensor. ``ultra``: memories of the kind that may be used."""
    waiting: dict[str, float] = {}
    for node in reversed(graph.graph.node):
        unit = instance(node)
        for i, name in enumerate(node.output):
            if name in times.arrivals:
                taker = instance(graph.find_consumers(name)[0])
                beats = times.occupancy(name)
                waiting[name] = beats if beats > _room(unit, i, taker) else 0
                if taker.relays:  # what waits behind it waits in front of it, in one FIFO
                    behind = waiting.pop(taker.onnx_node.output[0])
                    waiting[name] += behind * taker.beats_in() / taker.beats_out()
    depths = {name: math.ceil(beats * MARGIN_SHARE) + MARGIN_BEATS for name, beats in waiting.items() if beats}
    widths = {name: lanes(graph, name) * graph.get_tensor_datatype(name).bitwidth() for name in depths}

    def saved(name: str) -> float:
        return block_memories(depths[name], widths[name]) / ultra_memories(depths[name], widths[name])

    for name in sorted(depths, key=saved, reverse=True):
        needed = ultra_memories(depths[name], widths[name])
        if needed <= ultra and saved(name) >= WORTH:
            insert_fifo(graph, name, depths[name], "ultra")
            ultra -= needed
            continue
        for part in split(depths[name], widths[name]):
            insert_fifo(graph, name, part, "auto")
    return depths


def split(depth: int, width: int) -> list[int]:
    """A depth in one part or two that together take fewer block memories: these hold powers of two of words."""
    whole = [(1 << k) + REGISTERS for k in range(9, depth.bit_length())]
    choices = [[depth], *([depth - part, part] for part in whole if part + MARGIN_BEATS < depth)]
    return min(choices, key=lambda parts: sum(block_memories(part - REGISTERS, width) for part in parts))


def fullest(depth: int) -> int:
    """Most beats that the schedule lets wait in a FIFO of that depth."""
    return math.floor((depth - MARGIN_BEATS) / MARGIN_SHARE)


def _room(unit: Facts, output: int, taker: Facts) -> int:
    """Beats that wait on an edge without a FIFO and do no harm: in front of a join none but the one it looks at."""
    return 1 if len(taker.stream_inputs) > 1 else PIXELS * int(unit.get_folded_output_shape(output)[-2])
