"""The table of networks and boards: the fastest accelerator that fits, from measured units.

A row is found by its estimates, the rate first, then the widest strips at it; compiled to Verilog with every step
compared, and counted by Yosys unit by unit. Where that comes out larger than may be filled, the next narrower or slower
one is taken. Rows are remembered by all that they depend on.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

import bitpan.build
import bitpan.hw
from bitpan.build.boards import Board
from bitpan.build.deploy.areas import measure
from bitpan.build.finn import flow as finn_flow
from bitpan.build.finn.design import compile_model
from bitpan.build.finn.folding import SHARE, TARGETS, fastest, fold
from bitpan.build.finn.integer_graph import integer_graph
from bitpan.cache import remembered
from bitpan.errors import FitError
from bitpan.model import IntegerModel

WIDTHS = (248, 320, 496, 992, 1984)
"""Of strips: just within a power of two with the FIFOs' margin, or what narrow parts hold. Wider ones gain nothing:
frames of a given memory get shorter, and there are halos above and below too."""

USUAL = 496
"""Strips that the rate is found for, if the board has the memory."""

MEMORY = {"BRAM36", "URAM"}
"""What narrower strips take less of."""

SHARES = {**SHARE, "BRAM36": SHARE["BRAM_18K"], "FF": SHARE["LUT"]}
"""What may be filled, by Yosys' names."""

ROWS = 64
"""Of the frame that is compiled: enough lines for the deepest skip; the accelerator takes any number."""

Progress = Callable[[str], None]


def row(model: IntegerModel, board: Board, progress: Progress) -> dict[str, Any]:
    """The fastest accelerator of ``model`` that fits ``board``: cycles per PAN pixel, strips, what Yosys counts."""
    key = hashlib.sha256(json.dumps([model.digest(), asdict(board), _sources()]).encode()).hexdigest()[:32]
    found: dict[str, Any] = remembered("designs", key, lambda: _row(model, board, progress))
    return found


def _row(model: IntegerModel, board: Board, progress: Progress) -> dict[str, Any]:
    target, width = _estimated(model, board)
    while True:
        progress(f"{model.name} on {board.name} at {target} cycles a pixel, strips of {width}")
        with tempfile.TemporaryDirectory(prefix="bitpan-table-") as work:
            design = compile_model(model, ROWS, width, board, Path(work), target, progress)
            counted: dict[str, float] = measure(design, board, progress)["totals"]
        limits = _device(board)
        over = {key: counted[key] - SHARES[key] * limit for key, limit in limits.items()}
        over = {key: excess for key, excess in over.items() if excess > 0}
        if not over:
            break
        scarce = min(over)
        progress(f"Yosys counts {counted[scarce]:,g} {scarce} of {limits[scarce]:,}")
        if width > (WIDTHS[0] if over.keys() <= MEMORY else USUAL):
            width = WIDTHS[WIDTHS.index(width) - 1]
        elif target == TARGETS[-1]:
            raise FitError(f"{model.name} does not fit {board.name}: {over[scarce]:,g} {scarce} too many", over)
        else:
            target = TARGETS[TARGETS.index(target) + 1]
    return {
        "network": model.name,
        "bands": model.bands,
        "board": board.name,
        "clock_mhz": board.clock_mhz,
        "device": limits,
        "width": width,
        "target": target,
        "cycles": round(design.period / (ROWS * width), 3),
        **counted,
    }


def _estimated(model: IntegerModel, board: Board) -> tuple[int, int]:
    """The fastest rate by the estimates, in strips of the usual width or narrower, and the widest strips at it."""
    with tempfile.TemporaryDirectory(prefix="bitpan-table-") as work:
        finn_flow.set_up(Path(work))

        def graph(width: int) -> ModelWrapper:
            return finn_flow.specialise(integer_graph(model, ROWS, width), board.part)

        first = WIDTHS.index(USUAL)
        while True:
            try:
                target = fastest(graph(WIDTHS[first]), board, model.name).target
                break
            except FitError as error:
                if first == 0 or "BRAM_18K" not in error.lacking:
                    raise
                first -= 1
        fitting = WIDTHS[first]
        for width in WIDTHS[first + 1 :]:
            if fold(graph(width), target, board).lacking(board):
                break
            fitting = width
    return target, fitting


def _device(board: Board) -> dict[str, int]:
    """What the device has, by Yosys' names."""
    return {"LUT": board.lut, "FF": board.ff, "DSP": board.dsp, "BRAM36": board.bram36, "URAM": board.uram}


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
    head += ["BRAM36", "URAM", "levels"]
    lines = ["| " + " | ".join(head) + " |", "|---|--:|---" + "|--:" * (len(head) - 3) + "|"]
    for each in rows:
        device = each["device"]
        used = [f"{each[key]:,g} ({each[key] / device[key]:.0%})" if device[key] else "" for key in device]
        cells = [each["network"], each["bands"], each["board"], each["width"], f"{each['cycles']:.2f}"]
        cells += [f"{each['delivered']:.1f}", *used, f"{each['levels']:.2f}"]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"
