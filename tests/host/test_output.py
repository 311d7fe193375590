"""The fused GeoTIFF holds what its tiles held, however they cut its blocks and in whatever order they come."""

import numpy as np
import pytest
import rasterio

from bitpan.host.output import new_fused
from bitpan.host.scene.rasters import ArrayRaster
from bitpan.host.scene.scene import Scene
from bitpan.host.scene.tiles import TilePlan
from bitpan.rasters import BLOCK
from bitpan.rasters.grid import align

HEIGHT, WIDTH = BLOCK + 120, 2 * BLOCK + 40


@pytest.fixture
def scene():
    raster = ArrayRaster(np.zeros((1, HEIGHT, WIDTH), np.uint16))
    grid = align(raster.size, raster.size, (0.0, 0.0), 1)
    profile = {"crs": None, "transform": None, "dtype": "uint16", "descriptions": ("blue", None)}
    profile["colorinterp"] = (rasterio.enums.ColorInterp.gray, rasterio.enums.ColorInterp.undefined)
    profile |= {"gcps": None, "rpcs": None, "scales": (1.0, 1.0), "offsets": (0.0, 0.0), "units": (None, None)}
    profile |= {"imagery": {}, "tags": {}, "band_tags": [{}, {}]}
    return Scene(raster, raster, grid, profile=profile, nodata=7)


@pytest.mark.parametrize("steps", [(BLOCK, BLOCK), (200, 328), (HEIGHT, 136), (64, WIDTH)])
def test_tiles_in_any_order(scene, tmp_path, steps):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 1 << 16, (2, HEIGHT, WIDTH)).astype(np.uint16)
    tiles = list(TilePlan(HEIGHT, WIDTH, steps, 0, 8))
    with new_fused(tmp_path / "fused.tif", scene, 2) as writer:
        for number in rng.permutation(len(tiles)):
            tile = tiles[number]
            rows, columns = slice(tile.top, tile.top + tile.height), slice(tile.left, tile.left + tile.width)
            writer.put(tile.top, tile.left, pixels[:, rows, columns])
    with rasterio.open(tmp_path / "fused.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(), pixels)
        assert dataset.descriptions == ("blue", None) and dataset.nodata == 7
