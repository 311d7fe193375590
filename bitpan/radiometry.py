"""PAN's counts brought onto the MS's: a line fitted once a scene, applied as integers before anything else sees PAN.

Sensors deliver PAN with a gain and an offset of their own, up to twice as bright as the mean of the bands; a network
that was trained on other gains takes the difference for light. PAN's means over blocks of MS pixels are regressed on
those of the bands' mean, ``PAN = slope * MS + intercept``, and PAN becomes ``(PAN - intercept) / slope``. Over such
blocks neither the MS's blur nor a shift of a fraction of an MS pixel matters much; blocks far off the line, as clouds
in one image alone, are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import Integers, requantise
from bitpan.errors import FormatError
from bitpan.formats import Format

BLOCK = 4
"""MS pixels of a block's side."""

FRACTION = 14
"""Bits behind the point of gain and offset."""

FEWEST = 16
"""Blocks below which there is no line, but a ratio of means."""

LEAST_FIT = 0.5
"""Of the blocks' variance that the line should explain; below it the ratio of means is taken."""

_STEEPEST = 64.0  # a slope or its inverse; beyond it the two are not of one scene
_GAINS = int(2**FRACTION / _STEEPEST), int(2**FRACTION * _STEEPEST)
_FARTHEST = _GAINS[1] << 23  # a mean of PAN, and one of the MS by the steepest slope
_ROUNDS = 3
_FAR = 3 * 1.4826  # median deviations that are three standard deviations of a normal distribution

Float = npt.NDArray[np.float64]


PAN_BITS = 16
"""Most bits of PAN's counts; those of the model come with the match."""


@dataclass(frozen=True)
class PanMatch:
    """``(gain * PAN + offset) / 2**14``, rounded half up, saturated: PAN as bright as the mean of the MS's bands.

    Attributes:
        bits: unsigned bits of the result, the MS's.
        gain, offset: integers.
        fit: share of the variance of PAN's blocks, those far off the line left out, that the MS explains, 0 to 1.

    Raises:
        FormatError: gain or offset is no integer, or beyond what :func:`match_pan` gives.
    """

    bits: int
    gain: int = 1 << FRACTION
    offset: int = 0
    fit: float = 1.0

    def __post_init__(self) -> None:
        for name, least, most in (("gain", _GAINS[0], _GAINS[1]), ("offset", -_FARTHEST, _FARTHEST)):
            value = getattr(self, name)
            if not isinstance(value, int) or not least <= value <= most:
                raise FormatError(f"PAN's {name} is {value!r}, no integer of {least} to {most}")

    @cached_property
    def table(self) -> Integers:
        """:meth:`apply` of every count of 16 bits."""
        return self.apply(np.arange(1 << PAN_BITS))

    def apply(self, pan: npt.ArrayLike) -> Integers:
        """PAN's counts, of any shape and up to 16 bits, as they are after the match."""
        scaled = np.asarray(pan, dtype=np.int64) * self.gain + self.offset
        return requantise(scaled, FRACTION, Format(self.bits, signed=False))


def block_means(pan: npt.ArrayLike, ms: npt.ArrayLike, valid: npt.NDArray[np.bool_]) -> Float:
    """Means over the blocks that are valid throughout, ``(blocks, 2)``: of the bands' mean, of PAN.

    Args:
        pan: ``(1, H, W)``.
        ms: ``(B, H / ratio, W / ratio)``.
        valid: ``(H, W)``.
    """
    fine, coarse = np.asarray(pan)[0], np.asarray(ms).mean(axis=0)
    side = BLOCK * (fine.shape[-1] // coarse.shape[-1])
    whole = whole_blocks(valid, side)
    means = (_blocks(image, size).mean(axis=(1, 3)) for image, size in ((coarse, BLOCK), (fine, side)))
    return np.stack([each[whole] for each in means], axis=-1)


def whole_blocks(valid: npt.NDArray[np.bool_], side: int) -> npt.NDArray[np.bool_]:
    """Which blocks of ``side`` x ``side`` pixels, from the first on, are valid throughout."""
    return np.asarray(_blocks(valid, side).all(axis=(1, 3)))


def match_pan(means: Float, bits: int) -> PanMatch:
    """The match from :func:`block_means` of a scene, or of samples of it; PAN as it is where there are none."""
    x, y = means.T
    if not len(x) or not x.mean() or not y.mean():
        return PanMatch(bits)
    slope, intercept, fit = _line(x, y)
    if len(x) < FEWEST or fit < LEAST_FIT or not 1 / _STEEPEST < slope < _STEEPEST:
        slope, intercept = float(np.clip(y.mean() / x.mean(), 1 / _STEEPEST, _STEEPEST)), 0.0
    scale = 2.0**FRACTION / slope
    return PanMatch(bits, round(scale), round(-intercept * scale), fit)


def matched_pan(pan: npt.ArrayLike, ms: npt.ArrayLike, bits: int) -> Integers:
    """PAN ``(1, H, W)`` of a pair without gaps as bright as its MS ``(B, H / ratio, W / ratio)`` of ``bits`` bits."""
    everywhere = np.ones(np.shape(pan)[1:], np.bool_)
    return match_pan(block_means(pan, ms, everywhere), bits).apply(pan)


def _blocks(image: npt.NDArray[Any], side: int) -> npt.NDArray[Any]:
    """Whole blocks of an image, ``(rows, side, columns, side)``."""
    rows, columns = (size // side for size in image.shape)
    return image[: rows * side, : columns * side].reshape(rows, side, columns, side)


def _line(x: Float, y: Float) -> tuple[float, float, float]:
    """Slope and intercept of y over x by least squares without what lies far off, and what they explain of the rest.

    It begins with a line through the quartiles, which a quarter of the blocks cannot move.
    """
    (low, middle, high), (below, centre, above) = (np.quantile(values, (0.25, 0.5, 0.75)) for values in (x, y))
    slope = float((above - below) / (high - low)) if high > low else 0.0
    intercept, correlation = float(centre - slope * middle), 0.0
    for _ in range(_ROUNDS):
        off = np.abs(y - slope * x - intercept)
        kept = off <= _FAR * np.median(off)
        own, other = x[kept], y[kept]
        spread, rise = float(own.std()), float(other.std())
        if not spread * rise:
            break
        correlation = float(np.mean((own - own.mean()) * (other - other.mean()))) / (spread * rise)
        slope = correlation * rise / spread
        intercept = float(other.mean() - slope * own.mean())
    return slope, intercept, max(correlation, 0.0) ** 2
