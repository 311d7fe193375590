"""Tiles: a scene cut into frames with a halo, so that fusing it in tiles gives the bits of fusing it whole.

A *tile* is a part of the output, computed at a time; its *frame* is the tile with the halo on all four sides: what a
device takes. What the network pads inside a frame reaches no further than the halo, and the scene itself is extended
by replicated edges, so a tile does not depend on how the scene was cut. An accelerator takes frames of any height, so
its tiles are *strips*, as tall as the scene or as the memory for a frame allows: nearly all of the halo is at their
sides.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bitpan.errors import SceneError
from bitpan.model import IntegerModel
from bitpan.registers import ELEMENT_BITS, MOST_ROWS, STREAMS

DEFAULT_TILE = 512
"""Side of a tile on devices that take any frame: 9 % more is computed for a halo of 12 pixels."""

FRAME_BYTES = 56 << 20
"""Most memory of a frame, its three images together: two of them are held, of the 128 MB that small boards reserve."""


@dataclass(frozen=True)
class Tile:
    """One tile, in PAN pixels of the scene.

    Attributes:
        top, left, height, width: of the tile; never beyond the scene.
        frame_top, frame_left, frame_height, frame_width: of its frame; may lie beyond the scene.
    """

    top: int
    left: int
    height: int
    width: int
    frame_top: int
    frame_left: int
    frame_height: int
    frame_width: int

    @property
    def frame(self) -> tuple[int, int, int, int]:
        """Top, left, height and width of its frame, as :meth:`.Scene.read` takes a window."""
        return self.frame_top, self.frame_left, self.frame_height, self.frame_width

    @property
    def inside(self) -> tuple[slice, slice]:
        """Rows and columns of the tile within its frame."""
        top, left = self.top - self.frame_top, self.left - self.frame_left
        return slice(top, top + self.height), slice(left, left + self.width)


@dataclass(frozen=True)
class TilePlan:
    """Tiles over a scene, in raster order; the last ones of a row and of a column are as small as they may be.

    Attributes:
        height, width: of the scene, PAN pixels.
        frame: height and width of the largest frame, multiples of ``grid``.
        halo: on each side, a multiple of it too.
        grid: the model's alignment.
    """

    height: int
    width: int
    frame: tuple[int, int]
    halo: int
    grid: int

    @property
    def steps(self) -> tuple[int, int]:
        """Height and width of a tile; origins are multiples of them."""
        return self.frame[0] - 2 * self.halo, self.frame[1] - 2 * self.halo

    def __len__(self) -> int:
        rows, columns = self.steps
        return math.ceil(self.height / rows) * math.ceil(self.width / columns)

    def __iter__(self) -> Iterator[Tile]:
        rows, columns = self.steps
        for top in range(0, self.height, rows):
            for left in range(0, self.width, columns):
                size = min(rows, self.height - top), min(columns, self.width - left)
                frame = (_up(side, self.grid) + 2 * self.halo for side in size)
                yield Tile(top, left, *size, top - self.halo, left - self.halo, *frame)

    def delivered(self) -> float:
        """Share of the computed pixels that the scene has."""
        return self.height * self.width / sum(tile.frame_height * tile.frame_width for tile in self)


def halo_on_grid(model: IntegerModel) -> int:
    """The model's halo, rounded up to a multiple of its alignment, so that frames begin where every grid does."""
    return _up(model.halo(), model.alignment)


def _up(length: int, grid: int) -> int:
    return -(-length // grid) * grid


def frame_bytes(model: IntegerModel, height: int, width: int) -> dict[str, int]:
    """Bytes of a frame's images as an accelerator takes and gives them, by stream."""
    shapes = {stream: model.tensors[stream].shape(height, width) for stream in STREAMS}
    return {stream: math.prod(shape) * ELEMENT_BITS // 8 for stream, shape in shapes.items()}


def largest_frame(
    model: IntegerModel, width: int, limits: Mapping[str, int] | None = None, memory: int | None = None
) -> tuple[int, int]:
    """Height and width of the largest frame for an accelerator of this width.

    Args:
        limits: most bytes of an image, by stream, where a DMA moves no more at once.
        memory: bytes for a frame where there are fewer than :data:`FRAME_BYTES`.
    """
    grid = model.alignment
    border, step = frame_bytes(model, 0, width), frame_bytes(model, grid, width)
    room = {**(limits or {}), "": min(FRAME_BYTES, memory or FRAME_BYTES)}
    border, step = ({**each, "": sum(each.values())} for each in (border, step))
    steps = [(limit - border[stream]) // (step[stream] - border[stream]) for stream, limit in room.items()]
    return min(MOST_ROWS // grid, *steps) * grid, width


def check_tile(model: IntegerModel, tile: int) -> None:
    """Raise :class:`SceneError` unless a tile may have this side."""
    if tile <= 0 or tile % model.alignment:
        raise SceneError(
            f"a tile of {tile} pixels is no positive multiple of {model.alignment}, as model {model.name} needs it"
        )


def plan_tiles(
    model: IntegerModel, height: int, width: int, largest: tuple[int, int] | None = None, tile: int = DEFAULT_TILE
) -> TilePlan:
    """Cut a scene of ``height x width`` PAN pixels for a model, which sets alignment and halo.

    Args:
        largest: height and width of the largest frame that the device takes, halo included; None: it takes any, and
            tiles have ``tile`` pixels.
        tile: side of a tile where the frame is free, a multiple of the alignment.

    Raises:
        SceneError: the frame leaves no tile, or a size is no multiple of the alignment.
    """
    halo, grid = halo_on_grid(model), model.alignment
    if largest is None:
        check_tile(model, tile)
        largest = tile + 2 * halo, tile + 2 * halo
    if min(largest) <= 2 * halo or any(side % grid for side in largest):
        raise SceneError(
            f"a frame of {largest[0]} x {largest[1]} PAN pixels leaves nothing within the halo of {halo} on each "
            f"side, or is no multiple of {grid}; build the accelerator for frames of at least {2 * halo + grid}"
        )
    rows, columns = (_up(size, grid) + 2 * halo for size in (height, width))
    return TilePlan(height, width, (min(rows, largest[0]), min(columns, largest[1])), halo, grid)


def delivered_share(model: IntegerModel, height: int, width: int, columns: int) -> float:
    """Share of the pixels computed for a scene of this size that it has, on an accelerator so many ``columns`` wide."""
    return plan_tiles(model, height, width, largest_frame(model, columns)).delivered()


def sample_tiles(height: int, width: int, alignment: int, halo: int, per_axis: int, side: int) -> list[Tile]:
    """Sample tiles of a scene, spread evenly, in raster order, fixed by the scene's size alone.

    Args:
        alignment: origins and sizes of frames are multiples of it.
        halo: around each tile, a multiple of ``alignment``.
        per_axis: at most so many in each direction; fewer in a small scene, where they may overlap.
        side: of a tile, at most.
    """

    def starts(length: int, tile: int) -> list[int]:
        count = min(per_axis, -(-length // tile))
        room = (length - tile) // alignment
        return [alignment * (room * i // max(count - 1, 1)) for i in range(count)]

    rows, columns = min(side, height), min(side, width)
    frame = _up(rows, alignment) + 2 * halo, _up(columns, alignment) + 2 * halo
    return [
        Tile(top, left, rows, columns, top - halo, left - halo, *frame)
        for top in starts(height, rows)
        for left in starts(width, columns)
    ]
