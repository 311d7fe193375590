"""Whole counts of at most 16 bits, of files that hold others: reflectances, negative numbers, more bits.

``value = count * step + low``, with a step that is a power of two, so that counts become values again without error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.errors import SceneError
from bitpan.radiometry import MOST_BITS
from bitpan.rasters.raster import RasterFile

ROWS = 256
"""Read at a time."""

_TOP = (1 << MOST_BITS) - 1
_SAMPLE = 1_000_000  # values of which few may be far from all others
_FEW = 10_000  # one value in so many may lie far from all others
_FAR = 64.0  # times the range of all others


@dataclass(frozen=True)
class Counts:
    """How a file's values become counts.

    Attributes:
        step: of values, a power of two.
        low: the value of count 0.
    """

    step: float = 1.0
    low: float = 0.0

    def of(self, values: npt.NDArray[Any]) -> npt.NDArray[np.integer[Any]]:
        """The nearest counts, rounded half up, of any shape; what is no number is taken for 0.

        Whole values that are their own counts stay what they are, of their type.
        """
        if self == Counts() and values.dtype.kind in "iu":
            return values
        return np.floor((np.nan_to_num(values.astype(np.float64)) - self.low) / self.step + 0.5).astype(np.int64)

    def values(self, counts: npt.ArrayLike, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Values of counts in a file's type, within its range."""
        own = np.asarray(counts) * self.step + self.low
        if np.dtype(dtype).kind in "iu":
            limits = np.iinfo(np.dtype(dtype))
            own = np.clip(own, limits.min, limits.max)
        return own.astype(dtype)


def counts_of(raster: RasterFile) -> Counts:
    """How a raster's values become counts: as they are where they are unsigned and of 16 bits, else by their range.

    Raises:
        SceneError: a few values lie so far from all others that they must be no data.
    """
    if all(np.dtype(dtype).kind == "u" and np.dtype(dtype).itemsize <= 2 for dtype in raster.dtypes):
        return Counts()
    found = _range(raster)
    if found is None:
        return Counts()
    low, high, few = found
    whole = all(np.dtype(dtype).kind in "iu" for dtype in raster.dtypes)
    if low >= 0 and high <= _TOP and whole:
        return Counts()
    if high - low > _FAR * (few[1] - few[0]) > 0:
        _, odd = max((few[0] - low, low), (high - few[1], high))
        raise SceneError(
            f"{raster.name}: nearly all other values lie in {few[0]:.6g} to {few[1]:.6g}, and one is {odd:.6g}: "
            f"declare it as nodata (--nodata {odd:.9g})"
        )
    low = min(low, 0.0)
    step = 2.0 ** math.ceil(math.log2(max(high - low, 1e-30) / (_TOP - 1)))
    if whole:
        step = max(step, 1.0)
    return Counts(step, math.floor(low / step) * step)


def _range(raster: RasterFile) -> tuple[float, float, tuple[float, float]] | None:
    """Least and largest value, and those between which nearly all others lie; None where there is no data."""
    (height, width), low, high, sample = raster.size, math.inf, -math.inf, []
    every = max(1, len(raster.bands) * height * width // _SAMPLE)
    for top in range(0, height, ROWS):
        values, valid = raster.read(top, 0, min(ROWS, height - top), width)
        values = values[:, valid]
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
            sample.append(values.ravel()[::every])
    if not sample:
        return None
    values = np.concatenate(sample).astype(np.float64)
    for fill in (low, high):  # which any number of pixels may have; 0 is within the counts' range in any case
        others = values[values != fill]
        if fill and others.size:
            few = _nearly_all(others)
            if max(few[0] - low, high - few[1]) > _FAR * (few[1] - few[0]) > 0:
                return low, high, few
    return low, high, _nearly_all(values)


def _nearly_all(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Least and largest but for a few."""
    least, largest = np.quantile(values, 1 / _FEW, method="higher"), np.quantile(values, 1 - 1 / _FEW, method="lower")
    return float(least), float(largest)
