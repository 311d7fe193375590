"""Tiles of one acquisition as the scene that they were cut from.

Scene parameters look at the whole scene, so tiles that are fused each with its own differ at their seams. Those of the
mosaic are the same for all of them. It is never built: its pixels are read from the tiles where they are asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from bitpan.errors import BitpanError, BitpanWarning, SceneError
from bitpan.host.scene.rasters import FileRaster, Raster
from bitpan.host.scene.scene import Scene, fill_values
from bitpan.model import IntegerModel
from bitpan.radiometry import Counted
from bitpan.rasters import Mask, relative_transform
from bitpan.rasters.grid import align

_OFF_GRID = 0.01
"""Pixels by which a tile may lie beside the first one's grid, or drift off it from edge to edge."""

_SPARSE = 64
"""Times as many pixels as the tiles a mosaic may have: beyond, they are not of one acquisition."""

Open = Callable[[], AbstractContextManager[Scene]]
"""Opens a tile with its PAN and MS as a scene of its own."""


@dataclass(frozen=True)
class _Part:
    """A tile's raster: row and column of its first pixel, its size, and how it is read."""

    corner: tuple[int, int]
    size: tuple[int, int]
    opened: Open
    of: Callable[[Scene], Raster]


class MosaicRaster:
    """The rasters of tiles as one; where there is none, or it cannot be read, there is no data.

    Args:
        parts: the tiles, on one grid; where they overlap, the last one counts.
        bands: of each.
        fill: what the network sees where there is no data.

    Attributes:
        corner: row and column of its first pixel in the grid of the parts.
        size: height and width.
    """

    def __init__(self, parts: Sequence[_Part], bands: int, fill: int) -> None:
        self._parts, self._bands, self._fill = parts, bands, fill
        corners = np.array([part.corner for part in parts])
        ends = corners + np.array([part.size for part in parts])
        (top, left), (bottom, right) = corners.min(axis=0).tolist(), ends.max(axis=0).tolist()
        self.corner: tuple[int, int] = (top, left)
        self.size: tuple[int, int] = (bottom - top, right - left)
        if self.size[0] * self.size[1] > _SPARSE * sum(part.size[0] * part.size[1] for part in parts):
            raise SceneError("they lie too far apart to be of one acquisition")

    def read(self, top: int, left: int, height: int, width: int) -> tuple[Counted, Mask]:
        """See :meth:`bitpan.host.scene.rasters.ArrayRaster.read`."""
        values = np.full((self._bands, height, width), self._fill, np.uint16)
        valid = np.zeros((height, width), np.bool_)
        first = top + self.corner[0], left + self.corner[1]
        for part in self._parts:
            shared = [_overlap(*axis) for axis in zip(first, (height, width), part.corner, part.size, strict=True)]
            if all(own.start < own.stop for own, _ in shared):
                (rows, its_rows), (columns, its_columns) = shared
                window = its_rows.start, its_columns.start, rows.stop - rows.start, columns.stop - columns.start
                with suppress(BitpanError), _silently(), part.opened() as scene:  # the tile's own run says so
                    values[:, rows, columns], valid[rows, columns] = part.of(scene).read(*window)
        return values, valid


def _overlap(first: int, length: int, other: int, its: int) -> tuple[slice, slice]:
    """What two stretches along an axis share, as the one counts and as the other."""
    start, stop = max(first, other), min(first + length, other + its)
    return slice(start - first, stop - first), slice(start - other, stop - other)


def open_mosaic(tiles: Sequence[Open], model: IntegerModel) -> tuple[Scene, dict[str, Any]]:
    """The scene that tiles were cut from, and the state of their files, as :class:`bitpan.rasters.RasterFile` has it.

    They share a CRS, a grid of PAN pixels and one of MS pixels. Tiles that cannot be opened are left out.

    Raises:
        SceneError: none can be opened, or they are no tiles of one scene.
    """
    found: list[tuple[Open, Scene]] = []
    for opened in tiles:
        with suppress(BitpanError), _silently(), opened() as scene:
            found.append((opened, scene))
    if not found:
        raise SceneError("none of them can be opened; fuse them without --one-scene to see why")
    first, ratio = found[0][1], model.ratio
    _, edge = _place(first, first)
    pans, mss = [], []
    for opened, scene in found:
        pan_place, ms_place = _place(scene, first)
        blocks = (ms_place[0] - edge[0]) / ratio, (ms_place[1] - edge[1]) / ratio
        pans.append(_Part(_whole(pan_place), scene.pan.size, opened, lambda own: own.pan))
        mss.append(_Part(_whole(blocks), scene.ms.size, opened, lambda own: own.ms))
    fills = fill_values(model)
    pan, ms = MosaicRaster(pans, 1, fills[0]), MosaicRaster(mss, model.bands, fills[1])
    top, left = (edge[axis] + ratio * ms.corner[axis] - pan.corner[axis] for axis in (0, 1))
    grid = align(pan.size, ms.size, (top, left), ratio)
    scene = Scene(cast(Raster, pan), cast(Raster, ms), grid, (top, left), first.nodata, first.profile)
    rasters = [raster for _, tile in found for raster in (tile.pan, tile.ms) if isinstance(raster, FileRaster)]
    return scene, {name: state for raster in rasters for name, state in raster.file.state.items()}


def _place(scene: Scene, first: Scene) -> tuple[tuple[float, float], tuple[float, float]]:
    """Rows and columns, in the first one's PAN pixels, of the first pixels of a tile's PAN raster and MS raster.

    The closed scenes tell no more than what they hold.
    """
    one, other = scene.profile["transform"], first.profile["transform"]
    if one is None or other is None or scene.profile["crs"] != first.profile["crs"]:
        raise SceneError("they have no georeference, or not the same; give --scene-parameters of one of them")
    a, b, column, d, e, row = relative_transform(one, other)
    if max(abs(a - 1), abs(b), abs(d), abs(e - 1)) * max(scene.pan.size) > _OFF_GRID:
        raise SceneError("their pixels are not of one size; give --scene-parameters of one of them")
    pan = row - scene.grid.pan_origin[0], column - scene.grid.pan_origin[1]
    return pan, (pan[0] + scene.edge[0], pan[1] + scene.edge[1])


def _whole(place: tuple[float, float]) -> tuple[int, int]:
    """Whole pixels."""
    row, column = round(place[0]), round(place[1])
    if max(abs(row - place[0]), abs(column - place[1])) > _OFF_GRID:
        raise SceneError(
            f"one lies {place[0]:.2f},{place[1]:.2f} pixels from another: they are no tiles of one grid; give "
            "--scene-parameters of one of them"
        )
    return row, column


@contextmanager
def _silently() -> Iterator[None]:
    """Without the warnings of a tile, which its own run gives."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BitpanWarning)
        yield
