"""Pairs in files, laid over each other: CRSs, alignments, bands, and the whole MS pixels that both have."""

from contextlib import ExitStack

import numpy as np
import pytest
from rasterio._env import get_gdal_config

from bitpan.errors import BandWarning, SceneError, SizeError
from bitpan.rasters import RasterFile
from bitpan.rasters import pair as pair_module
from bitpan.rasters.pair import Handling, open_pair, read_whole, unread_whole
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


def test_pan_and_ms_have_nodata_values_of_their_own(files):
    with open_pair(*files(), 4, Handling(nodata=(7, 9))) as pair:
        found = read_whole(pair)
    np.testing.assert_array_equal(found.pan_valid, FINE[0] != 7)
    np.testing.assert_array_equal(found.ms_valid, (COARSE != 9).all(axis=0))


@pytest.mark.parametrize(
    ("twice", "count", "said"),
    [
        ("ms", 2, "as in FILE,band=1"),
        ("pan", 2, "has 1 bands where .* must have 2: .* or name all files of the MS, or give another model"),
        (None, 1, "has 2 bands where .* must have 1: .* or choose with --bands, or give another model"),
    ],
)
def test_another_number_of_bands_is_told_what_to_do(files, twice, count, said):
    pair = dict(zip(("pan", "ms"), files(), strict=True))
    if twice:
        pair = dict.fromkeys(pair, pair[twice])
    with pytest.raises(SceneError, match=said), open_pair(*pair.values(), 4, count=count):
        pass


def test_pan_and_ms_become_counts_in_ways_of_their_own(tmp_path, write_raster):
    fine, coarse = FINE.astype(np.float32) / 4096 - 0.25, COARSE.astype(np.int32) * 4096
    pan = write_raster(tmp_path / "pan.tif", fine, 1.0, origin=PLACE, crs=UTM)
    ms = write_raster(tmp_path / "ms.tif", coarse, 4.0, origin=PLACE, crs=UTM)
    with open_pair(pan, ms, 4, Handling(nodata=(None, None))) as pair:
        found = read_whole(pair)
        for own, counts, values in ((pair.counts[0], found.pan, fine), (pair.counts[1], found.ms, coarse)):
            np.testing.assert_array_equal(counts, own.of(values))
    assert pair.counts[0].step < 2**-13 and pair.counts[1].step == 32


def test_bands_that_say_what_they_are_come_in_the_networks_order(tmp_path, write_raster, files):
    """Whatever number of bands is asked for, and where they are asked for, as asked."""
    pan, _ = files()
    values = np.concatenate([COARSE, COARSE + 500])
    said = ["red", "green", "blue", "nir"]
    ms = write_raster(tmp_path / "four.tif", values, 4.0, origin=PLACE, crs=UTM, descriptions=said)
    for count in (None, 4):
        with open_pair(pan, ms, 4, count=count) as pair:
            assert pair.ms.bands == (3, 2, 1, 4) and pair.chosen.startswith("MS bands 3,2,1,4 are taken")
        with pytest.warns(BandWarning), open_pair(pan, ms, 4, Handling((1, 2, 3, 4)), count) as pair:
            assert pair.ms.bands == (1, 2, 3, 4) and not pair.chosen


@pytest.mark.parametrize("rows", [1, 5, 7, 48])
def test_a_pair_is_read_by_rows(files, monkeypatch, rows):
    """What holds no data is 0, in each of them."""
    monkeypatch.setattr(pair_module, "ROWS", rows)
    read, windows = RasterFile.read, []
    with open_pair(*files(place=(PLACE[0] + 8, PLACE[1] - 4)), 4, Handling(nodata=(600, 9))) as pair:
        monkeypatch.setattr(RasterFile, "read", lambda own, *window: windows.append(window) or read(own, *window))
        found = read_whole(pair)
    fine, coarse = FINE[:, 4:48, 8:48], COARSE[:, :11, :10]
    np.testing.assert_array_equal(found.pan, np.where(fine == 600, 0, fine))
    np.testing.assert_array_equal(found.ms, np.where((coarse == 9).any(axis=0), 0, coarse))
    np.testing.assert_array_equal(found.pan_valid, fine[0] != 600)
    assert max(height for _, _, height, _ in windows) <= rows
    assert sum(height for _, _, height, _ in windows) == 44 + 11, "each row once, and none beyond"


@pytest.mark.parametrize(("rows", "columns"), [(44, 44), (44, 46), (46, 44)])
def test_one_whole_ms_pixel_is_enough(files, rows, columns):
    """Or none, where the MS begins two rows or columns before the PAN's end."""
    with open_pair(*files(place=(PLACE[0] + columns, PLACE[1] - rows)), 4) as pair:
        if (rows, columns) == (44, 44):
            assert read_whole(pair).ms.tolist() == [[[0]], [[144]]]
            return
        with pytest.raises(SceneError, match=r"pan\.tif and .*ms\.tif: no MS pixel lies whole in both"):
            read_whole(pair)


def test_a_pair_that_memory_does_not_hold(files, monkeypatch):
    with open_pair(*files(), 4) as pair:
        monkeypatch.setenv("BITPAN_MEMORY", "1e-6")
        with pytest.raises(SizeError, match=r"pan\.tif: 48 x 48 pixels says that it holds 4,608 bytes"):
            read_whole(pair)


def test_gdal_keeps_few_blocks_of_what_is_read_later(files, monkeypatch):
    """Its own limit, a twentieth of the memory, holds again as soon as a context of ours has ended."""
    monkeypatch.delenv("GDAL_CACHEMAX", raising=False)
    with ExitStack() as stack:
        pair = stack.enter_context(open_pair(*files(), 4, Handling()))
        found, kept = unread_whole(pair, stack.pop_all(), 100 << 20), []
        read = RasterFile.read
        monkeypatch.setattr(
            RasterFile, "read", lambda *some: (kept.append(get_gdal_config("GDAL_CACHEMAX")), read(*some))[1]
        )
        for image in (found.pan, found.ms, found.pan_valid, found.ms_valid):
            np.asarray(image[..., :4, :4])
    assert kept == [100 << 20] * 4
