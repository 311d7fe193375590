"""CRSs in other words, and pairs laid over each other in the ways there are."""

import warnings

import numpy as np
import pytest
from rasterio.crs import CRS

from bitpan.errors import GeoreferenceWarning, SceneError
from bitpan.rasters.pair import Handling, open_pair
from places import COARSE, PLACE


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


def test_long_crss_are_called_by_their_names(files):
    crs = CRS.from_wkt(CRS.from_epsg(2193).to_wkt().replace(',AUTHORITY["EPSG","2193"]', "").replace("NZGD2000", "own"))
    with pytest.raises(SceneError, match=r"the MS in [^;]{4,40}; resample"), open_pair(*files(crs), 4):
        pass
