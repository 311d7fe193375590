"""Quality indices of fused files: read, held to lie in one place and to hold counts everywhere, and compared.

Pixels without data are refused: every index but SAM, ERGAS and PSNR looks at neighbourhoods, and a table whose rows are
of different pixels would mislead. The border is cut before anything is looked at, so a margin without data can be left
out with it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bitpan.errors import SceneError, naming
from bitpan.models.quality import full_resolution, metrics
from bitpan.rasters import Picture, relative_transform

SMALLEST = 2 * metrics.SSIM_RADIUS + 1
FEWEST_COUNTS = 16
"""A floating-point image that stays below holds reflectances; indices are of whole counts."""


def same_place(fused: Picture, other: Picture, scale: int = 1) -> None:
    """Raise :class:`SceneError` unless both files start at one corner, within half a pixel, at this ratio of pixels."""
    if fused.crs and other.crs and fused.crs != other.crs:
        raise SceneError(
            f"{other.path}: is in {other.crs}, {fused.path} in {fused.crs}; warp it to that (gdalwarp -t_srs)"
        )
    if not fused.transform or not other.transform:
        return
    a, b, left, d, e, top = relative_transform(other.transform, fused.transform)
    # The grids may drift apart by half a pixel from one corner to the other.
    if max(abs(a - scale), abs(b), abs(d), abs(e - scale)) * max(other.valid.shape) > 0.5:
        raise SceneError(
            f"{other.path}: its pixels are {a:.6g} x {e:.6g} pixels of {fused.path}, not {scale}; "
            + ("set --ratio, or warp" if scale > 1 else "warp")
            + " all files to one grid (gdalwarp -tr -te)"
        )
    if max(abs(left), abs(top)) > 0.5:
        raise SceneError(
            f"{other.path}: starts {top:.4g} pixels below and {left:.4g} right of {fused.path}; "
            "crop all files to one place (gdal_translate -projwin)"
        )


def against_truth(fused: Picture, truth: Picture, ratio: int, border: int) -> dict[str, float]:
    """Reduced-resolution indices by name."""
    if fused.image.shape != truth.image.shape:
        raise SceneError(f"{fused} cannot be compared with {truth}; give the truth of the same bands and pixels")
    same_place(fused, truth)
    fused, truth = _cut(fused, border, SMALLEST), _cut(truth, border, SMALLEST)
    with naming(fused.path):
        return metrics.evaluate(fused.image, truth.image, ratio)


def require_inputs(fused: Picture, pan: Picture, ms: Picture, ratio: int, border: int) -> None:
    """Raise :class:`SceneError` unless fused was made of PAN and MS, and the border is a multiple of the ratio."""
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


def without_truth(
    fused: Picture, pan: Picture, ms: Picture, ratio: int, sensor: str, border: int, shift: tuple[float, float]
) -> dict[str, float]:
    """Full-resolution indices by name of what :func:`require_inputs` lets pass; the shift of the MS in PAN pixels."""
    block = full_resolution.BLOCK
    fused, pan, ms = _cut(fused, border, block), _cut(pan, border, block), _cut(ms, border // ratio, 1)
    with naming(fused.path):
        return full_resolution.evaluate(fused.image, pan.image, ms.image, ratio, sensor, shift)


def _cut(picture: Picture, border: int, least: int) -> Picture:
    """What a border leaves of it, which holds counts everywhere."""
    inner = min(picture.valid.shape) - 2 * border
    if inner < least:
        raise SceneError(
            f"{picture}: a border of {border} leaves {max(inner, 0)} pixels, fewer than the {least} needed; "
            "give a larger image or a smaller --border (0 keeps all)"
        )
    inside = replace(picture, image=metrics.cut(picture.image, border), valid=metrics.cut(picture.valid, border))
    inside.require_data("crop all files to valid pixels (gdal_translate -projwin) or cut a margin with --border")
    if inside.image.dtype.kind == "f" and inside.image.max() < FEWEST_COUNTS:
        raise SceneError(
            f"{picture.path}: values up to {inside.image.max():.4g} are no counts, and the indices are of whole "
            "counts; scale all files alike (gdal_translate -ot UInt16 -scale 0 1 0 10000)"
        )
    return replace(inside, image=inside.image.astype(np.float64))
