"""``bitpan metrics``: quality indices of a fused GeoTIFF, against a truth, without one, or both.

Pixels without data are refused: every index but SAM, ERGAS and PSNR looks at neighbourhoods, and a table whose rows are
of different pixels would mislead. ``--border`` is cut before anything is looked at, so a margin without data can be
left out with it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.errors import DataError, SceneError
from bitpan.models.imagery.degrade import SENSORS
from bitpan.models.quality import full_resolution, metrics
from bitpan.models.quality.tables import strict_json
from bitpan.rasters import Picture, read_picture

BORDER = 21
"""Pixels cut from every side where there is a truth: the DLPan toolbox's figure."""

SMALLEST = 2 * metrics.SSIM_RADIUS + 1
FEWEST_COUNTS = 16
"""A floating-point image that stays below holds reflectances; indices are of whole counts."""

UNITS = {"PSNR": "PSNR dB", "SAM": "SAM deg"}
IDEAL = {"PSNR": "inf", "SSIM": "1", "SAM": "0", "ERGAS": "0", "SCC": "1", "Q2n": "1"}
IDEAL |= {"D_lambda": "0", "D_s": "0", "QNR": "1", "D_lambda_K": "0", "HQNR": "1"}


def cut(picture: Picture, border: int) -> Picture:
    """Without ``border`` pixels on every side."""
    inside = tuple(slice(border, size - border) for size in picture.valid.shape)
    return replace(picture, image=picture.image[(slice(None), *inside)], valid=picture.valid[inside])


def require_counts(picture: Picture) -> None:
    """Raise :class:`SceneError` unless every pixel holds data, and counts."""
    picture.require_data("crop all files to valid pixels (gdal_translate -projwin) or cut a margin with --border")
    if picture.image.dtype.kind == "f" and picture.image.max() < FEWEST_COUNTS:
        raise SceneError(
            f"{picture.path}: values up to {picture.image.max():.4g} are no counts, and the indices are of whole "
            "counts; scale all files alike (gdal_translate -ot UInt16 -scale 0 1 0 10000)"
        )


def same_place(fused: Picture, other: Picture, scale: int = 1) -> None:
    """Raise :class:`SceneError` unless both files start at one corner, within half a pixel, at this ratio of pixels."""
    if fused.crs and other.crs and fused.crs != other.crs:
        raise SceneError(
            f"{other.path}: is in {other.crs}, {fused.path} in {fused.crs}; warp it to that (gdalwarp -t_srs)"
        )
    if not fused.transform or not other.transform:
        return
    (own, own_origin), (its, its_origin) = _split(fused.transform), _split(other.transform)
    pixel, (left, top) = np.linalg.solve(own, its), np.linalg.solve(own, its_origin - own_origin)
    # The grids may drift apart by half a pixel from one corner to the other.
    if np.abs(pixel - scale * np.eye(2)).max() * max(other.valid.shape) > 0.5:
        raise SceneError(
            f"{other.path}: its pixels are {pixel[0, 0]:.6g} x {pixel[1, 1]:.6g} pixels of {fused.path}, not {scale}; "
            + ("set --ratio, or warp" if scale > 1 else "warp")
            + " all files to one grid (gdalwarp -tr -te)"
        )
    if max(abs(left), abs(top)) > 0.5:
        raise SceneError(
            f"{other.path}: starts {top:.4g} pixels below and {left:.4g} right of {fused.path}; "
            "crop all files to one place (gdal_translate -projwin)"
        )


