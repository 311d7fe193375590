"""Pairs with gaps: tiles that hold data throughout, in place of the whole pair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bitpan.errors import DataError
from bitpan.rasters import Mask
from bitpan.rasters.pair import Whole
from bitpan.rasters.unread import ROWS, Arrays, Image, stacked

SIDES = (256, 128, 64)
"""MS pixels of a tile's side, of which the largest is taken that loses no more than half of what holds data."""


def whole_tiles(pair: Whole, name: str) -> dict[str, Arrays]:
    """``pan (N, 1, H, W)`` and ``ms (N, B, h, w)``: the whole pair, or where it has gaps its tiles without any.

    Args:
        pair: with whole MS pixels.
        name: for messages.

    Raises:
        DataError: no tile is without a gap.
    """
    ratio = max(1, round(pair.pan_valid.shape[1] / pair.ms_valid.shape[1]))
    whole, (fine, coarse) = _gapless(pair, ratio)
    if not fine + coarse:
        return {"pan": stacked([pair.pan]), "ms": stacked([pair.ms])}
    for side in SIDES:
        tiles = list(_whole(whole, side))
        if 2 * len(tiles) * side**2 >= whole.size - coarse or (tiles and side == SIDES[-1]):
            return {"pan": _cut(pair.pan, tiles, side, ratio), "ms": _cut(pair.ms, tiles, side, 1)}
    raise DataError(
        f"{name}: {fine} pixels of the PAN and {coarse} of the MS "
        f"hold no data (nodata, masked or NaN), and no tile of {SIDES[-1]}x{SIDES[-1]} MS pixels is free of them; "
        "crop the pair to valid pixels (gdal_translate -projwin)"
    )


def _gapless(pair: Whole, ratio: int) -> tuple[Mask, tuple[int, int]]:
    """The MS pixels that hold data with all of their PAN pixels, ``(h, w)``; how many of PAN's and MS's hold none."""
    height, width = pair.ms_valid.shape
    whole, missing = np.empty((height, width), np.bool_), np.zeros(2, np.int64)
    for top in range(0, height, ROWS):
        rows = min(ROWS, height - top)
        fine = np.asarray(pair.pan_valid[ratio * top : ratio * (top + rows), :])
        coarse = np.asarray(pair.ms_valid[top : top + rows, :])
        whole[top : top + rows] = coarse & fine.reshape(rows, ratio, width, ratio).all(axis=(1, 3))
        missing += (~fine).sum(), (~coarse).sum()
    return whole, (int(missing[0]), int(missing[1]))


def _whole(whole: Mask, side: int) -> Iterator[tuple[int, int]]:
    """Upper left MS pixels of the tiles of a grid that hold data throughout."""
    height, width = whole.shape
    for top in range(0, height - side + 1, side):
        for left in range(0, width - side + 1, side):
            if whole[top : top + side, left : left + side].all():
                yield top, left


def _cut(image: Image, tiles: Sequence[tuple[int, int]], side: int, scale: int) -> Arrays:
    corners = ((scale * top, scale * left) for top, left in tiles)
    return stacked([image[:, top : top + scale * side, left : left + scale * side] for top, left in corners])
