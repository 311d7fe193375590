"""What a network computes for a PAN pixel and what it moves, against what units and memory can do: the roofline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bitpan.build.boards import Board
from bitpan.build.finn import flow as finn_flow
from bitpan.build.finn.design import Design
from bitpan.model import IntegerModel, Node
from bitpan.registers import ELEMENT_BITS

KINDS = ("binary", "integer")
"""Of operations: of products of signs, and of products of integers."""

BUSES = (64, 128)
"""Bits of the memory ports that are drawn."""

_WIDTH, _HEIGHT = 560, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 28, 16, 40


def products(model: IntegerModel, node: Node) -> float:
    """Products that a convolution computes for a PAN pixel; 0 for other operations.

    What is zero for all filters is left out, as hardware leaves it out.
    """
    weights = model.constants.get(f"{node.name}.weights")
    if weights is None:
        return 0.0
    taken = np.any(weights != 0, axis=0).sum() * len(weights)
    return float(taken) / model.tensors[node.output].stride ** 2


def kind(node: Node) -> str:
    """Of :data:`KINDS`."""
    return KINDS[0] if node.op == "binary_conv" else KINDS[1]


def traffic(model: IntegerModel) -> float:
    """Bytes that cross the memory port for a PAN pixel: PAN and MS in, fused out, 16 bits an element."""
    return (1 + model.bands / model.ratio**2 + model.bands) * ELEMENT_BITS / 8


@dataclass(frozen=True)
class Load:
    """Of one kind of operation; a product counts as two, as it is added besides.

    Attributes:
        operations: for a PAN pixel.
        done: a second, at the accelerator's pace.
        peak: a second, if every unit worked in every clock.
    """

    operations: float
    done: float
    peak: float


def loads(design: Design, board: Board) -> dict[str, Load]:
    """By kind, of those kinds that the network has."""
    pixels, hertz = design.height * design.width, 1e6 * board.clock_mhz
    found = {}
    for name in KINDS:
        mine = [(node, products(design.model, node)) for node in design.model.nodes if kind(node) == name]
        units: dict[str, float] = {}
        for node, count in mine:
            if count:
                unit = design.graph.find_producer(node.output)
                units[unit.name] = units.get(unit.name, 0.0) + count
        clocks = {unit: finn_flow.instance(design.graph.get_node_from_name(unit)).clocks() for unit in units}
        each = 2 * sum(units.values())
        peak = sum(2 * count * pixels / clocks[unit] for unit, count in units.items()) * hertz
        if each:
            found[name] = Load(each, each * pixels / design.period * hertz, peak)
    return found


def roofs(board: Board) -> dict[str, float]:
    """Bytes a second of the board's memory and of memory ports at its clock, by their names for people."""
    ports = {f"port of {bits} bits": bits / 8 * 1e6 * board.clock_mhz for bits in BUSES}
    return {"board's memory": 1e9 * board.memory_gbytes, **ports}


def draw(found: Mapping[str, Load], moved: float, board: Board) -> str:
    """As an ``<svg>`` element, both axes logarithmic; ``moved``: bytes for a PAN pixel."""
    rates = [rate for load in found.values() for rate in (load.done, load.peak)]
    x = _Axis(1, 3 * max(load.operations for load in found.values()) / moved, _LEFT, _WIDTH - _RIGHT)
    y = _Axis(min(rates) / 20, max(rates) * 3, _HEIGHT - _BOTTOM, _TOP)
    parts = [_line("grid", x(value), y(y.low), x(value), y(y.high)) for value in x.decades]
    parts += [_line("grid", x(x.low), y(value), x(x.high), y(value)) for value in y.decades]
    parts += [_text("tick", x(value), _HEIGHT - 24, f"{value:g}") for value in x.decades]
    parts += [_text("tick end", _LEFT - 5, y(value) + 4, f"{value / 1e9:g}") for value in y.decades]
    parts.append(_text("tick", (_LEFT + _WIDTH) / 2, _HEIGHT - 7, "operations a byte of the memory port"))
    parts.append(_text("tick start", 2, 10, "Gop/s"))
    for number, (name, slope) in enumerate(roofs(board).items()):
        start, end = max(x.low, y.low / slope), min(x.high, y.high / slope)
        parts.append(_line(f"roof r{number}", x(start), y(start * slope), x(end), y(end * slope)))
        key = _HEIGHT - _BOTTOM - 44 + 16 * number
        parts.append(_line(f"roof r{number}", _WIDTH - 210, key, _WIDTH - 180, key))
        parts.append(_text("roof", _WIDTH - 174, key + 4, f"{name}, {slope / 1e9:.1f} GB/s"))
    for name, load in found.items():
        at = load.operations / moved
        parts.append(_line(name, x(x.low), y(load.peak), x(x.high), y(load.peak)))
        parts.append(_line(f"{name} drop", x(at), y(load.done), x(at), y(y.low)))
        parts.append(f'<circle class="{name}" cx="{x(at):.1f}" cy="{y(load.done):.1f}" r="5"/>')
        told = f"{name}: {load.done / 1e9:,.1f} of {load.peak / 1e9:,.1f} Gop/s"
        parts.append(_text(f"{name} end", _WIDTH - _RIGHT - 4, y(load.peak) - 5, told))
    size = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    return f'<svg class="roofline" {size} role="img">\n' + "\n".join(parts) + "\n</svg>"


class _Axis:
    """From values to places, whole decades from ``start`` to ``end``."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        self.decades = [10.0**power for power in range(first, last + 1)]
        self.low, self.high = self.decades[0], self.decades[-1]
        self._start, self._step = start, (end - start) / (last - first)

    def __call__(self, value: float) -> float:
        return self._start + self._step * math.log10(value / self.low)


def _line(style: str, x: float, y: float, to_x: float, to_y: float) -> str:
    return f'<line class="{style}" x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"/>'


def _text(style: str, x: float, y: float, text: str) -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{text}</text>'
