"""The Python face: arrays and files give the same bits, and what cannot be fused is told in one line."""

import numpy as np
import pytest
import rasterio

import bitpan
from bitpan.errors import DeviceError, ModelError, SceneError, SceneIOError
from bitpan.host.fuser import _are_files
from bitpan.models.imagery.synth import synthesise

SHIPPED = ("s2bnet-flat", "s2bnet", "bnnpan")


@pytest.fixture
def scene(write_raster, tmp_path):
    """Arrays of a PAN and an MS, and the files that hold them."""
    rng = np.random.default_rng(0)
    ms = rng.integers(200, 900, (4, 18, 20)).astype(np.uint16)
    pan = ms.mean(axis=0).repeat(4, 0).repeat(4, 1).astype(np.uint16)[None] + rng.integers(0, 99, (1, 72, 80))
    arrays = {"pan": pan.astype(np.uint16), "ms": ms}
    for name, values in arrays.items():
        write_raster(tmp_path / f"{name}.tif", values, pixel={"pan": 1.0, "ms": 4.0}[name])
    return arrays["pan"], ms, tmp_path


@pytest.mark.parametrize("name", SHIPPED)
def test_arrays_and_files_give_the_same_bits(scene, name):
    pan, ms, folder = scene
    fuser = bitpan.load(name, threads=1)
    fused = fuser.fuse(pan, ms)
    assert fused.dtype == np.uint16 and fused.shape == (4, 72, 80) and fused.std() > 10
    assert np.array_equal(fuser.fuse(pan[0], ms), fused)
    path = fuser.fuse(folder / "pan.tif", str(folder / "ms.tif"), folder / "fused.tif")
    with rasterio.open(path) as dataset:
        assert np.array_equal(dataset.read(), fused)
    again = fuser.fuse(pan, ms, scene_parameters=folder / "fused.scene.json", tile=32)
    assert np.array_equal(again, fused)


def test_bands_count_from_one(scene):
    pan, ms, _ = scene
    fuser = bitpan.load(threads=1)
    turned = fuser.fuse(pan, ms[::-1], bands=(4, 3, 2, 1))
    assert np.array_equal(turned, fuser.fuse(pan, ms))
    for wrong in ((0, 1, 2, 3), (1, 2, 3, 5)):
        with pytest.raises(SceneError, match="from 1"):
            fuser.fuse(pan, ms, bands=wrong)


def test_a_sure_shift_is_taken_out_unasked(capsys):
    made = synthesise(160, seed=3)
    pan, ms = made.pan[:, 18:146, 13:141], made.ms[:, 4:-4, 4:-4]
    with bitpan.load(threads=1) as fuser:
        registered = fuser.fuse(pan, ms, shift=(-2.0, 3.0))
        assert capsys.readouterr().out == ""
        assert np.array_equal(fuser.fuse(pan, ms), registered)
        assert capsys.readouterr().out == "measured shift: -2,3 PAN pixels\n"
        fuser.fuse(made.pan[:, 16:144, 16:144], ms)
        assert capsys.readouterr().out == ""
        assert not np.array_equal(fuser.fuse(pan, ms, shift=(0.0, 0.0)), registered)


def test_nodata_of_arrays_stays(scene):
    pan, ms, _ = scene
    pan = pan.copy()
    pan[0, :8, :8] = 0
    fused = bitpan.load(threads=1).fuse(pan, ms, nodata=0)
    assert not fused[:, :8, :8].any() and fused[:, 12:, 12:].any()


def test_a_valid_pixel_that_equals_nodata_moves_by_one_count(scene):
    pan, ms, folder = scene
    fuser = bitpan.load(threads=1)
    plain = fuser.fuse(pan, ms)
    value = int(plain[0, 40, 40])
    pan[pan == value], ms[ms == value] = value + 2, value + 2  # the inputs are valid everywhere
    options = {"scene_parameters": folder / "fused.scene.json"}
    fuser.fuse(folder / "pan.tif", folder / "ms.tif", folder / "fused.tif")
    plain = fuser.fuse(pan, ms, **options)
    assert (plain == value).any()
    expected = np.where(plain == value, value + 1, plain)
    assert np.array_equal(fuser.fuse(pan, ms, nodata=value, **options), expected)


def test_a_wrong_tile_is_told_before_anything_is_computed(scene, monkeypatch):
    pan, ms, _ = scene
    monkeypatch.setattr("bitpan.host.fuser.compute_scene_parameters", None)
    with pytest.raises(SceneError, match="102 pixels is no positive multiple of 4"):
        bitpan.load(threads=1).fuse(pan, ms, tile=102)


def test_what_cannot_be_fused_is_told(scene):
    pan, ms, folder = scene
    with pytest.raises(ModelError, match="s2bnet-flat"):
        bitpan.load("nothing-of-the-kind")
    with pytest.raises(DeviceError, match="bitpan build"):
        bitpan.load(device="rtl")
    with pytest.raises(DeviceError, match="--threads 0: at least 1"):
        bitpan.load(threads=0)
    fuser = bitpan.load(threads=1)
    for call, error, said in (
        (lambda: fuser.fuse(pan.astype(float), ms), SceneError, "integer counts"),
        (lambda: fuser.fuse(folder / "pan.tif", ms), SceneError, "two file names"),
        (lambda: fuser.fuse(pan, ms[:3]), SceneError, r"\(4, h, w\)"),
        (lambda: fuser.fuse(pan, ms, shift="measure"), SceneError, "'auto'"),
        (lambda: fuser.fuse(folder / "pan.tif", folder / "ms.tif"), SceneIOError, "output="),
        (lambda: fuser.fuse(folder / "pan.tif", folder / "ms.tif", folder / "ms.tif"), SceneIOError, "is an input"),
        (lambda: fuser.fuse(folder / "pan.tif", folder / "ms.tif", folder / "a.png"), SceneIOError, "name it a.tif"),
        (
            lambda: fuser.fuse(folder / "pan.tif", folder / "ms.tif", folder),
            SceneIOError,
            "is a folder or lies in none",
        ),
        (lambda: fuser.fuse(folder / "pan.tif", folder / "ms.tif", folder / "a/b.tif"), SceneIOError, "lies in none"),
    ):
        with pytest.raises(error, match=said):
            call()


@pytest.mark.parametrize(
    ("names", "files"),
    [
        ("a.tif", True),
        (["a.tif"], True),
        (("a.tif", "b.tif"), True),
        ([], False),
        ((), False),
        (["a.tif", 3], False),
        ([np.zeros(3)], False),
        (np.zeros((2, 3, 3)), False),
        ({"a.tif"}, False),
    ],
)
def test_what_is_taken_for_names_of_files(names, files):
    assert _are_files(names) == files
