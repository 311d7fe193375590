"""What a fused file says, by what its inputs said."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp as C
from rasterio.rpc import RPC

from bitpan.host.output import new_fused
from bitpan.host.scene.profile import _moved_gcps, fused_nodata, fused_profile
from bitpan.host.scene.scene import open_scene
from bitpan.rasters.pair import open_pair


@pytest.fixture
def fused(tmp_path, write_raster, small_model):
    """``fused(pan, ms)``: a fused file of a PAN and an MS that these functions have changed, open; nothing is fused."""
    opened = []

    def make(pan=lambda file: None, ms=lambda file: None, dtype=np.uint16, bands=2, moved=0):
        paths = tmp_path / "pan.tif", tmp_path / "ms.tif"
        write_raster(paths[0], np.ones((1, 32, 32), np.uint16), 1.0)
        write_raster(paths[1], np.ones((bands, 8, 8), dtype), 4.0, origin=(600000.0 + moved, 4700000.0 - moved))
        for path, change in zip(paths, (pan, ms), strict=True):
            with rasterio.open(path, "r+") as file:
                change(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with open_scene(*paths, small_model) as scene, new_fused(tmp_path / "out.tif", scene, bands):
                pass
        opened.append(rasterio.open(tmp_path / "out.tif"))
        return opened[-1], scene.grid

    yield make
    for file in opened:
        file.close()


def test_bands_mean_what_they_meant(fused):
    def told(file):
        file.scales, file.offsets, file.units = (1e-4, 2e-4), (-0.1, 0.2), ("reflectance", "W")
        file.colorinterp = (C.green, C.undefined)
        file.set_band_description(2, "near infrared")
        file.update_tags(SATELLITE="WV02", STATISTICS_MEAN="7", AREA_OR_POINT="Area")
        file.update_tags(1, WAVELENGTH="546", STATISTICS_MAXIMUM="9")

    own, _ = fused(ms=told)
    assert (own.scales, own.offsets, own.units) == ((1e-4, 2e-4), (-0.1, 0.2), ("reflectance", "W"))
    assert own.descriptions == (None, "near infrared") and own.tags()["SATELLITE"] == "WV02"
    assert "STATISTICS_MEAN" not in own.tags() and own.tags(1) == {"WAVELENGTH": "546"}


def test_no_band_of_an_image_is_an_alpha_band(tmp_path, write_raster, random_model):
    """As GDAL calls the fourth of four of 8 bits."""
    model = random_model(blocks=1, channels=8, bands=4)
    pan = write_raster(tmp_path / "pan.tif", np.ones((1, 32, 32), np.uint8), 1.0)
    values = np.random.default_rng(0).integers(1, 250, (4, 8, 8)).astype(np.uint8)
    ms = write_raster(tmp_path / "ms.tif", values, 4.0)
    with open_scene(pan, ms, model) as scene, new_fused(tmp_path / "out.tif", scene, 4):
        pass
    with rasterio.open(tmp_path / "out.tif") as own:
        assert C.alpha not in own.colorinterp and own.read_masks().all()


def test_rational_polynomials_and_points_move_with_the_corner(fused):
    one = [1.0] + [0.0] * 19
    rpcs = RPC(
        height_off=100, height_scale=500, lat_off=50.5, lat_scale=0.05, long_off=3.0, long_scale=0.05, line_off=16,
        line_scale=16, samp_off=16, samp_scale=16, line_num_coeff=one, line_den_coeff=one, samp_num_coeff=one,
        samp_den_coeff=one, err_bias=0.1, err_rand=0.1,
    )  # fmt: skip

    def told(file):
        file.rpcs = rpcs
        file.update_tags(ns="IMAGERY", ACQUISITIONDATETIME="2017-12-08 21:17:58", SATELLITEID="WV02")

    own, grid = fused(pan=told, moved=8)
    assert grid.pan_origin == (6, 6), "the MS reaches half of its pixel further"
    assert (own.rpcs.line_off, own.rpcs.samp_off) == (10, 10) and own.rpcs.lat_off == 50.5
    assert own.tags(ns="IMAGERY") == {"ACQUISITIONDATETIME": "2017-12-08 21:17:58", "SATELLITEID": "WV02"}


def test_control_points_move_too(tmp_path, write_raster, small_model):
    path = write_raster(tmp_path / "pan.tif", np.ones((1, 32, 32), np.uint16))
    with rasterio.open(path, "r+") as file:
        points = [GroundControlPoint(row, col, 3 + col / 1e4, 50 - row / 1e4) for row in (0, 31) for col in (0, 31)]
        file.gcps = points, rasterio.crs.CRS.from_epsg(4326)
    ms = write_raster(tmp_path / "ms.tif", np.ones((2, 8, 8), np.uint16))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with open_scene(path, ms, small_model) as scene, new_fused(tmp_path / "out.tif", scene, 2):
            pass
    with rasterio.open(tmp_path / "out.tif") as own:
        found, crs = own.gcps
        assert [(p.row, p.col, p.x, p.y) for p in found] == [(p.row, p.col, p.x, p.y) for p in points]
        assert crs.to_epsg() == 4326


@pytest.mark.parametrize(
    ("pan", "ms", "dtype", "found"),
    [
        (None, None, np.uint16, None),
        (0, None, np.uint16, 0),
        (7, 9, np.uint16, 9),
        (70000, None, np.uint8, None),
        (300, None, np.uint8, 0),
        (-9999, None, np.float32, -9999),
        (None, -32768, np.int16, -32768),
        (None, 32767, np.int16, 32767),
        (None, None, np.float32, np.nan),
    ],
)
def test_nodata(tmp_path, write_raster, pan, ms, dtype, found):
    kind = np.int16 if pan == -9999 else np.uint16
    files = (
        write_raster(tmp_path / "pan.tif", np.ones((1, 32, 32), kind), 1.0, nodata=pan if pan != 70000 else None),
        write_raster(tmp_path / "ms.tif", np.ones((2, 8, 8), dtype), 4.0, nodata=ms),
    )
    with open_pair(*files, 4) as pair:
        np.testing.assert_equal(fused_nodata(pair), found)


def test_counts_are_the_mss(tmp_path, write_raster):
    write_raster(tmp_path / "pan.tif", np.ones((1, 32, 32), np.uint16), 1.0)
    write_raster(tmp_path / "ms.tif", np.full((2, 8, 8), 0.5, np.float32), 4.0)
    with open_pair(tmp_path / "pan.tif", tmp_path / "ms.tif", 4) as pair:
        assert fused_profile(pair)["counts"] == pair.counts[1] != pair.counts[0]


def test_a_turned_grid_moves_along_its_own_axes(tmp_path, write_raster):
    """The MS begins 8 rows and 12 columns within the PAN; its samples reach half a pixel of theirs beyond."""
    own = rasterio.Affine(0.8, 0.6, 1000, 0.6, -0.8, 2000)
    files = tmp_path / "pan.tif", tmp_path / "ms.tif"
    for path, values, transform in (
        (files[0], np.ones((1, 48, 48), np.uint16), own),
        (files[1], np.ones((2, 8, 8), np.uint16), own * own.translation(12, 8) * own.scale(4)),
    ):
        write_raster(path, values, 1.0)
        with rasterio.open(path, "r+") as file:
            file.transform = transform
    with open_pair(*files, 4) as pair:
        assert pair.grid.pan_origin == (6, 10)
        assert fused_profile(pair)["transform"].almost_equals(own * own.translation(10, 6))


def test_control_points_count_from_the_new_corner():
    point = GroundControlPoint(10, 20, 3.0, 50.0, 7.0, "one", "of two")
    (moved,), crs = _moved_gcps(SimpleNamespace(gcps=([point], "EPSG:4326")), 4, 9)
    assert (moved.row, moved.col, crs) == (6, 11, "EPSG:4326")
    assert (moved.x, moved.y, moved.z, moved.id, moved.info) == (3.0, 50.0, 7.0, "one", "of two")


@pytest.mark.parametrize("masked", [(), (0,), (1,), (0, 1)])
def test_nodata_where_masks_alone_tell(tmp_path, write_raster, masked):
    files = (
        write_raster(tmp_path / "pan.tif", np.ones((1, 32, 32), np.uint16), 1.0),
        write_raster(tmp_path / "ms.tif", np.ones((2, 8, 8), np.uint16), 4.0),
    )
    for place in masked:
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(files[place], "r+") as file:
            file.write_mask(np.arange(file.width * file.height).reshape(file.shape) > 9)
    with open_pair(*files, 4) as pair:
        assert fused_nodata(pair) == (0 if masked else None)


def test_bands_of_several_types_have_one_that_holds_all(tmp_path, write_raster):
    pan = write_raster(tmp_path / "pan.tif", np.ones((1, 32, 32), np.uint16), 1.0, nodata=300)
    ms = [
        write_raster(tmp_path / f"{dtype}.tif", np.ones((1, 8, 8), dtype), 4.0) for dtype in ("uint8", "int16", "uint8")
    ]
    with open_pair(pan, ms, 4) as pair:
        assert (fused_profile(pair)["dtype"], fused_nodata(pair)) == ("int16", 300)
    with open_pair(pan, ms[::2], 4) as pair:
        assert (fused_profile(pair)["dtype"], fused_nodata(pair)) == ("uint8", 0)
