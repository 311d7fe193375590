"""Tiles: a scene cut into frames with a halo, so that fusing it in tiles gives the bits of fusing it whole.

A *tile* is a part of the output, computed at a time; its *frame* is the tile with the halo on all four sides: what a
device takes. What the network pads inside a frame reaches no further than the halo, and the scene itself is extended
by replicated edges, so a tile does not depend on how the scene was cut. An accelerator takes frames of any height, so
its tiles are *strips*, as tall as the scene or as the memory for a frame allows: nearly all of the halo is at their
sides.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product

from bitpan.camera.consistency import reach
from bitpan.errors import SceneError
from bitpan.model import IntegerModel
from bitpan.registers import ELEMENT_BITS, MOST_ROWS, STREAMS

DEFAULT_ROWS = 512
"""Of a tile on devices that take any frame: as high as a file's blocks, a row of which it finishes."""

FRAME_COLUMNS = 1088
"""Of such a tile's frame: whole vectors of pixels for the CPU, at half of the resolution too, and little halo."""

FRAME_BYTES = 56 << 20
"""Most memory of a frame, its three images together: two of them are held, of the 128 MB that small boards reserve."""


@dataclass(frozen=True)
class Tile:
    """One tile and its frame, in PAN pixels of the scene.

    Attributes:
        top, left, height, width: of the tile; never beyond the scene.
        frame: top, left, height and width of its frame, as :meth:`.Scene.read` takes a window; it may lie beyond the
            scene.
    """

    top: int
    left: int
    height: int
    width: int
    frame: tuple[int, int, int, int]

    @classmethod
    def framed(cls, tops: tuple[int, int], lefts: tuple[int, int], halo: int, grid: int) -> Tile:
        """From its first and past its last row and column; the frame is the tile and its halo, out to ``grid``."""
        top, left = ((first - halo) // grid * grid for first, _ in (tops, lefts))
        bottom, right = (_up(past + halo, grid) for _, past in (tops, lefts))
        frame = top, left, bottom - top, right - left
        return cls(tops[0], lefts[0], tops[1] - tops[0], lefts[1] - lefts[0], frame)

    @property
    def inside(self) -> tuple[slice, slice]:
        """Rows and columns of the tile within its frame."""
        top, left = self.top - self.frame[0], self.left - self.frame[1]
        return slice(top, top + self.height), slice(left, left + self.width)


@dataclass(frozen=True)
class TilePlan:
    """Tiles over a scene, in raster order; the last ones of a row and of a column are as small as they may be.

    Attributes:
        height, width: of the scene, PAN pixels.
        steps: rows and columns from one tile to the next, multiples of ``grid``.
        halo: of the model.
        grid: the model's alignment.
        early: rows and columns by which all tiles but the first begin before multiples of their step.
    """

    height: int
    width: int
    steps: tuple[int, int]
    halo: int
    grid: int
    early: tuple[int, int] = (0, 0)

    def _parts(self, size: int, axis: int) -> list[tuple[int, int]]:
        """First and past the last pixel of each tile along an axis."""
        starts = [0, *range(self.steps[axis] - self.early[axis], size, self.steps[axis])]
        return list(pairwise([*starts, size]))

    def __len__(self) -> int:
        return len(self._parts(self.height, 0)) * len(self._parts(self.width, 1))

    def __iter__(self) -> Iterator[Tile]:
        for rows, columns in product(self._parts(self.height, 0), self._parts(self.width, 1)):
            yield Tile.framed(rows, columns, self.halo, self.grid)

    def delivered(self) -> float:
        """Share of the computed pixels that the scene has."""
        return self.height * self.width / sum(math.prod(tile.frame[2:]) for tile in self)


def _up(length: int, grid: int) -> int:
    return -(-length // grid) * grid


def ahead(ratio: int) -> int:
    """Rows and columns by which tiles are ahead of what is settled of a scene, see :class:`.Seams`.

    As many as are looked at beyond a pixel, but whole steps of every network's grid.
    """
    return _up(reach(ratio), math.lcm(32, ratio))


def frame_bytes(model: IntegerModel, height: int, width: int) -> dict[str, int]:
    """Bytes of a frame's images as an accelerator takes and gives them, by stream."""
    shapes = {stream: model.tensors[stream].shape(height, width) for stream in STREAMS}
    return {stream: math.prod(shape) * ELEMENT_BITS // 8 for stream, shape in shapes.items()}


def largest_frame(model: IntegerModel, width: int, memory: int | None = None) -> tuple[int, int]:
    """Height and width of the largest frame for an accelerator of this width.

    Args:
        memory: bytes for a frame where there are fewer than :data:`FRAME_BYTES`.
    """
    grid = model.alignment
    border, step = (sum(frame_bytes(model, height, width).values()) for height in (0, grid))
    steps = (min(FRAME_BYTES, memory or FRAME_BYTES) - border) // (step - border)
    return min(MOST_ROWS // grid, steps) * grid, width


def check_tile(model: IntegerModel, tile: int) -> None:
    """Raise :class:`SceneError` unless a tile may have this side."""
    if tile <= 0 or tile % model.alignment:
        raise SceneError(
            f"a tile of {tile} pixels is no positive multiple of {model.alignment}, as model {model.name} needs it"
        )


def plan_tiles(
    model: IntegerModel, height: int, width: int, largest: tuple[int, int] | None = None, tile: int | None = None
) -> TilePlan:
    """Cut a scene of ``height x width`` PAN pixels for a model, which sets alignment and halo.

    Args:
        largest: height and width of the largest frame that the device takes, halo included; None: it takes any, and
            tiles have ``tile`` pixels.
        tile: side of a square tile where the frame is free, a multiple of the alignment; None: as fast a tile as fits
            into the memory of most, :data:`DEFAULT_ROWS` high, its frame :data:`FRAME_COLUMNS` wide.

    Raises:
        SceneError: the frame leaves no tile, or a size is no multiple of the alignment.
    """
    halo, grid = model.halo(), model.alignment
    if largest is None:
        if tile is not None:
            check_tile(model, tile)
            return TilePlan(height, width, (tile, tile), halo, grid)
        rows, columns = (size // grid * grid for size in (DEFAULT_ROWS, FRAME_COLUMNS))
        early = -ahead(model.ratio), 0  # what is finished then ends with a row of the file's blocks
        return TilePlan(height, width, (rows, max(columns - 2 * _up(halo, grid), rows)), halo, grid, early)
    rows, columns = (model.tile_side(side) for side in largest)
    if min(rows, columns) <= 0 or any(side % grid for side in largest):
        raise SceneError(
            f"a frame of {largest[0]} x {largest[1]} PAN pixels leaves nothing within the halo of {halo} on each side, "
            f"or is no multiple of {grid}; build the accelerator for frames of at least {_up(2 * halo, grid) + grid}"
        )
    spared = _up(halo, grid) - halo  # no more than the halo lies before a tile in its frame
    return TilePlan(height, width, (rows, columns), halo, grid, (spared, spared))


def delivered_share(model: IntegerModel, height: int, width: int, columns: int) -> float:
    """Share of the pixels computed for a scene of this size that it has, on an accelerator so many ``columns`` wide."""
    return plan_tiles(model, height, width, largest_frame(model, columns)).delivered()


def sample_tiles(height: int, width: int, alignment: int, halo: int, per_axis: int, side: int) -> list[Tile]:
    """Sample tiles of a scene, spread evenly, in raster order, fixed by the scene's size alone.

    Args:
        alignment: origins of tiles, and origins and sizes of frames, are multiples of it.
        halo: around each tile, at least.
        per_axis: at most so many in each direction; fewer in a small scene, where they may overlap.
        side: of a tile, at most.
    """

    def starts(length: int, tile: int) -> list[int]:
        count = min(per_axis, -(-length // tile))
        room = (length - tile) // alignment
        return [alignment * (room * i // max(count - 1, 1)) for i in range(count)]

    rows, columns = min(side, height), min(side, width)
    return [
        Tile.framed((top, top + rows), (left, left + columns), halo, alignment)
        for top in starts(height, rows)
        for left in starts(width, columns)
    ]
