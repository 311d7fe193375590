"""One rule for where a pixel holds data: the same file through training, metrics, fusing and the demo's reader."""

import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasterio._err import CPLE_AppDefinedError
from rasterio.enums import ColorInterp

from bitpan import cli
from bitpan.errors import DataError, SceneError, SceneIOError
from bitpan.host.scene.scene import fill_values, open_scene
from bitpan.models.imagery import readers
from bitpan.models.imagery.sources import parse
from bitpan.rasters import (
    RasterFile,
    block_cache,
    read_picture,
)
from bitpan.rasters.dataset import FORMATS
from bitpan.rasters.pair import Handling, open_pair
from bitpan.rasters.raster import block_bytes
from places import COARSE, PLACE, UTM

SIZE = 16
EMPTY = np.zeros((SIZE, SIZE), bool)
EMPTY[:5, 3:7] = True


def read(source):
    return readers.read(parse(source), ratio=4)[0]


def with_alpha(path, band):
    with rasterio.open(path, "r+") as dataset:
        dataset.colorinterp = [*dataset.colorinterp[:-1], ColorInterp.alpha]
        dataset.write(band, dataset.count)
    return path


def nodata(values, path, write_raster):
    values[1, EMPTY] = 7  # one band says so for all
    return write_raster(path, values, 4.0, nodata=7)


def mask(values, path, write_raster, internal=True):
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal):
        write_raster(path, values, 4.0)
        with rasterio.open(path, "r+") as dataset:
            dataset.write_mask(~EMPTY)
    return path


def mask_beside(values, path, write_raster):
    return mask(values, path, write_raster, internal=False)


def both(values, path, write_raster):
    """GDAL's own mask would leave the nodata value out."""
    values[0, EMPTY & (np.arange(SIZE) > 4)] = 9
    write_raster(path, values, 4.0, nodata=9)
    with rasterio.open(path, "r+") as dataset:
        dataset.write_mask(~EMPTY | (np.arange(SIZE) > 4))
    return path


def alpha(values, path, write_raster):
    with_alpha(write_raster(path, np.concatenate([values, values[:1]]), 4.0), np.where(EMPTY, 0, 65535))
    return path


def nothing(values, path, write_raster):
    return write_raster(path, values, 4.0, nodata=65535)


def refused_by_metrics(path, capsys):
    code = cli.main(["metrics", str(path), "--truth", str(path), "--border", "0"])
    return capsys.readouterr().err if code else ""


@pytest.mark.parametrize("declare", [nodata, mask, mask_beside, both, alpha, nothing])
def test_the_same_pixels_for_all(small_model, tmp_path, write_raster, capsys, declare):
    values = np.random.default_rng(0).integers(20, 2048, (2, SIZE, SIZE)).astype(np.uint16)
    ms = declare(values.copy(), tmp_path / "ms.tif", write_raster)
    pan = write_raster(tmp_path / "pan.tif", np.full((1, 4 * SIZE, 4 * SIZE), 50, np.uint16), 1.0)
    empty = EMPTY & (declare is not nothing)
    picture = read_picture(ms)
    np.testing.assert_array_equal(picture.valid, ~empty)
    np.testing.assert_array_equal(picture.image[:, ~empty], values[:, ~empty])
    with open_scene(pan, ms, small_model) as scene:
        patch = scene.read(0, 0, 4 * SIZE, 4 * SIZE)
    np.testing.assert_array_equal(patch.valid, ~empty.repeat(4, 0).repeat(4, 1))
    np.testing.assert_array_equal(patch.ms, np.where(empty, fill_values(small_model)[1], values))
    assert scene.nodata == {nodata: 7, both: 9, nothing: 65535}.get(declare, 0)
    said = f"ms.tif: {empty.sum()} of {SIZE**2} pixels hold no data (nodata, masked or NaN); crop "
    if declare is nothing:
        np.testing.assert_array_equal(read(f"{pan},{ms}")["ms"], values[None])
        assert not refused_by_metrics(ms, capsys)
    else:
        with pytest.raises(DataError, match=rf"ms\.tif: 0 pixels of the PAN and {empty.sum()} of the MS hold no data"):
            read(f"{pan},{ms}")
        assert said in refused_by_metrics(ms, capsys)


