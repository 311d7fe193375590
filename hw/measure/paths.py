"""The longest path of a synthesised module in LUT levels: what the clock has to wait for.

    longest(json.loads(text)["modules"]["bp_stream_fifo"])  # text from Yosys' write_json, after synth_xilinx

A level is a LUT and the wire to it, some 0.64 ns on a Zynq-7000; other cells count as the share of it that they take.
The shares come from the delays of the 7-series cells in Yosys' ``xilinx/cells_sim.v`` (Project X-Ray's measurements of
an Artix-7; a LUT's slowest input there takes 642 ps); UltraScale+ cells, for which it has none, count the same.

- A carry chain costs 3/4 to enter beside the LUT before it (0.38 to 0.58 ns), 1/6 for each CARRY4 that it passes
  (0.11 ns) and 1/2 to leave (0.24 to 0.33 ns): a 32-bit adder counts 1 + 3/4 + 6/6 + 1/2 = 3 1/4 levels.
- MUXF7, MUXF8: 1/3 through their data inputs (0.1 to 0.2 ns, no wire), 1 through the select.
- Memories in LUTs are read in 1, block memories in 3 after the clock (2.45 ns), in 1 with an output register.
- A DSP slice's multiplier takes 3 (1.9 ns), its adder 2 (1.3 ns), unless registers inside part them.

Paths run from registers and inputs to registers and outputs, pin by pin: bit 3 of an adder's inputs is not in the way
of bit 0 of its sum. Set-up times, the registers' own delays and the length of wires stay out of it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from bitpan.errors import BuildError

ENTER, PASS, LEAVE = 3 / 4, 1 / 6, 1 / 2
"""Levels into a carry chain, through a CARRY4 of it, and out of it."""
MULTIPLY, ADD = 3, 2
"""Levels of a DSP slice's two parts."""

_MEMORY = r"SRL\w+|RAM\d\w+"  # in LUTs
_CHAIN_INPUTS = ("CI", "CI_TOP")


@dataclass(frozen=True)
class Path:
    """A path's length in levels and the nets at its ends."""

    levels: float = 0.0
    start: str = ""
    end: str = ""


@dataclass
class _Graph:
    """Arcs between points (net bits, places inside DSP slices), and where paths begin and end."""

    before: defaultdict[Hashable, list[tuple[Hashable, float]]] = field(default_factory=lambda: defaultdict(list))
    launched: dict[Hashable, float] = field(default_factory=dict)
    captured: list[tuple[Hashable, str]] = field(default_factory=list)


def longest(module: Mapping[str, Any]) -> Path:
    """The longest path of a flat module, in the form of Yosys' JSON.

    Raises:
        BuildError: a cell of unknown kind, or a loop without a register.
    """
    graph = _Graph()
    for name, port in module["ports"].items():
        for i, bit in enumerate(port["bits"]):
            if port["direction"] == "input":
                graph.launched[bit] = 0.0
            else:
                graph.captured.append((bit, f"{name}[{i}]" if len(port["bits"]) > 1 else name))
    names = _names(module)
    for cell in module["cells"].values():
        _add(graph, cell, names)
    return _search(graph, names)


def _search(graph: _Graph, names: Mapping[Hashable, str]) -> Path:
    try:
        order = list(TopologicalSorter({node: [b for b, _ in bs] for node, bs in graph.before.items()}).static_order())
    except CycleError as error:
        nets = ", ".join(names.get(bit, "?") for bit in error.args[1][:4])
        raise BuildError(f"a loop without a register: {nets}") from error
    arrival = {node: (levels, node) for node, levels in graph.launched.items()}
    for node in order:
        ways = [(arrival[b][0] + weight, arrival[b][1]) for b, weight in graph.before[node] if b in arrival]
        if ways:
            arrival[node] = max([*ways, arrival.get(node, (-1.0, node))], key=lambda way: way[0])
    ends = [(*arrival[node], end) for node, end in graph.captured if node in arrival]
    if not ends:
        return Path()
    levels, start, end = max(ends, key=lambda found: found[0])
    return Path(round(levels, 2), names.get(start, "?"), end)


def _names(module: Mapping[str, Any]) -> dict[Hashable, str]:
    """Each bit's best name: one that the source gave it rather than one that Yosys made up, the shortest."""
    named: dict[Hashable, tuple[bool, int, str]] = {}
    for net, entry in module["netnames"].items():
        for i, bit in enumerate(entry["bits"]):
            name = f"{net}[{i}]" if len(entry["bits"]) > 1 else net
            rank = (bool(entry["hide_name"]), len(name), name)
            named[bit] = min(rank, named.get(bit, rank))
    return {bit: name for bit, (_, _, name) in named.items()}


