"""A scene through a device: what pixels hold where there is data, and where there is none."""

import numpy as np
import pytest

from bitpan.host.device.devices import CpuDevice
from bitpan.host.scene.scene import array_scene
from bitpan.host.stream import fuse_array


@pytest.fixture
def images(small_model):
    """Counts from 1 to 2,000 of 11 bits, whose fusion reaches 0 and 2,047."""
    rng = np.random.default_rng(0)
    return rng.integers(1, 2001, (1, 64, 96)), rng.integers(1, 2001, (2, 16, 24))


@pytest.fixture
def fused(small_model, small_engine, random_inputs, images):
    """``fused(nodata, pan)``: of the images, or of another PAN, in tiles."""
    _, parameters = random_inputs(small_model, 8, 8)

    def fuse(nodata=None, pan=images[0], side=32):
        scene = array_scene(small_model, pan, images[1], nodata=nodata)
        return fuse_array(small_model, scene, CpuDevice(small_engine), parameters, side)

    return fuse


def test_tiles_have_a_side_of_their_own_where_none_is_asked_for(fused):
    np.testing.assert_array_equal(fused(side=None), fused())


@pytest.mark.parametrize(("nodata", "instead"), [(0, 1), (2046, 2047), (2047, 2048)])
def test_a_valid_pixel_that_equals_nodata_moves_by_one_count(fused, nodata, instead):
    plain = fused()
    assert (plain == nodata).any()
    np.testing.assert_array_equal(fused(nodata), np.where(plain == nodata, instead, plain))


@pytest.mark.parametrize("nodata", [-1, 2048, 65535])
def test_nodata_that_no_pixel_can_equal_moves_none(fused, nodata):
    np.testing.assert_array_equal(fused(nodata), fused())


@pytest.mark.parametrize("nodata", [0, 2046, -9999])
def test_pixels_without_data_hold_nodata_and_no_others_do(fused, images, nodata):
    """A tile without any data, a tile with a hole, and whole ones."""
    pan, missing = images[0].copy(), np.zeros((64, 96), bool)
    missing[:32, 32:64] = missing[40:45, 70:80] = True
    pan[0, missing] = nodata
    np.testing.assert_array_equal(fused(nodata, pan) == nodata, np.broadcast_to(missing, (2, 64, 96)))
