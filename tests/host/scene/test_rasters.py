"""Windows of images in memory and in files: replicated edges, filled gaps, and counts that are none."""

from contextlib import closing

import numpy as np
import pytest

from bitpan.errors import SceneError
from bitpan.host.scene.rasters import ArrayRaster, FileRaster, read_extended
from bitpan.rasters import RasterFile
from bitpan.rasters.counts import Counts

VALUES = np.random.default_rng(0).integers(1, 1 << 16, (2, 7, 11)).astype(np.uint16)


@pytest.mark.parametrize("top", [-20, -3, 0, 2, 6, 7, 30])
@pytest.mark.parametrize("left", [-40, -1, 0, 5, 10, 11, 60])
@pytest.mark.parametrize(("height", "width"), [(7, 11), (1, 1), (20, 3), (3, 30)])
def test_edges_are_replicated_without_end(top, left, height, width):
    values = VALUES.copy()
    values[:, 2, 3] = 0
    found, valid = read_extended(ArrayRaster(values, nodata=0, fill=9), top, left, height, width)
    rows, columns = np.clip(np.arange(top, top + height), 0, 6), np.clip(np.arange(left, left + width), 0, 10)
    expected = values[:, rows][:, :, columns].astype(np.int64)
    np.testing.assert_array_equal(valid, (expected != 0).all(axis=0))
    np.testing.assert_array_equal(found, np.where(valid, expected, 9))


def test_no_more_is_read_than_the_window_has(monkeypatch):
    windows, read = [], ArrayRaster.read
    monkeypatch.setattr(ArrayRaster, "read", lambda own, *window: windows.append(window) or read(own, *window))
    raster = ArrayRaster(VALUES)
    assert raster.size == (7, 11)
    for window in ((2, 3, 4, 5), (-2, -3, 4, 5), (5, 9, 10, 10), (-9, 50, 3, 3)):
        read_extended(raster, *window)
    assert windows == [(2, 3, 4, 5), (0, 0, 2, 2), (5, 9, 2, 2), (0, 10, 1, 1)]


def test_a_pixel_holds_data_where_all_bands_do():
    values = VALUES.copy()
    values[0, 1, 2] = values[1, 3, 4] = values[:, 5, 6] = 0
    found, valid = ArrayRaster(values, nodata=0, fill=77).read(1, 2, 5, 5)
    assert np.argwhere(~valid).tolist() == [[0, 0], [2, 2], [4, 4]]
    assert (found[:, ~valid] == 77).all() and (found[:, valid] == values[:, 1:6, 2:7][:, valid]).all()
    assert ArrayRaster(values, nodata=0).read(1, 2, 1, 1)[0].tolist() == [[[0]], [[0]]]
    found, valid = ArrayRaster(values).read(0, 0, 7, 11)
    assert valid.all() and found.dtype == np.uint16 and (found == values).all()


@pytest.mark.parametrize(("bits", "value"), [(16, 65536), (16, -1), (11, 2048), (11, -5)])
def test_counts_beyond_the_bits_are_told(bits, value):
    """But not where there is no data."""
    values = np.array([[[0, (1 << bits) - 1, value]]])
    said = rf"an image: holds the value {value}, which is none of {bits} bits \(0 to {(1 << bits) - 1}\)"
    with pytest.raises(SceneError, match=said):
        ArrayRaster(values, name="an image", bits=bits).read(0, 0, 1, 3)
    assert ArrayRaster(values, bits=bits).read(0, 0, 1, 2)[0].max() == (1 << bits) - 1
    assert ArrayRaster(values, nodata=value, bits=bits).read(0, 0, 1, 3)[0].tolist() == [[[0, (1 << bits) - 1, 0]]]
    if bits == 16:
        with pytest.raises(SceneError, match="the array: holds"):
            ArrayRaster(values).read(0, 0, 1, 3)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("nodata", [-3.4e38, np.nan, np.inf])
def test_files_in_counts(tmp_path, write_raster, nodata):
    """What is no data is not made a count of."""
    values = np.arange(77, dtype=np.float32).reshape(1, 7, 11) / 4
    values[0, 2, 3] = nodata
    path = write_raster(tmp_path / "a.tif", values, 1.0, nodata=nodata)
    with closing(RasterFile(path)) as file:
        raster = FileRaster(file, Counts(0.25, -1.0), fill=5)
        assert raster.size == (7, 11) and raster.name == str(path)
        found, valid = raster.read(1, 2, 4, 5)
        assert raster.read(0, 0, 1, 1)[0].tolist() == [[[4]]]
        assert FileRaster(file, Counts(0.25, -1.0)).read(2, 3, 1, 1)[0].tolist() == [[[0]]]
        with pytest.raises(SceneError, match=r"a\.tif: holds the value -4"):
            FileRaster(file, Counts(0.25, 1.0)).read(0, 0, 1, 1)
    expected = np.arange(77).reshape(7, 11)[1:5, 2:7] + 4
    assert np.argwhere(~valid).tolist() == [[1, 1]]
    np.testing.assert_array_equal(found[0], np.where(valid, expected, 5))
