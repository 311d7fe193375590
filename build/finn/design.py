"""From the integer model to a design: FINN graph, folding, FIFOs, Verilog, estimates, each step compared."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qonnx.core.modelwrapper import ModelWrapper

from bitpan.build.boards import Board
from bitpan.build.finn import flow as finn_flow
from bitpan.build.finn.folding import fastest, fold
from bitpan.build.finn.integer_graph import integer_graph
from bitpan.build.finn.stitch import TOP, UNITS, Top, assign_addresses
from bitpan.compare import Compared, random_case
from bitpan.hw.sources import unit_sources
from bitpan.model import IntegerModel


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
        estimates: by node, what surrounds the graph included.
        totals: of the resources.
        compared: steps that were compared with the integer model, in order.
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
    estimates: Mapping[str, Mapping[str, float]]
    totals: Mapping[str, float]
    compared: list[Compared]


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
    steps: list[Compared] = []

    def compared(step: str, graph: ModelWrapper) -> ModelWrapper:
        progress(step)
        steps.append(finn_flow.check(graph, model, case, expected, step))
        return graph

    graph = compared("integer graph", integer_graph(model, height, width))
    graph = compared("RTL nodes", finn_flow.specialise(graph, board.part))
    progress("folding")
    folding = fold(graph, target, board) if target else fastest(graph, board, model.name)
    graph = compared("folding, width converters, FIFOs", folding.graph)
    progress("Verilog")
    registers = assign_addresses(graph, model)
    signature = int(model.digest()[-8:], 16)
    generated = finn_flow.generate(graph, folder / "nodes", board.part, 1000 / board.clock_mhz)
    (top := folder / f"{TOP}.v").write_text(Top(graph, model, signature).verilog())
    return Design(
        model,
        height,
        width,
        graph,
        registers=registers,
        sources=[*_ordered(generated), top],
        signature=signature,
        target=folding.target,
        latency=folding.times.latency,
        period=folding.times.period,
        fifos=dict(folding.fifos),
        estimates=folding.estimates,
        totals=folding.totals,
        compared=steps,
    )


def _ordered(generated: Sequence[Path]) -> list[Path]:
    """What the top and the nodes are made of."""
    return packages_first([*(file for unit in UNITS for file in unit_sources(unit)), *generated])


def packages_first(files: Iterable[Path]) -> list[Path]:
    """Every file once, packages before the others, which keep their order."""
    unique = dict.fromkeys(file.resolve() for file in files)
    return sorted(unique, key=lambda file: not file.stem.endswith("_pkg"))
