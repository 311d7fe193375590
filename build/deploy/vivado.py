"""The Vivado side: one Tcl script from the package's IP core to ``bitpan.bit`` and ``bitpan.hwh``, and running it.

FINN's own Zynq shell moves data with IODMA cores that Vitis HLS must make first, one input and one output, and knows
no scene parameters. The core has its own DMA, so the block design is processor, core, and what connects them.
**No Vivado has run this script yet, and no board the result.**
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from string import Template

from bitpan.build.boards import Board
from bitpan.build.deploy import ip
from bitpan.errors import BuildError
from bitpan.intake.sums import CHECKSUMS

SCRIPT = Path(__file__).parent / "vivado.tcl"
LOG = "vivado.log"
WORK = "vivado"
"""Folder of its project, beside the package's files."""


def write_script(path: Path, board: Board) -> None:
    """Write the complete Tcl for a package, whose core is beside it."""
    core = {"ip": ip.IP, "core": ip.FOLDER, "version": ip.VERSION}
    values = {**asdict(board), **core, "work": WORK, "checksums": CHECKSUMS}
    path.write_text(Template(SCRIPT.read_text()).substitute(values))


def available() -> bool:
    """Whether Vivado is on the path."""
    return shutil.which("vivado") is not None


def run(folder: Path, progress: Callable[[str], None]) -> None:
    """Run the package's script; ``bitpan.bit`` and ``bitpan.hwh`` are then in the folder.

    Raises:
        BuildError: with the log's first error.
    """
    log = folder / LOG
    command = ["vivado", "-mode", "batch", "-nojournal", "-log", LOG, "-source", "build.tcl"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            for line in process.stdout or ():
                if line.startswith("bitpan: "):
                    progress(line.removeprefix("bitpan: ").strip())
        except BaseException:
            process.terminate()
            raise
    missing = [name for name in ("bitpan.bit", "bitpan.hwh") if not (folder / name).is_file()]
    if process.returncode or missing:
        text = log.read_text(errors="replace") if log.is_file() else ""
        found = (re.search(f"^{kind}:.*$", text, re.MULTILINE) for kind in ("ERROR", "CRITICAL WARNING"))
        first = next((line for line in found if line), None)
        what = first[0] if first else f"exit code {process.returncode}, missing {', '.join(missing) or 'nothing'}"
        raise BuildError(f"Vivado failed: {what} (log: {log})")
