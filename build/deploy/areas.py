"""LUTs of a design from Yosys: each kind of unit is synthesised once, by itself, and counted as often as it occurs.

Units that differ only in their weights or addresses count as one kind; the first of them stands for all. The whole
netlist at once takes far longer; it tells whether the sum is right, and the paths that go through several units.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bitpan.build.boards import Board, board
from bitpan.build.finn import flow as finn_flow
from bitpan.build.finn import shell
from bitpan.build.finn.design import Design
from bitpan.hw.measure.yosys import Area, area
from bitpan.hw.sources import unit_sources
from bitpan.package import Package
from bitpan.qonnx.pattern import attributes

_INDIVIDUAL = {"BaseAddress", "code_gen_dir_ipgen", "ipgen_path", "ip_path", "gen_top_module"}


@dataclass
class Kind:
    """One kind of unit: its Verilog files, its module and parameters, and all nodes of the kind."""

    sources: Sequence[Path | str]
    top: str
    parameters: Mapping[str, int]
    nodes: list[str]


def kinds(design: Design, target_board: Board) -> list[Kind]:
    """The kinds of units in a design, the first node of each standing for it; what surrounds them is a kind each."""
    found: dict[str, Kind] = {}
    for node in design.graph.graph.node:
        values = {key: value for key, value in attributes(node).items() if key not in _INDIVIDUAL}
        key = f"{node.op_type} {sorted((name, str(value)) for name, value in values.items())}"
        if key not in found:
            found[key] = Kind(finn_flow.instance(node).get_rtl_file_list(abspath=True), node.name, {}, [])
        found[key].nodes.append(node.name)
    around = shell.units(target_board, design.model.bands)
    own = (Kind(unit_sources(module), module, size, [name]) for name, (module, size) in around.items())
    return [*found.values(), *own]


def measure(design: Design, target_board: Board, progress: Callable[[str], None]) -> dict[str, Any]:
    """Areas by node and their sum: LUT, FF, BRAM36, DSP, URAM as Yosys counts them, and the longest path's levels."""
    nodes: dict[str, dict[str, float]] = {}
    found = kinds(design, target_board)
    with ThreadPoolExecutor(2) as pool:  # each Yosys is a process of its own
        areas = pool.map(lambda kind: area(kind.sources, kind.top, kind.parameters, target_board.family), found)
        for number, (kind, counted) in enumerate(zip(found, areas, strict=True)):
            progress(f"Yosys, unit {number + 1} of {len(found)}: {kind.nodes[0]}, {counted.lut:,} LUT")
            counts: dict[str, float] = {"LUT": counted.lut, "FF": counted.ff, "BRAM36": counted.bram36}
            counts |= {"DSP": counted.dsp, "URAM": counted.uram, "levels": counted.levels}
            nodes |= {name: dict(counts) for name in kind.nodes}
    totals = {key: sum(entry[key] for entry in nodes.values()) for key in ("LUT", "FF", "BRAM36", "DSP", "URAM")}
    totals["levels"] = max(entry["levels"] for entry in nodes.values())
    return {"family": target_board.family, "totals": totals, "nodes": nodes}


def whole(folder: Path) -> tuple[Area, dict[str, float] | None]:
    """Area of the whole core in a deployment folder, and the sum of its units if the build has measured them.

    Raises:
        ModelError: it is no deployment folder, or a damaged one.
        BuildError: Yosys refused, crashed or took too long.
    """
    package = Package.load(folder)
    estimates = json.loads((folder / "estimates.json").read_text())
    family = board(estimates["board"]).family
    counted = area(package.sources, package.ip, family=family, timeout=HOURS * 3600)
    return counted, estimates.get("yosys", {}).get("totals")


HOURS = 4
"""That Yosys may take for a whole accelerator: one of 50,000 LUTs takes a quarter of one."""