def _pins(cell: Mapping[str, Any], direction: str) -> Iterator[tuple[str, int, Hashable]]:
    """Pins of a cell: name, index, bit; constant and open ones are left out."""
    for pin, bits in cell["connections"].items():
        if cell["port_directions"][pin] == direction:
            yield from ((pin, i, bit) for i, bit in enumerate(bits) if isinstance(bit, int))


def _add(graph: _Graph, cell: Mapping[str, Any], names: dict[Hashable, str]) -> None:
    """Put one cell into the graph."""
    kind, inputs, outputs = cell["type"], list(_pins(cell, "input")), list(_pins(cell, "output"))
    launch = _launch(kind, cell["parameters"])
    if launch is not None:  # keeps a state
        graph.launched |= {bit: launch for _, _, bit in outputs}
        place = names.get(outputs[0][2], kind) if outputs else kind
        graph.captured += [(bit, place if pin == "D" else f"{place} ({pin})") for pin, _, bit in inputs]
    elif kind.startswith("DSP"):
        _add_dsp(graph, cell, names)
    for target, j, out in outputs:
        for source, i, bit in inputs:
            weight = _weight(kind, source, i, target, j)
            if weight is not None:
                graph.before[out].append((bit, weight))


def _launch(kind: str, parameters: Mapping[str, Any]) -> float | None:
    """Levels from the clock to an output of a cell that keeps a state; None for other cells.

    Raises:
        BuildError: a cell of unknown kind.
    """
    if re.fullmatch(r"FD\w+", kind):
        return 0.0
    if re.fullmatch(_MEMORY, kind):
        return 1.0
    if re.fullmatch(r"RAMB\w+|URAM288\w*", kind):
        registers = [int(parameters.get(name, "0"), 2) for name in ("DOA_REG", "DOB_REG")]
        return 1.0 if all(registers) else 3.0
    if re.fullmatch(r"LUT\w+|INV|BUFG\w*|VCC|GND|MUXF\d|CARRY\d|DSP48E\d", kind):
        return None
    raise BuildError(f"no levels are known for the cell {kind}: add it to hw/paths.py")


def _weight(kind: str, source: str, i: int, target: str, j: int) -> float | None:
    """Levels from bit i of an input to bit j of an output without passing a register; None if there is no way."""
    if kind.startswith("LUT"):
        return 1.0
    if kind.startswith(("INV", "BUFG")):  # inverters ride along in LUTs
        return 0.0
    if kind.startswith("MUXF"):
        return 1.0 if source == "S" else 1 / 3
    if kind.startswith("CARRY"):
        if source in _CHAIN_INPUTS:
            return PASS if target == "CO" else LEAVE
        reaches = i <= j if source != "DI" or target == "CO" else i < j
        return ENTER if reaches or source == "CYINIT" else None
    if re.fullmatch(_MEMORY, kind):
        return 1.0 if _reads(source, target) else None
    return None


def _reads(source: str, target: str) -> bool:
    """Whether an input of a memory in LUTs addresses what an output shows."""
    if target.startswith("DO"):  # RAM32M: ADDRA for DOA; else one bit, DPRA or DPRA0... for DPO
        return source == f"ADDR{target[-1]}" or (target == "DPO" and source.startswith("DPRA"))
    return target != "Q31" and re.fullmatch(r"A\d*", source) is not None


def _add_dsp(graph: _Graph, cell: Mapping[str, Any], names: dict[Hashable, str]) -> None:
    """A DSP slice: inputs, multiplier, adder, each with or without a register behind it."""

    def has(register: str) -> bool:
        return int(cell["parameters"].get(register, "0"), 2) > 0

    outputs = list(_pins(cell, "output"))
    place = names.get(outputs[0][2], cell["type"]) if outputs else cell["type"]

    def link(before: Hashable, after: Hashable, levels: float, register: bool) -> None:
        """A way of so many levels to ``after``, where a register may stand."""
        end: Hashable = (after, "registered") if register else after
        graph.before[end].append((before, levels))
        if register:
            graph.captured.append((end, place))
            graph.launched[after] = 0.0
            names[after] = place

    product, total = (id(cell), "M"), (id(cell), "P")
    multiplies = cell["parameters"].get("USE_MULT", "MULTIPLY").strip() != "NONE"
    for pin, _, bit in _pins(cell, "input"):
        if pin.startswith(("CE", "RST", "CLK")):
            graph.captured.append((bit, f"{place} ({pin})"))
            continue
        inner = (id(cell), pin)
        link(bit, inner, 0.0, has(f"{pin}REG"))
        if multiplies and pin in ("A", "B", "D"):
            link(inner, product, MULTIPLY, has("MREG"))
        else:
            link(inner, total, ADD, has("PREG"))
    if multiplies:
        link(product, total, ADD, has("PREG"))
    for _, _, bit in outputs:
        graph.before[bit].append((total, 0.0))
