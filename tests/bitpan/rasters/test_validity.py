"""What is taken for a mask, for a band, and for no data."""

from contextlib import closing
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp

from bitpan.rasters import RasterFile
from bitpan.rasters.validity import alpha_band, nodata_value

COARSE = np.arange(2 * 144, dtype=np.uint16).reshape(2, 12, 12)


def test_any_file_tells_where_there_is_no_data(tmp_path, write_raster):
    values = COARSE + 1
    values[1, 3] = 0
    names = [write_raster(tmp_path / f"B{n}.tif", values[n : n + 1], 4.0, nodata=0) for n in (0, 1)]
    for everywhere, empty in ((False, [3]), (True, [])):
        with closing(RasterFile(names, everywhere=everywhere)) as raster:
            valid = raster.read(0, 0, 12, 12)[1]
            assert np.flatnonzero(~valid.all(axis=1)).tolist() == empty
    with closing(RasterFile(names, nodata=1)) as raster:
        assert np.argwhere(~raster.read(0, 0, 12, 12)[1]).tolist() == [[0, 0]]
    with closing(RasterFile(names, nodata=None)) as raster:
        assert raster.read(0, 0, 12, 12)[1].all() and raster.nodata is None


def test_a_band_of_zeros_and_ends_is_a_mask(tmp_path, write_raster):
    """Whatever it is called, where nobody says that it is a band."""
    mask = np.where(np.arange(144).reshape(12, 12) < 20, 0, 65535).astype(np.uint16)
    path = write_raster(tmp_path / "a.tif", np.concatenate([COARSE, mask[None]]), 4.0)
    with closing(RasterFile(path)) as raster:
        valid = raster.read(0, 0, 12, 12)[1]
        assert raster.bands == (1, 2) and raster.alpha
        np.testing.assert_array_equal(valid, mask > 0)
    with closing(RasterFile(f"{path},band=3")) as raster:
        np.testing.assert_array_equal(raster.read(0, 0, 12, 12)[0], mask[None])
        assert not raster.masked


def test_an_alpha_of_8_bits_and_a_near_infrared(tmp_path, write_raster):
    """GDAL calls both alpha; the values tell."""
    image = np.random.default_rng(0).integers(1, 255, (4, 300, 300)).astype(np.uint8)
    image[3, :50] = 0
    nir = write_raster(tmp_path / "nir.tif", image, 4.0)
    image[3] = np.where(image[3] > 0, 255, 0)
    alpha = write_raster(tmp_path / "alpha.tif", image, 4.0)
    with rasterio.open(nir) as one, rasterio.open(alpha) as other:
        assert one.colorinterp == other.colorinterp
    with closing(RasterFile(nir)) as one, closing(RasterFile(alpha)) as other:
        assert (one.bands, other.bands) == ((1, 2, 3, 4), (1, 2, 3))
        assert one.read(0, 0, 60, 9)[1].all() and other.read(0, 0, 60, 9)[1].sum() == 90


def test_an_alpha_band_of_8_bits_may_have_any_values(tmp_path, write_raster):
    values = np.arange(2 * 144, dtype=np.uint8).reshape(2, 12, 12)
    path = write_raster(tmp_path / "a.tif", values, 4.0, alpha="yes")
    with closing(RasterFile(path)) as raster:
        assert raster.bands == (1,) and raster.alpha
        np.testing.assert_array_equal(raster.read(0, 0, 12, 12)[1], values[1] > 0)


def test_negative_numbers_are_no_mask(tmp_path, write_raster):
    values = np.where(np.arange(144).reshape(1, 12, 12) < 20, 0, 32767).astype(np.int16).repeat(2, 0)
    with closing(RasterFile(write_raster(tmp_path / "a.tif", values, 4.0))) as raster:
        assert raster.bands == (1, 2) and not raster.masked


def test_what_is_no_number_is_no_data(tmp_path, write_raster):
    values = COARSE.astype(np.float32)
    values[0, 3, 4], values[1, 5, 6] = np.nan, np.inf
    with closing(RasterFile(write_raster(tmp_path / "a.tif", values, 4.0))) as raster:
        assert np.argwhere(~raster.read(0, 0, 12, 12)[1]).tolist() == [[3, 4], [5, 6]]


def test_a_band_is_no_mask_where_it_is_alone_or_is_called_a_colour(tmp_path, write_raster):
    values = np.where(np.arange(144).reshape(1, 12, 12) < 20, 0, 65535).astype(np.uint16).repeat(2, 0)
    for called, mask in ((ColorInterp.undefined, 2), (ColorInterp.red, None)):
        path = write_raster(tmp_path / f"{called.name}.tif", values, 4.0)
        with rasterio.open(path, "r+") as file:
            file.colorinterp = [ColorInterp.undefined, called]
        with rasterio.open(path) as file:
            assert file.colorinterp[-1] == called and alpha_band(file) == mask
    for called in (ColorInterp.undefined, ColorInterp.alpha):
        assert alpha_band(SimpleNamespace(count=1, colorinterp=[called], dtypes=["uint16"])) is None


@pytest.mark.parametrize(
    ("row", "column", "seen"),
    [
        *((0, 0, True), (255, 255, True), (256, 255, False), (255, 256, False)),
        *((371, 322, False), (372, 321, False), (372, 322, True), (627, 577, True), (628, 577, False)),
        *((627, 578, False), (743, 899, False), (999, 643, False), (744, 644, True), (999, 899, True)),
    ],
)
def test_a_mask_is_looked_at_in_two_corners_and_the_middle(tmp_path, write_raster, row, column, seen):
    """256 pixels a side of each."""
    values = np.zeros((2, 1000, 900), np.uint16)
    values[1, ::2] = 65535
    values[1, row, column] = 5
    with rasterio.open(write_raster(tmp_path / "a.tif", values, 4.0, compress="lzw")) as file:
        assert alpha_band(file) == (None if seen else 2)


@pytest.mark.parametrize(
    ("dtype", "declared", "given", "found"),
    [
        ("uint8", 0, "declared", 0),
        ("uint8", 255, "declared", 255),
        ("uint8", 256, "declared", None),
        ("uint8", -1, "declared", None),
        ("uint8", 1.5, "declared", None),
        ("uint8", None, "declared", None),
        ("int16", -32768, "declared", -32768),
        ("int16", -32769, "declared", None),
        ("uint8", 0, 7, 7),
        ("uint8", 0, None, None),
        ("float32", 1.5, "declared", 1.5),
        ("float32", 1e30, "declared", 1e30),
        ("float32", None, -0.5, -0.5),
        ("float32", 0, None, None),
    ],
)
def test_a_nodata_value_is_one_that_the_type_holds(dtype, declared, given, found):
    dataset = SimpleNamespace(dtypes=["uint32", dtype], nodatavals=[3, declared])
    assert nodata_value(dataset, 2, given) == found
