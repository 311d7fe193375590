"""Pairs in files, laid over each other: CRSs, alignments, bands, and the whole MS pixels that both have."""

import warnings
from contextlib import closing

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS

from bitpan.errors import GeoreferenceWarning, SceneError
from bitpan.rasters import RasterFile
from bitpan.rasters.pair import Handling, open_pair, read_whole

FINE = np.arange(48 * 48, dtype=np.uint16).reshape(1, 48, 48)
COARSE = np.arange(2 * 144, dtype=np.uint16).reshape(2, 12, 12)
PLACE = (500000.0, 5600000.0)
UTM = "EPSG:32631"


@pytest.fixture
def files(tmp_path, write_raster):
    def make(crs=UTM, place=PLACE, pixel=4.0, pan_pixel=1.0):
        pan = write_raster(tmp_path / "pan.tif", FINE, pan_pixel, origin=PLACE, crs=UTM)
        return pan, write_raster(tmp_path / "ms.tif", COARSE, pixel, origin=place, crs=crs)

    return make


@pytest.mark.parametrize(
    "crs",
    [
        "+proj=utm +zone=31 +datum=WGS84 +units=m +no_defs",
        "+proj=utm +zone=31 +ellps=WGS84 +units=m +no_defs",
        CRS.from_epsg(32631).to_wkt(version="WKT1_ESRI"),
        "EPSG:32631+5773",
    ],
    ids=["datum", "ellipsoid", "ESRI", "with heights"],
)
def test_one_crs_in_other_words(files, crs):
    with warnings.catch_warnings():
        warnings.simplefilter("error", GeoreferenceWarning)
        with open_pair(*files(crs), 4) as pair:
            assert pair.edge == (0.0, 0.0) and pair.grid.shift == (0.0, 0.0)


@pytest.mark.parametrize("crs", ["EPSG:32632", "EPSG:4326", "EPSG:32731"])
def test_another_crs_is_refused_with_what_mends_it(files, crs):
    said = rf"the PAN is in EPSG:32631, the MS in {crs}; resample the MS \(--align warp\), or .*, --align corners"
    with pytest.raises(SceneError, match=said), open_pair(*files(crs), 4):
        pass
    with open_pair(*files(crs), 4, Handling(align="corners")) as pair:
        assert pair.edge == (0.0, 0.0)


def test_wrong_geotransforms_are_overruled_by_corners(files):
    pair = files(pixel=5.0)
    said = r"5 PAN pixels wide; .*if the sizes are right .*--align corners"
    with pytest.raises(SceneError, match=said), open_pair(*pair, 4):
        pass
    with open_pair(*pair, 4, Handling(align="corners")) as found:
        assert found.grid.shift == (0.0, 0.0)
    said = "aligned by one of auto, georeference, corners, warp, not 'north'"
    with pytest.raises(SceneError, match=said), open_pair(*pair, 4, Handling(align="north")):
        pass


def test_georeference_alone_is_refused_where_there_is_none(tmp_path, write_raster, files):
    pan, _ = files()
    ms = write_raster(tmp_path / "bare.tif", COARSE, None)
    said = "no geotransform to align them by; give --align corners"
    with pytest.raises(SceneError, match=said), open_pair(pan, ms, 4, Handling(align="georeference")):
        pass


@pytest.mark.parametrize(
    ("moved", "pan", "ms", "shift"),
    [
        ((0, 0), (0, 0, 48, 48), (0, 0, 12, 12), (0, 0)),
        ((8, 12), (8, 12, 40, 36), (0, 0, 10, 9), (0, 0)),
        ((-8, -12), (0, 0, 40, 36), (2, 3, 10, 9), (0, 0)),
        ((-9, 0), (3, 0, 36, 48), (3, 0, 9, 12), (0, 0)),
        ((0.25, -0.25), (0, 0, 48, 48), (0, 0, 12, 12), (0.25, -0.25)),
        ((-0.5, 1.5), (0, 2, 48, 44), (0, 0, 12, 11), (-0.5, -0.5)),
        ((-2, 6.25), (2, 6, 44, 40), (1, 0, 11, 10), (0, 0.25)),
    ],
)
def test_whole_ms_pixels(files, moved, pan, ms, shift):
    """By how far the MS lies below and to the right."""
    with open_pair(*files(place=(PLACE[0] + moved[1], PLACE[1] - moved[0])), 4) as pair:
        found = read_whole(pair)
    (top, left, height, width), (row, column, rows, columns) = pan, ms
    np.testing.assert_array_equal(found.pan, FINE[:, top : top + height, left : left + width])
    np.testing.assert_array_equal(found.ms, COARSE[:, row : row + rows, column : column + columns])
    assert found.shift == shift and found.pan_valid.all() and found.ms_valid.all()
    assert found.pan_valid.shape == (height, width) and found.ms_valid.shape == (rows, columns)


def test_files_as_bands_of_one_image(tmp_path, write_raster, files):
    pan, _ = files()
    names = [write_raster(tmp_path / f"B{n}.tif", COARSE[n : n + 1], 4.0, origin=PLACE, crs=UTM) for n in (0, 1)]
    with open_pair(pan, [names[1], names[0]], 4, count=2) as pair:
        assert pair.ms.bands == (1, 2) and pair.ms.name == f"{names[1]}, {names[0]}"
        np.testing.assert_array_equal(pair.ms.read(0, 0, 12, 12)[0], COARSE[::-1])
    with open_pair(pan, names, 4, Handling((2,))) as pair:
        np.testing.assert_array_equal(pair.ms.read(2, 3, 4, 5)[0], COARSE[1:, 2:6, 3:8])
    with pytest.raises(SceneError, match="has 1 bands where the MS must have 2"), open_pair(pan, names[:1], 4, count=2):
        pass


def test_bands_of_files_lie_over_each_other(tmp_path, write_raster):
    one = write_raster(tmp_path / "a.tif", COARSE, 4.0)
    for name, values, pixel in (("b.tif", COARSE[:, 1:], 4.0), ("c.tif", COARSE, 5.0)):
        with pytest.raises(SceneError, match=rf"{name}: 1[12] x 12 pixels that do not lie over the 12 x 12"):
            RasterFile([one, write_raster(tmp_path / name, values, pixel)])


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


def test_pan_and_ms_have_nodata_values_of_their_own(files):
    with open_pair(*files(), 4, Handling(nodata=(7, 9))) as pair:
        found = read_whole(pair)
    np.testing.assert_array_equal(found.pan_valid, FINE[0] != 7)
    np.testing.assert_array_equal(found.ms_valid, (COARSE != 9).all(axis=0))


def test_an_alpha_band_of_8_bits_may_have_any_values(tmp_path, write_raster):
    values = np.arange(2 * 144, dtype=np.uint8).reshape(2, 12, 12)
    path = write_raster(tmp_path / "a.tif", values, 4.0, alpha="yes")
    with closing(RasterFile(path)) as raster:
        assert raster.bands == (1,) and raster.alpha
        np.testing.assert_array_equal(raster.read(0, 0, 12, 12)[1], values[1] > 0)
