"""A scene: a PAN and an MS image of one place, checked against the model, laid on one grid, read by windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import BORDER
from bitpan.camera.consistency import TYPICAL_GAIN
from bitpan.errors import SceneError
from bitpan.host.scene.lookup import looked_up
from bitpan.host.scene.profile import fused_nodata, fused_profile
from bitpan.host.scene.rasters import ArrayRaster, FileRaster, Raster, read_extended
from bitpan.host.scene.tiles import DEFAULT_ROWS, ahead
from bitpan.model import IntegerModel
from bitpan.radiometry import MOST_BITS, Counted, Level, PanMatch
from bitpan.rasters import Mask, block_cache
from bitpan.rasters.counts import Counts
from bitpan.rasters.georeference import require_extents
from bitpan.rasters.grid import Grid, align
from bitpan.rasters.pair import Handling, open_pair
from bitpan.rasters.raster import Names, block_bytes
from bitpan.rasters.unread import ImageLike, sliceable


@dataclass(frozen=True)
class Patch:
    """A window of a scene.

    Attributes:
        pan: ``(1, height, width)``.
        ms: ``(bands, height / ratio, width / ratio)``, and the border that was asked for.
        valid: ``(height, width)``, where the PAN and the nearest MS sample hold data.
    """

    pan: Counted
    ms: Counted
    valid: Mask


@dataclass(frozen=True)
class Scene:
    """Two rasters on one grid.

    Attributes:
        pan, ms: the rasters.
        grid: how they lie over each other.
        edge: upper and left edge of the MS raster in the PAN's pixel coordinates, as the files say.
        nodata: value that marks the fused scene's pixels without data, or None.
        profile: what the fused GeoTIFF takes over, see :func:`bitpan.host.scene.profile.fused_profile`.
        chosen: for people, bands that were taken by what the file says of them.
        level: brings the MS's counts to the network's; None: they stay as they are.
        match: brings PAN's counts onto the MS's at its level; None: they stay as they are.
        gain: of the MS's camera, see :class:`bitpan.camera.consistency.Camera`.
    """

    pan: Raster
    ms: Raster
    grid: Grid
    edge: tuple[float, float] = (0.0, 0.0)
    nodata: float | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)
    chosen: str = ""
    level: Level | None = None
    match: PanMatch | None = None
    gain: float = TYPICAL_GAIN

    def shifted(self, shift: tuple[float, float]) -> Scene:
        """The same scene with another misregistration (dy, dx) on top of what the files say, PAN pixels.

        It is positive where the MS's content lies further down and to the right than the files say.
        """
        return replace(self, grid=align(self.pan.size, self.ms.size, self.edge, self.grid.ratio, shift))

    def values(self, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """What each of the scene's counts, of 16 bits, is in the fused image.

        Those that happen to equal the nodata value move to the next that the type has.
        """
        values = self.profile.get("counts", Counts()).values(np.arange(1 << MOST_BITS), dtype)
        if self.nodata is not None:
            values[values == self.nodata] = _beside(self.nodata, values.dtype)
        return np.asarray(values)

    def read(self, top: int, left: int, height: int, width: int, border: int = 0) -> Patch:
        """A window in scene coordinates, all four multiples of the ratio; edges are replicated without end.

        Args:
            border: more samples of the MS on each side.
        """
        ratio, grid = self.grid.ratio, self.grid
        pan, pan_valid = read_extended(self.pan, grid.pan_origin[0] + top, grid.pan_origin[1] + left, height, width)
        rows, columns = height // ratio, width // ratio
        ms, ms_valid = self.samples(
            top // ratio - border, left // ratio - border, rows + 2 * border, columns + 2 * border
        )
        if self.match is not None:
            pan = _where(pan_valid, looked_up(self.match.table[None], pan), pan)
        if self.level is not None:
            ms = _where(ms_valid, looked_up(self.level.table, ms), ms)
        ms_valid = ms_valid[border : border + rows, border : border + columns]
        if not ms_valid.all():
            sides = zip((height, width), grid.shift, strict=True)
            pan_valid = pan_valid & ms_valid[np.ix_(*(_nearest_sample(side, ratio, shift) for side, shift in sides))]
        return Patch(pan, ms, pan_valid)

    def samples(self, top: int, left: int, height: int, width: int) -> tuple[Counted, Mask]:
        """A window of the MS in its own counts, ``(bands, height, width)``, and where it holds data."""
        return read_extended(self.ms, self.grid.ms_origin[0] + top, self.grid.ms_origin[1] + left, height, width)


def _where(valid: Mask, counts: Counted, missing: Counted) -> Counted:
    """Counts of what is valid; what stands for missing data."""
    return counts if valid.all() else np.where(valid, counts, missing)


def _beside(value: float, dtype: np.dtype[Any]) -> float:
    """The next value that a type has, or the one before where there is none."""
    if dtype.kind == "f":
        return float(np.nextafter(dtype.type(value), dtype.type(np.inf)))
    return value + 1 if value < np.iinfo(dtype).max else value - 1


def _nearest_sample(length: int, ratio: int, shift: float) -> npt.NDArray[np.intp]:
    """The MS sample nearest to each PAN pixel of a window."""
    nearest = np.floor((np.arange(length) + 0.5 - shift) / ratio).astype(np.intp)
    return np.clip(nearest, 0, length // ratio - 1)


def fill_values(model: IntegerModel) -> tuple[int, int]:
    """What the network sees in place of PAN's and MS's nodata: the offsets that its centring turns into zero."""
    offsets = {node.inputs[0] == "pan": node.attributes["offset"] for node in model.nodes if node.op == "centre"}
    return offsets.get(True, 0), offsets.get(False, 0)


def array_scene(
    model: IntegerModel,
    pan: ImageLike,
    ms: ImageLike,
    shift: tuple[float, float] = (0.0, 0.0),
    nodata: float | None = None,
) -> Scene:
    """A scene in memory, or unread: ``pan (1, H, W)`` and ``ms (B, h, w)`` whose upper left corners coincide."""
    fills = fill_values(model)
    pan, ms = sliceable(pan), sliceable(ms)
    if pan.ndim != 3 or len(pan) != 1 or ms.ndim != 3 or len(ms) != model.bands:
        raise SceneError(f"pan {pan.shape} and ms {ms.shape} must be (1, H, W) and ({model.bands}, h, w)")
    fine, coarse = ArrayRaster(pan, nodata, fills[0], "pan"), ArrayRaster(ms, nodata, fills[1], "ms")
    maker = f"model {model.name} was made for"
    require_extents(fine.size, coarse.size, model.ratio, maker, "pan and ms")
    grid = align(fine.size, coarse.size, (0.0, 0.0), model.ratio, shift)
    return Scene(fine, coarse, grid, nodata=nodata, profile={"dtype": ms.dtype.name})


@contextmanager
def open_scene(pan: Names, ms: Names, model: IntegerModel, handling: Handling | None = None) -> Iterator[Scene]:
    """Open a PAN and an MS in files as a scene for ``model``, which sets ratio and bands.

    Raises:
        SceneIOError: a file cannot be read, or is another one at the end of the block.
        SceneError: the pair does not fit together or does not fit the model.
    """
    maker = f"model {model.name} was made for"
    # A row of tiles shares its blocks with the next, and all of its tiles with each other.
    rows = DEFAULT_ROWS + ahead(model.ratio) + 2 * (model.halo() + model.alignment)
    cache = block_cache(block_bytes(pan, rows) + block_bytes(ms, rows // model.ratio + 2 * BORDER))
    with cache, open_pair(pan, ms, model.ratio, handling, model.bands, maker) as pair:
        fills = fill_values(model)
        fine, coarse = FileRaster(pair.pan, pair.counts[0], fills[0]), FileRaster(pair.ms, pair.counts[1], fills[1])
        yield Scene(fine, coarse, pair.grid, pair.edge, fused_nodata(pair), fused_profile(pair), pair.chosen)