def test_near_infrared_of_8_bits_is_an_image_band(tmp_path, write_raster, capsys):
    """GDAL calls the fourth of four such bands alpha; water is 0 in it, for whoever reads three or four of them."""
    values = np.random.default_rng(0).integers(1, 256, (4, SIZE, SIZE)).astype(np.uint8)
    values[3, EMPTY] = 0
    ms = write_raster(tmp_path / "ms.tif", values, 4.0)
    assert rasterio.open(ms).colorinterp[3] == ColorInterp.alpha
    for bands in (None, (3, 2, 1)):
        picture = read_picture(ms, bands)
        assert picture.valid.all() and len(picture.image) == len(bands or values)
    pan = write_raster(tmp_path / "pan.tif", np.full((1, 4 * SIZE, 4 * SIZE), 50, np.uint8), 1.0)
    np.testing.assert_array_equal(read(f"{pan},{ms}")["ms"], values[None])
    assert not refused_by_metrics(ms, capsys)


def test_alpha_is_an_image_band_where_it_is_asked_for(tmp_path, write_raster):
    values = np.arange(3 * SIZE * SIZE, dtype=np.uint16).reshape(3, SIZE, SIZE)
    path = with_alpha(write_raster(tmp_path / "a.tif", values), values[2])
    for bands, alpha in (((3, 1), False), ((2, 1), True), (None, True)):
        raster = RasterFile(path, bands)
        assert (raster.alpha, raster.masked, raster.bands) == (alpha, bool(alpha), bands or (1, 2))
        read, valid = raster.read(0, 0, SIZE, SIZE)
        np.testing.assert_array_equal(read, values[[band - 1 for band in raster.bands]])
        assert valid.all() or (alpha and not values[2][~valid].any())


def test_alpha_of_the_pan(small_model, tmp_path, write_raster):
    values = np.full((2, 4 * SIZE, 4 * SIZE), 50, np.uint16)
    pan = with_alpha(write_raster(tmp_path / "pan.tif", values, 1.0), np.where(EMPTY.repeat(4, 0).repeat(4, 1), 0, 1))
    ms = write_raster(tmp_path / "ms.tif", np.full((2, SIZE, SIZE), 60, np.uint16), 4.0)
    with open_scene(pan, ms, small_model) as scene:
        valid = scene.read(0, 0, 4 * SIZE, 4 * SIZE).valid
    np.testing.assert_array_equal(valid[::4, ::4], ~EMPTY)
    few = with_alpha(write_raster(tmp_path / "few.tif", np.full((2, SIZE, SIZE), 60, np.uint16), 4.0), ~EMPTY)
    said = "few.tif: has 1 bands beside its alpha band where the MS must have 2"
    with pytest.raises(SceneError, match=said), open_scene(pan, few, small_model):
        pass


@pytest.mark.parametrize("value", [np.nan, np.inf, -3.4e38])
def test_numbers_that_are_none(tmp_path, write_raster, capsys, value):
    values = np.full((2, SIZE, SIZE), 50, np.float32)
    values[0, EMPTY] = value
    path = write_raster(tmp_path / "a.tif", values, nodata=None if not np.isfinite(value) else value)
    np.testing.assert_array_equal(read_picture(path).valid, ~EMPTY)
    pan = write_raster(tmp_path / "pan.tif", np.full((1, 4 * SIZE, 4 * SIZE), 50, np.uint16), 0.25)
    with pytest.raises(DataError, match=r"a\.tif: 0 pixels of the PAN and 20 of the MS hold no data"):
        read(f"{pan},{path}")
    assert "a.tif: 20 of 256 pixels hold no data" in refused_by_metrics(path, capsys)


