"""Tiles: a scene cut into frames with a halo, so that fusing it in tiles gives the bits of fusing it whole.

A *tile* is a part of the output, computed at a time; its *frame* is the tile with the halo on all four sides: what a
device takes. What the network pads inside a frame reaches no further than the halo, and the scene itself is extended
by replicated edges, so a tile does not depend on how the scene was cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bitpan.errors import SceneError
from bitpan.model import IntegerModel

DEFAULT_TILE = 512
"""Side of a tile on devices without a fixed frame: 8 % is spent on a halo of 20 pixels."""


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
    def inside(self) -> tuple[slice, slice]:
        """Rows and columns of the tile within its frame."""
        top, left = self.top - self.frame_top, self.left - self.frame_left
        return slice(top, top + self.height), slice(left, left + self.width)


@dataclass(frozen=True)
class TilePlan:
    """Tiles of one frame size over a scene, in raster order.

    Attributes:
        height, width: of the scene, PAN pixels.
        frame: height and width of each frame, multiples of the model's alignment.
        halo: on each side, a multiple of it too.
    """

    height: int
    width: int
    frame: tuple[int, int]
    halo: int

    @property
    def steps(self) -> tuple[int, int]:
        """Height and width of a tile; origins are multiples of them."""
        return self.frame[0] - 2 * self.halo, self.frame[1] - 2 * self.halo

    def __len__(self) -> int:
        rows, columns = self.steps
        return -(-self.height // rows) * -(-self.width // columns)

    def __iter__(self) -> Iterator[Tile]:
        rows, columns = self.steps
        for top in range(0, self.height, rows):
            for left in range(0, self.width, columns):
                size = min(rows, self.height - top), min(columns, self.width - left)
                yield Tile(top, left, *size, top - self.halo, left - self.halo, *self.frame)


def halo_on_grid(model: IntegerModel) -> int:
    """The model's halo, rounded up to a multiple of its alignment, so that frames begin where every grid does."""
    return -(-model.halo() // model.alignment) * model.alignment


def plan_tiles(
    model: IntegerModel, height: int, width: int, frame: tuple[int, int] | None = None, tile: int = DEFAULT_TILE
) -> TilePlan:
    """Cut a scene of ``height x width`` PAN pixels for a model, which sets alignment and halo.

    Args:
        frame: the device's fixed frame, halo included; None: tiles of ``tile`` pixels, smaller in a smaller scene.
        tile: side of a tile where the frame is free, a multiple of the alignment.

    Raises:
        SceneError: the frame leaves no tile, or a size is no multiple of the alignment.
    """
    halo, grid = halo_on_grid(model), model.alignment
    if frame is None:
        if tile <= 0 or tile % grid:
            raise SceneError(
                f"a tile of {tile} pixels is no positive multiple of {grid}, as model {model.name} needs it"
            )
        rows, columns = (min(tile, -(-size // grid) * grid) for size in (height, width))
        frame = rows + 2 * halo, columns + 2 * halo
    if min(frame) <= 2 * halo or any(side % grid for side in frame):
        raise SceneError(
            f"a frame of {frame[0]} x {frame[1]} PAN pixels leaves nothing within the halo of {halo} on each side, or "
            f"is no multiple of {grid}; build the accelerator for frames of at least {2 * halo + grid}"
        )
    return TilePlan(height, width, frame, halo)


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
    frame = -(-rows // alignment) * alignment + 2 * halo, -(-columns // alignment) * alignment + 2 * halo
    return [
        Tile(top, left, rows, columns, top - halo, left - halo, *frame)
        for top in starts(height, rows)
        for left in starts(width, columns)
    ]
