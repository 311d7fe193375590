"""Grid arithmetic: which PAN pixels a scene has, and which MS samples lie under them.

A scene is the part of the PAN that the MS covers. Its MS pixel i belongs to its PAN pixels ``r*i ... r*i + r-1``; what
is left between the sample's true centre and the block's is the *shift*, at most half an MS pixel, which the
interpolation takes up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bitpan.errors import SceneError

_SHIFT_STEPS = 1024  # shifts are rounded to 1/1024 PAN pixel, so that geotransforms' last digits do not matter
_DRIFT = 0.5  # PAN pixels by which the two grids may drift apart from edge to edge


@dataclass(frozen=True)
class Grid:
    """Where a scene lies in its two rasters.

    Attributes:
        ratio: PAN pixels per MS pixel.
        height, width: of the scene, PAN pixels.
        pan_origin: row and column, in the PAN raster, of the scene's first pixel.
        ms_origin: row and column, in the MS raster, of the scene's MS pixel (0, 0); may lie outside the raster.
        shift: (dy, dx), displacement of the MS sample's centre against the block's, PAN pixels, at most ``ratio / 2``.
    """

    ratio: int
    height: int
    width: int
    pan_origin: tuple[int, int]
    ms_origin: tuple[int, int]
    shift: tuple[float, float]


def align(
    pan_size: tuple[int, int],
    ms_size: tuple[int, int],
    edge: tuple[float, float],
    ratio: int,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Grid:
    """Lay the MS's grid over the PAN's.

    The scene holds the PAN pixels whose centres the MS covers to within half an MS pixel: so far its outermost
    samples reach. A misregistration moves the samples and not the scene; whole MS pixels of it are taken up by
    reading the MS elsewhere.

    Args:
        pan_size, ms_size: height and width in own pixels.
        edge: upper and left edge of the MS raster in the PAN's pixel coordinates (0: the edges coincide).
        ratio: PAN pixels per MS pixel.
        shift: misregistration (dy, dx) on top of the edges, PAN pixels.

    Raises:
        SceneError: not half a PAN pixel is covered, or the shift takes the MS out of the scene.
    """
    if any(min(pan_size[a], edge[a] + ratio * ms_size[a]) - max(0.0, edge[a]) < _DRIFT for a in (0, 1)):
        raise SceneError(
            f"PAN and MS do not overlap: the MS begins {edge[0]:.1f} PAN pixels below and {edge[1]:.1f} to the right "
            f"of the PAN's corner and is {ms_size[0] * ratio} x {ms_size[1] * ratio} PAN pixels large; "
            "give a pair of the same place"
        )
    if not all(abs(shift[a]) < ratio * ms_size[a] for a in (0, 1)):
        raise SceneError(
            f"a shift of {shift[0]:g},{shift[1]:g} PAN pixels takes the MS, {ms_size[0] * ratio} x "
            f"{ms_size[1] * ratio} PAN pixels large, out of the scene; measure it (--shift auto), or give a smaller one"
        )
    axes = [_align_axis(pan_size[a], ms_size[a], edge[a], ratio, shift[a]) for a in (0, 1)]
    (top, bottom, ms_top, dy), (left, right, ms_left, dx) = axes
    return Grid(ratio, bottom - top, right - left, (top, left), (ms_top, ms_left), (dy, dx))


def _align_axis(pan: int, ms: int, edge: float, ratio: int, shift: float) -> tuple[int, int, int, float]:
    """One axis of :func:`align`: first and last + 1 PAN pixel, first MS pixel, remaining shift."""
    edge = round(edge * _SHIFT_STEPS) / _SHIFT_STEPS
    reach = ratio / 2  # pixel c counts where edge - reach <= c + 1/2 < edge + ratio * ms + reach
    start = max(0, math.ceil(edge - reach - 0.5))
    stop = min(pan, math.ceil(edge + ratio * ms + reach - 0.5))
    displacement = edge + round(shift * _SHIFT_STEPS) / _SHIFT_STEPS - start
    first = math.floor(0.5 - displacement / ratio)
    return start, stop, first, displacement + ratio * first


def measured_ratio(relative: Sequence[float], ms_size: tuple[int, int], ratio: int) -> int | float:
    """Ratio of two geotransforms: a whole number where they may be taken for one.

    Args:
        relative: see :func:`bitpan.rasters.relative_transform`.
        ms_size: height and width of the MS, over which the grids may drift apart by half a PAN pixel.
        ratio: about what it is, for how far the grids may be rotated.

    Raises:
        SceneError: the grids are rotated or mirrored against each other, or the pixels are not square alike.
    """
    a, b, _, d, e, _ = relative
    height, width = ms_size
    if min(a, e) <= 0 or max(abs(b) * height, abs(d) * width) * ratio * ratio > _DRIFT:
        raise SceneError("the MS's grid is rotated or mirrored against the PAN's: resample it (--align warp)")
    if abs(1 / a - 1 / e) * min(height, width) > _DRIFT:
        raise SceneError(
            f"the MS's pixels are {1 / e:.6g} PAN pixels high but {1 / a:.6g} wide: resample it (--align warp)"
        )
    found = 1 / a
    return round(found) if abs(found - round(found)) * width <= _DRIFT else found
