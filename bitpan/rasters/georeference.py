"""How two rasters lie over each other: their CRSs, their geotransforms, and the grid of a pair."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from bitpan.errors import GeoreferenceWarning, SceneError, naming
from bitpan.optional import require
from bitpan.rasters.grid import measured_ratio
from bitpan.rasters.raster import RasterFile

ALIGNMENTS = ("auto", "georeference", "corners", "warp")
"""How a pair is laid over each other: by geotransforms where both have one, by them alone, by corners and sizes, or by
resampling the MS onto a grid along the PAN's: for other CRSs, other ratios and rotated grids."""

ASKED = "--ratio asks for"
"""As a maker: the command's own option."""

_FARTHEST = 2.0**40
"""Pixels from one image to another, and of the one in one of the other."""

_SAME = 0.01  # PAN pixels by which one place may differ in two CRSs that are taken for one


def ms_edge(pan: RasterFile, ms: RasterFile, ratio: int, maker: str, how: str = "auto") -> tuple[float, float]:
    """Upper and left edge of the MS in the PAN's pixel coordinates; checks CRS and ratio.

    Args:
        ratio: PAN pixels per MS pixel.
        maker: what asks for this ratio, for messages: :data:`ASKED` or ``model s2bnet was made for``.
        how: one of :data:`ALIGNMENTS`.

    Raises:
        SceneError: the files do not lie over each other, or not at this ratio.
    """
    pair = f"{pan.name} and {ms.name}"
    if how == "warp":
        return _warped(pan, ms, ratio, pair)
    if how not in ALIGNMENTS:
        raise SceneError(f"a pair is aligned by one of {', '.join(ALIGNMENTS)}, not {how!r}")
    if how == "corners":
        require_extents(pan.size, ms.size, ratio, maker, pair)
        return 0.0, 0.0
    crs = pan.dataset.crs, ms.dataset.crs
    if all(crs) and not _one_place(pan, ms):
        crss = f"the PAN is in {_code(crs[0])}, the MS in {_code(crs[1])}"
        raise SceneError(f"{pair}: {crss}; resample the MS (--align warp), or if one CRS is wrong, --align corners")
    placed = pan.transform is not None and ms.transform is not None
    if how == "georeference" and not placed:
        raise SceneError(f"{pair}: no geotransform to align them by; give --align corners")
    if not (all(crs) and placed):
        what = "geotransform" if all(crs) else f"CRS in {'one' if any(crs) else 'both'}"
        by = "the geotransforms are taken to share one" if placed else "they are aligned by extent and ratio"
        warnings.warn(f"{pair}: no {what}; {by}", GeoreferenceWarning, stacklevel=4)
    if not placed:
        require_extents(pan.size, ms.size, ratio, maker, pair)
        return 0.0, 0.0
    assert pan.transform
    assert ms.transform
    with naming(pair):
        relative = relative_transform(pan.transform, ms.transform)
        found = measured_ratio(relative, ms.size, ratio)
    if found != ratio:
        other = "another --ratio" if maker == ASKED else "a model of this ratio"
        cure = f"give {other}, or resample the MS (--align warp)"
        if found < 1:
            cure = "give the files in the order PAN MS"
        if _extents_fit(pan.size, ms.size, ratio):
            cure += ", or, if the sizes are right and the geotransforms wrong, --align corners"
        raise SceneError(f"{pair}: an MS pixel is {found:.6g} PAN pixels wide; {maker} ratio {ratio}: {cure}")
    return -relative[5] * ratio, -relative[2] * ratio


def _warped(pan: RasterFile, ms: RasterFile, ratio: int, pair: str) -> tuple[float, float]:
    """The MS resampled so that its corner is the PAN's, and each of its pixels ``ratio`` x ``ratio`` of PAN's."""
    if pan.transform is None or ms.transform is None or not pan.dataset.crs or not ms.dataset.crs:
        raise SceneError(f"{pair}: one has no CRS or no geotransform, so nothing can be warped; give --align corners")
    a, b, c, d, e, f = pan.transform
    grid = type(pan.dataset.transform)(ratio * a, ratio * b, c, ratio * d, ratio * e, f)
    ms.warp(pan.dataset.crs, grid, (-(-pan.size[0] // ratio), -(-pan.size[1] // ratio)))
    return 0.0, 0.0


def require_extents(pan: tuple[int, int], ms: tuple[int, int], ratio: int, maker: str, pair: str) -> None:
    """Raise :class:`SceneError` unless PAN's size and the ratio times MS's differ by less than an MS pixel."""
    if not _extents_fit(pan, ms, ratio):
        raise SceneError(
            f"{pair}: {pan[0]} x {pan[1]} and {ms[0]} x {ms[1]} pixels are not ratio {ratio}, which {maker}; "
            "give a pair of one place, a georeferenced pair, or a model of this ratio"
        )


def _extents_fit(pan: tuple[int, int], ms: tuple[int, int], ratio: int) -> bool:
    return all(abs(fine - ratio * coarse) < ratio for fine, coarse in zip(pan, ms, strict=True))


def _one_place(pan: RasterFile, ms: RasterFile) -> bool:
    """Whether the two CRSs are one, written in any way, with any heights: the MS lies at the same place in both."""
    a, b = pan.dataset.crs, ms.dataset.crs
    if a == b:
        return True
    from rasterio._err import CPLE_BaseError  # which rasterio does not always make its own
    from rasterio.errors import RasterioError

    warp = require("rasterio.warp")
    left, bottom, right, top = ms.dataset.bounds
    xs, ys = [left, right, left, right], [top, top, bottom, bottom]
    try:
        moved = warp.transform(b, a, xs, ys)
    except (RasterioError, CPLE_BaseError):
        return False
    pixel = max(abs(pan.dataset.transform.a), abs(pan.dataset.transform.e))
    return bool(np.abs(np.array(moved) - [xs, ys]).max() <= _SAME * pixel)


def _code(crs: Any) -> str:  # noqa: ANN401
    """A CRS in a word or its own name, the first in its WKT."""
    found = re.match('[^"]*"([^"]*)"', said := str(crs.to_string()))
    return found[1] if found else said


def relative_transform(one: Sequence[float], other: Sequence[float]) -> tuple[float, ...]:
    """The affine map (a, b, c, d, e, f) from one grid's pixels to the other's: ``column' = a*column + b*row + c``.

    Both geotransforms are in rasterio's order (a, b, c, d, e, f), from own pixels to the world.

    Raises:
        SceneError: one of them gives pixels no place or no size.
    """
    own, its = np.reshape(one[:6], (2, 3)), np.reshape(other[:6], (2, 3))
    with np.errstate(all="ignore"):
        if all(abs(np.linalg.det(matrix[:, :2])) > 0 for matrix in (own, its)):
            # The origins' difference first: world coordinates are so large that it would lose digits afterwards.
            linear = np.linalg.solve(its[:, :2], own[:, :2])
            origin = np.linalg.solve(its[:, :2], own[:, 2] - its[:, 2])
            found = np.column_stack([linear, origin])
            if (np.abs(found) < _FARTHEST).all():
                return tuple(found.ravel().tolist())
    raise SceneError(
        f"the geotransforms {tuple(one[:6])} and {tuple(other[:6])} give pixels no place or no size; mend them "
        "(rio edit-info)"
    )
