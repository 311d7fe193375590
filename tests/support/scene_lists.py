"""Folders of pairs to fuse, and the command on them."""

import csv
import subprocess
import sys

import numpy as np
import pytest
import rasterio

from bitpan import cli


@pytest.fixture(scope="session")
def small_folder(small_model, tmp_path_factory):
    """The folder of a small model, of two bands."""
    folder = tmp_path_factory.mktemp("model")
    small_model.save(folder)
    return folder


@pytest.fixture
def pairs(tmp_path, write_raster):
    """``pairs(count, height=, width=)``: a folder of pairs ``0_pan.tif``, ``0_ms.tif`` and so on, side by side."""

    def make(count, height=72, width=80):
        folder = tmp_path / "in"
        folder.mkdir()
        for number in range(count):
            rng = np.random.default_rng(number)
            ms = rng.integers(300, 1500, (2, height // 4, width // 4)).astype(np.uint16)
            pan = ms.mean(axis=0, keepdims=True).repeat(4, axis=1).repeat(4, axis=2)
            pan = (pan + rng.integers(0, 200, pan.shape)).astype(np.uint16)
            origin = 600000.0 + number * width, 4700000.0
            write_raster(folder / f"{number}_pan.tif", pan, 1.0, origin)
            write_raster(folder / f"{number}_ms.tif", ms, 4.0, origin)
        return folder

    return make


@pytest.fixture
def whole(tmp_path, write_raster):
    """``whole(folder, count)``: PAN and MS of which such a folder has the tiles."""

    def make(folder, count):
        files = []
        for kind, pixel in (("pan", 1.0), ("ms", 4.0)):
            tiles = [rasterio.open(folder / f"{number}_{kind}.tif").read() for number in range(count)]
            files.append(write_raster(tmp_path / f"whole_{kind}.tif", np.concatenate(tiles, axis=2), pixel))
        return files

    return make


@pytest.fixture
def fuse_list(small_folder, tmp_path):
    """``fuse_list(source, *options)``: its exit code; outputs are in ``out``."""

    def run(source, *options):
        return cli.main(words(source, tmp_path / "out", small_folder, *options)[1:])

    return run


@pytest.fixture
def start_list(small_folder, tmp_path):
    """The same as a process of its own, of a session of its own: ``subprocess.Popen``; ``said``: where its words go."""

    def start(source, *options, said=subprocess.PIPE):
        command = [sys.executable, "-m", *words(source, tmp_path / "out", small_folder, *options)]
        return subprocess.Popen(command, stdout=said, stderr=said, text=True, start_new_session=True)

    return start


def words(source, out, model, *options):
    command = ["bitpan.cli", "fuse", "--list", source, "-o", out, "--model", model, "--threads", 1, *options]
    return [str(word) for word in command]


def summary(out):
    """Rows of the table of scenes by name."""
    with (out / "summary.csv").open(newline="") as file:
        return {row["scene"]: row for row in csv.DictReader(file)}


def images(out):
    """What there is of outputs, by name."""
    return {path.name: path.read_bytes() for path in sorted(out.glob("*")) if path.suffix in (".tif", ".json")}