def test_bands_count_from_one(tmp_path, write_raster):
    path = write_raster(tmp_path / "a.tif", np.ones((2, SIZE, SIZE), np.uint16))
    for band in (0, 3, -1):
        with pytest.raises(SceneError, match=rf"a\.tif: has no band {band}, only 2; bands count from 1"):
            RasterFile(path, (1, band))


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tiled": True}, "it says that it holds 80,000,000,000 bytes, but only [0-9,]* are there for it"),
        (
            {"tiled": True, "compress": "deflate"},
            "a window of 200000 x 200000 pixels says that it holds 80,000,000,000 b",
        ),
        (
            {"compress": "deflate", "blockysize": 200000},
            "a block of it says that it holds 80,000,000,000 bytes, more than",
        ),
    ],
)
def test_pixels_that_the_file_cannot_hold_are_not_read(tmp_path, options, said):
    """Sparse files, which GDAL would read as zeros without end."""
    path = tmp_path / "a.tif"
    size = {"height": 200_000, "width": 200_000}
    with rasterio.open(path, "w", driver="GTiff", count=1, dtype="uint16", SPARSE_OK=True, **size, **options):
        pass
    with pytest.raises(SceneIOError, match=rf"a\.tif: {said}"):
        read_picture(path)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(
    "options", [{"nbits": 1}, {"nbits": 11}, {"tiled": True}, {"compress": "lzw"}, {"interleave": "pixel"}]
)
def test_pixels_of_any_width_are_read(tmp_path, options):
    values = np.random.default_rng(0).integers(0, 2, (3, 71, 93)).astype(np.uint16)
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", count=3, height=71, width=93, dtype="uint16", **options
    ) as dataset:
        dataset.write(values)
    assert np.array_equal(read_picture(tmp_path / "a.tif").image, values)


