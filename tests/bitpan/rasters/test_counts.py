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
    with pytest.raises(SceneError, match=r"a\.tif: nearly all other values lie in 0\.5.*: declare it") as error:
        found(write_raster, tmp_path / "a.tif", values)
    assert f"(--nodata {np.float32(value):.9g})" in str(error.value)


@pytest.mark.parametrize("share", [0.001, 0.3, 0.9])
@pytest.mark.parametrize("value", [-3.4e38, 3.4e38, -9999])
def test_any_number_of_pixels_may_have_it(tmp_path, write_raster, value, share):
    values = np.random.default_rng(0).uniform(0.5, 1, (1, 300, 300)).astype(np.float32)
    values[0, : int(300 * share) or 1] = value
    with pytest.raises(SceneError, match=r"all other values lie in 0\.5.* to (1|0\.9).*: declare it") as error:
        found(write_raster, tmp_path / "a.tif", values)
    assert f"(--nodata {np.float32(value):.9g})" in str(error.value)


def test_zero_may_be_far_from_all_others(tmp_path, write_raster):
    """Counts begin there in any case."""
    values = np.random.default_rng(0).uniform(0.9, 0.901, (1, 300, 300)).astype(np.float32)
    values[0, :100] = 0
    assert found(write_raster, tmp_path / "a.tif", values) == Counts(2.0**-16, 0)


def test_a_file_of_one_value(tmp_path, write_raster):
    for value in (0.0, 0.3, -2.0):
        own = found(write_raster, tmp_path / "a.tif", np.full((1, 8, 8), value, np.float32))
        assert own.values(own.of(np.array([value])), "float32")[0] == pytest.approx(value, abs=own.step)


def test_values_stay_in_their_type():
    np.testing.assert_array_equal(Counts().values([0, 255, 300], "uint8"), [0, 255, 255])
    np.testing.assert_array_equal(Counts(1.0, -40000).values([0, 40000], "int16"), [-32768, 0])


@pytest.mark.parametrize(
    ("low", "high", "dtype", "expected"),
    [
        (0, 65535, "int32", Counts()),
        (0, 65536, "int32", Counts(2.0, 0)),
        (-1, 65533, "int32", Counts(1.0, -1)),
        (-37, 10000, "int16", Counts(1.0, -37)),
        (-2, 131064, "int32", Counts(2.0, -2)),
        (-1, 1, "float32", Counts(2.0**-14, -1)),
        (-0.5, 65533.5, "float64", Counts(1.0, -1)),
        (-0.5, 65534.5, "float64", Counts(2.0, -2)),
        (0.5, 0.75, "float32", Counts(2.0**-16, 0)),
    ],
)
def test_the_finest_step_that_16_bits_hold(tmp_path, write_raster, low, high, dtype, expected):
    """Of whole numbers no finer one than theirs; it begins at a multiple of itself, at 0 where nothing is below."""
    values = np.array([[[low, (low + high) / 2, high]]]).astype(dtype)
    own = found(write_raster, tmp_path / "a.tif", values)
    assert own == expected
    assert own.of(values).min() >= 0 and own.of(values).max() < 1 << 16


def test_files_without_data_are_taken_as_they_are(tmp_path, write_raster):
    assert found(write_raster, tmp_path / "a.tif", np.full((1, 9, 9), np.nan, np.float32)) == Counts()
    assert found(write_raster, tmp_path / "a.tif", np.full((1, 9, 9), -7, np.int16), nodata=-7) == Counts()


def crowded(scale, *far):
    """Values from 100 to 101 times ``scale``, and in one of 10,000 places each of these."""
    values = np.repeat(np.linspace(100, 101, 300)[None, None], 300, axis=1) * scale
    values[0, 0, : len(far)] = np.array(far) * scale
    return values


@pytest.mark.parametrize(
    ("far", "odd"),
    [
        ((164,), None),
        ((164.5,), 164.5),
        ((37,), None),
        ((36.5,), 36.5),
        ((31.5, 170), 170),
        ((30, 170.5), 30),
    ],
)
@pytest.mark.parametrize("scale", [1, 2.0**-7])
def test_how_far_is_too_far(tmp_path, write_raster, far, odd, scale):
    """More than 64 times the range of all others; the one that is farther is told."""
    values = crowded(scale, *far)
    if odd is None:
        found(write_raster, tmp_path / "a.tif", values)
        return
    with pytest.raises(SceneError, match=rf"to {101 * scale:.6g}, and one is {odd * scale:.6g}: declare"):
        found(write_raster, tmp_path / "a.tif", values)


@pytest.mark.parametrize(("dtype", "looks"), [("uint8", 0), ("uint16", 0), ("uint32", 3), ("float32", 3)])
def test_only_what_may_be_no_counts_is_looked_at(tmp_path, write_raster, monkeypatch, dtype, looks):
    """Each row once, not beyond the last."""
    windows, read = [], RasterFile.read
    monkeypatch.setattr(RasterFile, "read", lambda own, *window: windows.append(window) or read(own, *window))
    found(write_raster, tmp_path / "a.tif", np.ones((1, 2 * ROWS + 5, 9), dtype))
    assert windows == [(0, 0, ROWS, 9), (ROWS, 0, ROWS, 9), (2 * ROWS, 0, 5, 9)][:looks]
