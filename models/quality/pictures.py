"""Quality indices of fused files: read, held to lie in one place and to hold counts everywhere, and compared.

Pixels without data are refused: every index but SAM, ERGAS and PSNR looks at neighbourhoods, and a table whose rows are
of different pixels would mislead. The border is cut before anything is looked at, so a margin without data can be left
out with it.
"""

from __future__ import annotations

import numpy as np

from bitpan.errors import SceneError, naming
from bitpan.models.quality import full_resolution, metrics
from bitpan.rasters import Picture, relative_transform
from bitpan.rasters.pair import Pair, whole_windows
from bitpan.rasters.raster import unread_picture
from bitpan.rasters.unread import extremes

SMALLEST = 2 * metrics.SSIM_RADIUS + 1
FEWEST_COUNTS = 16
"""A floating-point image that stays below holds reflectances; indices are of whole counts."""


def same_place(fused: Picture, other: Picture) -> None:
    """Raise :class:`SceneError` unless both files start at one corner, within half a pixel, with pixels of one size."""
    same_pixels(fused, other)
    if not fused.transform or not other.transform:
        return
    _, _, left, _, _, top = relative_transform(other.transform, fused.transform)
    if max(abs(left), abs(top)) > 0.5:
        raise SceneError(
            f"{other.path}: starts {top:.4g} pixels below and {left:.4g} right of {fused.path}; "
            "crop all files to one place (gdal_translate -projwin)"
        )


def same_pixels(fused: Picture, other: Picture) -> None:
    """Raise :class:`SceneError` unless both files have one CRS and pixels of one size."""
    if fused.crs and other.crs and fused.crs != other.crs:
        raise SceneError(
            f"{other.path}: is in {other.crs}, {fused.path} in {fused.crs}; warp it to that (gdalwarp -t_srs)"
        )
    if not fused.transform or not other.transform:
        return
    a, b, _, d, e, _ = relative_transform(other.transform, fused.transform)
    # The grids may drift apart by half a pixel from one corner to the other.
    if max(abs(a - 1), abs(b), abs(d), abs(e - 1)) * max(fused.valid.shape) > 0.5:
        raise SceneError(
            f"{other.path}: its pixels are {a:.6g} x {e:.6g} pixels of {fused.path}, not 1; warp all files to one grid "
            "(gdalwarp -tr -te)"
        )


def against_truth(fused: Picture, truth: Picture, ratio: int, border: int) -> dict[str, float]:
    """Reduced-resolution indices by name."""
    if fused.image.shape != truth.image.shape:
        raise SceneError(f"{fused} cannot be compared with {truth}; give the truth of the same bands and pixels")
    same_place(fused, truth)
    fused, truth = _cut(fused, border, SMALLEST), _cut(truth, border, SMALLEST)
    with naming(fused.path):
        return metrics.evaluate(fused.image, truth.image, ratio)


def aligned(fused: Picture, pair: Pair) -> tuple[Picture, Picture, Picture, tuple[float, float]]:
    """Fused, PAN and MS over the whole MS pixels that all have, and the shift (dy, dx) that is left, in PAN pixels.

    Raises:
        SceneError: the fused image is not of this pair, or has no MS pixel in common with it.
    """
    fine, coarse, shift = whole_windows(pair)
    axes = [
        _shared(first, size, ms_first, offset, own, pair.grid.ratio)
        for first, size, ms_first, offset, own in zip(
            fine[:2], fine[2:], coarse[:2], _offset(fused, pair), fused.valid.shape, strict=True
        )
    ]
    (top, ms_top, own_top, height), (left, ms_left, own_left, width) = axes
    if min(height, width) <= 0:
        raise SceneError(f"{fused} and {pair.ms.name}: no MS pixel lies whole in both; give images of one place")
    ratio = pair.grid.ratio
    corners = (own_top, own_left), (top, left), (ms_top, ms_left)
    pictures = fused, unread_picture(pair.pan), unread_picture(pair.ms)
    inside = [
        own.part(slice(row, row + scale * height), slice(column, column + scale * width))
        for own, (row, column), scale in zip(pictures, corners, (ratio, ratio, 1), strict=True)
    ]
    return inside[0], inside[1], inside[2], shift


def _shared(first: int, size: int, ms_first: int, offset: int, own: int, ratio: int) -> tuple[int, int, int, int]:
    """Along an axis what a pair and a fused image share: first pixel of PAN, of MS and of the fused, and MS pixels."""
    skipped = max(0, -((first - offset) // ratio)) if offset > first else 0
    start = first + ratio * skipped
    stop = min(first + size, offset + own)
    return start, ms_first + skipped, start - offset, (stop - start) // ratio


def _offset(fused: Picture, pair: Pair) -> tuple[int, int]:
    """Row and column, in the PAN, of the fused image's first pixel: by their places, or 0,0 of one size."""
    pan = pair.pan
    if not fused.transform or pan.transform is None:
        if fused.valid.shape != pan.size:
            raise SceneError(
                f"{pan.name}: is not the PAN of {fused}; give one of the same pixels, or images with a place"
            )
        return 0, 0
    whole = Picture(pan.name, fused.image[:0], np.ones((1, 1), np.bool_), pan.dataset.crs, pan.transform)
    same_pixels(fused, whole)
    _, _, left, _, _, top = relative_transform(fused.transform, pan.transform)
    return round(top), round(left)


def within(fused: Picture, pan: Picture, ms: Picture, ratio: int, border: int) -> tuple[Picture, Picture, Picture]:
    """What a border leaves of what :func:`aligned` gives.

    Raises:
        SceneError: that is too little, or does not hold counts everywhere.
    """
    if border % ratio:
        raise SceneError(f"a border of {border} pixels cuts MS pixels in two; give a multiple of the ratio {ratio}")
    block = full_resolution.BLOCK
    return _cut(fused, border, block), _cut(pan, border, block), _cut(ms, border // ratio, 1)


def without_truth(
    fused: Picture, pan: Picture, ms: Picture, ratio: int, sensor: str, shift: tuple[float, float]
) -> dict[str, float]:
    """Full-resolution indices by name of what :func:`within` gives; the shift of the MS in PAN pixels."""
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
    inside = picture.part(*(slice(border, size - border) for size in picture.valid.shape))
    inside.require_data("crop all files to valid pixels (gdal_translate -projwin) or cut a margin with --border")
    if inside.image.dtype.kind == "f" and (top := extremes(inside.image)[1]) < FEWEST_COUNTS:
        raise SceneError(
            f"{picture.path}: values up to {top:.4g} are no counts, and the indices are of whole "
            "counts; scale all files alike (gdal_translate -ot UInt16 -scale 0 1 0 10000)"
        )
    return inside
