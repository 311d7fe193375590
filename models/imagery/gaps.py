"""Pairs with gaps: tiles that hold data throughout, in place of the whole pair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.errors import DataError
from bitpan.rasters import Mask

Array = npt.NDArray[Any]

SIDES = (256, 128, 64)
"""MS pixels of a tile's side, of which the largest is taken that loses no more than half of what holds data."""


def whole_tiles(pan: Array, ms: Array, pan_valid: Mask, ms_valid: Mask, name: str) -> dict[str, Array]:
    """``pan (N, 1, H, W)`` and ``ms (N, B, h, w)``: the whole pair, or where it has gaps its tiles without any.

    Args:
        pan, ms: ``(1, H, W)`` and ``(B, h, w)``.
        pan_valid, ms_valid: ``(H, W)`` and ``(h, w)``, where they hold data.
        name: for messages.

    Raises:
        DataError: no tile is without a gap.
    """
    if pan_valid.all() and ms_valid.all():
        return {"pan": pan[None], "ms": ms[None]}
    ratio = max(1, round(pan_valid.shape[1] / ms_valid.shape[1]))
    for side in SIDES:
        tiles = list(_whole(pan_valid, ms_valid, ratio, side))
        if 2 * len(tiles) * side**2 >= int(ms_valid.sum()) or (tiles and side == SIDES[-1]):
            return {"pan": _cut(pan, tiles, ratio * side, ratio), "ms": _cut(ms, tiles, side, 1)}
    raise DataError(
        f"{name}: {int((~pan_valid).sum())} pixels of the PAN and {int((~ms_valid).sum())} of the MS "
        f"hold no data (nodata, masked or NaN), and no tile of {SIDES[-1]}x{SIDES[-1]} MS pixels is free of them; "
        "crop the pair to valid pixels (gdal_translate -projwin)"
    )


def _whole(fine: Mask, coarse: Mask, ratio: int, side: int) -> Iterator[tuple[int, int]]:
    """Upper left MS pixels of the tiles of a grid that hold data throughout."""
    height, width = (min(few, many // ratio) for few, many in zip(coarse.shape, fine.shape, strict=True))
    for top in range(0, height - side + 1, side):
        for left in range(0, width - side + 1, side):
            if _part(coarse, top, left, side).all() and _part(fine, ratio * top, ratio * left, ratio * side).all():
                yield top, left


def _part(image: Array, top: int, left: int, side: int) -> Array:
    return image[..., top : top + side, left : left + side]


def _cut(image: Array, tiles: Sequence[tuple[int, int]], side: int, scale: int) -> Array:
    return np.stack([_part(image, scale * top, scale * left, side) for top, left in tiles])
