"""A scene: a PAN and an MS image of one place, checked against the model, laid on one grid, read by windows."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import BORDER, Integers
from bitpan.errors import GeoreferenceWarning, SceneError, naming
from bitpan.host.scene.grid import Grid, align, measured_ratio
from bitpan.host.scene.rasters import ArrayRaster, Raster, TiffRaster, read_extended
from bitpan.host.scene.tiles import DEFAULT_TILE
from bitpan.model import IntegerModel
from bitpan.radiometry import Level, PanMatch
from bitpan.rasters import Mask, block_cache, relative_transform


@dataclass(frozen=True)
class Patch:
    """A window of a scene.

    Attributes:
        pan: ``(1, height, width)``.
        ms: ``(bands, height / ratio, width / ratio)``, and the border that was asked for.
        valid: ``(height, width)``, where the PAN and the nearest MS sample hold data.
    """

    pan: Integers
    ms: Integers
    valid: Mask


@dataclass(frozen=True)
class Scene:
    """Two rasters on one grid.

    Attributes:
        pan, ms: the rasters.
        grid: how they lie over each other.
        edge: upper and left edge of the MS raster in the PAN's pixel coordinates, as the files say.
        nodata: value that marks the fused scene's pixels without data, or None.
        profile: what the fused GeoTIFF takes over: crs, transform, dtype, descriptions, colorinterp.
        level: brings the MS's counts to the network's; None: they stay as they are.
        match: brings PAN's counts onto the MS's at its level; None: they stay as they are.
    """

    pan: Raster
    ms: Raster
    grid: Grid
    edge: tuple[float, float] = (0.0, 0.0)
    nodata: int | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)
    level: Level | None = None
    match: PanMatch | None = None

    def shifted(self, shift: tuple[float, float]) -> Scene:
        """The same scene with another misregistration (dy, dx) on top of what the files say, PAN pixels.

        It is positive where the MS's content lies further down and to the right than the files say.
        """
        return replace(self, grid=align(self.pan.size, self.ms.size, self.edge, self.grid.ratio, shift))

    def read(self, top: int, left: int, height: int, width: int, border: int = 0) -> Patch:
        """A window in scene coordinates, all four multiples of the ratio; edges are replicated without end.

        Args:
            border: more samples of the MS on each side.
        """
        ratio, grid = self.grid.ratio, self.grid
        pan, pan_valid = read_extended(self.pan, grid.pan_origin[0] + top, grid.pan_origin[1] + left, height, width)
        ms_top, ms_left = grid.ms_origin[0] + top // ratio, grid.ms_origin[1] + left // ratio
        rows, columns = height // ratio, width // ratio
        window = ms_top - border, ms_left - border, rows + 2 * border, columns + 2 * border
        ms, ms_valid = read_extended(self.ms, *window)
        pan, ms = _seen(pan, pan_valid, self.match), _seen(ms, ms_valid, self.level)
        ms_valid = ms_valid[border : border + rows, border : border + columns]
        if not ms_valid.all():
            sides = zip((height, width), grid.shift, strict=True)
            pan_valid = pan_valid & ms_valid[np.ix_(*(_nearest_sample(side, ratio, shift) for side, shift in sides))]
        return Patch(pan, ms, pan_valid)


def _seen(counts: Integers, valid: Mask, by: Level | PanMatch | None) -> Integers:
    """Counts as the network sees them; what stands for missing data stays."""
    if by is None:
        return counts
    seen = by.table[counts]
    return seen if valid.all() else np.where(valid, seen, counts)


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
    pan: npt.ArrayLike,
    ms: npt.ArrayLike,
    shift: tuple[float, float] = (0.0, 0.0),
    nodata: int | None = None,
) -> Scene:
    """A scene in memory: ``pan (1, H, W)`` and ``ms (B, h, w)`` whose upper left corners coincide."""
    fills = fill_values(model)
    pan, ms = np.asarray(pan), np.asarray(ms)
    if pan.ndim != 3 or len(pan) != 1 or ms.ndim != 3 or len(ms) != model.bands:
        raise SceneError(f"pan {pan.shape} and ms {ms.shape} must be (1, H, W) and ({model.bands}, h, w)")
    fine, coarse = ArrayRaster(pan, nodata, fills[0], "pan"), ArrayRaster(ms, nodata, fills[1], "ms")
    _check_extents((fine.size, coarse.size), model, "pan and ms")
    grid = align(fine.size, coarse.size, (0.0, 0.0), model.ratio, shift)
    return Scene(fine, coarse, grid, nodata=nodata, profile={"dtype": ms.dtype.name})


@contextmanager
def open_scene(
    pan_path: Path, ms_path: Path, model: IntegerModel, bands: Sequence[int] | None = None
) -> Iterator[Scene]:
    """Open a PAN and an MS file as a scene for ``model``.

    Args:
        model: sets ratio and bands.
        bands: the MS file's bands, from 1, in the model's order; None: all as they are.

    Raises:
        SceneIOError: a file cannot be read, or is another one at the end of the block.
        SceneError: the pair does not fit together or does not fit the model.
    """
    fills = fill_values(model)
    with (
        closing(TiffRaster(pan_path, fills[0])) as pan,
        closing(TiffRaster(ms_path, fills[1], bands)) as ms,
    ):
        edge = _georeference(pan, ms, model)
        pan.require(1, "PAN")
        ms.require(model.bands, f"MS of model {model.name}")
        dtype = np.dtype(ms.dataset.dtypes[0])
        with naming(f"{pan_path} and {ms_path}"):
            grid = align(pan.size, ms.size, edge, model.ratio)
        # A row of tiles shares its blocks with the next, and all of its tiles with each other.
        rows = DEFAULT_TILE + 2 * (model.halo() + model.alignment)
        with block_cache(pan.block_bytes(rows) + ms.block_bytes(rows // model.ratio + 2 * BORDER)):
            yield Scene(pan, ms, grid, edge, _fused_nodata(pan, ms, dtype), _profile(pan, ms, grid, dtype.name))
        pan.require_unchanged()
        ms.require_unchanged()


def _fused_nodata(pan: TiffRaster, ms: TiffRaster, dtype: np.dtype[Any]) -> int | None:
    """The MS's value, else the PAN's; 0 where ``dtype`` cannot hold that or masks alone tell (valid zeros move)."""
    nodata = ms.nodata if ms.nodata is not None else pan.nodata
    if nodata is None:
        return 0 if pan.masked or ms.masked else None
    limits = np.iinfo(dtype)
    return int(nodata) if limits.min <= nodata <= limits.max else 0


def _profile(pan: TiffRaster, ms: TiffRaster, grid: Grid, dtype: str) -> dict[str, Any]:
    top, left = grid.pan_origin
    own = pan.dataset.transform
    a, b, c, d, e, f = own[:6]
    moved = type(own)(a, b, c + a * left + b * top, d, e, f + d * left + e * top)
    return {
        "crs": pan.dataset.crs,
        "transform": None if own.is_identity else moved,
        "dtype": dtype,
        "descriptions": tuple(ms.dataset.descriptions[band - 1] for band in ms.bands),
        "colorinterp": tuple(ms.dataset.colorinterp[band - 1] for band in ms.bands),
    }


def _georeference(pan: TiffRaster, ms: TiffRaster, model: IntegerModel) -> tuple[float, float]:
    """Upper and left edge of the MS in the PAN's pixel coordinates; checks CRS and ratio."""
    pair = f"{pan.path} and {ms.path}"
    crs = pan.dataset.crs, ms.dataset.crs
    if all(crs) and crs[0] != crs[1]:
        raise SceneError(f"{pair}: the PAN is in {crs[0]}, the MS in {crs[1]}; warp one to the other's CRS (rio warp)")
    placed = not pan.dataset.transform.is_identity and not ms.dataset.transform.is_identity
    if not (all(crs) and placed):
        what = "geotransform" if all(crs) else f"CRS in {'one' if any(crs) else 'both'}"
        how = "the geotransforms are taken to share one" if placed else "they are aligned by extent and ratio"
        warnings.warn(f"{pair}: no {what}; {how}", GeoreferenceWarning, stacklevel=2)
    if not placed:
        _check_extents((pan.size, ms.size), model, pair)
        return 0.0, 0.0
    with naming(pair):
        relative = relative_transform(pan.dataset.transform, ms.dataset.transform)
        found = measured_ratio(relative, ms.size, model.ratio)
    if found != model.ratio:
        cure = "give the files in the order PAN MS" if found < 1 else "give a model of this ratio"
        raise SceneError(
            f"{pair}: an MS pixel is {found:.6g} PAN pixels wide; model {model.name} was made for ratio "
            f"{model.ratio}: {cure}"
        )
    return -relative[5] * model.ratio, -relative[2] * model.ratio


def _check_extents(sizes: tuple[tuple[int, int], tuple[int, int]], model: IntegerModel, pair: str) -> None:
    """Sizes of one place: PAN's and the ratio times MS's differ by less than an MS pixel."""
    (height, width), (ms_height, ms_width) = sizes
    ratio = model.ratio
    if abs(height - ratio * ms_height) >= ratio or abs(width - ratio * ms_width) >= ratio:
        raise SceneError(
            f"{pair}: {height} x {width} and {ms_height} x {ms_width} pixels are not ratio {ratio}, which model "
            f"{model.name} was made for; give a pair of one place, a georeferenced pair, or a model of this ratio"
        )
