"""CRSs in other words, and pairs laid over each other in the ways there are."""

import warnings

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS

from bitpan.errors import GeoreferenceWarning, SceneError
from bitpan.rasters.georeference import relative_transform, require_extents
from bitpan.rasters.pair import Handling, open_pair
from places import COARSE, FINE, PLACE, UTM


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


def test_a_warped_ms_lies_on_the_pans_grid(files):
    """Resampled onto its own grid it is itself; beyond what it covers there is no data."""
    with open_pair(*files(place=(PLACE[0] + 8, PLACE[1] - 8)), 4, Handling(align="warp")) as pair:
        values, valid = pair.ms.read(0, 0, 12, 12)
        assert pair.edge == (0.0, 0.0) and pair.ms.size == (12, 12)
    inside = np.zeros((12, 12), bool)
    inside[2:, 2:] = True
    np.testing.assert_array_equal(valid, inside)
    np.testing.assert_array_equal(values[:, 2:, 2:], COARSE[:, :10, :10])


def test_a_warp_wants_places(tmp_path, write_raster, files):
    pan, _ = files()
    bare = write_raster(tmp_path / "bare.tif", COARSE, None)
    nowhere = write_raster(tmp_path / "nowhere.tif", COARSE, 4.0, crs=None)
    for pair in ((pan, bare), (f"{bare},band=1", pan), (pan, nowhere), (f"{nowhere},band=1", pan)):
        said = "one has no CRS or no geotransform, so nothing can be warped; give --align corners"
        with pytest.raises(SceneError, match=said), open_pair(*pair, 4, Handling((1,), align="warp")):
            pass


def test_crss_without_a_code_are_called_by_their_names(files):
    wkt = (
        CRS.from_epsg(2193).to_wkt().replace(',AUTHORITY["EPSG","2193"]', "").replace('meridian",173', 'meridian",172')
    )
    said = "in EPSG:32631, the MS in NZGD2000 / New Zealand Transverse Mercator 2000; resample"
    with pytest.raises(SceneError, match=said), open_pair(*files(CRS.from_wkt(wkt)), 4):
        pass


def bare(path, write_raster, values, **said):
    """Without a geotransform, but for what is said."""
    write_raster(path, values)
    with rasterio.open(path, "r+") as file:
        for name, value in said.items():
            setattr(file, name, value)
    return path


@pytest.mark.parametrize(
    ("said", "edge", "warning"),
    [
        ({"crs": UTM}, (0.0, 0.0), "no geotransform; they are aligned by extent and ratio"),
        ({}, (0.0, 0.0), "no CRS in one; they are aligned by extent and ratio"),
        (None, (-12.0, -8.0), "no CRS in one; the geotransforms are taken to share one"),
    ],
)
def test_what_is_missing_is_told_where_the_caller_stands(tmp_path, write_raster, files, said, edge, warning):
    pan, _ = files()
    path, place = tmp_path / "a.tif", (PLACE[0] - 8, PLACE[1] + 12)
    if said is None:
        ms = write_raster(path, COARSE, 4.0, origin=place, crs=None)
    else:
        ms = bare(path, write_raster, COARSE, **said)
    with pytest.warns(GeoreferenceWarning, match=warning) as told, open_pair(pan, ms, 4) as pair:
        assert pair.edge == edge
    assert told[0].filename == __file__


def test_georeference_alone_is_taken_where_there_is_one(files):
    with open_pair(*files(place=(PLACE[0] - 8, PLACE[1] + 12)), 4, Handling(align="georeference")) as pair:
        assert pair.edge == (-12.0, -8.0)


@pytest.mark.parametrize(
    ("pixel", "said"),
    [
        (0.5, "an MS pixel is 0.5 PAN pixels wide; .* ratio 4: give the files in the order PAN MS"),
        (1.0, "an MS pixel is 1 PAN pixels wide; .* ratio 4: give another --ratio, or resample"),
        (2.0, "an MS pixel is 2 PAN pixels wide; .* ratio 4: give another --ratio, or resample"),
    ],
)
def test_another_ratio_is_refused_with_what_mends_it(files, pixel, said):
    with pytest.raises(SceneError, match=said), open_pair(*files(pixel=pixel), 4):
        pass
    said = said.replace("another --ratio", "a model of this ratio")
    with pytest.raises(SceneError, match=said), open_pair(*files(pixel=pixel), 4, maker="model a was made for"):
        pass


@pytest.mark.parametrize(("pan", "fits"), [((45, 48), True), ((44, 48), False), ((51, 48), True), ((48, 52), False)])
def test_extents_differ_by_less_than_an_ms_pixel(pan, fits):
    if fits:
        require_extents(pan, (12, 12), 4, "", "")
        return
    with pytest.raises(SceneError, match=f"{pan[0]} x {pan[1]} and 12 x 12 pixels are not ratio 4"):
        require_extents(pan, (12, 12), 4, "", "")


def test_a_warped_ms_covers_a_pan_of_any_size(tmp_path, write_raster, files):
    """With a last row and column that lie in the PAN in part; and of a PAN without a geotransform there is none."""
    _, ms = files()
    pan = write_raster(tmp_path / "p.tif", FINE[:, :45, :34], 1.0, origin=PLACE, crs=UTM)
    with open_pair(pan, ms, 4, Handling(align="warp")) as pair:
        assert pair.ms.size == (12, 9)
        np.testing.assert_array_equal(pair.ms.read(0, 0, 12, 9)[0], COARSE[:, :, :9])
    pan = bare(tmp_path / "bare.tif", write_raster, FINE, crs=UTM)
    with pytest.raises(SceneError, match="nothing can be warped"), open_pair(pan, ms, 4, Handling(align="warp")):
        pass


@pytest.mark.parametrize("place", [2, 5])
def test_the_farthest_that_an_image_may_lie(place):
    near, far = [1.0, 0.0, 0.0, 0.0, -1.0, 0.0], [1.0, 0.0, 0.0, 0.0, -1.0, 0.0]
    far[place] = 2.0**40 - 1
    assert abs(relative_transform(far, near)[place]) == 2**40 - 1
    far[place] += 1
    with pytest.raises(SceneError, match="give pixels no place or no size"):
        relative_transform(far, near)


@pytest.mark.parametrize(
    "wrong", [(1, 1, 0, 1, 1, 0), (0, 0, 0, 0, 0, 0), (1, 0, float("nan"), 0, 1, 0), (float("nan"), 0, 0, 0, 1, 0)]
)
def test_what_gives_no_place_is_refused_in_either_file(wrong):
    for pair in ((wrong, (1, 0, 0, 0, -1, 0)), ((1, 0, 0, 0, -1, 0), wrong)):
        with pytest.raises(SceneError, match="give pixels no place or no size"):
            relative_transform(*pair)
