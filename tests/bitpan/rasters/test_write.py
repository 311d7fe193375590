"""GeoTIFFs are there when they are complete."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio

from bitpan.errors import SceneIOError
from bitpan.rasters import BLOCK, create_raster, new_raster, read_picture
from bitpan.rasters.write import _check_complete, gdal_message, require_tiff


def test_a_file_that_fails_half_way_is_not_there(tmp_path):
    path, profile = tmp_path / "a.tif", {"height": 300, "width": 300, "count": 1, "dtype": "uint16"}
    with create_raster(path, **profile) as dataset:
        dataset.write(np.full((1, 300, 300), 3, np.uint16))
    with pytest.raises(KeyError), create_raster(path, **profile) as dataset:
        raise KeyError
    said = r"a\.tif/b\.tif: cannot be written .* Nothing was left behind"
    with pytest.raises(SceneIOError, match=said), create_raster(path / "b.tif", **profile):
        pass
    assert [file.name for file in tmp_path.iterdir()] == ["a.tif"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        assert (read_picture(path).image == 3).all()


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_file_that_ends_within_a_block_is_incomplete(tmp_path):
    """By a single byte."""
    path = tmp_path / "image.tif"
    image = np.random.default_rng(0).integers(0, 1 << 16, (1, BLOCK, 2 * BLOCK)).astype(np.uint16)
    with new_raster(path, height=BLOCK, width=2 * BLOCK, count=1, dtype="uint16") as dataset:
        dataset.write(image)
    with rasterio.open(path) as dataset:
        places = [[dataset.get_tag_item(f"BLOCK_{what}_{column}_0", "TIFF", bidx=1) for what in ("OFFSET", "SIZE")]
                  for column in range(2)]  # fmt: skip
    end = max(int(offset) + int(size) for offset, size in places)
    whole = path.read_bytes()
    path.write_bytes(whole[:end])
    _check_complete(rasterio, path)
    path.write_bytes(whole[: end - 1])
    with pytest.raises(OSError, match="incomplete after writing"):
        _check_complete(rasterio, path)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_file_without_one_of_its_blocks_is_incomplete(tmp_path):
    with (
        pytest.raises(OSError, match="incomplete after writing"),
        new_raster(
            tmp_path / "a.tif", height=BLOCK, width=2 * BLOCK, count=1, dtype="uint16", sparse_ok=True
        ) as dataset,
    ):
        window = rasterio.windows.Window(0, 0, BLOCK, BLOCK)
        dataset.write(np.ones((1, BLOCK, BLOCK), np.uint16), window=window)


def test_gdals_own_words_are_told():
    inner, outer = SimpleNamespace(errmsg="no\n  space"), OSError("see above")
    assert gdal_message(outer) == "see above"
    outer.__cause__ = ValueError("of rasterio's")
    assert gdal_message(outer) == "of rasterio's"
    assert gdal_message(SimpleNamespace(__cause__=inner)) == "no space"
    assert gdal_message(SimpleNamespace(__cause__=None, errmsg="full")) == "full"


def test_a_name_is_that_of_a_geotiff(tmp_path):
    for name in ("a.tif", "a.TIF", "a.tiff", "a", "a.v2", "a.b.tif"):
        require_tiff(tmp_path / name)
    for name in ("a.png", "a.JP2", "a.vrt", "a.img", "a.tif.jpg"):
        with pytest.raises(SceneIOError, match=rf"{name}: a GeoTIFF is written, .*name it a(\.tif)?\.tif, and convert"):
            require_tiff(tmp_path / name)
