"""``bitpan metrics``: quality indices of a fused GeoTIFF, against a truth, without one, or both."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.commands import options
from bitpan.errors import SceneError
from bitpan.host.scene.rasters import ArrayRaster
from bitpan.host.scene.registration import shift_of
from bitpan.host.scene.scene import Scene
from bitpan.models.quality.pictures import against_truth, aligned, within, without_truth
from bitpan.models.quality.tables import strict_json
from bitpan.rasters import Picture, block_cache, open_picture
from bitpan.rasters.grid import align
from bitpan.rasters.pair import open_pair
from bitpan.rasters.raster import Names, block_bytes
from bitpan.rasters.unread import ROWS, Unread

BORDER = 21
"""Pixels cut from every side where there is a truth: the DLPan toolbox's figure."""

DEEPEST = 32
"""Bits that hold every count."""

MOST_CACHE = 512 << 20
"""Bytes of GDAL's cache."""

UNITS = {"PSNR": "PSNR dB", "SAM": "SAM deg"}
IDEAL = {"PSNR": "inf", "SSIM": "1", "SAM": "0", "ERGAS": "0", "SCC": "1", "Q2n": "1"}
IDEAL |= {"D_lambda": "0", "D_s": "0", "QNR": "1", "D_lambda_K": "0", "HQNR": "1"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bitpan metrics``."""
    parser.add_argument("fused", metavar="FUSED.tif", help="the image to judge")
    parser.add_argument("--truth", metavar="GT.tif", help="its truth: PSNR, SSIM, SAM, ERGAS, SCC, Q2n")
    parser.add_argument("--pan", metavar="PAN.tif", help="what it was made of, with --ms: QNR and HQNR")
    parser.add_argument(
        "--ms", nargs="+", metavar="MS.tif", help="multi-spectral image of the same place, or its bands"
    )
    options.add(parser, "--bands")
    options.add_handling(parser)
    options.add(parser, "--ratio", "--sensor")
    options.add_measured_shift(parser)
    cut = f"pixels to cut from every side first ({BORDER} with a truth, 0 at full resolution)"
    options.add(parser, "--border", default=None, help=cut)
    options.add(parser, "--json", help="print JSON; an infinite or undefined index is null")


def run(arguments: argparse.Namespace) -> int:
    """Print the indices asked for."""
    if (arguments.pan is None) != (arguments.ms is None) or (arguments.truth is None and arguments.pan is None):
        raise SceneError("nothing to compare with: give --truth GT.tif, or both --pan PAN.tif and --ms MS.tif")
    if arguments.ratio < 2:
        raise SceneError(f"a ratio is 2 or more PAN pixels per MS pixel, not {arguments.ratio}")
    if arguments.border is not None and arguments.border < 0:
        raise SceneError(f"a border is 0 or more pixels, not {arguments.border}")
    with _cache(arguments), open_picture(arguments.fused) as fused:
        report = {"fused": str(arguments.fused), **_report(fused, arguments)}
    print(strict_json(report).decode().rstrip() if arguments.json else as_text(report))
    return 0


def _report(fused: Picture, arguments: argparse.Namespace) -> dict[str, Any]:
    own, report = arguments, {}
    if own.truth is not None:
        border = BORDER if own.border is None else own.border
        with open_picture(own.truth) as truth:
            indices = against_truth(fused, truth, own.ratio, border)
        how = {"truth": str(own.truth), "ratio": own.ratio, "border": border}
        report["reduced_resolution"] = {**how, "indices": indices}
    if own.pan is not None:
        border, handling = own.border or 0, options.handling(arguments)
        with open_pair(own.pan, own.ms, own.ratio, handling, len(fused.image)) as pair:
            fused, pan, ms, (dy, dx) = aligned(fused, pair)
            inside = within(fused, pan, ms, own.ratio, border)
            y, x = shift_of(_scene(pan, ms, own.ratio, (dy, dx)), own.shift)
            shift = dy + y, dx + x
            indices = without_truth(*inside, own.ratio, own.sensor, shift)
        how = {"pan": str(own.pan), "ms": ", ".join(own.ms), "ratio": own.ratio, "sensor": own.sensor, "border": border}
        how["shift"] = shift
        report["full_resolution"] = {**how, "indices": indices}
    return report


def _cache(own: argparse.Namespace) -> AbstractContextManager[Any]:
    """GDAL's, for the rows of all files that are compared at a time, as far as these are not very wide."""
    files: list[Names] = [own.fused, *filter(None, (own.truth, own.pan, own.ms))]
    return block_cache(min(sum(block_bytes(names, ROWS) for names in files), MOST_CACHE))


def _scene(pan: Picture, ms: Picture, ratio: int, rest: tuple[float, float]) -> Scene:
    """To measure the shift of, on top of the rest that is known."""

    def counts(own: Picture) -> ArrayRaster:
        def read(top: int, left: int, height: int, width: int) -> npt.NDArray[Any]:
            part = own.part(slice(top, top + height), slice(left, left + width))
            return np.where(np.asarray(part.valid), np.round(np.asarray(part.image)), np.int32(-1))

        whole = Unread(read, own.image.shape, np.int32)
        return ArrayRaster(whole, -1, name=str(own.path), bits=DEEPEST)

    fine, coarse = counts(pan), counts(ms)
    return Scene(fine, coarse, align(fine.size, coarse.size, rest, ratio))


def as_text(report: dict[str, Any]) -> str:
    """The report as tables for people."""
    lines = [report["fused"]]
    for name in ("reduced_resolution", "full_resolution"):
        if name in report:
            part = report[name]
            how = ", ".join(f"{key} {_said(value)}" for key, value in part.items() if key != "indices")
            lines += ["", f"{name.replace('_', ' ')}: {how}", f"{'index':12}{'value':>12}{'ideal':>8}"]
            lines += [f"{UNITS.get(k, k):12}{v:12.4f}{IDEAL[k]:>8}" for k, v in part["indices"].items()]
    return "\n".join(lines)


def _said(value: Any) -> str:  # noqa: ANN401
    return ",".join(f"{part:g}" for part in value) if isinstance(value, tuple) else str(value)
