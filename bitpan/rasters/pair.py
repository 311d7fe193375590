"""A PAN and an MS of one place in files, opened as they are to be read, laid over each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bitpan.errors import SceneError, naming
from bitpan.intake.budget import require_bearable
from bitpan.rasters.counts import ROWS, Counts, counts_of
from bitpan.rasters.fill import settle
from bitpan.rasters.georeference import ASKED, ms_edge
from bitpan.rasters.grid import Grid, align
from bitpan.rasters.meaning import in_order, named
from bitpan.rasters.raster import Names, RasterFile, block_cache
from bitpan.rasters.unread import Image, Unread
from bitpan.rasters.validity import DECLARED, Mask, Nodata


@dataclass(frozen=True)
class Handling:
    """What is known of a pair better than its files say.

    Attributes:
        bands: the MS's bands to take, from 1, in this order; None: in the networks' order where the files say what
            their bands are, else all.
        nodata: values of PAN's and of MS's pixels without data, None for none; by default those that the files declare.
        everywhere: a pixel is without data only where all of its bands that have a value hold it, instead of any.
        align: one of :data:`bitpan.rasters.georeference.ALIGNMENTS`.
    """

    bands: tuple[int, ...] | None = None
    nodata: tuple[Nodata, Nodata] = (DECLARED, DECLARED)
    everywhere: bool = False
    align: str = "auto"

    @classmethod
    def of(
        cls,
        bands: Sequence[int] | None = None,
        nodata: Nodata | tuple[Nodata, Nodata] = DECLARED,
        everywhere: bool = False,
        align: str = "auto",
    ) -> Handling:
        """The same with any sequence of bands, and with one nodata value for both where there is one."""
        both = nodata if isinstance(nodata, tuple) else (nodata, nodata)
        return cls(None if bands is None else tuple(bands), both, everywhere, align)


@dataclass(frozen=True)
class Pair:
    """Two rasters on one grid.

    Attributes:
        pan, ms: the rasters.
        counts: how their values become counts.
        edge: upper and left edge of the MS raster in the PAN's pixel coordinates, as the files say.
        grid: how they lie over each other.
        chosen: bands that were not asked for but taken by what the file says of them; empty where there are none.
    """

    pan: RasterFile
    ms: RasterFile
    counts: tuple[Counts, Counts]
    edge: tuple[float, float]
    grid: Grid
    chosen: str = ""


@contextmanager
def open_pair(
    pan: Names,
    ms: Names,
    ratio: int,
    handling: Handling | None = None,
    count: int | None = None,
    maker: str = ASKED,
) -> Iterator[Pair]:
    """Open a PAN and an MS; at the end of the block they are closed, and must be the same files as before.

    Args:
        pan, ms: see :class:`bitpan.rasters.raster.RasterFile`.
        ratio: PAN pixels per MS pixel.
        count: of the bands that the MS must have; None: any.
        maker: what asks for the ratio, for messages.

    Raises:
        SceneIOError: a file cannot be read, or is another one at the end of the block.
        SceneError: the pair does not fit together.
    """
    own, chosen = handling or Handling(), ""
    with (
        closing(RasterFile(pan, None, own.nodata[0], own.everywhere)) as fine,
        closing(RasterFile(ms, own.bands, own.nodata[1], own.everywhere)) as coarse,
    ):
        if found := in_order(coarse, count or len(coarse.bands), own.bands is not None):
            coarse.take(found)
            chosen = named(found)
        require_bands(fine, 1, "PAN")
        if count:
            require_bands(coarse, count, "MS")
        settle(fine, coarse, own.nodata)
        edge = ms_edge(fine, coarse, ratio, maker, own.align)
        with naming(f"{fine.name} and {coarse.name}"):
            grid = align(fine.size, coarse.size, edge, ratio)
        yield Pair(fine, coarse, (counts_of(fine), counts_of(coarse)), edge, grid, chosen)
        fine.require_unchanged()
        coarse.require_unchanged()


def require_bands(raster: RasterFile, count: int, role: str) -> None:
    """Raise :class:`SceneError` unless a raster has so many bands."""
    if len(raster.bands) != count:
        alpha = " beside its alpha band" if raster.alpha else ""
        few = "name all files of the MS" if len(raster.bands) < count else "choose with --bands"
        cure = "choose one, as in FILE,band=1" if role == "PAN" else f"{few}, or give another model"
        raise SceneError(
            f"{raster.name}: has {len(raster.bands)} bands{alpha} where the {role} must have {count}: give the files "
            f"in the order PAN MS, or {cure}"
        )


@dataclass(frozen=True)
class Whole:
    """A pair's counts over the MS pixels that lie with all of their PAN pixels in both rasters.

    Attributes:
        pan, ms: ``(1, H, W)`` and ``(B, h, w)``, uint16, 0 where there is no data.
        pan_valid, ms_valid: ``(H, W)`` and ``(h, w)``, where they hold data.
        shift: displacement (dy, dx) of the MS samples' centres against their PAN blocks, at most half a PAN pixel.
    """

    pan: Image
    ms: Image
    pan_valid: Image
    ms_valid: Image
    shift: tuple[float, float]


Window = tuple[int, int, int, int]
"""First row, first column, height and width."""


def whole_windows(pair: Pair) -> tuple[Window, Window, tuple[float, float]]:
    """Of PAN and MS: the MS pixels that lie with all of their PAN pixels in both; and what is left of a shift.

    Raises:
        SceneError: there is none.
    """
    axes = [_whole(*each, pair.grid.ratio) for each in zip(pair.pan.size, pair.ms.size, pair.edge, strict=True)]
    (top, ms_top, height, dy), (left, ms_left, width, dx) = axes
    if min(height, width) <= 0:
        raise SceneError(f"{pair.pan.name} and {pair.ms.name}: no MS pixel lies whole in both; give a larger pair")
    ratio = pair.grid.ratio
    return (top, left, ratio * height, ratio * width), (ms_top, ms_left, height, width), (dy, dx)


def read_whole(pair: Pair) -> Whole:
    """All of a pair in counts; errors as of :func:`whole_windows`."""
    fine, coarse, shift = whole_windows(pair)
    (pan, pan_valid), (ms, ms_valid) = _read(pair.pan, pair.counts[0], *fine), _read(pair.ms, pair.counts[1], *coarse)
    return Whole(pan, ms, pan_valid, ms_valid, shift)


def unread_whole(pair: Pair, files: ExitStack, cache: int) -> Whole:
    """The same, read where it is looked at, from the pair's files, which ``files`` holds open as long.

    GDAL keeps ``cache`` bytes of blocks meanwhile. Whoever reads a part raises :class:`SceneIOError` where the files
    are no more what they were.
    """
    fine, coarse, shift = whole_windows(pair)

    def images(raster: RasterFile, counts: Counts, window: Window) -> tuple[Unread, Unread]:
        def read(
            top: int, left: int, height: int, width: int, _open: ExitStack = files
        ) -> tuple[npt.NDArray[np.uint16], Mask]:
            with block_cache(cache):
                found = _read(raster, counts, window[0] + top, window[1] + left, height, width)
            raster.require_unchanged()
            return found

        shape = len(raster.bands), *window[2:]
        values = Unread(lambda *part: read(*part)[0], shape, np.uint16)
        return values, Unread(lambda *part: read(*part)[1], window[2:], np.bool_)

    pan, pan_valid = images(pair.pan, pair.counts[0], fine)
    ms, ms_valid = images(pair.ms, pair.counts[1], coarse)
    return Whole(pan, ms, pan_valid, ms_valid, shift)


def _read(
    raster: RasterFile, counts: Counts, top: int, left: int, height: int, width: int
) -> tuple[npt.NDArray[np.uint16], Mask]:
    """Counts of a window, 0 where there is no data, and where there is; read by rows, for files hold wider types."""
    require_bearable(f"{raster.name}: {height} x {width} pixels", 2 * len(raster.bands) * height * width)
    whole = np.zeros((len(raster.bands), height, width), np.uint16)
    valid = np.empty((height, width), np.bool_)
    for row in range(0, height, ROWS):
        rows = slice(row, min(row + ROWS, height))
        values, valid[rows] = raster.read(top + row, left, rows.stop - row, width)
        whole[:, rows] = np.where(valid[rows], counts.of(values), 0)
    return whole, valid


def _whole(pan: int, ms: int, edge: float, ratio: int) -> tuple[int, int, int, float]:
    """Along an axis: first PAN pixel, first MS pixel, number of MS pixels, and what is left of the edge."""
    start = math.floor(edge + 0.5)
    first = max(0, -(start // ratio))
    last = min(ms, (pan - start) // ratio)
    return start + ratio * first, first, last - first, edge - start
