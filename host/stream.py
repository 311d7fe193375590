"""A scene through a device, tile by tile: into a GeoTIFF, or into memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import BORDER, Integers
from bitpan.files.commit import Growing
from bitpan.files.compression import DEFAULT as COMPRESSION
from bitpan.host.consistency.restored import Restored
from bitpan.host.consistency.seams import Seams
from bitpan.host.device.devices import Device, Frame
from bitpan.host.output import new_fused
from bitpan.host.progress import progress
from bitpan.host.scene.scene import Scene
from bitpan.host.scene.tiles import Tile, plan_tiles
from bitpan.host.threads import at_once
from bitpan.host.tile_log import TileLog
from bitpan.model import IntegerModel
from bitpan.rasters import Mask

FinishedPart = tuple[int, int, npt.NDArray[Any]]
"""Upper and left edge of a part of a scene, and its pixels as the output holds them, (bands, height, width)."""

FusedTile = tuple[Tile, npt.NDArray[Any] | None, Mask]
"""A tile, its fused pixels (bands, height, width), None where it holds no data at all, and where they are valid."""


def fuse_tiles(scene: Scene, plan: Iterable[Tile], device: Device) -> Iterator[FusedTile]:
    """Fuse a scene, in raster order, on a device that has its parameters; tiles without data are not sent there."""
    sent: deque[tuple[Tile, Mask | None]] = deque()
    """Without a mask: of no data; whole scenes of that may wait here."""

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


class Finisher:
    """Makes of tiles, in raster order, the parts of the scene as the output holds it.

    There is nodata where there is no data, and nowhere else.
    """

    def __init__(self, scene: Scene, model: IntegerModel, dtype: npt.DTypeLike) -> None:
        grid = scene.grid
        self._scene, self._dtype, self._values = scene, dtype, scene.values(dtype)
        self._unchanged = self._values.dtype.kind == "u" and np.array_equal(self._values, np.arange(len(self._values)))
        self._restored = Restored(scene, model)
        self._seams = Seams(model.bands, grid.height, grid.width, grid.ratio)

    def __call__(self, finished: FusedTile) -> FinishedPart | None:
        """What the next tile settles, if anything, see :mod:`bitpan.host.consistency.seams`."""
        tile, fused, valid = finished
        window = self._seams.window(tile, partial(self._restored.put, fused), valid)
        if window is None:
            return None
        inside = window.valid[window.inside]
        if inside.any():
            counts = self._restored.consistent(window)
            pixels = counts.astype(self._dtype, copy=False) if self._unchanged else self._values[counts]
        else:
            pixels = np.zeros((len(window.counts), *inside.shape), self._dtype)
        if self._scene.nodata is not None:
            pixels[:, ~inside] = self._scene.nodata
        return *window.corner, pixels


def fuse_array(
    model: IntegerModel,
    scene: Scene,
    device: Device,
    parameters: Mapping[str, Integers],
    side: int | None = None,
) -> npt.NDArray[Any]:
    """A whole scene, ``(bands, height, width)`` in the MS's type; ``scene.nodata`` (or 0) where there is no data."""
    device.load_scene(parameters)
    plan = plan_tiles(model, scene.grid.height, scene.grid.width, device.largest, side)
    dtype = np.dtype(scene.profile["dtype"])
    out = np.empty((model.bands, scene.grid.height, scene.grid.width), dtype)  # of which the parts leave nothing
    for part in at_once(Finisher(scene, model, dtype), fuse_tiles(scene, plan, device), 1):
        if part is not None:
            top, left, pixels = part
            out[:, top : top + pixels.shape[1], left : left + pixels.shape[2]] = pixels
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
    kind = model.bands, np.uint16  # what the network gives: its counts
    log.recover(plan, *kind)
    if log.count:
        print(f"going on after {log.count} of {len(plan)} tiles, which an earlier run has finished")
    before, rest = islice(plan, log.count), islice(plan, log.count, None)
    with new_fused(output, scene, model.bands, compression) as writer, progress(len(plan), "fusing", "tile") as step:

        def tiles() -> Iterator[FusedTile]:
            for tile, fused in log.tiles(before, *kind):
                yield tile, fused, scene.read(*tile.frame).valid[tile.inside]
                step()
            for finished in fuse_tiles(scene, rest, device):
                _, counts, valid = finished
                # As soon as it is there: what ends the run then costs none of the finished tiles.
                log.append(
                    np.zeros((model.bands, *valid.shape), np.uint16) if counts is None else counts.astype(np.uint16)
                )
                yield finished
                step()

        growing = Growing(output)

        def put(part: FinishedPart | None) -> None:
            if part is not None:
                writer.put(*part)

        # Each has a thread of its own: the next tile is fused meanwhile.
        finished = at_once(Finisher(scene, model, scene.profile["dtype"]), tiles(), 1)
        for _ in at_once(lambda _: growing.sync(), at_once(put, finished, 1), 1):
            pass
