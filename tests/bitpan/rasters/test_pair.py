"""Pairs in files, laid over each other: CRSs, alignments, bands, and the whole MS pixels that both have."""

import numpy as np
import pytest

from bitpan.errors import SceneError
from bitpan.rasters.pair import Handling, open_pair, read_whole
from places import COARSE, FINE, PLACE


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


def test_pan_and_ms_have_nodata_values_of_their_own(files):
    with open_pair(*files(), 4, Handling(nodata=(7, 9))) as pair:
        found = read_whole(pair)
    np.testing.assert_array_equal(found.pan_valid, FINE[0] != 7)
    np.testing.assert_array_equal(found.ms_valid, (COARSE != 9).all(axis=0))


def test_what_has_too_many_bands_is_told_what_to_do(files):
    pan, ms = files()
    for pair, said in (((ms, ms), "as in FILE,band=1"), ((pan, pan), "or choose with --bands, or give another model")):
        with pytest.raises(SceneError, match=said), open_pair(*pair, 4, count=2):
            pass