def _split(transform: tuple[float, ...]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    a, b, c, d, e, f = transform
    return np.array([[a, b], [d, e]]), np.array([c, f])


def against_truth(fused: Picture, truth: Picture, ratio: int, border: int) -> dict[str, float]:
    """Reduced-resolution indices by name."""
    if fused.image.shape != truth.image.shape:
        raise SceneError(f"{fused} cannot be compared with {truth}; give the truth of the same bands and pixels")
    same_place(fused, truth)
    fused, truth = _cut(fused, border, SMALLEST), _cut(truth, border, SMALLEST)
    with _naming(fused.path):
        return metrics.evaluate(fused.image, truth.image, ratio)


def without_truth(fused: Picture, pan: Picture, ms: Picture, ratio: int, sensor: str, border: int) -> dict[str, float]:
    """Full-resolution indices by name; the border is a multiple of the ratio, or MS pixels would be cut in two."""
    (bands, height, width), low = fused.image.shape, ms.image.shape
    if pan.image.shape != (1, height, width):
        raise SceneError(f"{pan} is not the PAN of {fused}; give one band of the same pixels")
    if low != (bands, height // ratio, width // ratio) or height % ratio or width % ratio:
        raise SceneError(
            f"{ms} is not the MS of {fused} at ratio {ratio}; give the same bands at 1/{ratio} of height and width, "
            "or set --ratio"
        )
    if border % ratio:
        raise SceneError(f"a border of {border} pixels cuts MS pixels in two; give a multiple of the ratio {ratio}")
    same_place(fused, pan)
    same_place(fused, ms, ratio)
    block = full_resolution.BLOCK
    fused, pan, ms = _cut(fused, border, block), _cut(pan, border, block), _cut(ms, border // ratio, 1)
    with _naming(fused.path):
        return full_resolution.evaluate(fused.image, pan.image, ms.image, ratio, sensor)


def _cut(picture: Picture, border: int, least: int) -> Picture:
    inner = min(picture.valid.shape) - 2 * border
    if inner < least:
        raise SceneError(
            f"{picture}: a border of {border} leaves {max(inner, 0)} pixels, fewer than the {least} needed; "
            "give a larger image or a smaller --border (0 keeps all)"
        )
    inside = cut(picture, border)
    require_counts(inside)
    return replace(inside, image=inside.image.astype(np.float64))


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the file in front of what the index functions complain about."""
    try:
        yield
    except DataError as error:
        raise SceneError(f"{path}: {error}") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bitpan metrics``."""
    parser.add_argument("fused", type=Path, metavar="FUSED.tif", help="the image to judge")
    parser.add_argument("--truth", type=Path, metavar="GT.tif", help="its truth: PSNR, SSIM, SAM, ERGAS, SCC, Q2n")
    parser.add_argument("--pan", type=Path, metavar="PAN.tif", help="what it was made of, with --ms: QNR and HQNR")
    parser.add_argument("--ms", type=Path, metavar="MS.tif", help="bands in the fused image's order")
    parser.add_argument("--ratio", type=int, default=4, help="PAN pixels per MS pixel (4)")
    parser.add_argument("--sensor", choices=SENSORS, default="generic", help="whose MTF D_lambda_K takes (generic)")
    parser.add_argument(
        "--border", type=int, help=f"pixels to cut from every side ({BORDER} with a truth, 0 at full resolution)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON; an infinite or undefined index is null")


def run(arguments: argparse.Namespace) -> int:
    """Print the indices asked for."""
    if (arguments.pan is None) != (arguments.ms is None) or (arguments.truth is None and arguments.pan is None):
        raise SceneError("nothing to compare with: give --truth GT.tif, or both --pan PAN.tif and --ms MS.tif")
    if arguments.ratio < 2:
        raise SceneError(f"a ratio is 2 or more PAN pixels per MS pixel, not {arguments.ratio}")
    if arguments.border is not None and arguments.border < 0:
        raise SceneError(f"a border is 0 or more pixels, not {arguments.border}")
    fused, report = read_picture(arguments.fused), {"fused": str(arguments.fused)}
    report |= _report(fused, arguments)
    print(strict_json(report).decode().rstrip() if arguments.json else as_text(report))
    return 0


def _report(fused: Picture, arguments: argparse.Namespace) -> dict[str, Any]:
    ratio, sensor, report = arguments.ratio, arguments.sensor, {}
    if arguments.truth is not None:
        border = BORDER if arguments.border is None else arguments.border
        report["reduced_resolution"] = {
            "truth": str(arguments.truth),
            "ratio": ratio,
            "border": border,
            "indices": against_truth(fused, read_picture(arguments.truth), ratio, border),
        }
    if arguments.pan is not None:
        border = arguments.border or 0
        report["full_resolution"] = {
            "pan": str(arguments.pan),
            "ms": str(arguments.ms),
            "ratio": ratio,
            "sensor": sensor,
            "border": border,
            "indices": without_truth(
                fused, read_picture(arguments.pan), read_picture(arguments.ms), ratio, sensor, border
            ),
        }
    return report


def as_text(report: dict[str, Any]) -> str:
    """The report as tables for people."""
    lines = [report["fused"]]
    for name in ("reduced_resolution", "full_resolution"):
        if name in report:
            part = report[name]
            how = ", ".join(f"{key} {value}" for key, value in part.items() if key != "indices")
            lines += ["", f"{name.replace('_', ' ')}: {how}", f"{'index':12}{'value':>12}{'ideal':>8}"]
            lines += [f"{UNITS.get(k, k):12}{v:12.4f}{IDEAL[k]:>8}" for k, v in part["indices"].items()]
    return "\n".join(lines)
