"""Scenes: georeference, edges, nodata, and every kind of pair that cannot be fused."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import rasterio

from bitpan.errors import GeoreferenceWarning, SceneError, SceneIOError
from bitpan.host.scene import scene as module
from bitpan.host.scene.scene import array_scene, fill_values, open_scene
from bitpan.host.scene.tiles import DEFAULT_ROWS, plan_tiles
from bitpan.rasters import RasterFile
from scenes import DATA, needs_data


def open_quietly(pan, ms, model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return open_scene(pan, ms, model)


def test_profile_and_grid(small_model, pair):
    pan, ms = pair(nodata=0)
    with open_quietly(pan, ms, small_model) as scene:
        assert (scene.grid.height, scene.grid.width, scene.grid.shift) == (90, 70, (0.0, 0.0))
        assert scene.nodata == 0
        assert scene.profile["crs"].to_epsg() == 32630
        assert scene.profile["descriptions"] == ("blue", "near infrared")
        assert scene.profile["dtype"] == "uint16"


def test_windows_are_the_files_and_replicated_beyond(small_model, pair):
    pan_path, ms_path = pair()
    with rasterio.open(pan_path) as pan, rasterio.open(ms_path) as ms:
        pan, ms = pan.read(), ms.read()
    pan = np.pad(pan, ((0, 0), (20, 40), (20, 40)), mode="edge")
    ms = np.pad(ms, ((0, 0), (5, 10), (5, 10)), mode="edge")
    with open_quietly(pan_path, ms_path, small_model) as scene:
        for top, left, height, width in [(-20, -20, 120, 100), (-20, 40, 8, 60), (8, 12, 4, 4), (100, 80, 20, 24)]:
            patch = scene.read(top, left, height, width)
            np.testing.assert_array_equal(patch.pan, pan[:, top + 20 :, left + 20 :][:, :height, :width])
            coarse = ms[:, (top + 20) // 4 :, (left + 20) // 4 :]
            np.testing.assert_array_equal(patch.ms, coarse[:, : height // 4, : width // 4])
            assert patch.valid.all()


@pytest.mark.parametrize(
    "place",
    [
        (float("nan"), 0, 0, 0, -4, 0),
        (4, 0, 0, 0, 0, 9),
        (4, 4, 0, 4, 4, 0),
        (4, 0, 0, 0, -4, 1e999),
        (4, 0, 1e300, 0, -4, 0),
    ],
)
def test_a_geotransform_without_places_or_sizes_is_refused(small_model, pair, place):
    pan, ms = pair()
    with rasterio.open(ms, "r+") as file:
        file.transform = rasterio.Affine(*place)
    said = r"MS\.tif: the geotransforms .* give pixels no place or no size"
    with pytest.raises(SceneError, match=said), open_scene(pan, ms, small_model):
        pass


def test_offset_origin_becomes_shift_and_crop(small_model, tmp_path, write_raster):
    """The MS begins 10.75 PAN pixels further right and covers 32 of 64 columns; or further down, of as many rows."""
    pan = write_raster(tmp_path / "p.tif", np.arange(64 * 64, dtype=np.uint16).reshape(1, 64, 64) % 2048, 1.0, (0, 64))
    ms = write_raster(tmp_path / "m.tif", np.zeros((2, 16, 8), np.uint16), 4.0, (10.75, 64))
    with open_quietly(pan, ms, small_model) as scene:
        assert (scene.grid.pan_origin, scene.grid.width) == ((0, 9), 36)
        assert (scene.grid.ms_origin, scene.grid.shift) == ((0, 0), (0.0, 1.75))
        assert (scene.profile["transform"].c, scene.profile["transform"].f) == (9.0, 64.0)
        assert scene.read(0, 0, 4, 4).pan[0, 0, 0] == 9
    ms = write_raster(tmp_path / "m.tif", np.zeros((2, 8, 16), np.uint16), 4.0, (0, 64 - 10.75))
    with open_quietly(pan, ms, small_model) as scene:
        assert (scene.grid.pan_origin, scene.grid.height) == ((9, 0), 36)
        assert (scene.grid.ms_origin, scene.grid.shift) == ((0, 0), (1.75, 0.0))
        assert (scene.profile["transform"].c, scene.profile["transform"].f) == (0.0, 55.0)


def test_nodata_takes_the_offset_and_is_masked(small_model):
    pan, ms = np.full((1, 16, 16), 1000), np.full((2, 4, 4), 900)
    pan[0, 3, 5] = 7
    ms[1, 2, 0] = 7
    patch = array_scene(small_model, pan, ms, nodata=7).read(0, 0, 16, 16)
    assert fill_values(small_model) == (512, 640)
    assert patch.pan[0, 3, 5] == 512
    assert (patch.ms[:, 2, 0] == 640).all()
    expected = np.ones((16, 16), bool)
    expected[3, 5] = False
    expected[8:12, 0:4] = False
    np.testing.assert_array_equal(patch.valid, expected)


def test_values_become_counts_each_file_its_own_way(small_model, tmp_path, write_raster):
    """Reflectances beside counts, and the other way round."""
    counts, shares = np.full((32, 32), 1000, np.uint16), np.linspace(0.0, 0.5, 1024, dtype=np.float32).reshape(32, 32)
    for fine, coarse in ((counts, shares), (shares, counts)):
        pan = write_raster(tmp_path / "p.tif", fine[None], 1.0)
        ms = write_raster(tmp_path / "m.tif", np.stack([coarse[::4, ::4]] * 2), 4.0)
        with open_quietly(pan, ms, small_model) as scene:
            patch = scene.read(0, 0, 32, 32)
        own, other = (patch.pan, patch.ms) if fine is counts else (patch.ms, patch.pan)
        assert {*own.ravel().tolist()} == {1000} and np.ptp(other) > 10_000


def test_an_ms_that_begins_before_its_pan_is_read_from_there(small_model, tmp_path, write_raster):
    """By a row and three columns of its own."""
    coarse = np.arange(2 * 16 * 16, dtype=np.uint16).reshape(2, 16, 16)
    pan = write_raster(tmp_path / "p.tif", np.zeros((1, 32, 32), np.uint16), 1.0, (12, 60))
    ms = write_raster(tmp_path / "m.tif", coarse, 4.0, (0, 64))
    with open_quietly(pan, ms, small_model) as scene:
        assert (scene.grid.ms_origin, scene.grid.shift) == ((1, 3), (0.0, 0.0))
        np.testing.assert_array_equal(scene.read(4, 8, 8, 12).ms, coarse[:, 2:4, 5:8])


@pytest.mark.parametrize(
    ("pan", "ms", "fused"), [(7, 9, 9), (7, None, 7), (None, 9, 9), (-5, None, 0), (None, None, None)]
)
def test_nodata_of_the_result_is_the_mss_else_the_pans(small_model, tmp_path, write_raster, pan, ms, fused):
    pan_path = write_raster(tmp_path / "p.tif", np.ones((1, 64, 64), np.int16), 1.0, (0, 64), nodata=pan)
    ms_path = write_raster(tmp_path / "m.tif", np.ones((2, 16, 16), np.uint16), 4.0, (0, 64), nodata=ms)
    with open_quietly(pan_path, ms_path, small_model) as scene:
        assert scene.nodata == fused


def test_images_that_nothing_centres_are_filled_with_zero(small_model):
    assert fill_values(replace(small_model, nodes=[])) == (0, 0)


def test_mask_follows_the_shift(small_model):
    """The sample lies 1.5 pixels further right, so its footprint does too."""
    ms = np.full((2, 4, 4), 900)
    ms[:, 1, 1] = 7
    scene = array_scene(small_model, np.full((1, 16, 16), 1000), ms, shift=(0.0, 1.5), nodata=7)
    assert scene.shifted((0.0, 1.5)) == scene != scene.shifted((0.0, 0.0)), "arrays' corners coincide"
    invalid = np.argwhere(~scene.read(0, 0, 16, 16).valid)
    assert (invalid.min(axis=0).tolist(), invalid.max(axis=0).tolist()) == ([4, 5], [7, 8])


@pytest.mark.parametrize(("crs", "said"), [(None, "share one"), (("EPSG:32630", None), "in one")])
def test_missing_crs_warns(small_model, tmp_path, write_raster, crs, said):
    first, second = crs or (None, None)
    pan = write_raster(tmp_path / "p.tif", np.ones((1, 16, 16), np.uint16), 1.0, crs=first)
    ms = write_raster(tmp_path / "m.tif", np.ones((2, 4, 4), np.uint16), 4.0, crs=second)
    with pytest.warns(GeoreferenceWarning, match=said), open_scene(pan, ms, small_model) as scene:
        assert scene.grid.shift == (0.0, 0.0)


def test_not_georeferenced_aligns_by_extent(small_model, pair):
    with (
        pytest.warns(GeoreferenceWarning, match="by extent and ratio"),
        open_scene(*pair(pixel=None), small_model) as scene,
    ):
        assert (scene.grid.height, scene.grid.width) == (90, 70)
        assert scene.profile["transform"] is None


def rasters(write_raster, folder, pan=(1, 64, 64), ms=(2, 16, 16), values=0, dtype=np.uint16, **options):
    pan_options = {key: options.pop(f"pan_{key}") for key in ("origin", "crs", "pixel") if f"pan_{key}" in options}
    pixel = pan_options.pop("pixel", 1.0)
    return (
        write_raster(folder / "p.tif", np.full(pan, values, dtype), pixel, **pan_options),
        write_raster(folder / "m.tif", np.full(ms, values, dtype), pixel and 4.0),
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pan_origin": (700000.0, 4700000.0)}, "do not overlap"),
        ({"pan_crs": "EPSG:32631"}, "EPSG:32631, the MS in EPSG:32630"),
        ({"pan_pixel": 2.0}, "2 PAN pixels wide; model random was made for ratio 4"),
        ({"pan_pixel": 0.9}, r"4.44444 PAN pixels wide"),
        ({"pan_pixel": None, "ms": (2, 32, 32)}, "not ratio 4"),
        ({"pan": (3, 64, 64)}, "has 3 bands where the PAN must have 1"),
        ({"ms": (4, 16, 16)}, "has 4 bands where the MS must have 2"),
    ],
)
@pytest.mark.filterwarnings("ignore::bitpan.errors.GeoreferenceWarning")
def test_pairs_that_cannot_be_fused(small_model, tmp_path, write_raster, options, said):
    pair = rasters(write_raster, tmp_path, **options)
    with pytest.raises(SceneError, match=said) as error, open_scene(*pair, small_model):
        pass
    assert "\n" not in str(error.value)
    assert str(tmp_path) in str(error.value) or "overlap" in said


@pytest.mark.parametrize(("value", "dtype"), [(65536, np.uint32), (-1, np.int16), (0.25, np.float32)])
def test_values_that_are_no_counts_become_some_and_come_back(small_model, tmp_path, write_raster, value, dtype):
    pair = rasters(write_raster, tmp_path, values=value, dtype=dtype)
    with open_scene(*pair, small_model) as scene:
        counts = scene.read(0, 0, 4, 4).ms
        assert 0 <= counts.min() <= counts.max() < 1 << 16
        assert (scene.profile["counts"].values(counts, dtype) == value).all() and scene.profile["dtype"] == np.dtype(
            dtype
        )


def test_the_value_that_is_wrong_is_told(small_model):
    pan = np.zeros((1, 16, 16), np.int64)
    pan[0, 1, 2] = 70000
    with pytest.raises(SceneError, match="holds the value 70000, which is none of 16 bits"):
        array_scene(small_model, pan, np.zeros((2, 4, 4), np.int64)).read(0, 0, 4, 4)


def test_near_infrared_is_no_mask(tmp_path, write_raster):
    """The fourth of four bands of 8 bits is easily called alpha."""
    path = write_raster(tmp_path / "ms.tif", np.zeros((4, 16, 16), np.uint8), 1.0, alpha="yes")
    raster = RasterFile(path)
    assert raster.dataset.colorinterp[3].name == "alpha"
    assert not raster.masked and raster.bands == (1, 2, 3, 4) and raster.read(0, 0, 16, 16)[1].all()


def test_nodata_beyond_the_bit_depth_is_no_error(small_model, pair):
    with open_quietly(*pair(nodata=65535), small_model) as scene:
        assert scene.nodata == 65535
        assert scene.read(0, 0, 8, 8).valid.all()


@pytest.mark.parametrize("content", [b"", b"not a raster at all", None])
def test_files_that_are_no_rasters(small_model, pair, content):
    pan, ms = pair()
    if content is None:
        pan.unlink()
    else:
        pan.write_bytes(content)
    with (
        pytest.raises(SceneIOError, match=r"PAN\.tif: (there is no|cannot be read)") as error,
        open_scene(pan, ms, small_model),
    ):
        pass
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("options", [{}, {"compress": "deflate", "tiled": True, "blockxsize": 16, "blockysize": 16}])
@pytest.mark.parametrize("kept", [0.05, 0.6, 0.9])
def test_truncated_files(small_model, pair, options, kept):
    pan, ms = pair(height=400, width=300, **options)
    content = ms.read_bytes()
    ms.write_bytes(content[: int(len(content) * kept)])
    with (
        pytest.raises(SceneIOError, match=r"MS\.tif: cannot be (opened|read)") as error,
        open_scene(pan, ms, small_model) as scene,
    ):
        scene.read(0, 0, 400, 300)
    assert "\n" not in str(error.value)


@needs_data
def test_pamplona_is_refused_by_ratio_4(random_model):
    """Landsat-8: the pair's ratio is 2."""
    pair = [DATA / "landsat8_pamplona" / f"{name}_example.tif" for name in ("pan", "ms")]
    with pytest.raises(SceneError, match=r"2 PAN pixels wide.*ratio 4"), open_scene(*pair, random_model(channels=8)):
        pass


