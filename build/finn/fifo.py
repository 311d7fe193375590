"""FIFO depths from the graph: room for what the long way round must swallow before its first result.

Where a stream is duplicated and its copies meet again, the direct copy waits until the other has been through windows
and matrix-vector units. Too little room there stops both for ever: the duplicator cannot feed the long way while the
short one is full. The residual of a block waits for its window unit (a line and two pixels), the upsampled MS for all
blocks together.
"""

from __future__ import annotations

import math

from qonnx.core.modelwrapper import ModelWrapper

from bitpan.build.finn.flow import insert_fifo, instance
from bitpan.build.finn.timing import Schedule

MARGIN_BEATS = 16
MARGIN_SHARE = 1.05
"""Room beyond the schedule's fullest moment: units' internal registers, bursts at the ends of lines."""


def insert_fifos(graph: ModelWrapper, times: Schedule) -> dict[str, int]:
    """One on each edge from a unit of several outputs to one that joins several inputs; returns depths by tensor."""
    found = {}
    for node in graph.graph.node:
        for name in node.output if len(node.output) > 1 else ():
            if len(instance(graph.find_consumers(name)[0]).stream_inputs) > 1:
                found[name] = math.ceil(times.occupancy(name) * MARGIN_SHARE) + MARGIN_BEATS
    for tensor, depth in found.items():
        insert_fifo(graph, tensor, depth)
    return found
