"""A pair of files, written where a test wants it."""

import pytest

from places import COARSE, FINE, PLACE, UTM


@pytest.fixture
def files(tmp_path, write_raster):
    def make(crs=UTM, place=PLACE, pixel=4.0, pan_pixel=1.0):
        pan = write_raster(tmp_path / "pan.tif", FINE, pan_pixel, origin=PLACE, crs=UTM)
        return pan, write_raster(tmp_path / "ms.tif", COARSE, pixel, origin=place, crs=crs)

    return make
