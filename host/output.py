"""The fused GeoTIFF, collected from parts and written in whole blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.files.compression import DEFAULT as COMPRESSION
from bitpan.host.scene.scene import Scene
from bitpan.rasters import BLOCK, new_raster


class FusedWriter:
    """Collects parts, in any order, and writes them.

    A block of the file is kept until it is whole: a compressed block is written once and the file does not grow by
    rewriting. The dataset is rasterio's, open for writing.
    """

    def __init__(self, dataset: Any) -> None:  # noqa: ANN401
        self._dataset = dataset
        self._blocks: dict[tuple[int, int], tuple[npt.NDArray[Any], int]] = {}
        """By the corner of each block that is not whole: its pixels, and how many have come."""

    def put(self, top: int, left: int, pixels: npt.NDArray[Any]) -> None:
        """Take a part's pixels, ``(bands, height, width)``, from its upper and left edge on."""
        bottom, right = top + pixels.shape[1], left + pixels.shape[2]
        for row in range(top // BLOCK * BLOCK, bottom, BLOCK):
            for column in range(left // BLOCK * BLOCK, right, BLOCK):
                above, before = max(row, top), max(column, left)
                part = pixels[
                    :, above - top : min(row + BLOCK, bottom) - top, before - left : min(column + BLOCK, right) - left
                ]
                self._fill(row, column, above - row, before - column, part)

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
