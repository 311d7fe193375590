"""Pairs in files, laid over each other: CRSs, alignments, bands, and the whole MS pixels that both have."""

import numpy as np
import pytest

from bitpan.errors import SceneError
from bitpan.rasters import RasterFile
from bitpan.rasters.pair import Handling, open_pair, read_whole
from places import COARSE, FINE, PLACE, UTM


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


def test_pan_and_ms_have_nodata_values_of_their_own(files):
    with open_pair(*files(), 4, Handling(nodata=(7, 9))) as pair:
        found = read_whole(pair)
    np.testing.assert_array_equal(found.pan_valid, FINE[0] != 7)
    np.testing.assert_array_equal(found.ms_valid, (COARSE != 9).all(axis=0))
