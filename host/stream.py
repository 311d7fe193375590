"""A scene through a device, tile by tile: into a GeoTIFF, or into memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import BORDER, Integers
from bitpan.files.compression import DEFAULT as COMPRESSION
from bitpan.host.device.devices import Device, Frame
from bitpan.host.engine.engine import at_once
from bitpan.host.output import new_fused
from bitpan.host.progress import progress
from bitpan.host.scene.scene import Scene
from bitpan.host.scene.tiles import Tile, plan_tiles
from bitpan.host.tile_log import TileLog
from bitpan.model import IntegerModel
from bitpan.rasters import Mask

FinishedTile = tuple[Tile, npt.NDArray[Any]]
"""A tile and its pixels as the output holds them, (bands, height, width)."""

FusedTile = tuple[Tile, npt.NDArray[Any] | None, Mask]
"""A tile, its fused pixels (bands, height, width), None where it holds no data at all, and where they are valid."""


def fuse_tiles(scene: Scene, plan: Iterable[Tile], device: Device) -> Iterator[FusedTile]:
    """Fuse a scene, in raster order, on a device that has its parameters; tiles without data are not sent there."""
    sent: deque[tuple[Tile, Mask | None]] = deque()  # None: no data; whole scenes of that may wait here

    def frames() -> Iterator[Frame]:
        for tile in plan:
            patch = scene.read(*tile.frame, border=BORDER)
            valid = patch.valid[tile.inside]
            if valid.any():
                sent.append((tile, valid))
                yield patch.pan, patch.ms
            else:
                sent.append((tile, None))

    def empty() -> Iterator[FusedTile]:
        while sent and sent[0][1] is None:
            tile, _ = sent.popleft()
            yield tile, None, np.zeros((tile.height, tile.width), np.bool_)

    for fused in device.fuse(frames()):
        yield from empty()
        tile, valid = sent.popleft()
        assert valid is not None  # the empty ones are gone
        rows, columns = tile.inside
        yield tile, fused[:, rows, columns], valid
    yield from empty()


def finished_tiles(
    scene: Scene, plan: Iterable[Tile], device: Device, model: IntegerModel, dtype: npt.DTypeLike
) -> Iterator[FinishedTile]:
    """Tiles as the output holds them, ``(bands, height, width)``: nodata where there is no data, and nowhere else."""
    values, nodata = scene.values(model.bits, dtype), scene.nodata
    for tile, fused, valid in fuse_tiles(scene, plan, device):
        pixels = np.zeros((model.bands, *valid.shape), dtype) if fused is None else values[fused]
        if nodata is not None:
            pixels[:, ~valid] = nodata
        yield tile, pixels


def fuse_array(
    model: IntegerModel, scene: Scene, device: Device, parameters: Mapping[str, Integers], side: int | None = None
) -> npt.NDArray[Any]:
    """A whole scene, ``(bands, height, width)`` in the MS's type; ``scene.nodata`` (or 0) where there is no data."""
    device.load_scene(parameters)
    plan = plan_tiles(model, scene.grid.height, scene.grid.width, device.largest, side)
    dtype = np.dtype(scene.profile["dtype"])
    out = np.empty((model.bands, scene.grid.height, scene.grid.width), dtype)  # of which tiles leave nothing
    for tile, pixels in finished_tiles(scene, plan, device, model, out.dtype):
        out[:, tile.top : tile.top + tile.height, tile.left : tile.left + tile.width] = pixels
    return out


def fuse(
    scene: Scene,
    log: TileLog,
    output: Path,
    model: IntegerModel,
    device: Device,
    parameters: Mapping[str, Integers],
    side: int | None = None,
    compression: str = COMPRESSION,
) -> None:
    """Fuse a scene from a file, from where its log of tiles ends, into a new GeoTIFF.

    Tiles are as large as the device's largest frame allows; where it takes any, they have this ``side``.
    """
    device.load_scene(parameters)
    plan = plan_tiles(model, scene.grid.height, scene.grid.width, device.largest, side)
    kind = model.bands, np.dtype(scene.profile["dtype"])
    log.recover(plan, *kind)
    if log.count:
        print(f"going on after {log.count} of {len(plan)} tiles, which an earlier run has finished")
    with new_fused(output, scene, model.bands, compression) as writer, progress(len(plan), "fusing", "tile") as step:
        rest = islice(plan, log.count, None)
        for tile, pixels in log.tiles(islice(plan, log.count), *kind):
            writer.put(tile, pixels)
            step()
        kept = _kept(log, finished_tiles(scene, rest, device, model, kind[1]))
        # Compressing has a thread of its own: the next tile is fused meanwhile.
        for _ in at_once(lambda finished: writer.put(*finished), kept, 1):
            step()


def _kept(log: TileLog, tiles: Iterable[FinishedTile]) -> Iterator[FinishedTile]:
    """The tiles, as soon as the log has them: what ends the run then costs none of them."""
    for tile, pixels in tiles:
        log.append(pixels)
        yield tile, pixels
