"""The table of networks and boards: the fastest accelerator that fits, from measured units.

A row is found by its estimates, compiled to Verilog with every step compared, and counted by Yosys unit by unit; where
that comes out larger than may be filled, the next slower one is taken. Rows are remembered by all that they depend on.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import bitpan.build
import bitpan.hw
from bitpan.build.boards import Board
from bitpan.build.deploy.areas import measure
from bitpan.build.finn import flow as finn_flow
from bitpan.build.finn.design import Design, compile_model
from bitpan.build.finn.folding import SHARE, TARGETS, fold
from bitpan.build.finn.integer_graph import integer_graph
from bitpan.cache import remembered
from bitpan.errors import BuildError
from bitpan.model import IntegerModel

WIDTHS = (992, 496, 320, 248)
"""Strips to try, widest first: just within a power of two with the FIFOs' margin, or what narrow parts hold."""

WIDER = (320, 368, 496, 744, 992, 1488, 1984, 2976, 3968)
"""Candidates for the widest strip that a found accelerator could be built for."""

ROWS = 64
"""Of the frame that is compiled: enough lines for the deepest skip; the accelerator takes any number."""

Progress = Callable[[str], None]


def row(model: IntegerModel, board: Board, progress: Progress) -> dict[str, Any]:
    """The fastest accelerator of ``model`` that fits ``board``: cycles per PAN pixel, what Yosys counts, widths."""
    key = hashlib.sha256(json.dumps([model.digest(), asdict(board), _sources()]).encode()).hexdigest()[:32]
    found: dict[str, Any] = remembered("designs", key, lambda: _row(model, board, progress))
    return found


def _row(model: IntegerModel, board: Board, progress: Progress) -> dict[str, Any]:
    for width in WIDTHS:
        try:
            design, counted = _fitting(model, board, width, progress)
        except BuildError as error:
            if width == WIDTHS[-1] or "BRAM_18K" not in str(error):
                raise
            progress(f"strips of {width}: {error}")
            continue
        return {
            "network": model.name,
            "bands": model.bands,
            "board": board.name,
            "clock_mhz": board.clock_mhz,
            "device": _device(board),
            "width": width,
            "target": design.target,
            "cycles": round(design.period / (ROWS * width), 3),
            "widest": _widest(model, board, design.target, width, progress),
            **counted,
        }
    raise AssertionError("the last width raises or returns")


def _fitting(model: IntegerModel, board: Board, width: int, progress: Progress) -> tuple[Design, dict[str, float]]:
    """The fastest design whose count fits, and the count."""
    target: int | None = None
    while True:
        with tempfile.TemporaryDirectory(prefix="bitpan-table-") as work:
            design = compile_model(model, ROWS, width, board, Path(work), target, progress)
            counted: dict[str, float] = measure(design, board, progress)["totals"]
        limits = _device(board)
        shares = {"BRAM36": SHARE["BRAM_18K"], "FF": SHARE["LUT"], **SHARE}
        over = [key for key, limit in limits.items() if counted[key] > shares[key] * limit]
        if not over:
            return design, counted
        slower = [each for each in TARGETS if each > design.target]
        progress(f"folded for {design.target}: Yosys counts {counted[over[0]]:,g} {over[0]} of {limits[over[0]]:,}")
        if not slower:
            raise BuildError(f"{model.name} does not fit {board.name}: too many {over[0]}")
        target = slower[0]


def _device(board: Board) -> dict[str, int]:
    """What the device has, by Yosys' names."""
    return {"LUT": board.lut, "FF": board.ff, "DSP": board.dsp, "BRAM36": board.bram36, "URAM": board.uram}


def _widest(model: IntegerModel, board: Board, target: int, width: int, progress: Progress) -> int:
    """The widest strip, of this width, which fits, and the candidates, whose estimates fit at this rate."""
    with tempfile.TemporaryDirectory(prefix="bitpan-table-") as work:
        finn_flow.set_up(Path(work))
        for wider in WIDER:
            if wider > width:
                graph = finn_flow.specialise(integer_graph(model, ROWS, wider), board.part)
                if {"BRAM_18K", "URAM"} & fold(graph, target, board).lacking(board).keys():
                    progress(f"strips of {wider} are too wide")
                    return width
                width = wider
    return width


def _sources() -> str:
    """Digest of all that decides what is built."""
    folders = [Path(str(part.__file__)).parent for part in (bitpan, bitpan.hw, bitpan.build)]
    files = {file for folder in folders for file in folder.rglob("*") if file.suffix in (".py", ".sv", ".v")}
    digest = hashlib.sha256()
    for file in sorted(file for file in files if not {"commands", "tests"} & set(file.parts)):
        digest.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """The table."""
    head = ["network", "bands", "board", "strips", "cycles / PAN pixel", "Mpixel/s", "LUT", "FF", "DSP"]
    head += ["BRAM36", "URAM", "levels", "widest"]
    lines = ["| " + " | ".join(head) + " |", "|---|--:|---" + "|--:" * (len(head) - 3) + "|"]
    for each in rows:
        device = each["device"]
        used = [f"{each[key]:,g} ({each[key] / device[key]:.0%})" if device[key] else "" for key in device]
        cells = [each["network"], each["bands"], each["board"], each["width"], f"{each['cycles']:.2f}"]
        cells += [f"{each['delivered']:.1f}", *used, f"{each['levels']:.2f}", each["widest"]]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"
