"""A scene through a device: what pixels hold where there is data, and where there is none."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import rasterio

import bitpan.host.consistency.kernels  # noqa: F401  # to be taken away
from bitpan.arithmetic import BORDER
from bitpan.camera.consistency import Camera, consistent, known
from bitpan.host.device.devices import CpuDevice
from bitpan.host.scene.scene import array_scene, open_scene
from bitpan.host.stream import fuse, fuse_array
from bitpan.host.tile_log import TileLog
from bitpan.model import execute
from bitpan.radiometry import FRACTION, Level, PanMatch


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


def test_into_a_file_as_into_memory(small_model, small_engine, random_inputs, images, fused, write_raster, tmp_path):
    _, parameters = random_inputs(small_model, 8, 8)
    pan, ms = (image.astype(np.uint16) for image in images)
    files = write_raster(tmp_path / "pan.tif", pan, 1.0), write_raster(tmp_path / "ms.tif", ms, 4.0)
    device, out = CpuDevice(small_engine), tmp_path / "fused.tif"
    with open_scene(*files, small_model) as scene, TileLog(tmp_path / "tiles", "a job") as log:
        log.begin({})
        fuse(scene, log, out, small_model, device, parameters, 32)
    with rasterio.open(out) as dataset:
        assert {*dataset.dtypes} == {"uint16"}
        np.testing.assert_array_equal(dataset.read(), fused())


def test_tiles_have_a_side_of_their_own_where_none_is_asked_for(fused):
    np.testing.assert_array_equal(fused(side=None), fused())


@pytest.mark.parametrize(("nodata", "instead"), [(0, 1), (2046, 2047), (2047, 2048)])
def test_a_valid_pixel_that_equals_nodata_moves_by_one_count(fused, nodata, instead):
    plain = fused()
    assert (plain == nodata).any()
    np.testing.assert_array_equal(fused(nodata), np.where(plain == nodata, instead, plain))


@pytest.mark.parametrize("nodata", [-1, 60000, 65535])
def test_nodata_that_no_pixel_can_equal_moves_none(fused, nodata):
    np.testing.assert_array_equal(fused(nodata), fused())


@pytest.mark.parametrize("nodata", [0, 2046, -9999])
def test_pixels_without_data_hold_nodata_and_no_others_do(fused, images, nodata):
    """A tile without any data, a tile with a hole, and whole ones."""
    pan, missing = images[0].copy(), np.zeros((64, 96), bool)
    missing[:32, 32:64] = missing[40:45, 70:80] = True
    pan[0, missing] = nodata
    np.testing.assert_array_equal(fused(nodata, pan) == nodata, np.broadcast_to(missing, (2, 64, 96)))


@pytest.mark.parametrize("gain", [1 / 29, 1.0, 3.0])
@pytest.mark.parametrize("compiled", [True, False])
def test_counts_are_the_scenes_own_and_consistent_with_its_ms(
    small_model, small_engine, random_inputs, images, gain, compiled, monkeypatch
):
    """Counts of 16 bits, some of which the network's range does not hold, a hole in either image, in tiles."""
    _, parameters = random_inputs(small_model, 8, 8)
    own = round(gain * 2**FRACTION)
    level, match = Level(11, (own, own + own // 10)), PanMatch(11, own)
    pan, ms = (np.clip(np.floor(image / gain).astype(int) + 5, 0, 65534) for image in images)
    ms[:, 3, 5] = 65534
    valid, ms_valid = np.ones((64, 96), bool), np.ones((16, 24), bool)
    valid[30:33, 10:50] = valid[:4, 40:44] = ms_valid[0, 10] = False
    pan[:, ~valid] = ms[:, 0, 10] = 65535
    scene = array_scene(small_model, pan.astype(np.uint16), ms.astype(np.uint16), nodata=65535)
    scene = replace(scene, level=level, match=match)
    wide = 64
    patch = scene.read(-wide, -wide, 64 + 2 * wide, 96 + 2 * wide, border=BORDER)
    network = execute(small_model, {"pan": patch.pan, "ms": patch.ms}, parameters)[:, wide:-wide, wide:-wide]
    camera, before = Camera(4), level.restored(network)
    expected = consistent(before, ms, known(valid, ms_valid, camera), camera)
    assert (expected != before).mean() > 0.8
    if not compiled:
        monkeypatch.setitem(sys.modules, "bitpan.host.consistency.kernels", None)
        monkeypatch.delattr("bitpan.host.consistency.kernels")
    found = fuse_array(small_model, scene, CpuDevice(small_engine), parameters, 32)
    np.testing.assert_array_equal(found, np.where(valid, np.minimum(expected, 65534), 65535))


def test_of_missing_samples_a_level_takes_nothing(small_model, small_engine, random_inputs, images):
    _, parameters = random_inputs(small_model, 8, 8)
    pan, ms = images[0], images[1].copy()
    ms[:, 8, 8] = 65535
    fused = []
    for nodata in (65535, 60000):
        ms[ms > 2047] = nodata
        scene = replace(array_scene(small_model, pan, ms, nodata=nodata), level=Level.unchanged(11, 2))
        fused.append(fuse_array(small_model, scene, CpuDevice(small_engine), parameters, 32))
    missing = fused[0] == 65535
    assert missing.sum() == 2 * 16
    np.testing.assert_array_equal(fused[0][~missing], fused[1][~missing])
