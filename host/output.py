"""The fused GeoTIFF, collected from tiles and written in whole rows of blocks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.host.scene.scene import Scene
from bitpan.host.scene.tiles import Tile
from bitpan.rasters import BLOCK, Mask, create_raster


class FusedWriter:
    """Collects tiles, in raster order, and writes them.

    A row of tiles is kept until whole rows of blocks can be written: a compressed block is written once and the file
    does not grow by rewriting. The dataset is rasterio's, open for writing; the fused values have so many ``bits``.
    """

    def __init__(self, dataset: Any, scene: Scene, bits: int) -> None:  # noqa: ANN401
        self._dataset, self._nodata, self._bits = dataset, scene.nodata, bits
        self._bands, self._height, self._width = dataset.count, dataset.height, dataset.width
        self._rows = np.zeros((self._bands, 0, self._width), dataset.dtypes[0])
        self._top = 0  # of the rows held

    def put(self, tile: Tile, fused: npt.NDArray[Any] | None, valid: Mask) -> None:
        """Take a tile's fused pixels, ``(bands, height, width)``, None where it holds no data at all."""
        bottom = tile.top + tile.height
        if bottom > self._top + self._rows.shape[1]:
            more = np.zeros((self._bands, bottom - self._top - self._rows.shape[1], self._width), self._rows.dtype)
            self._rows = np.concatenate([self._rows, more], axis=1)
        target = self._rows[:, tile.top - self._top : bottom - self._top, tile.left : tile.left + tile.width]
        if fused is not None:
            target[:] = fused
        if self._nodata is not None:
            if fused is not None:
                _step_aside(target, self._nodata, self._bits)
            target[:, ~valid] = self._nodata
        if tile.left + tile.width == self._width:
            self._flush(bottom == self._height)

    def _flush(self, end: bool) -> None:
        from rasterio.windows import Window

        ready = self._rows.shape[1] if end else self._rows.shape[1] // BLOCK * BLOCK
        if ready:
            self._dataset.write(self._rows[:, :ready], window=Window(0, self._top, self._width, ready))
            self._rows, self._top = self._rows[:, ready:], self._top + ready


def _step_aside(values: npt.NDArray[Any], nodata: int, bits: int) -> None:
    """Move valid values that happen to equal nodata by one count, so that they stay valid."""
    if 0 <= nodata < 1 << bits:
        values[values == nodata] = nodata + 1 if nodata + 1 < 1 << bits else nodata - 1


@contextmanager
def create_fused(path: Path, scene: Scene, bands: int, bits: int) -> Iterator[FusedWriter]:
    """The writer of a scene's fused GeoTIFF; the file appears at ``path`` only if all went well.

    The scene sets size, CRS, transform, dtype, nodata and band descriptions.

    Raises:
        SceneIOError: it cannot be written, for instance because the disk is full.
    """
    size = {"height": scene.grid.height, "width": scene.grid.width, "count": bands}
    taken_over = {name: scene.profile[name] for name in ("dtype", "crs", "transform")}
    with create_raster(path, **size, **taken_over, nodata=scene.nodata) as dataset:
        dataset.colorinterp = scene.profile["colorinterp"]
        for number, text in enumerate(scene.profile["descriptions"], start=1):
            if text:
                dataset.set_band_description(number, text)
        yield FusedWriter(dataset, scene, bits)