@pytest.fixture
def server():
    """Address of a server on this machine, and the paths that it was asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def do_HEAD(self):
            self.do_GET()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}", asked
        served.shutdown()


def vrt(path, source):
    path.write_text(
        '<VRTDataset rasterXSize="16" rasterYSize="16"><VRTRasterBand dataType="UInt16" band="1"><SimpleSource>'
        f"<SourceFilename>{source}</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    return path


def tagged(path, target):
    with rasterio.open(path, "r+") as file:
        file.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=target)


def wms(path, address):
    path.write_text(
        f"<GDAL_WMS><Service name='TMS'><ServerUrl>{address}/${{z}}</ServerUrl></Service><DataWindow><UpperLeftX>-1"
        "</UpperLeftX><UpperLeftY>1</UpperLeftY><LowerRightX>1</LowerRightX><LowerRightY>-1</LowerRightY><TileLevel>1"
        "</TileLevel><SizeX>16</SizeX><SizeY>16</SizeY></DataWindow><BandsCount>1</BandsCount></GDAL_WMS>"
    )


LEADING = {
    "a VRT": lambda path, address: vrt(path, f"/vsicurl/{address}/a.tif"),
    "a tile service": wms,
    "overviews": lambda path, address: tagged(path, f"/vsicurl/{address}/a.tif"),
    "overviews beside": lambda path, address: Path(f"{path}.aux.xml").write_text(
        f"<PAMDataset><Metadata domain='OVERVIEWS'><MDI key='OVERVIEW_FILE'>/vsicurl/{address}/a.tif</MDI></Metadata>"
        "</PAMDataset>"
    ),
    "a mask": lambda path, address: vrt(Path(f"{path}.msk"), f"/vsicurl/{address}/a.tif"),
    "other overviews": lambda path, address: vrt(Path(f"{path}.ovr"), f"/vsicurl/{address}/a.tif"),
}


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("how", LEADING)
def test_no_file_leads_anywhere_else(tmp_path, write_raster, server, how):
    address, asked = server
    path = write_raster(tmp_path / "a.tif", np.ones((1, SIZE, SIZE), np.uint16))
    LEADING[how](path, address)
    with pytest.raises(SceneIOError, match=r"a\.tif"):
        read_picture(path)
    assert not asked


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_vrt_is_read_where_it_is_allowed_and_the_web_is_not(tmp_path, write_raster, server, monkeypatch):
    address, asked = server
    values = np.arange(SIZE * SIZE, dtype=np.uint16).reshape(1, SIZE, SIZE)
    path = vrt(tmp_path / "a.vrt", write_raster(tmp_path / "b.tif", values))
    with pytest.raises(SceneIOError, match=r"a\.vrt: cannot be read as a raster .*; give .* as in BITPAN_FORMATS=VRT"):
        read_picture(path)
    monkeypatch.setenv("BITPAN_FORMATS", "VRT")
    assert np.array_equal(read_picture(path).image, values)
    vrt(path, f"/vsicurl/{address}/a.tif")
    with pytest.raises(SceneIOError, match=r"a\.vrt: cannot be read"):
        read_picture(path)
    assert not asked
    monkeypatch.setenv("BITPAN_FORMATS", "VRT,HTTP")
    vrt(path, f"/vsicurl/{address}/b.tif")
    with pytest.raises(SceneIOError, match=r"a\.vrt: cannot be read"):
        read_picture(path)
    assert asked


@pytest.mark.parametrize("name", ["GTIFF_DIR:1:b.tif", "MEM:::DATAPOINTER=1", "SENTINEL2_L1C:b.tif:10m:EPSG_32631"])
def test_a_name_is_that_of_a_file_and_nothing_else(tmp_path, write_raster, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write_raster(tmp_path / "b.tif", np.ones((1, SIZE, SIZE), np.uint16))
    with pytest.raises(SceneIOError, match="there is no such file"):
        read_picture(Path(name))
    if "/" not in name:
        Path(name).write_text("a file of this name")
        with pytest.raises(SceneIOError, match="not recognized as being in a supported file format"):
            read_picture(Path(name))


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("driver", FORMATS)
def test_formats_that_are_read(tmp_path, driver):
    """Those that lose nothing, to the last bit."""
    values = np.random.default_rng(0).integers(0, 256, (1, SIZE, SIZE)).astype(np.uint8)
    lossless = {"JP2OpenJPEG": {"QUALITY": 100, "REVERSIBLE": "YES"}}.get(driver, {})
    rasterio.shutil.copy(_tiff(tmp_path / "a.tif", values), tmp_path / "a.img", driver=driver, **lossless)
    read = read_picture(tmp_path / "a.img").image
    assert read.shape == values.shape and (driver == "JPEG" or np.array_equal(read, values))


def _tiff(path, values):
    with rasterio.open(path, "w", driver="GTiff", count=1, height=SIZE, width=SIZE, dtype="uint8") as file:
        file.write(values)
    return path


def test_blocks_of_a_row_of_tiles(tmp_path, write_raster):
    values = np.zeros((2, 600, 300), np.uint16)
    tiled = write_raster(tmp_path / "tiled.tif", values, tiled=True, blockxsize=128, blockysize=256)
    striped = write_raster(tmp_path / "striped.tif", values, blockysize=1)
    assert block_bytes(tiled, 532) == 4 * 256 * 3 * 128 * 2 * 2  # from within a block to within the third one below
    assert block_bytes(striped, 532) == 534 * 300 * 2 * 2
    assert block_bytes([striped, striped], 532) == 2 * 534 * 300 * 2 * 2


def test_gdal_keeps_no_more_blocks_than_are_read_again(monkeypatch):
    from rasterio.env import getenv

    monkeypatch.delenv("GDAL_CACHEMAX", raising=False)
    for size, kept in ((1 << 20, 64 << 20), (100 << 20, 100 << 20)):
        with block_cache(size):
            assert getenv()["GDAL_CACHEMAX"] == kept
    monkeypatch.setenv("GDAL_CACHEMAX", "5%")
    with rasterio.Env(), block_cache(100 << 20):
        assert "GDAL_CACHEMAX" not in getenv()


def test_files_as_bands_of_one_image(tmp_path, write_raster, files):
    pan, _ = files()
    names = [write_raster(tmp_path / f"B{n}.tif", COARSE[n : n + 1], 4.0, origin=PLACE, crs=UTM) for n in (0, 1)]
    with open_pair(pan, [names[1], names[0]], 4, count=2) as pair:
        assert pair.ms.bands == (1, 2) and pair.ms.name == f"{names[1]}, {names[0]}"
        np.testing.assert_array_equal(pair.ms.read(0, 0, 12, 12)[0], COARSE[::-1])
    with open_pair(pan, names, 4, Handling((2,))) as pair:
        np.testing.assert_array_equal(pair.ms.read(2, 3, 4, 5)[0], COARSE[1:, 2:6, 3:8])
    with pytest.raises(SceneError, match="has 1 bands where the MS must have 2"), open_pair(pan, names[:1], 4, count=2):
        pass


def test_bands_of_files_lie_over_each_other(tmp_path, write_raster):
    one = write_raster(tmp_path / "a.tif", COARSE, 4.0)
    for name, values, pixel in (("b.tif", COARSE[:, 1:], 4.0), ("c.tif", COARSE, 5.0)):
        with pytest.raises(SceneError, match=rf"{name}: 1[12] x 12 pixels that do not lie over the 12 x 12"):
            RasterFile([one, write_raster(tmp_path / name, values, pixel)])


def telling(how, values, path, write_raster, empty=EMPTY):
    """A file whose pixels at ``empty`` hold no data, as it tells in this way; one that tells nothing holds it all."""
    if how == "nodata":
        values[:, empty] = 7
        return write_raster(path, values, 4.0, origin=PLACE, crs=UTM, nodata=7)
    if how == "alpha":
        full = np.concatenate([values, np.where(empty, 0, 65535).astype(np.uint16)[None]])
        return write_raster(path, full, 4.0, origin=PLACE, crs=UTM, alpha="yes")
    write_raster(path, values, 4.0, origin=PLACE, crs=UTM)
    if how == "mask":
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as dataset:
            dataset.write_mask(~empty)
    return path


WAYS = ("nodata", "alpha", "mask", "nothing")


@pytest.mark.parametrize("ways", [*((way,) for way in WAYS), ("nodata", "nothing"), ("nothing", "alpha")])
def test_a_warp_knows_where_there_is_data(tmp_path, write_raster, ways):
    """Two rows above and three columns to the left of what the files cover, and all that they tell themselves."""
    values = np.random.default_rng(0).integers(8, 999, (len(ways), 2, SIZE, SIZE)).astype(np.uint16)
    names = [telling(way, values[n], tmp_path / f"{n}.tif", write_raster) for n, way in enumerate(ways)]
    with closing(RasterFile(names)) as raster:
        a, b, c, d, e, f = raster.transform
        raster.warp(UTM, rasterio.Affine(a, b, c - 3 * a, d, e, f - 2 * e), (SIZE + 1, SIZE + 2))
        assert raster.size == (raster.dataset.height, raster.dataset.width) == (SIZE + 1, SIZE + 2)
        found, valid = raster.read(0, 0, *raster.size)
    expected = np.zeros((SIZE + 1, SIZE + 2), bool)
    expected[2:, 3:] = True
    if ways != ("nothing",):
        expected[2:, 3:] &= ~EMPTY[: SIZE - 1, : SIZE - 1]
    np.testing.assert_array_equal(valid, expected)
    moved = np.pad(values.reshape(-1, SIZE, SIZE), ((0, 0), (2, 0), (3, 0)))[:, :-1, :-1]
    np.testing.assert_array_equal(found[:, expected], moved[:, expected])


@pytest.mark.parametrize(("rows", "each"), [(40, 4), (8, 4), (8, 1)])
@pytest.mark.parametrize("ways", [*((way,) for way in WAYS), ("nodata", "alpha")])
def test_reduced_pixels_are_means_and_the_nearest_tells_of_data(tmp_path, write_raster, ways, rows, each):
    """Of a window of other shape than the image; without reduction it is what is read."""
    empty = np.kron(EMPTY, np.ones((4, 2), bool))
    values = np.random.default_rng(0).integers(8, 999, (len(ways), 2, 4 * SIZE, 2 * SIZE)).astype(np.uint16)
    names = [telling(way, values[n], tmp_path / f"{n}.tif", write_raster, empty) for n, way in enumerate(ways)]
    with closing(RasterFile(names)) as raster:
        whole, _ = raster.read(4, 2, rows, 24)
        found, valid = raster.reduced(4, 2, rows, 24, (rows // each, 12))
        same, told = raster.reduced(4, 2, rows, 24, (rows, 24))
    np.testing.assert_array_equal(same, whole)
    expected = empty[4 : 4 + rows, 2:26] & (ways != ("nothing",))
    np.testing.assert_array_equal(told, ~expected)
    np.testing.assert_array_equal(valid, ~expected[::each, 1::2])
    means = whole.reshape(len(whole), -1, each, 12, 2).mean(axis=(2, 4))
    clear = valid if ways != ("mask",) else np.zeros_like(valid)
    assert np.abs(found[:, clear] - means[:, clear]).max(initial=0) <= 1


def test_between_pixels_there_are_others(tmp_path, write_raster):
    """By cubic convolution, which reaches beyond the steps of an edge."""
    values = np.repeat(np.array([[[100, 900]]], np.uint16), 8, axis=1).repeat(8, axis=2)
    with closing(RasterFile(write_raster(tmp_path / "a.tif", values))) as raster:
        found, _ = raster.reduced(0, 0, 8, 16, (16, 32))
    assert found.min() < 100 and found.max() > 900


def test_nodata_everywhere_is_that_of_the_bands_that_have_some(tmp_path, write_raster):
    values = np.array([[[0, 0, 5]], [[0, 5, 0]], [[5, 0, 0]]], np.uint16)
    names = [
        write_raster(tmp_path / f"{n}.tif", values[n : n + 1], 4.0, nodata=nodata)
        for n, nodata in enumerate((0, 0, None))
    ]
    for everywhere, valid in ((False, [False, False, False]), (True, [False, True, True])):
        with closing(RasterFile(names, everywhere=everywhere)) as raster:
            assert raster.read(0, 0, 1, 3)[1].tolist() == [valid]


def test_an_archive_is_watched(tmp_path, write_raster):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(write_raster(tmp_path / "a.tif", COARSE, 4.0), "a.tif")
    with closing(RasterFile(f"zip://{archive}!a.tif")) as raster:
        assert str(archive) in raster.state
        raster.require_unchanged()
        archive.write_bytes(archive.read_bytes() + b" ")
        with pytest.raises(SceneIOError, match=r"a\.zip: was changed while it was read"):
            raster.require_unchanged()


@pytest.mark.parametrize("ask", [lambda raster: raster.described("colorinterp"), RasterFile.band_tags])
def test_what_gdal_raises_late_is_told_as_damage(tmp_path, write_raster, ask):
    """GDAL may say of a tag that it cannot be read as soon as it is asked for anything else."""

    class Damaged:
        def __getattr__(self, name):
            raise CPLE_AppDefinedError(3, 1, "tag is not read from file")

    with closing(RasterFile(write_raster(tmp_path / "a.tif", np.ones((1, 8, 8), np.uint16), 1.0))) as raster:
        (own,) = raster._files
        open_one, own.dataset = own.dataset, Damaged()
        with pytest.raises(SceneIOError, match=r"a.tif: cannot be read as a raster .*tag is not read.*fetch it again"):
            ask(raster)
        own.dataset = open_one


def test_one_thread_reads_at_a_time(tmp_path, monkeypatch):
    """GDAL's datasets are a thread's at a time, and a scene is read by two."""
    path = tmp_path / "a.tif"
    with rasterio.open(path, "w", driver="GTiff", width=64, height=64, count=1, dtype="uint16") as dataset:
        dataset.write(np.arange(4096, dtype=np.uint16).reshape(1, 64, 64))
    inside, most, read = [], [], RasterFile._read

    def watched(raster, *arguments):
        inside.append(0)
        most.append(len(inside))
        time.sleep(0.001)
        inside.pop()
        return read(raster, *arguments)

    monkeypatch.setattr(RasterFile, "_read", watched)
    with closing(RasterFile(path)) as raster, ThreadPoolExecutor(4) as pool:
        rows = [values for values, _ in pool.map(lambda row: raster.read(row, 0, 1, 64), range(64))]
    np.testing.assert_array_equal(np.concatenate(rows, axis=1).ravel(), np.arange(4096))
    assert max(most) == 1
