"""``bitpan build``: a QONNX model becomes an accelerator and a deployment folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bitpan.build.boards import BOARDS, board
from bitpan.build.build import build, integers, steps
from bitpan.build.deploy import open_tools, vivado
from bitpan.commands import options
from bitpan.errors import BuildError
from bitpan.files import staged
from bitpan.intake.sums import CHECKSUMS, file_digest
from bitpan.package import DESCRIPTION


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bitpan build``."""
    parser.add_argument("model", type=Path, help="QONNX model made by `bitpan export`")
    options.add_output(parser, "DIR", "deployment folder to write")
    options.add(parser, "--board", choices=BOARDS)
    parser.add_argument(
        "--cycles-per-pixel",
        type=int,
        metavar="N",
        help="fold for N cycles a PAN pixel (default: the fastest that fits)",
    )
    parser.add_argument("--luts", action="store_true", help="measure the units' LUTs with Yosys (minutes)")
    parser.add_argument(
        "--model-only", action="store_true", help="write the integer model alone, for `bitpan fuse --model` on a CPU"
    )
    parser.add_argument(
        "--toolchain",
        choices=("vivado", "open"),
        default="vivado",
        metavar="NAME",
        help="vivado (default), or open: Yosys, nextpnr and Project X-Ray, for Zynq-7000",
    )
    parser.add_argument("--no-vivado", action="store_true", help="stop before Vivado even where it is installed")


def run(arguments: argparse.Namespace) -> int:
    """Build and say what remains."""
    own, folder = arguments, arguments.output
    if own.cycles_per_pixel is not None and own.cycles_per_pixel < 1:
        raise BuildError(f"--cycles-per-pixel {own.cycles_per_pixel}: at least 1")
    if own.model_only:
        if (folder / DESCRIPTION).exists():
            raise BuildError(f"{folder}: holds an accelerator with a model of its own; give another -o")
        with staged(folder) as new:
            integers(own.model, steps())[0].save(new)
        print(f"{folder}: integer model, equal to the QONNX graph in every element")
        return 0
    if own.toolchain == "open":
        open_tools.require(board(own.board))
    build(own.model, folder, board(own.board), own.cycles_per_pixel, luts=own.luts, command=sys.argv[1:])
    if own.toolchain == "open":
        _open(folder)
    elif own.no_vivado or not vivado.available():
        print(
            f"remains: with Vivado on the path, `cd {folder} && vivado -mode batch -source build.tcl` makes bitpan.bit"
        )
    else:
        vivado.run(folder, steps())
        print(f"{folder / 'bitpan.bit'} and bitpan.hwh are ready; they have run on no board")
    print(f"digest of all that is in {folder}: {file_digest(folder / CHECKSUMS)}")
    return 0


def _open(folder: Path) -> None:
    """Yosys; then the other tools where they are."""
    progress = steps()
    progress("Yosys, the whole system")
    netlist = open_tools.synthesise(folder)
    if open_tools.available():
        open_tools.run(folder, progress)
        print(f"{folder / 'bitpan.bit'} is ready, its timing estimated by nextpnr; no board has had it")
    else:
        tools = ", ".join(open_tools.TOOLS)
        print(f"{netlist}: Yosys' netlist; remains: with {tools} on the path and {open_tools.DATABASE} set,")
        print(f"    cd {folder} && sh {open_tools.SCRIPT}")
