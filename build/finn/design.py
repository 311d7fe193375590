"""From the integer model to a design: FINN graph, folding, FIFOs, Verilog, estimates, each step compared."""

from __future__ import annotations

import copy
import itertools
import shutil
import sys
from collections.abc import Callable, Sequence
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
    case = random_case(model, height, width, seed=1)
    expected = finn_flow.reference(model, case)

    def compared(step: str, graph: ModelWrapper) -> ModelWrapper:
        progress(step)
        finn_flow.check(graph, model, case, expected, step)
        return graph

    graph = compared("integer graph", integer_graph(model, height, width))
    graph = compared("RTL nodes", finn_flow.specialise(graph, board.part))
    progress("folding")
    target = target or _fastest(graph, model, board)
    graph, times, fifos = _folded(graph, target)
    compared("folding, width converters, FIFOs", graph)
    progress("Verilog")
    registers = assign_addresses(graph, model)
    signature = int(model.digest()[-8:], 16)
    generated = finn_flow.generate(graph, folder / "nodes", board.part, 1000 / board.clock_mhz)
    top = folder / f"{TOP}.v"
    top.write_text(Top(graph, model, signature).verilog())
    return Design(
        model,
        height,
        width,
        graph,
        registers=registers,
        sources=[*_ordered(generated), top],
        signature=signature,
        target=target,
        latency=times.latency,
        period=times.period,
        fifos=fifos,
        estimates=finn_flow.estimates(graph, board.part),
    )


def _folded(graph: ModelWrapper, target: int) -> tuple[ModelWrapper, Schedule, dict[str, int]]:
    """A copy with lanes for ``target`` cycles per PAN pixel, converters and FIFOs; its schedule; the FIFOs' depths."""
    graph = copy.deepcopy(graph)
    units = [finn_flow.instance(node) for node in graph.graph.node]
    for unit in units:
        unit.fold(target * int(np.prod(graph.get_tensor_shape("pan"))))
    for unit in reversed(units):
        unit.follow(graph)
    graph = finn_flow.insert_width_converters(graph)
    fifos = insert_fifos(graph, schedule(graph, paced=True))
    return graph, schedule(graph), fifos


def _fastest(graph: ModelWrapper, model: IntegerModel, board: Board) -> int:
    """The fastest target whose estimates fit the board."""
    device = {"LUT": board.lut, "DSP": board.dsp, "BRAM_18K": 2 * board.bram36}
    limits = {key: SHARE[key] * count for key, count in device.items()}
    for target, slower in itertools.pairwise((*TARGETS, sys.maxsize)):
        folded, times, _ = _folded(graph, target)
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


def _ordered(generated: Sequence[Path]) -> list[Path]:
    """Every source once, packages first."""
    files = [*(file for unit in UNITS for file in unit_sources(unit)), *generated]
    unique = dict.fromkeys(file.resolve() for file in files)
    return sorted(unique, key=lambda file: not file.stem.endswith("_pkg"))
