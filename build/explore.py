"""What a network costs on a board at every rate: the front of rate against each resource.

Every folding is estimated from the units' costs; nothing is synthesised here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bitpan.build.boards import Board
from bitpan.build.finn import flow as finn_flow
from bitpan.build.finn.folding import SHARE, TARGETS, allowed, fold
from bitpan.build.finn.integer_graph import integer_graph
from bitpan.model import IntegerModel

RESOURCES = tuple(SHARE)


@dataclass(frozen=True)
class Point:
    """A folding of a network for a board.

    Attributes:
        target: cycles per PAN pixel that it is folded for.
        cycles: cycles per PAN pixel, frame to frame.
        megapixels: PAN pixels of frames a second at the board's clock, in millions.
        used: estimated resources, by FINN's names.
        lacking: by how much they exceed what may be filled; empty: it fits.
    """

    target: int
    cycles: float
    megapixels: float
    used: dict[str, float]
    lacking: dict[str, float]


def explore(
    model: IntegerModel,
    board: Board,
    frame: tuple[int, int],
    targets: Sequence[int] = TARGETS,
    progress: Callable[[str], None] = lambda what: None,
) -> list[Point]:
    """The foldings of ``model`` for frames of ``(height, width)`` PAN pixels, fastest first, each rate once."""
    points: dict[float, Point] = {}
    with tempfile.TemporaryDirectory(prefix="bitpan-explore-") as work:
        finn_flow.set_up(Path(work))
        graph = finn_flow.specialise(integer_graph(model, *frame), board.part)
        for target in targets:
            found = fold(graph, target, board)
            cycles = found.times.period / (frame[0] * frame[1])
            progress(f"{board.name}, folded for {target} cycles a pixel: {found.totals['LUT']:,.0f} LUT")
            point = Point(target, cycles, board.clock_mhz / cycles, found.totals, found.lacking(board))
            points[round(cycles, 3)] = point
    return list(points.values())


def front(points: Iterable[Point], resource: str) -> list[Point]:
    """Those that no other beats in rate without taking more of the resource, fastest first."""
    best: list[Point] = []
    for point in sorted(points, key=lambda point: (point.cycles, point.used[resource])):
        if not best or point.used[resource] < best[-1].used[resource]:
            best.append(point)
    return best


def table(points: Sequence[Point], board: Board) -> str:
    """The points as text; what is marked does not fit."""
    limits, held = allowed(board), board.device
    shown = [key for key in RESOURCES if held[key]]
    fronts = {key: front(points, key) for key in shown}
    lines = [f"{'cycles':>8} {'Mpixel/s':>9} " + " ".join(f"{key:>16}" for key in shown)]
    for point in points:
        cells = []
        for key in shown:
            mark = "!" if key in point.lacking else "*" if point in fronts[key] else " "
            cells.append(f"{point.used[key]:>9,.0f} {point.used[key] / held[key]:>4.0%}{mark}")
        lines.append(f"{point.cycles:>8.2f} {point.megapixels:>9.2f} " + " ".join(f"{cell:>16}" for cell in cells))
    may = ", ".join(f"{limits[key]:,.0f} {key}" for key in shown)
    return "\n".join([*lines, f"of {board.name} may be filled {may}; * on the front of rate against it, ! too many"])


def draw(found: dict[str, Sequence[Point]], boards: Sequence[Board], path: Path) -> None:
    """A picture: the front of rate against each resource's share, a line a board, what does not fit hollow."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7), layout="constrained")
    for axes, key in zip(figure.subplots(2, 2).flat, RESOURCES, strict=True):
        for board in boards:
            held = board.device[key]
            if not held:
                continue
            points = front(found[board.name], key)
            rates, shares = [p.megapixels for p in points], [p.used[key] / held for p in points]
            (line,) = axes.plot(rates, shares, "-", lw=1, label=board.name)
            filled = ["none" if p.lacking else line.get_color() for p in points]
            axes.scatter(rates, shares, s=24, facecolors=filled, edgecolors=line.get_color())
        axes.axhline(SHARE[key], color="0.5", lw=0.8, ls="--")
        axes.set(title=key, xlabel="Mpixel/s", xscale="log", ylim=(0, 1.6), ylabel="share of the device")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
