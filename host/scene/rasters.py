"""What a scene reads from: files and arrays, by windows, with pixels without data filled for the network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import Integers
from bitpan.errors import SceneError
from bitpan.radiometry import MOST_BITS
from bitpan.rasters import Mask, RasterFile


def read_extended(
    raster: ArrayRaster | TiffRaster, top: int, left: int, height: int, width: int
) -> tuple[Integers, Mask]:
    """A window that may lie partly or wholly outside the raster, which replicated edges extend without end."""
    rows = np.clip(np.arange(top, top + height), 0, raster.size[0] - 1)
    columns = np.clip(np.arange(left, left + width), 0, raster.size[1] - 1)
    first_row, first_column = int(rows[0]), int(columns[0])
    values, valid = raster.read(
        first_row, first_column, int(rows[-1]) - first_row + 1, int(columns[-1]) - first_column + 1
    )
    if values.shape[1:] == (height, width):
        return values, valid
    beyond = [_beyond(rows), _beyond(columns)]
    return np.pad(values, [(0, 0), *beyond], mode="edge"), np.pad(valid, beyond, mode="edge")


def _beyond(indices: npt.NDArray[np.intp]) -> tuple[int, int]:
    """How often the first of clipped indices is repeated, and the last."""
    before = int(np.searchsorted(indices, indices[0], side="right")) - 1
    return before, len(indices) - before - int(indices[-1] - indices[0] + 1)


def _filled(
    values: npt.NDArray[Any], valid: Mask, fill: int, name: str, bits: int = MOST_BITS
) -> tuple[Integers, Mask]:
    """Put ``fill`` where pixels are not ``valid``; refuse values that need more than ``bits`` bits."""
    values = values.astype(np.int64)
    if not valid.all():
        values = np.where(valid, values, fill)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high >= 1 << bits:
        wrong = low if low < 0 else high
        raise SceneError(
            f"{name}: holds the value {wrong}, which is none of {bits} bits (0 to {(1 << bits) - 1}): "
            "declare its nodata value, or rescale the image"
        )
    return values, valid


class ArrayRaster:
    """An image in memory.

    Args:
        values: ``(bands, height, width)`` unsigned integers.
        nodata: value of pixels without data, or None.
        fill: what the network sees instead of them.
        name: for error messages.
        bits: that the values must fit.
    """

    def __init__(
        self,
        values: npt.ArrayLike,
        nodata: int | None = None,
        fill: int = 0,
        name: str = "the array",
        bits: int = MOST_BITS,
    ) -> None:
        self._values, self._nodata = np.asarray(values), nodata
        self._seen = (fill, name, bits)
        self.size: tuple[int, int] = (self._values.shape[1], self._values.shape[2])

    def read(self, top: int, left: int, height: int, width: int) -> tuple[Integers, Mask]:
        """A window within it: ``(bands, height, width)`` and, ``(height, width)``, where it is valid."""
        window = self._values[:, top : top + height, left : left + width]
        valid = np.ones(window.shape[1:], np.bool_) if self._nodata is None else (window != self._nodata).all(axis=0)
        return _filled(window, valid, *self._seen)


class TiffRaster(RasterFile):
    """A raster file of integers; which of its pixels hold data says :mod:`bitpan.rasters`.

    Args:
        path, bands: as of :class:`RasterFile`.
        fill: as of :class:`ArrayRaster`.
    """

    def __init__(self, path: Path, fill: int = 0, bands: Sequence[int] | None = None) -> None:
        super().__init__(path, bands)
        self._seen = (fill, str(path))

    def require(self, bands: int, role: str) -> None:
        """Raise :class:`SceneError` unless the file has ``bands`` bands of integers."""
        if len(self.bands) != bands:
            alpha = " beside its alpha band" if self.alpha else ""
            raise SceneError(
                f"{self.path}: has {len(self.bands)} bands{alpha} where the {role} must have {bands}: give the files "
                "in the order PAN MS, choose MS bands with --bands, or give a model made for these bands"
            )
        for dtype in set(self.dataset.dtypes):
            if np.dtype(dtype).kind not in "iu":
                raise SceneError(
                    f"{self.path}: holds {dtype}; the model takes integer counts: give the imagery as delivered, or "
                    "convert it (gdal_translate -ot UInt16 -scale)"
                )

    def read(self, top: int, left: int, height: int, width: int) -> tuple[Integers, Mask]:
        """See :meth:`ArrayRaster.read`; a damaged file raises :class:`SceneIOError`."""
        values, valid = super().read(top, left, height, width)
        return _filled(values, valid, *self._seen)


Raster = ArrayRaster | TiffRaster
"""What a scene reads from."""
