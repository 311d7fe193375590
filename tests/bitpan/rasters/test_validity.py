"""What is taken for a mask, for a band, and for no data."""

from contextlib import closing

import numpy as np
import rasterio

from bitpan.rasters import RasterFile

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
