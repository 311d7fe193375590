"""Fill that nobody has declared: a value that a scene's border has and its middle has not."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from bitpan.errors import NodataWarning
from bitpan.rasters.raster import RasterFile
from bitpan.rasters.validity import DECLARED, Nodata

LOOKS = 24
"""Places looked at along each side."""

LEAST = 0.03
"""Share of the places at the border from which on a value is fill."""


def border_fill(raster: RasterFile) -> tuple[float, float] | None:
    """The value that most pixels of the border have of those that fill may have, and its share.

    That is 0, the type's largest, and the least that the border has where that is negative. None where the file says
    where its data is, or where hardly a pixel at the border has such a value in all bands.
    """
    if raster.nodata is not None or raster.masked:
        return None
    values = np.concatenate([_pixel(raster, row, column) for row, column in _border(raster.size)], axis=1)
    least, dtype = float(np.min(values, where=np.isfinite(values), initial=0.0)), np.dtype(raster.dtypes[0])
    ends = {0.0, least} | ({float(np.iinfo(dtype).max)} if dtype.kind != "f" else set())
    shares = {end: float((values == end).all(axis=0).mean()) for end in ends}
    value, share = max(shares.items(), key=lambda item: item[1])
    return (value, share) if share >= LEAST else None


def _border(size: tuple[int, int]) -> list[tuple[int, int]]:
    height, width = size
    rows = np.unique(np.linspace(0, height - 1, LOOKS).astype(int)).tolist()
    columns = np.unique(np.linspace(0, width - 1, LOOKS).astype(int)).tolist()
    sides = [(row, column) for row in rows for column in (0, width - 1)]
    return sides + [(row, column) for row in (0, height - 1) for column in columns]


def _pixel(raster: RasterFile, row: int, column: int) -> npt.NDArray[np.float64]:
    return raster.read(row, column, 1, 1)[0][:, :, 0].astype(np.float64)


def settle(pan: RasterFile, ms: RasterFile, given: tuple[Nodata, Nodata]) -> None:
    """Where no value was given and none is declared, the other's holds if the border has it.

    A :class:`NodataWarning` says which value was taken from the other file, and which looks like fill and is data to
    everybody.
    """
    fills = [border_fill(raster) if own == DECLARED else None for raster, own in zip((pan, ms), given, strict=True)]
    declared = pan.nodata, ms.nodata
    for raster, other, its, fill in ((pan, ms, declared[1], fills[0]), (ms, pan, declared[0], fills[1])):
        if fill is None:
            continue
        value, share = fill
        said = f"declares no nodata value, and {value:g} is taken for data, though"
        if its == value:
            raster.declare(value)
            said = f"declares no nodata value; {value:g}, which {other.name} declares, is taken, since"
        warnings.warn(
            f"{raster.name}: {said} {share:.0%} of its border has it; say what it is with --nodata {value:g} or "
            "--nodata none",
            NodataWarning,
            stacklevel=4,
        )
