"""``bitpan build``: a QONNX model becomes an accelerator and a deployment folder."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitpan.build import vivado
from bitpan.build.boards import BOARDS, Board, board
from bitpan.errors import BuildError
from bitpan.model import IntegerModel
from bitpan.package import DESCRIPTION

if TYPE_CHECKING:
    from bitpan.build.design import Design


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bitpan build``."""
    parser.add_argument("model", type=Path, help="QONNX model made by `bitpan export`")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="deployment folder to write")
    parser.add_argument("--board", default="pynq-z2", choices=BOARDS, help="default: %(default)s")
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
    parser.add_argument("--no-vivado", action="store_true", help="stop before Vivado even where it is installed")


def run(arguments: argparse.Namespace) -> int:
    """Build and say what remains."""
    if arguments.cycles_per_pixel is not None and arguments.cycles_per_pixel < 1:
        raise BuildError(f"--cycles-per-pixel {arguments.cycles_per_pixel}: at least 1")
    if arguments.model_only:
        if (arguments.output / DESCRIPTION).exists():
            raise BuildError(f"{arguments.output}: holds an accelerator with a model of its own; give another -o")
        integers(arguments.model, _Progress())[0].save(arguments.output)
        print(f"{arguments.output}: integer model, equal to the QONNX graph in every element")
        return 0
    build(
        arguments.model,
        arguments.output,
        board(arguments.board),
        arguments.cycles_per_pixel,
        luts=arguments.luts,
        command=sys.argv[1:],
    )
    folder = arguments.output
    if arguments.no_vivado or not vivado.available():
        print(
            f"remains: with Vivado on the path, `cd {folder} && vivado -mode batch -source build.tcl` makes bitpan.bit"
        )
        return 0
    _run_vivado(folder)
    return 0


def _run_vivado(folder: Path) -> None:
    from bitpan.build.package import write_checksums

    vivado.run(folder, _Progress())
    write_checksums(folder)
    print(f"{folder / 'bitpan.bit'} and bitpan.hwh are ready; they have run on no board")


def integers(source: Path, progress: Callable[[str], None]) -> tuple[IntegerModel, tuple[int, int]]:
    """The integer model of the QONNX file ``source``, compared with it, and the height and width of its tiles.

    Raises:
        BuildError: the model is not in the export grammar.
        MismatchError: the integers give another result.
    """
    from bitpan.build.check_qonnx import check_qonnx, tile_shape
    from bitpan.build.raise_graph import load_qonnx, raise_graph

    progress("reading the model")
    proto = load_qonnx(source)
    model = raise_graph(proto)
    progress("QONNX against integers")
    check_qonnx(proto, model)
    return model, tile_shape(proto)


def build(
    source: Path,
    folder: Path,
    target_board: Board,
    cycles_per_pixel: int | None = None,
    *,
    luts: bool = False,
    quiet: bool = False,
    command: list[str] | None = None,
) -> None:
    """Compile the QONNX file ``source`` into the deployment folder ``folder``.

    Raises:
        BuildError: the model is not in the export grammar, or a step failed; nothing is left in ``folder``'s place.
        MismatchError: a step changed a number.
    """
    from bitpan.build.design import compile_model
    from bitpan.build.integer_graph import require_units
    from bitpan.build.package import replacing, write_package

    progress: Callable[[str], None] = (lambda what: None) if quiet else _Progress()
    model, (height, width) = integers(source, progress)
    require_units(model)
    with replacing(folder) as partial, tempfile.TemporaryDirectory(prefix="bitpan-build-") as work:
        design = compile_model(model, height, width, target_board, Path(work) / "work", cycles_per_pixel, progress)
        areas = None
        if luts:
            from bitpan.build.areas import measure

            areas = measure(design, target_board, progress)
        progress("deployment folder")
        write_package(design, target_board, partial, source, command or [], areas)
    if not quiet:
        _summary(folder, design, target_board, areas)


def _summary(folder: Path, design: Design, target_board: Board, areas: dict[str, Any] | None) -> None:
    totals, pixels = design.totals(), design.width * design.height
    print(
        f"{folder}: {design.model.name} for {target_board.name}, frames of {design.width} x {design.height}, "
        f"{design.period / pixels:.2f} cycles per pixel, "
        f"{target_board.clock_mhz * pixels / design.period:.2f} Mpixel/s at {target_board.clock_mhz} MHz"
    )
    print(
        f"FINN estimates {totals['LUT']:,.0f} of {target_board.lut:,} LUT, "
        f"{totals['DSP']:.0f} of {target_board.dsp} DSP, {totals['BRAM_18K'] / 2:.0f} of {target_board.bram36} BRAM36"
    )

    if areas is not None:
        counts = areas["totals"]
        print(
            f"Yosys counts {counts['LUT']:,} LUT, {counts['FF']:,} FF, {counts['DSP']} DSP, {counts['BRAM36']:g} BRAM36"
        )


class _Progress:
    """One line a step on stderr, with the seconds since the start: steps are few and of very different length."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def __call__(self, what: str) -> None:
        print(f"{time.monotonic() - self.began:6.1f} s  {what}", file=sys.stderr, flush=True)
