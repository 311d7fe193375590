"""Synthetic scenes: repeatable, consistent between PAN, MS and truth, and written as proper GeoTIFFs."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from bitpan.arithmetic import bordered, interpolate, keys_coefficients
from bitpan.cli import main
from bitpan.errors import DataError, SceneIOError, SizeError
from bitpan.models.imagery.degrade import degrade
from bitpan.models.imagery.plans import split
from bitpan.models.imagery.spectra import optics
from bitpan.models.imagery.synth import synthesise, write_scene


@pytest.fixture(scope="module")
def scene():
    return synthesise((192, 256), seed=1)


def test_same_seed_same_scene(scene):
    again, other = synthesise((192, 256), seed=1), synthesise((192, 256), seed=2)
    for name in ("pan", "ms", "truth"):
        np.testing.assert_array_equal(getattr(scene, name), getattr(again, name))
        assert np.mean(getattr(scene, name) != getattr(other, name)) > 0.9


def test_shapes_and_range(scene):
    assert scene.pan.shape == (1, 192, 256) and scene.ms.shape == (4, 48, 64) and scene.truth.shape == (4, 192, 256)
    assert scene.names == ("blue", "green", "red", "nir") and scene.nodata is None
    for image in (scene.pan, scene.ms, scene.truth):
        assert image.dtype == np.uint16 and image.max() < 2048


def test_ms_is_the_degraded_truth(scene):
    """But for the noise, whose spread does not depend on the picture."""
    difference = scene.ms - degrade(scene.truth, 4, scene.gains)
    assert abs(difference.mean()) < 0.2
    assert 0.2 < difference.std() < 5
    detail = scene.ms - np.roll(scene.ms, 1, 2)
    assert abs(np.corrcoef(difference.ravel(), detail.ravel())[0, 1]) < 0.25  # no residual shift


def test_ms_is_registered_to_the_truth(scene):
    """Of all whole-pixel displacements of the upsampled MS, none fits the truth best."""
    lms = interpolate(bordered(scene.ms), keys_coefficients(4), keys_coefficients(4)).astype(float)
    truth = scene.truth.astype(float)
    inside = (..., slice(8, -8), slice(8, -8))
    errors = {
        (dy, dx): np.mean((np.roll(lms, (dy, dx), (1, 2)) - truth)[inside] ** 2)
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
    }
    assert min(errors, key=errors.get) == (0, 0)


def test_pan_is_sharp_and_follows_the_bands(scene):
    """The PAN explains most of what the MS lost, and is nearly, but not exactly, a sum of the bands."""
    design = np.vstack([scene.truth.reshape(4, -1), np.ones(scene.pan.size)]).T.astype(float)
    pan = scene.pan.ravel().astype(float)
    residual = pan - design @ np.linalg.lstsq(design, pan, rcond=None)[0]
    assert 0.9 < 1 - residual.var() / pan.var() < 0.9999
    lms = interpolate(bordered(scene.ms), keys_coefficients(4), keys_coefficients(4))
    lost = (scene.truth - lms)[1].ravel()
    coarse = bordered(np.round(degrade(scene.pan, 4, [0.3])))
    detail = scene.pan[0] - interpolate(coarse, keys_coefficients(4), keys_coefficients(4))
    assert np.corrcoef(lost, detail.ravel())[0, 1] > 0.7


@pytest.mark.parametrize("seed", range(6))
def test_histograms_are_those_of_a_sensor(seed):
    scene = synthesise(128, seed)
    assert 100 < scene.truth.mean() < 800
    assert (scene.truth == 2047).mean() < 0.01
    assert (scene.truth.reshape(4, -1).std(axis=1) > 10).all()


def test_other_depths_bands_and_ratios():
    scene = synthesise(96, seed=3, bits=16, ratio=2, border=4, optics=optics("wv3"))
    assert scene.ms.shape == (8, 48, 48) and scene.names[0] == "coastal" and scene.truth.max() > 4096
    assert scene.nodata == 0
    for image, border in ((scene.pan, 4), (scene.ms, 2), (scene.truth, 4)):
        filled = np.zeros(image.shape[1:], bool)
        filled[border:-border, border:-border] = True
        np.testing.assert_array_equal((image != 0).all(axis=0), filled)
        np.testing.assert_array_equal((image != 0).any(axis=0), filled)
    assert synthesise(64, seed=3, bits=8).truth.max() < 256


def test_parcels_tile_their_box():
    cover = np.zeros((120, 90), int)
    for top, left, bottom, right in split(np.random.default_rng(0), (10, 5, 120, 90), 20):
        cover[top:bottom, left:right] += 1
    np.testing.assert_array_equal(cover[10:, 5:], 1)
    assert cover[:10].sum() == cover[:, :5].sum() == 0


def test_command_writes_georeferenced_rasters(tmp_path, capsys):
    assert main(["synth", "-o", str(tmp_path / "scene"), "--size", "128x192", "--seed", "5", "--border", "8"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    scene = synthesise((128, 192), 5, border=8)
    rasters = {name: rasterio.open(tmp_path / "scene" / f"{name}.tif") for name in ("pan", "ms", "truth")}
    for name, raster in rasters.items():
        np.testing.assert_array_equal(raster.read(), getattr(scene, name))
        assert raster.crs.to_epsg() == 32633 and raster.profile["tiled"] and raster.nodata == 0
        assert tuple(raster.bounds) == tuple(rasters["pan"].bounds)
    assert rasters["ms"].descriptions == rasters["truth"].descriptions == ("blue", "green", "red", "nir")
    assert rasters["ms"].res == (2.0, 2.0) and rasters["pan"].res == (0.5, 0.5)


def test_command_takes_a_sensors_bands(tmp_path):
    words = ["--size", "64x96", "--sensor", "wv2", "--bands", "5,3,2", "--ratio", "2", "--bits", "12"]
    assert main(["synth", "-o", str(tmp_path), *words]) == 0
    scene = synthesise((64, 96), 0, 12, 2, optics=optics("wv2", (5, 3, 2)))
    with rasterio.open(tmp_path / "ms.tif") as raster:
        np.testing.assert_array_equal(raster.read(), scene.ms)
        assert raster.descriptions == ("red", "green", "blue") and raster.shape == (32, 48)


def test_a_failed_write_leaves_nothing(scene, tmp_path, monkeypatch):
    write_scene(scene, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def refuse(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(SceneIOError, match="No space left"):
        write_scene(scene, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "call",
    [
        lambda: synthesise((130, 128), 0),
        lambda: synthesise(8, 0),
        lambda: synthesise(64, 0, bits=7),
        lambda: synthesise(64, 0, border=6),
        lambda: synthesise(64, 0, border=32),
    ],
)
def test_refusals(call):
    with pytest.raises(DataError):
        call()


def test_bad_seed(tmp_path, capsys):
    assert main(["synth", "-o", str(tmp_path), "--seed", "-1"]) == 1
    assert "-1" in capsys.readouterr().err


def test_a_scene_beyond_the_machines_memory_is_refused():
    with pytest.raises(SizeError, match="a scene of 1048576x1048576 takes some 549756 GB to make"):
        synthesise(1 << 20, seed=0)
