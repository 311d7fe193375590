"""A scene through a device, tile by tile: into a GeoTIFF, or into memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import Integers
from bitpan.host.device.devices import Device, Frame
from bitpan.host.output import create_fused, step_aside
from bitpan.host.progress import progress
from bitpan.host.scene.scene import Scene
from bitpan.host.scene.tiles import DEFAULT_TILE, Tile, TilePlan, plan_tiles
from bitpan.model import IntegerModel
from bitpan.rasters import Mask

FusedTile = tuple[Tile, npt.NDArray[Any] | None, Mask]
"""A tile, its fused pixels (bands, height, width), None where it holds no data at all, and where they are valid."""


def fuse_tiles(scene: Scene, plan: TilePlan, device: Device) -> Iterator[FusedTile]:
    """Fuse a scene, in raster order, on a device that has its parameters; tiles without data are not sent there."""
    sent: deque[tuple[Tile, Mask | None]] = deque()  # None: no data; whole scenes of that may wait here

    def frames() -> Iterator[Frame]:
        for tile in plan:
            patch = scene.read(tile.frame_top, tile.frame_left, tile.frame_height, tile.frame_width)
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


def fuse_array(
    model: IntegerModel, scene: Scene, device: Device, parameters: Mapping[str, Integers], side: int | None = None
) -> npt.NDArray[np.int64]:
    """A whole scene in memory, ``(bands, height, width)``; pixels without data hold ``scene.nodata`` (or 0)."""
    device.load_scene(parameters)
    plan = plan_tiles(model, scene.grid.height, scene.grid.width, device.largest, side or DEFAULT_TILE)
    out = np.full((model.bands, scene.grid.height, scene.grid.width), scene.nodata or 0, np.int64)
    for tile, fused, valid in fuse_tiles(scene, plan, device):
        if fused is not None:
            target = out[:, tile.top : tile.top + tile.height, tile.left : tile.left + tile.width]
            values = fused[:, valid]
            step_aside(values, scene.nodata, model.bits)
            target[:, valid] = values
    return out


def fuse(
    scene: Scene,
    output: Path,
    model: IntegerModel,
    device: Device,
    parameters: Mapping[str, Integers],
    side: int | None = None,
) -> None:
    """Fuse a scene from a file into a GeoTIFF, which appears only when it is complete.

    Tiles are as large as the device's largest frame allows; where it takes any, they have this ``side``.
    """
    device.load_scene(parameters)
    plan = plan_tiles(model, scene.grid.height, scene.grid.width, device.largest, side or DEFAULT_TILE)
    with create_fused(output, scene, model.bands, model.bits) as writer, progress(len(plan), "fusing", "tile") as step:
        for tile, fused, valid in fuse_tiles(scene, plan, device):
            writer.put(tile, fused, valid)
            step()
