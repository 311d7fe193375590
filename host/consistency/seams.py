"""Fused tiles with what lies around them, so that counts are corrected across their seams, without a wider halo.

What makes counts consistent with the MS looks further than a pixel (:func:`bitpan.camera.consistency.reach`). So the
last rows and columns of a tile wait for the next: a *window* is a tile with what was kept of those above it and to its
left, and what comes out of it, its *settled* part, ends short of the tile's lower right corner and begins where that of
the last one has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.camera.consistency import reach
from bitpan.host.scene.tiles import Tile, ahead
from bitpan.rasters import Mask

Pixels = npt.NDArray[Any]


@dataclass(frozen=True)
class Window:
    """A tile and its surroundings, out to whole MS pixels, or to the scene's edge.

    Attributes:
        edge: its upper and left edge in the scene, whole MS pixels.
        counts: ``(bands, height, width)``.
        valid: ``(height, width)``.
        inside: the rows and columns of the settled part within the window.
    """

    edge: tuple[int, int]
    counts: Pixels
    valid: Mask
    inside: tuple[slice, slice]

    @property
    def corner(self) -> tuple[int, int]:
        """Upper and left edge of the settled part in the scene."""
        (top, left), (rows, columns) = self.edge, self.inside
        return top + rows.start, left + columns.start


class Seams:
    """Windows from the tiles of a scene, which come in raster order.

    Args:
        bands: of the fused image.
        height, width: of the scene, PAN pixels.
        ratio: PAN pixels per MS pixel.
    """

    def __init__(self, bands: int, height: int, width: int, ratio: int) -> None:
        self._size, self._ratio, self._reach, self._waiting = (height, width), ratio, reach(ratio), ahead(ratio)
        kept = self._waiting + self._reach + ratio
        self._counts = _Kept(np.zeros((bands, kept, width), np.uint16))
        self._valid = _Kept(np.zeros((1, kept, width), np.bool_))

    def window(self, tile: Tile, put: Callable[[Pixels], None], valid: Mask) -> Window | None:
        """That of the next tile, if any of it is settled; ``put`` puts the tile's counts in their place."""

        def put_valid(place: Pixels) -> None:
            place[0] = valid

        counts, known = self._counts.around(tile, put), self._valid.around(tile, put_valid)[0]
        ends = tile.top + tile.height, tile.left + tile.width
        axes = [self._axis(axis, *places) for axis, places in enumerate(zip((tile.top, tile.left), ends, strict=True))]
        if any(inside.start == inside.stop for _, _, inside in axes):
            return None
        begin = (end - side for end, side in zip(ends, known.shape, strict=True))
        rows, columns = (slice(first - at, last - at) for (first, last, _), at in zip(axes, begin, strict=True))
        return Window(
            (axes[0][0], axes[1][0]), counts[:, rows, columns], known[rows, columns], (axes[0][2], axes[1][2])
        )

    def _axis(self, axis: int, start: int, end: int) -> tuple[int, int, slice]:
        """Along one axis: first and past the last pixel of a tile's window in the scene, and what of it is settled."""
        first, last = self._settled(start, axis), self._settled(end, axis)
        begin, size = max(first - self._reach, 0), self._size[axis]
        return begin, size if last == size else last + self._reach, slice(first - begin, last - begin)

    def _settled(self, end: int, axis: int) -> int:
        """How far the scene is settled where its tiles reach to ``end``."""
        size, ratio = self._size[axis], self._ratio
        return size if end == size else max((end - self._waiting) // ratio * ratio, 0)


class _Kept:
    """An image's last rows of all columns, ``(channels, rows, width)``, and as many last columns of the last window."""

    def __init__(self, above: Pixels) -> None:
        self._above, self._left = above, above[:, :, :0]

    def around(self, tile: Tile, put: Callable[[Pixels], None]) -> Pixels:
        """A tile with what was kept above it and to its left, ``(channels, height, width)``."""
        channels, kept, _ = self._above.shape
        rows, columns = min(kept, tile.top), min(kept, tile.left)
        window = np.empty((channels, rows + tile.height, columns + tile.width), self._above.dtype)
        above = self._above[:, :, tile.left : tile.left + tile.width]
        if columns:
            window[:, :, :columns] = self._left
        window[:, :rows, columns:] = above[:, kept - rows :]
        put(window[:, rows:, columns:])
        last = window[:, -kept:, columns:]
        above[:, kept - last.shape[1] :] = last
        self._left = window[:, :, -kept:].copy()
        return window
