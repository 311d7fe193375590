"""A QONNX model becomes an accelerator and a deployment folder, step by step."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitpan.build.boards import Board
from bitpan.model import IntegerModel

if TYPE_CHECKING:
    from bitpan.build.finn.design import Design
    from bitpan.compare import Compared


def integers(source: Path, progress: Callable[[str], None]) -> tuple[IntegerModel, tuple[int, int], Compared]:
    """The integer model of the QONNX file ``source``, the height and width of its frames, and how they were compared.

    Raises:
        BuildError: the model is not in the export grammar.
        MismatchError: the integers give another result.
    """
    from bitpan.qonnx.exported import check_qonnx, frame_size
    from bitpan.qonnx.read import load_qonnx, raise_graph

    progress("reading the model")
    proto = load_qonnx(source)
    model = raise_graph(proto)
    progress("QONNX against integers")
    return model, frame_size(proto), check_qonnx(proto, model)


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
    from bitpan.build.deploy.areas import measure
    from bitpan.build.deploy.package import replacing, write_package
    from bitpan.build.finn.design import compile_model
    from bitpan.build.finn.integer_graph import require_units

    progress: Callable[[str], None] = (lambda what: None) if quiet else steps()
    with replacing(folder) as partial, tempfile.TemporaryDirectory(prefix="bitpan-build-") as work:
        model, (height, width), compared = integers(source, progress)
        require_units(model)
        design = compile_model(model, height, width, target_board, Path(work) / "work", cycles_per_pixel, progress)
        design.compared.insert(0, compared)
        areas = measure(design, target_board, progress) if luts else None
        progress("deployment folder")
        write_package(design, target_board, partial, source, command or [], areas)
    if not quiet:
        _summary(folder, design, target_board, areas)


def _summary(folder: Path, design: Design, target_board: Board, areas: dict[str, Any] | None) -> None:
    totals, pixels = design.totals, design.width * design.height
    print(
        f"{folder}: {design.model.name} for {target_board.name}, frames up to {design.width} wide, "
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


def steps() -> Callable[[str], None]:
    """Tells one line a step on stderr, with the seconds since the start: steps are few and of very different length."""
    began = time.monotonic()
    return lambda what: print(f"{time.monotonic() - began:6.1f} s  {what}", file=sys.stderr, flush=True)
