"""The fused GeoTIFF, collected from tiles and written in whole blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.files.compression import DEFAULT as COMPRESSION
from bitpan.host.scene.scene import Scene
from bitpan.host.scene.tiles import Tile
from bitpan.rasters import BLOCK, new_raster


class FusedWriter:
    """Collects tiles, in any order, and writes them.

    A block of the file is kept until it is whole: a compressed block is written once and the file does not grow by
    rewriting. The dataset is rasterio's, open for writing.
    """

    def __init__(self, dataset: Any) -> None:  # noqa: ANN401
        self._dataset = dataset
        self._blocks: dict[tuple[int, int], tuple[npt.NDArray[Any], int]] = {}
        """By the corner of each block that is not whole: its pixels, and how many have come."""

    def put(self, tile: Tile, pixels: npt.NDArray[Any]) -> None:
        """Take a tile's pixels, ``(bands, height, width)``."""
        bottom, right = tile.top + tile.height, tile.left + tile.width
        for top in range(tile.top // BLOCK * BLOCK, bottom, BLOCK):
            for left in range(tile.left // BLOCK * BLOCK, right, BLOCK):
                rows = slice(max(top - tile.top, 0), min(top + BLOCK, bottom) - tile.top)
                columns = slice(max(left - tile.left, 0), min(left + BLOCK, right) - tile.left)
                self._fill(
                    top, left, tile.top + rows.start - top, tile.left + columns.start - left, pixels[:, rows, columns]
                )

    def _fill(self, top: int, left: int, row: int, column: int, part: npt.NDArray[Any]) -> None:
        """A part of the block at ``top`` and ``left``, ``row`` and ``column`` within it; written when it is whole."""
        from rasterio.windows import Window

        dataset, (_, height, width) = self._dataset, part.shape
        shape = dataset.count, min(BLOCK, dataset.height - top), min(BLOCK, dataset.width - left)
        begun = self._blocks.pop((top, left), None)
        block, come = begun or (np.zeros(shape, part.dtype), 0)
        block[:, row : row + height, column : column + width] = part
        if (come := come + height * width) < shape[1] * shape[2]:
            self._blocks[top, left] = block, come
        else:
            dataset.write(block, window=Window(left, top, shape[2], shape[1]))


@contextmanager
def new_fused(path: Path, scene: Scene, bands: int, compression: str = COMPRESSION) -> Iterator[FusedWriter]:
    """The writer of a scene's fused GeoTIFF, a :func:`bitpan.rasters.new_raster`.

    The scene sets size, place, type, nodata, and what its bands mean.
    """
    size = {"height": scene.grid.height, "width": scene.grid.width, "count": bands}
    taken_over = {name: scene.profile[name] for name in ("dtype", "crs", "transform")}
    # GDAL makes an alpha band of the fourth of 8 bits unless it is told that there are no colours.
    with new_raster(path, compression, **size, **taken_over, nodata=scene.nodata, photometric="minisblack") as dataset:
        _describe(dataset, scene.profile)
        yield FusedWriter(dataset)


def _describe(dataset: Any, profile: Mapping[str, Any]) -> None:  # noqa: ANN401
    """Say what the bands mean, and where the image was taken from."""
    from rasterio.enums import ColorInterp

    colours = profile["colorinterp"]
    dataset.colorinterp = [ColorInterp.undefined if own == ColorInterp.alpha else own for own in colours]
    if profile["gcps"]:
        dataset.gcps = profile["gcps"]
    if profile["rpcs"]:
        dataset.rpcs = profile["rpcs"]
    if any(scale != 1 for scale in profile["scales"]) or any(profile["offsets"]):
        dataset.scales, dataset.offsets = profile["scales"], profile["offsets"]
    if any(profile["units"]):
        dataset.units = [unit or "" for unit in profile["units"]]
    dataset.update_tags(**profile["tags"])
    dataset.update_tags(ns="IMAGERY", **profile["imagery"])
    for number, (text, tags) in enumerate(zip(profile["descriptions"], profile["band_tags"], strict=True), start=1):
        if text:
            dataset.set_band_description(number, text)
        dataset.update_tags(number, **tags)
