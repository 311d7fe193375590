"""Without Vivado: Yosys here, then nextpnr and Project X-Ray by a script in the package. Zynq-7000 alone.

The top (``zynq7.v``) holds the processor's primitive and the core. What Yosys does is tried; **the rest has been run by
stand-ins of the programs alone, and no board has had the result.**
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from string import Template

from bitpan.build.boards import Board
from bitpan.errors import BuildError
from bitpan.hw.measure.yosys import executed, script
from bitpan.intake.sums import CHECKSUMS
from bitpan.package import Package

TOOLS = ("nextpnr-himbaechel", "fasm2frames", "xc7frames2bit")
DATABASE = "PRJXRAY_DB"
"""Variable of the environment: where prjxray-db lies."""

SCRIPT, TOP = "open.sh", "zynq7.v"
WORK = "open"
"""Folder of what the programs leave, beside the package's files."""

_HERE = Path(__file__).parent
_MODULE = "bitpan_zynq7"
_HOURS = 4  # that Yosys may take


def require(board: Board) -> None:
    """Raise :class:`BuildError` where these tools know no such device."""
    if board.zynq != "7":
        raise BuildError(f"--toolchain open: {board.name} is no Zynq-7000; UltraScale+ stays with Vivado")


def write_flow(folder: Path, board: Board) -> None:
    """Write the top and the script into a package for a Zynq-7000."""
    shutil.copyfile(_HERE / TOP, folder / TOP)
    values = {"part": board.part, "clock_mhz": str(board.clock_mhz), "checksums": CHECKSUMS}
    (folder / SCRIPT).write_text(Template((_HERE / SCRIPT).read_text()).substitute(values))


def commands() -> list[str]:
    """Yosys' work on the whole, for nextpnr."""
    return [f"synth_xilinx -family xc7 -flatten -abc9 -top {_MODULE}", "write_json bitpan.json"]


def synthesise(folder: Path) -> Path:
    """Yosys' netlist of a package, in its work folder.

    Raises:
        BuildError: Yosys refused, or took hours.
    """
    sources = [*Package.load(folder).sources, folder / TOP]
    (folder / WORK).mkdir(exist_ok=True)
    with executed(script(sources, _MODULE, {}, commands()), _HOURS * 3600) as work:
        return Path(shutil.copyfile(work / "bitpan.json", folder / WORK / "bitpan.json"))


def available() -> bool:
    """Whether the programs behind Yosys are on the path, and their database is named."""
    return DATABASE in os.environ and all(shutil.which(tool) for tool in TOOLS)


def run(folder: Path, progress: Callable[[str], None]) -> None:
    """Run the package's script; ``bitpan.bit`` is then in the folder.

    Raises:
        BuildError: with the last lines of the program that failed.
    """
    done = subprocess.run(["sh", SCRIPT], cwd=folder, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("bitpan: "):
            progress(line.removeprefix("bitpan: "))
    if done.returncode or not (folder / "bitpan.bit").is_file():
        told = " | ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
        raise BuildError(f"{folder / SCRIPT} failed (exit code {done.returncode}): {told}")
