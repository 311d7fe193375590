"""A dataflow graph as SVG: layers from top to bottom, branches side by side, skips in a column of their own.

Layers are the longest ways from the inputs. An edge that passes layers has a point in each of them, which takes part in
the order within the layer (barycentres of the neighbours, swept down and up) and in the places (each layer's as near
to the wanted ones as its order and the gaps allow: an isotonic regression).
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

BOX = 148, 34
"""Width and height of a box."""

_GAP, _ROW, _MARGIN, _SLOT = 18, 64, 12, 22
_SWEEPS = 24


@dataclass(frozen=True)
class Box:
    """A unit: its name in the graph, two lines of text, what a pointer is told, and a class of the style sheet."""

    name: str
    kind: str
    label: str
    title: str
    style: str = ""


@dataclass(frozen=True)
class Edge:
    """A stream from one box to another, the waiting room on it for people ("" if there is none), and its title."""

    source: str
    target: str
    room: str
    title: str


def draw(boxes: Sequence[Box], edges: Sequence[Edge]) -> str:
    """The graph as an ``<svg>`` element; ``boxes`` in an order in which each comes behind those it depends on."""
    layer = _layers(boxes, edges)
    ways = [_way(number, edge, layer) for number, edge in enumerate(edges)]
    layers = _ordered(boxes, layer, ways)
    x = _places(layers, ways)
    width = max(x[point] + _half(point) for row in layers for point in row) + _MARGIN
    height = len(layers) * _ROW - (_ROW - BOX[1]) + 2 * _MARGIN
    lines = [_edge(edge, way, x, layer) for edge, way in zip(edges, ways, strict=True)]
    drawn = [_box(box, x[box.name], layer[box.name]) for box in boxes]
    return (
        f'<svg class="graph" width="{width:.0f}" height="{height}" '
        f'viewBox="0 0 {width:.0f} {height}" role="img">\n' + "\n".join([*lines, *drawn]) + "\n</svg>"
    )


Point = str | tuple[int, int]
"""A box's name, or an edge's number and a layer that it passes."""


def _half(point: Point) -> float:
    return (BOX[0] if isinstance(point, str) else _SLOT) / 2


def _layers(boxes: Sequence[Box], edges: Sequence[Edge]) -> dict[str, int]:
    """The longest way to each box; what joins nothing comes as late as its readers allow, beside what it is for."""
    before, behind = defaultdict(list), defaultdict(list)
    for edge in edges:
        before[edge.target].append(edge.source)
        behind[edge.source].append(edge.target)
    layer: dict[str, int] = {}
    for box in boxes:
        layer[box.name] = max((layer[name] + 1 for name in before[box.name]), default=0)
    for box in reversed(boxes):
        if behind[box.name] and len(before[box.name]) < 2:
            layer[box.name] = min(layer[name] for name in behind[box.name]) - 1
    return layer


def _way(number: int, edge: Edge, layer: Mapping[str, int]) -> list[Point]:
    passed = range(layer[edge.source] + 1, layer[edge.target])
    return [edge.source, *((number, at) for at in passed), edge.target]


def _ordered(boxes: Sequence[Box], layer: Mapping[str, int], ways: Sequence[Sequence[Point]]) -> list[list[Point]]:
    """Points of each layer from left to right."""
    rows: list[list[Point]] = [[] for _ in range(max(layer.values()) + 1)]
    for box in boxes:
        rows[layer[box.name]].append(box.name)
    for way in ways:
        for point in way[1:-1]:
            assert isinstance(point, tuple)
            rows[point[1]].append(point)
    above, below = _neighbours(ways)
    for sweep in range(_SWEEPS):
        near = below if sweep % 2 else above
        order = reversed(rows) if sweep % 2 else rows
        rank = {point: _rank(row, i) for row in rows for i, point in enumerate(row)}
        for row in order:
            wanted = {p: sum(rank[q] for q in near[p]) / len(near[p]) if near[p] else rank[p] for p in row}
            row.sort(key=lambda point: wanted[point])
            rank |= {point: _rank(row, i) for i, point in enumerate(row)}
    return rows


def _rank(row: Sequence[Point], i: int) -> float:
    """Of the points of a layer, around zero, so that narrow layers lie in the middle of wide ones."""
    return i - (len(row) - 1) / 2


def _neighbours(ways: Sequence[Sequence[Point]]) -> tuple[dict[Point, list[Point]], dict[Point, list[Point]]]:
    above, below = defaultdict(list), defaultdict(list)
    for way in ways:
        for upper, lower in itertools.pairwise(way):
            below[upper].append(lower)
            above[lower].append(upper)
    return above, below


def _places(rows: Sequence[Sequence[Point]], ways: Sequence[Sequence[Point]]) -> dict[Point, float]:
    """The middle of each point, from the left.

    Boxes want to stand between those next to them. What passes layers at first gives way to boxes, then keeps straight
    at its outermost place, and boxes give way.
    """
    near = _beside(ways)
    x: dict[Point, float] = {}
    for row in rows:
        x |= dict(zip(row, _spread(row, [0.0] * len(row), [1.0] * len(row)), strict=True))
    passing = {point: way for way in ways for point in way[1:-1]}
    for sweep in range(2 * _SWEEPS):
        straight = sweep >= _SWEEPS
        goals = {id(way): _column(way, x, straight) for way in ways if len(way) > 2}
        for row in reversed(rows) if sweep % 2 else rows:
            wanted = [goals[id(passing[p])] if p in passing else sum(x[q] for q in near[p]) / len(near[p]) for p in row]
            weights = [(10.0 if straight else 0.01) if p in passing else 1.0 for p in row]
            x |= dict(zip(row, _spread(row, wanted, weights), strict=True))
    left = min(place - _half(point) for point, place in x.items()) - _MARGIN
    return {point: place - left for point, place in x.items()}


def _beside(ways: Sequence[Sequence[Point]]) -> dict[Point, list[Point]]:
    """Boxes next to each box, a layer away; where there is none, those farther away."""
    short: dict[Point, list[Point]] = defaultdict(list)
    far: dict[Point, list[Point]] = defaultdict(list)
    for way in ways:
        found = short if len(way) == 2 else far
        found[way[0]].append(way[-1])
        found[way[-1]].append(way[0])
    return {**far, **short}


def _column(way: Sequence[Point], x: Mapping[Point, float], straight: bool) -> float:
    """Where what passes layers wants to be: beside its ends, or straight at its outermost place."""
    ends, places = (x[way[0]] + x[way[-1]]) / 2, [x[point] for point in way[1:-1]]
    middle = sum(places) / len(places)
    if not straight:
        return ends + 0.5 * (middle - ends)
    return max(places) if middle > ends else min(places)


def _spread(row: Sequence[Point], wanted: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The places nearest to the wanted ones, in least squares, that keep the order and the gaps."""
    offsets, at = [], 0.0
    for i, point in enumerate(row):
        at += (_half(row[i - 1]) + _GAP + _half(point)) if i else 0.0
        offsets.append(at)
    blocks: list[tuple[float, float, int]] = []  # place, weight, points: those that touch move together
    for want, weight, offset in zip(wanted, weights, offsets, strict=True):
        block = (want - offset, weight, 1)
        while blocks and blocks[-1][0] >= block[0]:
            place, heavy, count = blocks.pop()
            total = heavy + block[1]
            block = ((place * heavy + block[0] * block[1]) / total, total, count + block[2])
        blocks.append(block)
    starts = [place for place, _, count in blocks for _ in range(count)]
    return [start + offset for start, offset in zip(starts, offsets, strict=True)]