@pytest.mark.parametrize("arrays", [((2, 16, 16), (2, 4, 4)), ((1, 16, 16), (3, 4, 4)), ((1, 16, 16), (2, 8, 8))])
def test_arrays_that_cannot_be_fused(small_model, arrays):
    with pytest.raises(SceneError):
        array_scene(small_model, *(np.zeros(shape, int) for shape in arrays))


def test_files_pixels_without_data_take_the_offsets(small_model, tmp_path, write_raster):
    fine, coarse = np.full((1, 32, 32), 1000, np.uint16), np.full((2, 8, 8), 900, np.uint16)
    fine[0, 3, 5] = coarse[1, 2, 0] = 7
    pan = write_raster(tmp_path / "p.tif", fine, 1.0, nodata=7)
    ms = write_raster(tmp_path / "m.tif", coarse, 4.0, nodata=7)
    with open_quietly(pan, ms, small_model) as scene:
        patch = scene.read(0, 0, 16, 16)
    assert patch.pan[0, 3, 5] == 512 and (patch.ms[:, 2, 0] == 640).all() and fill_values(small_model) == (512, 640)


def test_more_samples_of_the_ms_on_each_side(small_model):
    ms = np.random.default_rng(0).integers(0, 2048, (2, 6, 7))
    scene = array_scene(small_model, np.zeros((1, 24, 28), int), ms)
    patch = scene.read(4, 8, 12, 8, border=2)
    np.testing.assert_array_equal(patch.ms, np.pad(ms, ((0, 0), (2, 2), (2, 2)), mode="edge")[:, 1:8, 2:8])
    assert patch.pan.shape == (1, 12, 8)


