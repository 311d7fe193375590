"""A scene through a device, tile by tile: into a GeoTIFF, or into memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import BORDER, Integers
from bitpan.files.compression import DEFAULT as COMPRESSION
from bitpan.host.device.devices import Device, Frame
from bitpan.host.engine.engine import Engine, ReferenceEngine
from bitpan.host.output import new_fused
from bitpan.host.progress import progress
from bitpan.host.scene.scene import Scene
from bitpan.host.scene.tiles import Tile, plan_tiles
from bitpan.host.threads import at_once
from bitpan.host.tile_log import TileLog
from bitpan.model import IntegerModel
from bitpan.radiometry import Counted, Level, looked_up
from bitpan.rasters import Mask

FinishedTile = tuple[Tile, npt.NDArray[Any]]
"""A tile and its pixels as the output holds them, (bands, height, width)."""

FusedTile = tuple[Tile, npt.NDArray[Any] | None, Mask, Counted | None]
"""A tile, its fused pixels (bands, height, width), None where it holds no data at all, where they are valid, and what
the scene's level has taken of the MS of its frame, see :class:`.scene.Patch`."""


def fuse_tiles(scene: Scene, plan: Iterable[Tile], device: Device) -> Iterator[FusedTile]:
    """Fuse a scene, in raster order, on a device that has its parameters; tiles without data are not sent there."""
    sent: deque[tuple[Tile, Mask | None, Counted | None]] = deque()
    """Without a mask: of no data; whole scenes of that may wait here."""

    def frames() -> Iterator[Frame]:
        for tile in plan:
            patch = scene.read(*tile.frame, border=BORDER)
            valid = patch.valid[tile.inside]
            if valid.any():
                sent.append((tile, valid, patch.remainder))
                yield patch.pan, patch.ms
            else:
                sent.append((tile, None, None))

    def empty() -> Iterator[FusedTile]:
        while sent and sent[0][1] is None:
            tile, *_ = sent.popleft()
            yield tile, None, np.zeros((tile.height, tile.width), np.bool_), None

    for fused in device.fuse(frames()):
        yield from empty()
        tile, valid, remainder = sent.popleft()
        assert valid is not None  # the empty ones are gone
        rows, columns = tile.inside
        yield tile, fused[:, rows, columns], valid, remainder
    yield from empty()


def finished_tiles(
    scene: Scene, tiles: Iterable[FusedTile], model: IntegerModel, dtype: npt.DTypeLike, upsample: Upsample
) -> Iterator[FinishedTile]:
    """Tiles as the output holds them, ``(bands, height, width)``: nodata where there is no data, and nowhere else."""
    level, values = scene.level or Level.unchanged(model.bits, model.bands), scene.values(dtype)
    nodata = scene.nodata
    of_the_network = values[level.restored(np.tile(np.arange(1 << model.bits), (model.bands, 1)))]
    for tile, fused, valid, remainder in tiles:
        if fused is None:
            pixels = np.zeros((model.bands, *valid.shape), dtype)
        elif remainder is None:
            pixels = looked_up(of_the_network, fused)
        else:
            rows, columns = tile.inside
            pixels = values[level.restored(fused, upsample(remainder)[:, rows, columns])]
        if nodata is not None:
            pixels[:, ~valid] = nodata
        yield tile, pixels


Upsample = Callable[[Counted], npt.NDArray[Any]]


def upsampling(model: IntegerModel, engine: Engine, parameters: Mapping[str, Integers]) -> Upsample:
    """What the model does to the MS of a frame, for numbers of its range around 0: ``(B, h, w)`` to ``(B, H, W)``."""
    node = next(node for node in model.nodes if node.op == "interpolate")
    middle = 1 << (model.bits - 1)
    return lambda image: engine.run({node.inputs[0]: image + middle}, parameters, node.output) - middle


def fuse_array(
    model: IntegerModel,
    scene: Scene,
    device: Device,
    parameters: Mapping[str, Integers],
    side: int | None = None,
    engine: Engine | None = None,
) -> npt.NDArray[Any]:
    """A whole scene, ``(bands, height, width)`` in the MS's type; ``scene.nodata`` (or 0) where there is no data.

    ``engine`` upsamples what the scene's level takes of the MS; without one, the reference does.
    """
    device.load_scene(parameters)
    plan = plan_tiles(model, scene.grid.height, scene.grid.width, device.largest, side)
    dtype = np.dtype(scene.profile["dtype"])
    out = np.empty((model.bands, scene.grid.height, scene.grid.width), dtype)  # of which tiles leave nothing
    tiles, upsample = fuse_tiles(scene, plan, device), upsampling(model, engine or ReferenceEngine(model), parameters)
    for tile, pixels in finished_tiles(scene, tiles, model, out.dtype, upsample):
        out[:, tile.top : tile.top + tile.height, tile.left : tile.left + tile.width] = pixels
    return out


def fuse(
    scene: Scene,
    log: TileLog,
    output: Path,
    model: IntegerModel,
    device: Device,
    engine: Engine,
    parameters: Mapping[str, Integers],
    side: int | None = None,
    compression: str = COMPRESSION,
) -> None:
    """Fuse a scene from a file, from where its log of tiles ends, into a new GeoTIFF.

    The engine upsamples what the level takes of the MS. Tiles are as large as the device's largest frame allows;
    where it takes any, they have this ``side``.
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
        tiles = fuse_tiles(scene, rest, device)
        kept = _kept(log, finished_tiles(scene, tiles, model, kind[1], upsampling(model, engine, parameters)))
        # Compressing has a thread of its own: the next tile is fused meanwhile.
        for _ in at_once(lambda finished: writer.put(*finished), kept, 1):
            step()


def _kept(log: TileLog, tiles: Iterable[FinishedTile]) -> Iterator[FinishedTile]:
    """The tiles, as soon as the log has them: what ends the run then costs none of them."""
    for tile, pixels in tiles:
        log.append(pixels)
        yield tile, pixels
