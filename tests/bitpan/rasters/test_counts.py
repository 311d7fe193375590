"""Values that are no counts of 16 bits become some, and come back."""

from contextlib import closing

import numpy as np
import pytest

from bitpan.errors import SceneError
from bitpan.rasters import RasterFile
from bitpan.rasters.counts import ROWS, Counts, counts_of


def found(write_raster, path, values, **options):
    with closing(RasterFile(write_raster(path, values, 1.0, **options))) as raster:
        return counts_of(raster)


@pytest.mark.parametrize(
    ("low", "high", "dtype"),
    [(0, 255, "uint8"), (0, 65535, "uint16"), (0, 30000, "int16"), (3, 65535, "int32"), (0, 65535, "uint32")],
)
def test_counts_stay(tmp_path, write_raster, low, high, dtype):
    values = np.linspace(low, high, 600).astype(dtype).reshape(1, 20, 30)
    own = found(write_raster, tmp_path / "a.tif", values)
    assert own == Counts()
    np.testing.assert_array_equal(own.values(own.of(values), dtype), values)


@pytest.mark.parametrize(
    ("low", "high", "dtype"),
    [
        (-37, 10000, "int16"),
        (-32768, 32767, "int16"),
        (0, 1 << 20, "uint32"),
        (0, 0.7, "float32"),
        (-0.2, 1.6, "float64"),
    ],
)
def test_values_come_back_within_half_a_step(tmp_path, write_raster, low, high, dtype):
    values = np.linspace(low, high, 600).astype(dtype).reshape(1, 20, 30)
    own = found(write_raster, tmp_path / "a.tif", values)
    counts = own.of(values)
    assert counts.min() >= 0 and counts.max() + (1 << 14) * (high == 10000) >= (1 << 14) - 1 and counts.max() < 1 << 16
    back = own.values(counts, dtype)
    assert back.dtype == dtype and np.abs(back.astype(float) - values.astype(float)).max() <= own.step / 2
    np.testing.assert_array_equal(own.of(back), counts)
    assert np.log2(own.step).is_integer()


def test_pixels_without_data_say_nothing(tmp_path, write_raster):
    values = np.full((1, ROWS + 5, 9), 0.5, np.float32)
    values[0, 3] = -9999
    values[0, 4] = np.nan
    values[0, -1, -1] = 0.75
    own = found(write_raster, tmp_path / "a.tif", values, nodata=-9999)
    assert own.low == 0 and own.of(np.array([0.75]))[0] < 1 << 16


@pytest.mark.parametrize("value", [-3.4e38, 3.4e38, -9999, 1000])
def test_a_value_far_from_all_others_must_be_declared(tmp_path, write_raster, value):
    values = np.random.default_rng(0).uniform(0.5, 1, (1, 300, 300)).astype(np.float32)
    values[0, 0, 0] = value
    with pytest.raises(SceneError, match=r"a\.tif: nearly all values lie in 0\.5.*: declare it as nodata") as error:
        found(write_raster, tmp_path / "a.tif", values)
    assert f"(--nodata {np.float32(value):.9g})" in str(error.value)


def test_a_file_of_one_value(tmp_path, write_raster):
    for value in (0.0, 0.3, -2.0):
        own = found(write_raster, tmp_path / "a.tif", np.full((1, 8, 8), value, np.float32))
        assert own.values(own.of(np.array([value])), "float32")[0] == pytest.approx(value, abs=own.step)


def test_values_stay_in_their_type():
    np.testing.assert_array_equal(Counts().values([0, 255, 300], "uint8"), [0, 255, 255])
    np.testing.assert_array_equal(Counts(1.0, -40000).values([0, 40000], "int16"), [-32768, 0])
