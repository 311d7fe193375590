"""What a scene reads from: files and arrays, by windows, with pixels without data filled for the network."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.errors import SceneError
from bitpan.radiometry import MOST_BITS, Counted
from bitpan.rasters import Mask, RasterFile
from bitpan.rasters.counts import Counts
from bitpan.rasters.unread import ImageLike, sliceable


def read_extended(
    raster: ArrayRaster | FileRaster, top: int, left: int, height: int, width: int
) -> tuple[Counted, Mask]:
    """A window that may lie partly or wholly outside the raster, which replicated edges extend without end."""
    rows = np.clip(np.arange(top, top + height), 0, raster.size[0] - 1)
    columns = np.clip(np.arange(left, left + width), 0, raster.size[1] - 1)
    first_row, first_column = int(rows[0]), int(columns[0])
    values, valid = raster.read(
        first_row, first_column, int(rows[-1]) - first_row + 1, int(columns[-1]) - first_column + 1
    )
    if valid.shape == (height, width):
        return values, valid
    beyond = [_beyond(rows), _beyond(columns)]
    return np.pad(values, [(0, 0), *beyond], mode="edge"), np.pad(valid, beyond, mode="edge")


def _beyond(indices: npt.NDArray[np.intp]) -> tuple[int, int]:
    """How often the first of clipped indices is repeated, and the last."""
    before = int(np.searchsorted(indices, indices[0], side="right")) - 1
    return before, len(indices) - before - int(indices[-1] - indices[0] + 1)


def _filled(values: npt.NDArray[Any], valid: Mask, fill: int, name: str, bits: int = MOST_BITS) -> tuple[Counted, Mask]:
    """Put ``fill`` where pixels are not ``valid``; refuse values that need more than ``bits`` bits."""
    if values.dtype.kind != "u" or 8 * values.dtype.itemsize > bits:
        values = np.where(valid, values.astype(np.int64, copy=False), fill)
        low, high = int(values.min()), int(values.max())
        if low < 0 or high >= 1 << bits:
            wrong = low if low < 0 else high
            raise SceneError(
                f"{name}: holds the value {wrong}, which is none of {bits} bits (0 to {(1 << bits) - 1}): "
                "declare its nodata value, or rescale the image"
            )
    counts: npt.NDArray[Any] = values.astype(np.uint16 if bits <= MOST_BITS else np.int32, copy=False)
    if not valid.all():
        counts = np.where(valid, counts, counts.dtype.type(fill))
    return counts, valid


class ArrayRaster:
    """An image in memory, or one that is read as :mod:`bitpan.rasters.unread` says.

    Args:
        values: ``(bands, height, width)`` unsigned integers, read by windows where they are unread.
        nodata: value of pixels without data, or None.
        fill: what the network sees instead of them.
        name: for error messages.
        bits: that the values must fit.
    """

    def __init__(
        self,
        values: ImageLike,
        nodata: float | None = None,
        fill: int = 0,
        name: str = "the array",
        bits: int = MOST_BITS,
    ) -> None:
        self._values, self._nodata = sliceable(values), nodata
        self.name, self._seen = name, (fill, name, bits)
        self.size: tuple[int, int] = (self._values.shape[1], self._values.shape[2])

    def read(self, top: int, left: int, height: int, width: int) -> tuple[Counted, Mask]:
        """A window within it: ``(bands, height, width)`` and, ``(height, width)``, where it is valid."""
        window = np.asarray(self._values[:, top : top + height, left : left + width])
        valid = np.ones(window.shape[1:], np.bool_) if self._nodata is None else (window != self._nodata).all(axis=0)
        return _filled(window, valid, *self._seen)


class FileRaster:
    """A raster file in counts; which of its pixels hold data says :mod:`bitpan.rasters.validity`.

    Args:
        file: open for reading.
        counts: how its values become counts.
        fill: what the network sees instead of pixels without data.
    """

    def __init__(self, file: RasterFile, counts: Counts, fill: int = 0) -> None:
        self.file, self.counts, self.name, self.size = file, counts, file.name, file.size
        self._seen = (fill, file.name)

    def read(self, top: int, left: int, height: int, width: int) -> tuple[Counted, Mask]:
        """See :meth:`ArrayRaster.read`; a damaged file raises :class:`SceneIOError`."""
        values, valid = self.file.read(top, left, height, width)
        if not valid.all():
            values = np.where(valid, values, values.dtype.type())  # no counts, for instance NaN
        return _filled(self.counts.of(values), valid, *self._seen)


Raster = ArrayRaster | FileRaster
"""What a scene reads from."""
