"""``bitpan fuse --quicklook``: a page to compare MS, PAN and the fused image with, which needs nothing beside it.

A small scene is shown whole, every pixel of it. Of a large one there is an overview, by GDAL's overviews where the
files have some, and windows at full resolution, those of :func:`bitpan.host.scene.tiles.sample_tiles`: a page of a
scene of any size takes seconds and some megabytes.
"""

from __future__ import annotations

import base64
import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from itertools import product
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import BORDER, interpolate, keys_coefficients
from bitpan.errors import BitpanWarning, OutputError
from bitpan.files import write_beside
from bitpan.host.fuser import PARAMETERS
from bitpan.host.scene.calibration import load_calibration
from bitpan.host.scene.rasters import FileRaster
from bitpan.host.scene.scene import Scene, open_scene
from bitpan.host.scene.tiles import sample_tiles
from bitpan.looking.stretch import Float, stretched, value_range
from bitpan.model import IntegerModel
from bitpan.optional import require
from bitpan.rasters import Mask, RasterFile
from bitpan.rasters.names import short
from bitpan.rasters.pair import Handling
from bitpan.rasters.raster import Names

LARGEST = 1536
"""Pixels of a picture's longer side: scenes up to this are shown whole."""

SIDE, PER_AXIS = 640, 3
"""PAN pixels of a window's side, and windows in each direction."""

CHUNK = 2048
"""Side of the windows in which an overview is read."""

GROUND = (38, 43, 51)
"""Red, green and blue where there is no data."""

QUALITY = 88
"""Of the JPEGs."""


@dataclass(frozen=True)
class _View:
    """What is looked at: images of one size, ``(B, H, W)``, where they hold data, and where in the scene they lie.

    Attributes:
        box: top, left, height and width, PAN pixels of the scene.
    """

    pan: npt.NDArray[Any]
    ms: npt.NDArray[Any]
    fused: npt.NDArray[Any]
    valid: Mask
    box: tuple[int, int, int, int]


def require_place(path: Path) -> None:
    """Raise :class:`OutputError`, before anything is computed, unless a page can be written to ``path``."""
    if path.suffix != ".html" or not path.parent.is_dir() or path.is_dir():
        raise OutputError(f"{path}: a quick look is a .html file in a folder that exists")


def write(path: Path, pan: Names, ms: Names, fused: Path, model: IntegerModel, handling: Handling) -> None:
    """Write the page of the scene that ``bitpan fuse`` wrote to ``fused``."""
    own = load_calibration(fused.with_suffix(PARAMETERS), model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BitpanWarning)  # said when it was fused
        with open_scene(pan, ms, model, handling) as scene, closing(RasterFile(fused)) as result:
            scene = scene.shifted(own.shift)
            views = list(_views(scene, result))
            colours = _colours(result)
    first = views[0]
    ranges = value_range(first.pan, first.valid), value_range(first.fused[colours], first.valid)
    size = scene.grid.height, scene.grid.width
    page = Template(files(__package__).joinpath("quicklook.html").read_text("utf-8")).substitute(
        name=escape(fused.name),
        facts=escape(f"{size[0]:,} rows, {size[1]:,} columns, by {model.name}, of {short(pan)} and {short(ms)}"),
        views=json.dumps([_shown(view, colours, *ranges) for view in views]).replace("<", r"\u003c"),
    )
    write_beside(path, page.encode())


def _views(scene: Scene, result: RasterFile) -> Iterator[_View]:
    """The scene whole, in its own pixels or smaller ones, and in that case the windows that hold data."""
    height, width = scene.grid.height, scene.grid.width
    ratio = scene.grid.ratio
    if max(height, width) <= LARGEST:
        yield _window(scene, result, (0, 0, height, width))
        return
    yield _overview(scene, result)
    for tile in sample_tiles(height, width, ratio, 0, PER_AXIS, SIDE):
        view = _window(scene, result, (tile.top, tile.left, tile.height, tile.width))
        if view.valid.any():
            yield view