@pytest.mark.parametrize("shift", [(-1.5, 0.0), (0.0, -1.5), (1.5, 1.5)])
def test_the_outermost_samples_reach_to_the_edge(small_model, shift):
    """Wherever they are moved to."""
    ms = np.full((2, 4, 4), 900)
    ms[:, 0] = ms[:, -1] = ms[:, :, 0] = ms[:, :, -1] = 7
    valid = array_scene(small_model, np.full((1, 16, 16), 1000), ms, shift=shift, nodata=7).read(0, 0, 16, 16).valid
    expected = [(np.arange(16) + 0.5 - own >= 4) & (np.arange(16) + 0.5 - own < 12) for own in shift]
    np.testing.assert_array_equal(valid, np.outer(*expected))


@pytest.mark.parametrize(
    ("dtype", "nodata", "instead"), [("uint8", 7, 8), ("uint8", 255, 254), ("uint8", 0, 1), ("float32", 7, None)]
)
def test_counts_that_equal_nodata_move(small_model, dtype, nodata, instead):
    scene = array_scene(small_model, np.zeros((1, 16, 16), int), np.zeros((2, 4, 4), np.dtype(dtype)), nodata=nodata)
    expected = np.clip(np.arange(65536), 0, 65535 if dtype == "float32" else 255).astype(dtype)
    expected[expected == nodata] = np.nextafter(np.float32(7), np.float32(8)) if instead is None else instead
    np.testing.assert_array_equal(scene.values(dtype), expected)


def test_gdal_keeps_the_blocks_of_a_row_of_tiles(small_model, pair, monkeypatch):
    """As many rows of PAN and MS as a tile's frame has, and no more than its halo and its grid make of it."""
    looked = []
    monkeypatch.setattr(module, "block_bytes", lambda name, rows: looked.append((name, rows)) or 0)
    files = pair()
    with open_quietly(*files, small_model):
        pass
    (pan, rows), (ms, samples) = looked
    assert (pan, ms) == files
    halo, grid = small_model.halo(), small_model.alignment
    heights = [tile.frame[2] for tile in plan_tiles(small_model, 4096, 512)]
    assert max(heights) <= rows == DEFAULT_ROWS + 32 + 2 * halo + 2 * grid
    assert samples == rows // 4 + 4, "two more samples of the MS above, and two below"
