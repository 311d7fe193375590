"""Tiles as the scene that they were cut from: the same pixels, the same scene parameters."""

import warnings
from contextlib import ExitStack
from functools import partial

import numpy as np
import pytest

from bitpan.errors import SceneError
from bitpan.host.fuser import Fuser
from bitpan.host.many.mosaic import open_mosaic
from bitpan.host.scene.calibration import save_calibration
from bitpan.host.scene.scene import fill_values, open_scene

LEFT, TOP = 600000.0, 4700000.0


def landscape(height, width, seed=0):
    """PAN and MS of two bands that go together: fields of some pixels and noise, MS pixels of four."""
    rng = np.random.default_rng(seed)
    fields = rng.integers(300, 1500, (2, height // 8 + 1, width // 8 + 1)).repeat(8, axis=1).repeat(8, axis=2)
    fine = fields[:, 3 : height + 3, 3 : width + 3] + rng.integers(0, 200, (2, height, width))
    ms = fine.reshape(2, height // 4, 4, width // 4, 4).mean(axis=(2, 4))
    return fine.mean(axis=0, keepdims=True).astype(np.uint16), ms.astype(np.uint16)


@pytest.fixture
def cut(tmp_path, write_raster, small_model):
    """``cut(pan, ms, windows, **options)``: openers of the whole pair and of tiles (top, left, height, width).

    ``beside``: PAN pixels, right and down, that the PAN begins before the MS.
    """

    def write(name, pan, ms, top, left, beside, **options):
        files = tmp_path / f"{name}_pan.tif", tmp_path / f"{name}_ms.tif"
        write_raster(files[0], pan, 1.0, (LEFT + left - beside, TOP - top + beside), **options)
        write_raster(files[1], ms, 4.0, (LEFT + left, TOP - top), **options)
        return partial(open_scene, *files, small_model)

    def make(pan, ms, windows, beside=0, **options):
        tiles = [
            write(
                number,
                pan[:, top : top + height, left : left + width],
                ms[:, top // 4 : (top + height) // 4, left // 4 : (left + width) // 4],
                top,
                left,
                beside,
                **options,
            )
            for number, (top, left, height, width) in enumerate(windows)
        ]
        return write("whole", pan, ms, 0, 0, beside, **options), tiles

    return make


QUARTERS = [(0, 0, 120, 200), (0, 200, 120, 56), (120, 0, 136, 80), (120, 80, 136, 176)]


@pytest.mark.parametrize(("beside", "gap"), [(0, 0), (2, 0), (0.5, 40)])
@pytest.mark.filterwarnings("ignore::bitpan.errors.RegistrationWarning")  # with a gap
def test_it_is_the_scene_whole(cut, small_model, beside, gap):
    pan, ms = landscape(256, 256)
    pan[:, 30 : 30 + gap, 90:140] = 0
    whole, tiles = cut(pan, ms, QUARTERS, beside, nodata=0)
    rng = np.random.default_rng(0)
    mosaic, state = open_mosaic(tiles[::-1], small_model)
    assert len(state) == 8
    with whole() as scene, Fuser(small_model, threads=1) as fuser:
        assert mosaic.grid == scene.grid
        for _ in range(30):
            top, left = rng.integers(-12, 60, 2) * 4
            height, width = rng.integers(1, 30, 2) * 4
            one, other = (each.read(top, left, height, width, border=2) for each in (scene, mosaic))
            for name in ("pan", "ms", "valid"):
                np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        one, other = fuser.calibration(scene), fuser.calibration(mosaic)
        assert gap or any(one.shift)  # measured
        assert (one.shift, one.level, one.match) == (other.shift, other.level, other.match)
        assert all((one.parameters[name] == value).all() for name, value in other.parameters.items())


def test_saved_parameters_of_a_tile_on_another_phase_keep_its_own_interpolation(cut, small_model, tmp_path):
    pan, ms = landscape(64, 64)
    here, _ = cut(pan, ms, [])
    with Fuser(small_model, threads=1) as fuser:
        with here() as scene:
            own = fuser.calibration(scene, (0.0, 0.0))
        save_calibration(tmp_path / "saved.json", small_model, own)
        there, _ = cut(pan, ms, [], beside=1)
        with there() as scene:
            alone = fuser.calibration(scene, (0.0, 0.0))
            shared = fuser.calibration(scene, saved=tmp_path / "saved.json")
    for name, value in shared.parameters.items():
        expected = alone if name.startswith("upsample") else own
        np.testing.assert_array_equal(value, expected.parameters[name])
    assert (own.parameters["upsample.rows"] != alone.parameters["upsample.rows"]).any()


def test_tiles_that_cannot_be_read_hold_no_data(cut, small_model, tmp_path):
    pan, ms = landscape(256, 256)
    _, tiles = cut(pan, ms, QUARTERS)
    (tmp_path / "1_ms.tif").write_bytes(b"no raster")
    damaged = tmp_path / "2_pan.tif"
    damaged.write_bytes(damaged.read_bytes()[:-30_000])  # its header can be read
    mosaic, _ = open_mosaic(tiles, small_model)
    patch = mosaic.read(0, 0, 256, 256)
    assert patch.valid[:120, :200].all() and patch.valid[120:, 80:].all()
    assert not patch.valid[:120, 200:].any() and not patch.valid[120:, :80].any()
    assert (patch.pan[0, :120, :200] == pan[0, :120, :200]).all()
    fills = fill_values(small_model)
    assert (patch.pan[0, 120:, :80] == fills[0]).all() and (patch.ms[:, :30, 50:] == fills[1]).all()


def test_what_is_no_scene_is_refused(cut, small_model, tmp_path, write_raster):
    pan, ms = landscape(64, 64)

    def at(name, left=LEFT, pixel=1.0, **options):
        files = tmp_path / f"{name}p.tif", tmp_path / f"{name}m.tif"
        write_raster(files[0], pan, pixel, (left, TOP), **options)
        write_raster(files[1], ms, pixel and 4 * pixel, (left, TOP), **options)
        return partial(open_scene, *files, small_model)

    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("error")
        for other, said in [
            (at("crs", crs="EPSG:32631"), "no georeference, or not the same"),
            (at("none", pixel=None), "no georeference"),
            (at("half", LEFT + 64.5), "no tiles of one grid"),
            (at("ms", LEFT + 66), "no tiles of one grid"),  # of PAN pixels they are
            (at("size", pixel=1.01), "not of one size"),
            (at("far", LEFT + 1e6), "too far apart"),
        ]:
            with pytest.raises(SceneError, match=said):
                open_mosaic([at("first"), other], small_model)
        with pytest.raises(SceneError, match="none of them can be opened"):
            open_mosaic([partial(open_scene, tmp_path / "x", tmp_path / "y", small_model)], small_model)
