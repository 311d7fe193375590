"""Lanes for a rate on a device: the fewest LUTs with which every unit keeps up, FIFOs where beats wait.

A unit's cost does not depend on its neighbours' but for converters, so the fewest LUTs are each unit's own. DSP slices
are shared by all: where there are too few, a slice makes the products of two channels, or products go into logic, those
first that cost the fewest LUTs a slice.
"""

from __future__ import annotations

import copy
import itertools
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from qonnx.core.modelwrapper import ModelWrapper

from bitpan.build.boards import Board
from bitpan.build.finn import flow as finn_flow
from bitpan.build.finn import shell
from bitpan.build.finn.fifo import insert_fifos
from bitpan.build.finn.repeat import repeated
from bitpan.build.finn.timing import Schedule, schedule, slowest
from bitpan.errors import FitError
from bitpan.hw.operators.facts import Facts

TARGETS = (*range(1, 13), *range(14, 25, 2), 27, 30, 32, 36, 48, 54, 64, 72, 96, 108, 144, 216, 288)
"""Cycles per pixel that are tried, fastest first, when none is asked for."""

SHARE = {"LUT": 0.9, "DSP": 1.0, "BRAM_18K": 0.95, "URAM": 1.0}
"""Share of a device that the estimates may fill: place and route wants the rest."""


@dataclass(frozen=True)
class Folding:
    """A graph whose units have lanes, converters and FIFOs.

    Attributes:
        target: cycles per PAN pixel that it is folded for.
        graph: the FINN graph.
        times: its schedule.
        fifos: depth by edge.
        estimates: resources and cycles by node, what surrounds the graph included.
        spared: whether block memory lacked at first.
    """

    target: int
    graph: ModelWrapper
    times: Schedule
    fifos: Mapping[str, int]
    estimates: Mapping[str, Mapping[str, float]]
    spared: bool = False

    @property
    def totals(self) -> dict[str, float]:
        """Estimated resources of all of it."""
        return _totals(self.estimates)

    def lacking(self, board: Board) -> dict[str, float]:
        """By how much the totals exceed what may be filled of a board, by resource that they exceed."""
        return _lacking(self.totals, allowed(board))


def allowed(board: Board) -> dict[str, float]:
    """What may be filled of a board."""
    return {key: SHARE[key] * count for key, count in board.device.items()}


def fold(graph: ModelWrapper, target: int, board: Board) -> Folding:
    """Fold a copy of ``graph`` for ``target`` cycles per PAN pixel.

    Where block memory lacks, FIFOs and convolutions' lines go into LUTs, or units that may be there twice are, whatever
    takes fewer LUTs.
    """

    def folded(graph: ModelWrapper) -> Folding:
        return _spare_memories(_with_fifos(_with_lanes(graph, target, board), target, board), board)

    def shortage(found: Folding) -> tuple[float, float]:
        return sum(found.lacking(board).values()), found.totals["LUT"]

    found = folded(graph)
    return min(found, folded(repeated(graph)), key=shortage) if found.spared else found


def _with_lanes(graph: ModelWrapper, target: int, board: Board) -> ModelWrapper:
    """A copy whose units have lanes, and converters between them."""
    graph = copy.deepcopy(graph)
    units = [finn_flow.instance(node) for node in graph.graph.node]
    for unit in units:
        unit.fold(target * math.prod(graph.get_tensor_shape("pan")))
        unit.follow(graph)
    _spare(units, "DSP", sum(unit.dsp_estimation("") for unit in units) - allowed(board)["DSP"])
    return finn_flow.insert_width_converters(graph)


def _with_fifos(graph: ModelWrapper, target: int, board: Board) -> Folding:
    fifos = insert_fifos(graph, schedule(graph, paced=True), ultra=board.uram)
    return Folding(target, graph, schedule(graph), fifos, _estimates(graph, board))


def _spare(units: Iterable[Facts], resource: str, lacking: float, room: float = math.inf) -> None:
    """Do without so much of a resource, where it takes the fewest LUTs first, as far as there is ``room`` for them."""
    found = [(unit, *unit.saving(resource)) for unit in units]
    choices = [(luts / saved, saved, luts, unit) for unit, saved, luts in found if saved > 0]
    for _, saved, luts, unit in sorted(choices, key=lambda choice: choice[0]):
        if lacking > 0 and luts <= room:
            unit.spare(resource)
            lacking, room = lacking - saved, room - luts


def _spare_memories(found: Folding, board: Board) -> Folding:
    """FIFOs and lines into LUTs until block memories suffice, as far as LUTs go."""
    lacking = found.lacking(board).get("BRAM_18K", 0.0)
    if not lacking:
        return found
    room = min(allowed(board)["LUT"] - found.totals["LUT"], SHARE["LUT"] * board.lutram)
    _spare([finn_flow.instance(node) for node in found.graph.graph.node], "BRAM_18K", lacking, room)
    return replace(found, estimates=_estimates(found.graph, board), spared=True)


def fastest(graph: ModelWrapper, board: Board, name: str) -> Folding:
    """The fastest folding whose estimates fit the board.

    Raises:
        FitError: none does: by how much of which resource, and what would.
    """
    limits = allowed(board)
    for target, slower in itertools.pairwise((*TARGETS, sys.maxsize)):
        lanes = _with_lanes(graph, target, board)
        if slowest(lanes) >= slower:  # a unit that no lanes make faster
            continue
        lacking = _lacking(_totals(_estimates(lanes, board)), limits)
        if lacking and target != TARGETS[-1]:
            continue
        found = fold(graph, target, board)
        lacking = found.lacking(board)
        if not lacking:
            return found
        if not {"LUT", "DSP"} & lacking.keys():  # memory alone: slower ones need as much of it
            break
    scarce = max(lacking, key=lambda key: lacking[key] / max(limits[key], 1))
    raise FitError(
        f"{name} does not fit {board.name}: folded for {target} cycles a pixel it needs {found.totals[scarce]:,.0f} "
        f"{scarce}, {lacking[scarce]:,.0f} more than the {limits[scarce]:,.0f} of {board.device[scarce]:,} that may be "
        f"filled; build narrower strips than {graph.get_tensor_shape('pan')[2]} pixels (--frame), take a larger board, "
        "or name --cycles-per-pixel to build it all the same",
        lacking,
    )


def _estimates(graph: ModelWrapper, board: Board) -> dict[str, dict[str, float]]:
    """Of all nodes, and of what surrounds them."""
    bands = graph.get_tensor_shape("ms")[-1]
    return {**finn_flow.estimates(graph, board.part), **shell.estimates(board, bands)}


def _totals(estimates: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {key: sum(entry[key] for entry in estimates.values()) for key in SHARE}


def _lacking(totals: Mapping[str, float], limits: Mapping[str, float]) -> dict[str, float]:
    return {key: totals[key] - limit for key, limit in limits.items() if totals[key] > limit}
