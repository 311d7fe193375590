"""Fill that nobody, or one file alone, has declared."""

import re
import warnings
from contextlib import closing

import numpy as np
import pytest

from bitpan.errors import NodataWarning
from bitpan.rasters import RasterFile
from bitpan.rasters.fill import LOOKS, _border, border_fill, settle
from bitpan.rasters.pair import open_pair
from bitpan.rasters.validity import DECLARED

BOTH = (DECLARED, DECLARED)
UNKNOWN = "{}.tif: declares no nodata value, and 0 is taken for data, though 3"


def image(side, fill=None, bands=1):
    values = np.random.default_rng(0).integers(1, 2000, (bands, side, side)).astype(np.uint16)
    if fill is not None:
        values[:, : side // 4] = fill
    return values


@pytest.mark.parametrize(("fill", "found"), [(0, 0), (65535, 65535), (7, None), (None, None)])
def test_a_border_of_an_end_of_the_type(tmp_path, write_raster, fill, found):
    path = write_raster(tmp_path / "a.tif", image(200, fill), 1.0)
    with closing(RasterFile(path)) as raster:
        own = border_fill(raster)
    assert (own and own[0]) == found and (own is None or own[1] == pytest.approx(0.375, abs=0.03))


@pytest.mark.parametrize("side", [np.s_[:, 0], np.s_[:, -1], np.s_[:, :, 0], np.s_[:, :, -1]])
def test_each_side_is_looked_at(tmp_path, write_raster, side):
    values = image(200)
    values[side] = 0
    with closing(RasterFile(write_raster(tmp_path / "a.tif", values, 1.0))) as raster:
        assert border_fill(raster) == (0, pytest.approx(0.25, abs=0.03))


def test_what_is_declared_is_no_such_fill(tmp_path, write_raster):
    with closing(RasterFile(write_raster(tmp_path / "a.tif", image(200, 0), 1.0, nodata=0))) as raster:
        assert border_fill(raster) is None


def test_water_in_one_band_is_no_fill(tmp_path, write_raster):
    values = image(200, bands=4)
    values[3, :100] = 0
    with closing(RasterFile(write_raster(tmp_path / "a.tif", values, 1.0))) as raster:
        assert border_fill(raster) is None


@pytest.mark.parametrize(
    ("pan", "ms", "given", "found", "said"),
    [
        (None, None, BOTH, (None, None), [UNKNOWN.format("pan"), UNKNOWN.format("ms")]),
        (0, None, BOTH, (0, 0), ["ms.tif: declares no nodata value; 0, which .*pan.tif declares, is taken"]),
        (None, 0, BOTH, (0, 0), ["pan.tif: declares no nodata value; 0, which .*ms.tif declares, is taken"]),
        (0, 0, BOTH, (0, 0), []),
        (None, 5, BOTH, (None, 5), ["pan.tif: declares no nodata value, and 0 is taken for data"]),
        (None, None, (0.0, 0.0), (0, 0), []),
        (None, None, (0.0, DECLARED), (0, 0), ["ms.tif: declares no nodata value; 0, which .*pan.tif declares"]),
        (None, None, (DECLARED, None), (None, None), [UNKNOWN.format("pan")]),
        (None, None, (None, None), (None, None), []),
    ],
)
def test_a_pairs_values(tmp_path, write_raster, pan, ms, given, found, said):
    write_raster(tmp_path / "pan.tif", image(200, 0), 1.0, nodata=pan)
    write_raster(tmp_path / "ms.tif", image(50, 0, 2), 4.0, nodata=ms)
    with (
        closing(RasterFile(tmp_path / "pan.tif", None, given[0])) as fine,
        closing(RasterFile(tmp_path / "ms.tif", None, given[1])) as coarse,
        warnings.catch_warnings(record=True) as told,
    ):
        warnings.simplefilter("always", NodataWarning)
        settle(fine, coarse, given)
        assert (fine.nodata, coarse.nodata) == found
    told = [str(each.message) for each in told if each.category is NodataWarning]
    assert len(told) == len(said)
    for line, expected in zip(told, said, strict=True):
        assert re.search(expected, line) and "say what it is with --nodata 0 or --nodata none" in line


def test_the_border_of_floats_is_looked_at_for_zero(tmp_path, write_raster):
    for fill, found in ((0, (0, pytest.approx(0.375, abs=0.03))), (1, None)):
        values = image(200, fill).astype(np.float32)
        with closing(RasterFile(write_raster(tmp_path / "a.tif", values, 1.0))) as raster:
            assert border_fill(raster) == found


@pytest.mark.parametrize(("dtype", "fill"), [("int16", -9999), ("int16", -32768), ("int32", -7), ("float32", -9999)])
def test_the_least_of_a_border_may_be_fill_where_it_is_negative(tmp_path, write_raster, dtype, fill):
    values = image(200, bands=2).astype(dtype)
    values[:, 50:, 0] = fill + 1
    values[:, :50] = fill
    with closing(RasterFile(write_raster(tmp_path / "a.tif", values, 1.0))) as raster:
        assert border_fill(raster) == (fill, pytest.approx(0.375, abs=0.03))
    values[1, :50] += 2
    with closing(RasterFile(write_raster(tmp_path / "a.tif", values, 1.0))) as raster:
        assert border_fill(raster) is None


@pytest.mark.parametrize("fill", [-np.inf, np.nan])
def test_what_is_no_number_is_no_fill(tmp_path, write_raster, fill):
    values = image(200).astype(np.float32)
    values[:, :50] = fill
    with closing(RasterFile(write_raster(tmp_path / "a.tif", values, 1.0))) as raster:
        assert border_fill(raster) is None


def test_places_are_spread_from_corner_to_corner():
    rows, columns = [2 * n for n in range(LOOKS)], [3 * n for n in range(LOOKS)]
    expected = [(row, column) for row in rows for column in (0, 69)]
    expected += [(row, column) for row in (0, 46) for column in columns]
    assert sorted(_border((47, 70))) == sorted(expected) and LOOKS == 24


def test_each_pixel_of_a_small_border_is_looked_at():
    assert set(_border((3, 4))) == {(row, column) for row in range(3) for column in range(4)} - {(1, 1), (1, 2)}


def test_the_callers_line_is_told(tmp_path, write_raster):
    pan = write_raster(tmp_path / "pan.tif", image(200, 0), 1.0)
    ms = write_raster(tmp_path / "ms.tif", image(50, bands=2), 4.0)
    with pytest.warns(NodataWarning, match="0 is taken for data") as told, open_pair(pan, ms, 4):
        pass
    assert told[0].filename == __file__