def _edge(edge: Edge, way: Sequence[Point], x: Mapping[Point, float], layer: Mapping[str, int]) -> str:
    """A curve through the points of its way, and in its middle what waits on it."""
    first = layer[edge.source]
    heights = [_MARGIN + (first + i) * _ROW + BOX[1] / 2 for i in range(len(way))]
    heights[0] += BOX[1] / 2
    heights[-1] -= BOX[1] / 2
    spots = [(x[point], height) for point, height in zip(way, heights, strict=True)]
    path = f"M{spots[0][0]:.0f} {spots[0][1]:.0f}"
    for (a, top), (b, bottom) in itertools.pairwise(spots):
        bend = "" if abs(a - b) < 1 else f"C{a:.0f} {(top + bottom) / 2:.0f} {b:.0f} {(top + bottom) / 2:.0f} "
        path += f"{bend or 'L'}{b:.0f} {bottom:.0f}"
    (a, top), (b, bottom) = spots[(len(spots) - 1) // 2], spots[len(spots) // 2]
    text = _room(edge.room, (a + b) / 2, (top + bottom) / 2) if edge.room else ""
    style = "skip" if len(way) > 2 else "edge"
    return f'<g class="{style}"><title>{escape(edge.title)}</title><path d="{path}"/>{text}</g>'


def _room(text: str, x: float, y: float) -> str:
    wide = 6 * len(text) + 10
    return (
        f'<rect class="room" x="{x - wide / 2:.0f}" y="{y - 8:.0f}" width="{wide}" height="16" rx="8"/>'
        f'<text class="room" x="{x:.0f}" y="{y + 4:.0f}">{escape(text)}</text>'
    )


def _box(box: Box, middle: float, layer: int) -> str:
    left, top = middle - BOX[0] / 2, _MARGIN + layer * _ROW
    return (
        f'<g class="box {box.style}"><title>{escape(box.title)}</title>'
        f'<rect x="{left:.0f}" y="{top}" width="{BOX[0]}" height="{BOX[1]}" rx="5"/>'
        f'<text class="kind" x="{middle:.0f}" y="{top + 14}">{escape(box.kind)}</text>'
        f'<text class="name" x="{middle:.0f}" y="{top + 27}">{escape(box.label)}</text></g>'
    )
