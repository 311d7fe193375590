"""From the integer model to a design: FINN graph, folding, FIFOs, Verilog, estimates, each step compared."""

from __future__ import annotations

import copy
import itertools
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper

from bitpan.build.boards import Board
from bitpan.build.finn import flow as finn_flow
from bitpan.build.finn.fifo import insert_fifos
from bitpan.build.finn.integer_graph import integer_graph
from bitpan.build.finn.stitch import TOP, UNITS, Top, assign_addresses
from bitpan.build.finn.timing import Schedule, schedule
from bitpan.compare import random_case
from bitpan.errors import BuildError
from bitpan.hw.sources import unit_sources
from bitpan.model import IntegerModel

TARGETS = (1, 2, 4, 6, 9, 12, 18, 36, 72, 144, 288)
"""Cycles per pixel that are tried, fastest first, when none is asked for."""

SHARE = {"LUT": 0.7, "DSP": 0.9, "BRAM_18K": 0.9}
"""Share of a device that the estimates may fill: place and route and the DMAs want the rest."""


@dataclass
class Design:
    """A compiled accelerator.

    Attributes:
        model, height, width: what it computes, for PAN frames of this size.
        graph: the finished FINN graph (a qonnx ModelWrapper).
        registers: word address and count of each scene parameter.
        sources: Verilog files in order of compilation, the top last.
        signature: low 32 bits of the model's digest.
        target: cycles per pixel it was folded for.
        latency: estimated cycles of a frame alone, from its first input beat to its last output beat.
        period: estimated cycles from frame to frame when they follow each other.
        fifos: depth by edge.
        estimates: FINN's, by node.
    """

    model: IntegerModel
    height: int
    width: int
    graph: ModelWrapper
    registers: dict[str, dict[str, int]]
    sources: list[Path]
    signature: int
    target: int
    latency: int
    period: int
    fifos: dict[str, int]
    estimates: dict[str, dict[str, float]]

    def totals(self) -> dict[str, float]:
        """Estimated resources of all nodes."""
        return {key: sum(entry[key] for entry in self.estimates.values()) for key in ("LUT", "DSP", "BRAM_18K", "URAM")}


def compile_model(
    model: IntegerModel,
    height: int,
    width: int,
    board: Board,
    folder: Path,
    target: int | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> Design:
    """Compile ``model`` for PAN frames of ``height`` x ``width`` and write its Verilog into ``folder``.

    Args:
        model: the network in integers.
        height, width: of a frame.
        board: decides the device's limits and the clock.
        folder: for the Verilog; is emptied.
        target: cycles per PAN pixel; default: the fastest that fits the board by the estimates.
        progress: told each step.

    Raises:
        MismatchError: a step changed a number.
        BuildError: a step could not be done, or no target fits.
    """
    shutil.rmtree(folder, ignore_errors=True)
    finn_flow.set_up(folder / "finn")
    graph = _hardware_graph(model, height, width, board, progress)
    progress("folding")
    target = target or _fastest(graph, model, board)
    return _finish(_Case(model, height, width, board, folder, progress), graph, target)


@dataclass
class _Case:
    model: IntegerModel
    height: int
    width: int
    board: Board
    folder: Path
    progress: Callable[[str], None]

    def checker(self) -> Callable[[str, ModelWrapper], None]:
        """A function that compares a graph with the model, after telling of the step."""
        case = random_case(self.model, self.height, self.width, seed=1)
        expected = finn_flow.reference(self.model, case)

        def step(name: str, graph: ModelWrapper) -> None:
            self.progress(name)
            finn_flow.check(graph, self.model, case, expected, name)

        return step


def _hardware_graph(
    model: IntegerModel, height: int, width: int, board: Board, progress: Callable[[str], None]
) -> ModelWrapper:
    step = _Case(model, height, width, board, Path(), progress).checker()
    graph = integer_graph(model, height, width)
    step("integer graph", graph)
    graph = finn_flow.specialise(graph, board.part)
    step("RTL nodes", graph)
    return graph


def _folded(graph: ModelWrapper, target: int) -> ModelWrapper:
    """A copy whose units have the lanes for ``target`` cycles per PAN pixel, with converters between them."""
    graph = copy.deepcopy(graph)
    units = [finn_flow.instance(node) for node in graph.graph.node]
    for unit in units:
        unit.fold(target * int(np.prod(graph.get_tensor_shape("pan"))))
    for unit in reversed(units):
        unit.follow(graph)
    return finn_flow.insert_width_converters(graph)


def _with_fifos(graph: ModelWrapper) -> tuple[ModelWrapper, Schedule, dict[str, int]]:
    fifos = insert_fifos(graph, schedule(graph, paced=True))
    return graph, schedule(graph), fifos


def _fastest(graph: ModelWrapper, model: IntegerModel, board: Board) -> int:
    """The fastest target whose estimates fit the board."""
    device = {"LUT": board.lut, "DSP": board.dsp, "BRAM_18K": 2 * board.bram36}
    limits = {key: SHARE[key] * count for key, count in device.items()}
    for target, slower in itertools.pairwise((*TARGETS, sys.maxsize)):
        folded, times, _ = _with_fifos(_folded(graph, target))
        if times.interval >= slower:  # a unit that no lanes make faster
            continue
        found = finn_flow.estimates(folded, board.part)
        sums = {key: sum(entry[key] for entry in found.values()) for key in limits}
        if all(sums[key] <= limit for key, limit in limits.items()):
            return target
    scarce = max(limits, key=lambda key: sums[key] / limits[key])
    raise BuildError(
        f"{model.name} does not fit {board.name}: folded for {target} cycles a pixel it needs {sums[scarce]:,.0f} "
        f"{scarce} of {device[scarce]:,}, {SHARE[scarce]:.0%} of which may be filled; export smaller frames, take a "
        "larger board, or name --cycles-per-pixel to build it all the same"
    )


def _finish(case: _Case, graph: ModelWrapper, target: int) -> Design:
    graph, times, fifos = _with_fifos(_folded(graph, target))
    case.checker()("folding, width converters, FIFOs", graph)
    case.progress("Verilog")
    registers = assign_addresses(graph, case.model)
    signature = int(case.model.digest()[-8:], 16)
    generated = finn_flow.generate(graph, case.folder / "nodes", case.board.part, 1000 / case.board.clock_mhz)
    top = case.folder / f"{TOP}.v"
    top.write_text(Top(graph, case.model, signature).verilog())
    return Design(
        model=case.model,
        height=case.height,
        width=case.width,
        graph=graph,
        registers=registers,
        sources=[*_ordered(generated), top],
        signature=signature,
        target=target,
        latency=times.latency,
        period=times.period,
        fifos=fifos,
        estimates=finn_flow.estimates(graph, case.board.part),
    )


def _ordered(generated: dict[str, list[Path]]) -> Iterator[Path]:
    """Every source once, packages first."""
    files = [file for unit in UNITS for file in unit_sources(unit)]
    files += [file for sources in generated.values() for file in sources]
    unique = list(dict.fromkeys(file.resolve() for file in files))
    yield from sorted(unique, key=lambda file: not file.stem.endswith("_pkg"))
