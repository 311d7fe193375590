"""Large images: judged by parts that are never held together, and that are what `bitpan fuse` writes of the whole."""

import json
from pathlib import Path

import numpy as np
import pytest

import bitpan
from bitpan.cli import main
from bitpan.commands.as_fused import as_fused
from bitpan.errors import SceneIOError
from bitpan.models.imagery import images as of_images
from bitpan.models.imagery import readers
from bitpan.models.imagery.images import gather_images
from bitpan.models.imagery.sources import parse
from bitpan.models.imagery.synth import synthesise, write_scene
from bitpan.models.imagery.triples import load_source
from bitpan.models.quality import full_resolution
from bitpan.models.quality.judge import entry_methods, load_entries
from bitpan.rasters import RasterFile

rasterio = pytest.importorskip("rasterio")
SIZE = 640
WEIGHTS = Path(bitpan.__file__).parent / "pretrained"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pair whose right half is brighter than its left: no statistics are alike in both."""
    folder, made = tmp_path_factory.mktemp("large"), synthesise(SIZE, seed=4)
    write_scene(made, folder)
    for name, side in (("pan", SIZE), ("ms", SIZE // 4)):
        with rasterio.open(folder / f"{name}.tif", "r+") as file:
            image = file.read()
            image[..., : side // 2] //= 2
            file.write(image)
    return folder


@pytest.fixture
def large(monkeypatch):
    """What is beyond a few pixels is large."""
    monkeypatch.setattr(readers, "HELD", 0)
    monkeypatch.setattr(of_images, "LARGEST", 256)


def _source(folder):
    return f"{folder / 'pan.tif'},{folder / 'ms.tif'}"


def _put_together(parts, images):
    whole = np.zeros((4, SIZE, SIZE), np.uint16)
    for part, image in zip(parts, images, strict=True):
        whole[(slice(None), *part.window)] = image
    return whole


@pytest.mark.parametrize("name", ["s2bnet-flat", "s2bnet", "bnnpan"])
def test_parts_are_those_of_the_fused_scene(folder, large, tmp_path, name):
    parts = gather_images([parse(_source(folder))], 4, 1, full=True)[1:]
    assert len(parts) == 9 and all(part.whole is parts[0].whole for part in parts)
    entries = load_entries([WEIGHTS / name / "checkpoint.pt"], "cpu")
    alone = entry_methods(entries)
    methods = as_fused(entries, alone, 1)
    assert list(methods) == [name]
    with bitpan.load(name, threads=1) as fuser:
        fuser.fuse(folder / "pan.tif", folder / "ms.tif", tmp_path / "fused.tif", shift=(0.0, 0.0))
    with rasterio.open(tmp_path / "fused.tif") as file:
        expected = file.read()
    np.testing.assert_array_equal(_put_together(parts, [methods[name](part.held()) for part in parts]), expected)
    first = parts[0].held()
    assert (alone[name](first) != expected[(slice(None), *first.window)]).any()  # with statistics of its own


def test_what_is_judged_is_what_fuse_writes(folder, large, tmp_path, capsys):
    out, path = tmp_path / "out", tmp_path / "fused.tif"
    words = [WEIGHTS / "s2bnet-flat" / "checkpoint.pt", "--data", _source(folder), "--hold-out", "1", "--bits", "11"]
    words += ["--full-resolution", "--classical", "EXP", "--real-features"]
    heights, read = [], RasterFile.read

    def seen(raster, top, left, height, width):
        heights.append(height * width)
        return read(raster, top, left, height, width)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RasterFile, "read", seen)
        assert main(["evaluate", *map(str, words), "-o", str(out)]) == 0
    with bitpan.load("s2bnet-flat", threads=1) as fuser:
        fuser.fuse(folder / "pan.tif", folder / "ms.tif", path, shift=(0.0, 0.0))
    with rasterio.open(path) as file, rasterio.open(folder / "pan.tif") as fine, rasterio.open(folder / "ms.tif") as ms:
        fused, pan, coarse = file.read(), fine.read(), ms.read()
    values = json.loads((out / "table.json").read_text())["values"]
    found = {(each["image"], each["method"]): each for each in values}
    for i, part in enumerate(gather_images([parse(_source(folder))], 4, 1, full=True)[1:]):
        (rows, columns), own = part.window, found[f"pan-full-part{i + 1}", "s2bnet-flat"]
        low = coarse[:, rows.start // 4 : rows.stop // 4, columns.start // 4 : columns.stop // 4]
        expected = full_resolution.evaluate(fused[:, rows, columns], pan[:, rows, columns], low, 4)
        assert {index: own[index] for index in expected} == expected
        real = found[f"pan-full-part{i + 1}", "s2bnet-flat, real features"]
        assert real["HQNR"] == pytest.approx(own["HQNR"], abs=0.05) and real["HQNR"] != own["HQNR"]
    assert max(heights) < SIZE**2


def test_a_large_pair_is_the_same_pair(folder, monkeypatch):
    """Held or unread, reduced and as it is, held out and whole, and where gaps leave tiles of it."""
    source, found = parse(_source(folder)), {}
    for held in (readers.HELD, 0):
        monkeypatch.setattr(readers, "HELD", held)
        images = [image for hold_out in (0.3, 1) for image in gather_images([source], 4, hold_out, full=True)]
        assert all(isinstance(image.pan, np.ndarray) == bool(held) for image in images)
        found[held] = [image.held() for image in images]
    for one, other in zip(*found.values(), strict=True):
        assert one.name == other.name
        for role in ("pan", "ms", "gt"):
            np.testing.assert_array_equal(getattr(one, role), getattr(other, role))


def test_gaps_of_a_large_pair_leave_the_same_tiles(folder, tmp_path, monkeypatch):
    with rasterio.open(folder / "pan.tif") as file:
        image, profile = file.read(), file.profile | {"nodata": 0}
    image[:, 300:303, 17] = 0
    with rasterio.open(tmp_path / "pan.tif", "w", **profile) as file:
        file.write(image)
    source, found = parse(f"{tmp_path / 'pan.tif'},{folder / 'ms.tif'}"), []
    for held in (readers.HELD, 0):
        monkeypatch.setattr(readers, "HELD", held)
        found.append(load_source(source, 4))
    assert len(found[0].gt) > 1
    for role in ("pan", "ms", "gt"):
        np.testing.assert_array_equal(getattr(found[0], role), getattr(found[1], role))


def test_a_pair_that_changes_meanwhile_is_refused(folder, tmp_path, large):
    for name in ("pan.tif", "ms.tif"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    image = gather_images([parse(_source(tmp_path))], 4, 1, full=True)[-1]
    (tmp_path / "ms.tif").write_bytes((folder / "ms.tif").read_bytes())
    with pytest.raises(SceneIOError, match=r"ms\.tif: was changed while it was read"):
        image.held()