def _window(scene: Scene, result: RasterFile, box: tuple[int, int, int, int]) -> _View:
    """At full resolution, the MS interpolated as the network gets it."""
    top, left, height, width = box
    ratio = scene.grid.ratio
    rows, columns = (-(-side // ratio) * ratio for side in (height, width))
    patch = scene.read(top, left, rows, columns, border=BORDER)
    lms = interpolate(patch.ms, *(keys_coefficients(ratio, shift) for shift in scene.grid.shift))
    fused, valid = result.read(*box)
    counts = scene.profile["counts"].of(fused)
    return _View(patch.pan[:, :height, :width], lms[:, :height, :width], counts, valid, box)


def _overview(scene: Scene, result: RasterFile) -> _View:
    grid = scene.grid
    step = -(-max(grid.height, grid.width) // LARGEST)
    shape = -(-grid.height // step), -(-grid.width // step)
    whole = (grid.height, grid.width)
    assert isinstance(scene.pan, FileRaster) and isinstance(scene.ms, FileRaster)
    pan, _ = _small(scene.pan.file, [float(first) for first in grid.pan_origin], whole, shape)
    corner = [first - shift / grid.ratio for first, shift in zip(grid.ms_origin, grid.shift, strict=True)]
    ms, _ = _small(scene.ms.file, corner, tuple(side / grid.ratio for side in whole), shape)
    fused, valid = _small(result, [0.0, 0.0], whole, shape)
    to_counts = (scene.pan.counts, scene.ms.counts, scene.profile["counts"])
    pan, ms, fused = (own.of(image) for own, image in zip(to_counts, (pan, ms, fused), strict=True))
    return _View(pan, ms, fused, valid, (0, 0, *whole))


def _small(
    raster: RasterFile, corner: Sequence[float], size: Sequence[float], shape: tuple[int, int]
) -> tuple[npt.NDArray[Any], Mask]:
    """A window of a raster file, which may lie a little outside, in ``shape`` pixels, and where it holds data."""
    axes = [_parts(*axis) for axis in zip(raster.size, corner, size, shape, strict=True)]
    values = np.zeros((len(raster.bands), *shape), raster.dtypes[0])
    valid = np.zeros(shape, np.bool_)
    for (rows, top, height), (columns, left, width) in product(*axes):
        pixels = rows.stop - rows.start, columns.stop - columns.start
        values[:, rows, columns], valid[rows, columns] = raster.reduced(top, left, height, width, pixels)
    (top, bottom), (left, right) = ((axis[0][0].start, axis[-1][0].stop) for axis in axes)
    beyond = (top, shape[0] - bottom), (left, shape[1] - right)
    return np.pad(values[:, top:bottom, left:right], ((0, 0), *beyond), mode="edge"), valid


def _parts(most: int, first: float, length: float, pixels: int) -> list[tuple[slice, float, float]]:
    """A stretch of a raster's axis, in so many pixels, part by part: which of them, first sample and length.

    GDAL unpacks all of a window for each band anew, so parts must fit its cache.
    """
    scale = length / pixels
    start, stop = max(0, round(-first / scale)), min(pixels, round((most - first) / scale))
    side = max(1, int(CHUNK / scale))
    parts = []
    for begin in range(start, stop, side):
        end = min(begin + side, stop)
        low, high = max(0.0, first + begin * scale), min(float(most), first + end * scale)
        parts.append((slice(begin, end), low, high - low))
    return parts


def _colours(result: RasterFile) -> list[int]:
    """Which bands are shown as red, green and blue, from 0: by what the file says, else as sensors order them."""
    names = [colour.name for colour in result.dataset.colorinterp]
    if all(name in names for name in ("red", "green", "blue")):
        return [names.index(name) for name in ("red", "green", "blue")]
    return {1: [0, 0, 0], 2: [0, 0, 0], 8: [4, 2, 1]}.get(len(names), [2, 1, 0])


def _shown(
    view: _View, colours: list[int], pan_range: tuple[Float, Float], range_: tuple[Float, Float]
) -> dict[str, Any]:
    """A view as the page has it: JPEGs of one stretch."""
    pan = stretched(view.pan, *pan_range).repeat(3, axis=2)
    pictures = {"pan": pan} | {name: stretched(getattr(view, name)[colours], *range_) for name in ("ms", "fused")}
    layers = {}
    for name, picture in pictures.items():
        picture[~view.valid] = GROUND
        layers[name] = "data:image/jpeg;base64," + base64.b64encode(_jpeg(picture)).decode()
    height, width = view.valid.shape
    return {"box": view.box, "width": width, "height": height, "layers": layers}


def _jpeg(picture: npt.NDArray[np.uint8]) -> bytes:
    """``(H, W, 3)`` as a file."""
    rasterio = require("rasterio")
    height, width, count = picture.shape
    profile = {"driver": "JPEG", "dtype": "uint8", "height": height, "width": width, "count": count, "quality": QUALITY}
    with warnings.catch_warnings(), rasterio.MemoryFile() as memory:
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with memory.open(**profile) as dataset:
            dataset.write(picture.transpose(2, 0, 1))
        return bytes(memory.read())
