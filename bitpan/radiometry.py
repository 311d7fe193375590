"""A scene's counts as a network wants them: integers measured once a scene, applied before anything else sees it.

A network is trained on scenes about as bright as its offset, on bands that stand to each other as its training's, and
on their contrast; how bright other sensors' counts are, through how much haze, and how many bits they take, is their
own. So each band of the MS gets a gain, and all one offset: the scene's *level*. It brings the band's strength,
``sqrt(mean * standard deviation)``, to its share in the training, the mean of all to the network's offset, and
stretches what is flatter than the training about that mean. The fused counts get the inverse. What the level rounds
off, where it has fewer counts than the scene, :mod:`bitpan.camera.consistency` puts back.

Sensors deliver PAN with a gain and an offset of their own, up to twice as bright as the mean of the bands; a network
that was trained on other gains takes the difference for light. PAN's means over blocks of MS pixels are regressed on
those of the bands' mean, ``PAN = slope * MS + intercept``, and PAN becomes ``(PAN - intercept) / slope``, its *match*.
Over such blocks neither the MS's blur nor a shift of a fraction of an MS pixel matters much; blocks far off the line,
as clouds in one image alone, are left out. Where PAN does not follow the mean, as over vegetation, which only the near
infrared sees bright, the bands count by what PAN sees of them, if the line gets steeper: a flat one would make too much
of PAN's detail.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import Integers, requantise
from bitpan.errors import FormatError
from bitpan.formats import Format

BLOCK = 4
"""MS pixels of a block's side."""

FRACTION = 20
"""Bits behind the point of gain and offset."""

FEWEST = 16
"""Blocks below which there is no line, but a ratio of means."""

LEAST_FIT = 0.5
"""Of the blocks' variance that the line should explain; below it the ratio of means is taken, and less of PAN."""

SURE_FIT = 0.8
"""Below it, the bands' mean may be less than what PAN sees of each."""

_EQUAL = 0.3  # how much bands' shares are drawn to equal ones, of a band's variance: those of like bands are not sure

_STEEPEST = 256.0  # a gain or its inverse: 16 bits over the 8 bits of a dark scene
_GAINS = int(2**FRACTION / _STEEPEST), int(2**FRACTION * _STEEPEST)
_FARTHEST = _GAINS[1] << 23  # a mean of PAN, and one of the MS by the steepest slope
_ROUNDS = 3
_FAR = 3 * 1.4826  # median deviations that are three standard deviations of a normal distribution

Float = npt.NDArray[np.float64]


BALANCE = "ms.balance"
"""What a model calls :func:`balance_of` its training among its constants."""

MOST_BITS = 16
"""Of a scene's counts; those of the model come with level and match."""

Counted: TypeAlias = npt.NDArray[np.uint16]
"""Counts of a scene: a quarter of the memory of :data:`.arithmetic.Integers`, which whoever subtracts them wants."""

BRIGHTEST = 1e-5
"""Share of a band's counts that a level may take out of the network's range."""

DARKEST = 1e-3
"""Share of a band's counts that a stretch may make 0."""

STEEPEST_STRETCH = 2.0
"""Of a scene about its mean."""

_FARTHEST_APART = 4.0
"""Gain of a band, at most, over the geometric mean of all, or under it."""


@dataclass(frozen=True)
class Level:
    """``(counts * gain + offset) / 2**20`` of each band, rounded half up, saturated; and the way back.

    Attributes:
        bits: unsigned bits of the result, the network's.
        gains: integers, one of each band.
        offset: an integer, that of all bands, 0 or less: what a stretch about the mean takes away.

    Raises:
        FormatError: one is no integer, or beyond what :func:`level_of` gives.
    """

    bits: int
    gains: tuple[int, ...]
    offset: int = 0

    @staticmethod
    def unchanged(bits: int, bands: int) -> Level:
        """That of counts which are as the network wants them."""
        return Level(bits, (1 << FRACTION,) * bands)

    @property
    def black(self) -> float:
        """What a count of 0 would become, were it not saturated."""
        return float(self.offset / 2**FRACTION)

    def __post_init__(self) -> None:
        for gain in self.gains:
            _require_integer("the MS's gain", gain, *_GAINS)
        _require_integer("the MS's offset", self.offset, -(1 << MOST_BITS + FRACTION), 0)

    @cached_property
    def table(self) -> Counted:
        """:meth:`apply` of every count of 16 bits, ``(B, 65536)``."""
        counts = np.broadcast_to(np.arange(1 << MOST_BITS), (len(self.gains), 1 << MOST_BITS))
        return self.apply(counts).astype(np.uint16)

    @cached_property
    def inverse(self) -> Integers:
        """Every count of the network in the scene's own, ``(B, 2**bits)``: ``(count * 2**20 - offset) / gain``."""
        gains = self._column(2)
        return ((np.arange(1 << self.bits, dtype=np.int64) << FRACTION) - self.offset + gains // 2) // gains

    def restored(self, counts: npt.NDArray[Any]) -> Integers:
        """A network's counts ``(B, ...)`` in the scene's own, of at most 16 bits."""
        return np.asarray(np.minimum(looked_up(self.inverse, counts), (1 << MOST_BITS) - 1), np.int64)

    def apply(self, counts: npt.ArrayLike) -> Integers:
        """Counts ``(B, ...)`` of up to 16 bits, at this level."""
        own = np.asarray(counts, dtype=np.int64)
        return requantise(own * self._column(own.ndim) + self.offset, FRACTION, Format(self.bits, signed=False))

    def _column(self, axes: int) -> Integers:
        return np.array(self.gains, dtype=np.int64).reshape(-1, *[1] * (axes - 1))


def looked_up(tables: npt.NDArray[Any], indices: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Each band's indices ``(B, ...)`` in its own table, ``(B, entries)``; take needs half the time of an index."""
    places = (index.astype(np.intp, copy=False) for index in indices)  # take wants what addresses have
    return np.stack([np.take(table, place) for table, place in zip(tables, places, strict=True)])


def histograms(counts: npt.NDArray[Any]) -> Integers:
    """How often each count of 16 bits is in each band, ``(B, ...)`` to ``(B, 65536)``."""
    bands = (band.ravel().astype(np.intp, copy=False) for band in counts)  # bincount wants what addresses have
    return np.stack([np.bincount(band, minlength=1 << MOST_BITS) for band in bands]).astype(np.int64, copy=False)


def level_of(found: Integers, bits: int, offset: int, balance: Sequence[float] = ()) -> Level:
    """The level of an MS with these :func:`histograms`, for a network of ``bits`` bits and this offset.

    Its mean comes to the offset; lower, where more than :data:`BRIGHTEST` of a band's counts would leave the range. At
    twice and at half this gain six real scenes lose 0.6 and 0.5 dB on average, at four times 4 dB.

    Then it is stretched about its mean by the root of the training's spread over its own, what its strengths lack,
    1 to :data:`STEEPEST_STRETCH`, as far as either end of the range allows. Four real scenes gain 0.04 to 0.2 dB; with
    the whole of the spread, instead of its root, 0 to 0.15, and synthetic ones lose.

    Args:
        balance: :func:`balance_of` the network's training. One without was trained on counts as they are, and gets them
            so, as far as the range allows.
    """
    if not found[:, 1:].any():
        return Level.unchanged(bits, len(found))
    counts, top = np.arange(found.shape[1]), (1 << bits) - 1
    totals = np.maximum(found.sum(axis=1), 1)
    means = found @ counts / totals
    darkest, brightest = _quantile(found, DARKEST), _quantile(found, 1 - BRIGHTEST)
    if not len(balance):
        return Level(bits, (_gain(min(1.0, top / max(brightest.max(), 1.0))),) * len(found))
    spreads = np.sqrt(np.maximum(found @ np.square(counts, dtype=np.float64) / totals - means * means, 0))
    strengths = np.sqrt(means * spreads)
    lacking = np.divide(balance, strengths, where=strengths > 0, out=np.ones(len(found)))
    common = np.exp(np.log(lacking[strengths > 0]).mean()) if strengths.any() else 1.0
    ratios = np.where(strengths > 0, lacking / common, 1.0).clip(1 / _FARTHEST_APART, _FARTHEST_APART)
    gain = min(offset / (ratios * means).mean(), top / max((ratios * brightest).max(), 1.0))
    seen = gain * ratios
    mean = (seen * means).mean()
    below, above = mean - (seen * darkest).min(), (seen * brightest).max() - mean
    room = min(mean / max(below, 1.0), (top - mean) / max(above, 1.0))
    stretch = np.clip(min(common / gain, room), 1.0, STEEPEST_STRETCH)
    return Level(bits, tuple(map(_gain, stretch * seen)), round(mean * (1 - stretch) * 2**FRACTION))


def _quantile(found: Integers, share: float) -> Float:
    """Of each band the least count that this share of its pixels does not exceed."""
    return np.array([np.searchsorted(np.cumsum(own), own.sum() * share) for own in found], dtype=np.float64)


def _gain(real: float) -> int:
    return int(np.clip(round(real * 2**FRACTION), *_GAINS))


def balance_of(images: Iterable[npt.NDArray[Any]], offset: int) -> tuple[float, ...]:
    """How strong the bands of some MS ``(B, H, W)`` are for a network of this offset; none where each has a flat band.

    An image's are ``sqrt(mean * standard deviation)``, with the mean of all its bands at the offset; of all images it
    is the geometric mean.
    """
    logarithms = []
    for image in images:
        means, spreads = (np.array([of(band, dtype=np.float64) for band in image]) for of in (np.mean, np.std))
        if (means * spreads).all():
            logarithms.append(np.log(np.sqrt(means * spreads) * offset / means.mean()))
    return tuple(np.exp(np.mean(logarithms, axis=0)).tolist()) if logarithms else ()


@dataclass(frozen=True)
class PanMatch:
    """``(gain * PAN + offset) / 2**20``, rounded half up, saturated: PAN as bright as the mean of the MS's bands.

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
        _require_integer("PAN's gain", self.gain, 0, _GAINS[1])
        _require_integer("PAN's offset", self.offset, -_FARTHEST, _FARTHEST)

    @cached_property
    def table(self) -> Counted:
        """:meth:`apply` of every count of 16 bits."""
        return self.apply(np.arange(1 << MOST_BITS)).astype(np.uint16)

    def apply(self, pan: npt.ArrayLike) -> Integers:
        """PAN's counts, of any shape and up to 16 bits, as they are after the match."""
        scaled = np.asarray(pan, dtype=np.int64) * self.gain + self.offset
        return requantise(scaled, FRACTION, Format(self.bits, signed=False))


def block_means(pan: npt.ArrayLike, ms: npt.ArrayLike, valid: npt.NDArray[np.bool_]) -> Float:
    """Means over the blocks that are valid throughout, ``(blocks, B + 1)``: of each band, of PAN.

    Args:
        pan: ``(1, H, W)``.
        ms: ``(B, H / ratio, W / ratio)``.
        valid: ``(H, W)``.
    """
    fine, coarse = np.asarray(pan)[0], np.asarray(ms)
    side = BLOCK * (len(fine) // coarse.shape[1])
    whole = whole_blocks(valid, side)
    sides = [(band, BLOCK) for band in coarse] + [(fine, side)]
    return np.column_stack([_blocks(image, size).mean(axis=(1, 3))[whole] for image, size in sides])


def whole_blocks(valid: npt.NDArray[np.bool_], side: int) -> npt.NDArray[np.bool_]:
    """Which blocks of ``side`` x ``side`` pixels, from the first on, are valid throughout."""
    return np.asarray(_blocks(valid, side).all(axis=(1, 3)))


def match_pan(means: Float, bits: int, black: float = 0.0) -> PanMatch:
    """The match from :func:`block_means` of a scene, or of samples of it; PAN as it is where there are none.

    Of a PAN that has little to do with the MS the less is taken the less of it the MS explains, of another place's
    nothing but its mean: the detail of such a PAN is worse than none.

    Args:
        black: what a level makes of a count of 0 in the MS; where there is no line PAN is 0 there.
    """
    bands, y = means[:, :-1], means[:, -1]
    x = bands.mean(axis=1)
    if not len(x) or not x.mean() or not y.mean():
        return PanMatch(bits)
    slope, intercept, fit = _line(x, y)
    if fit < SURE_FIT:
        found = _line(bands @ _shares(bands, y), y)
        if found[0] > slope and found[2] > fit:  # the steeper line: rather too little of PAN's detail than too much
            slope, intercept, fit = found
    share = 1.0
    if len(x) < FEWEST or fit < LEAST_FIT or not 1 / _STEEPEST < slope < _STEEPEST:
        slope = float(np.clip(y.mean() / (x.mean() - black), 1 / _STEEPEST, _STEEPEST))
        intercept = -slope * black
        if len(x) >= FEWEST:
            explained = max(fit, max(_correlation(x, y), 0.0) ** 2)  # lights on the sea lie far off the line
            share = min(explained / LEAST_FIT, 1.0)
    scale = 2.0**FRACTION / slope
    return PanMatch(bits, round(share * scale), round((1 - share) * scale * y.mean() - intercept * scale), fit)


def _correlation(x: Float, y: Float) -> float:
    """Pearson's; 0 where one of the two is all the same."""
    spreads = float(x.std()) * float(y.std())
    return float(np.mean((x - x.mean()) * (y - y.mean()))) / spreads if spreads else 0.0


def levelled(
    pan: npt.ArrayLike, ms: npt.NDArray[Any], bits: int, offset: int, balance: Sequence[float] = ()
) -> tuple[Integers, Integers, Level]:
    """A pair without gaps as a network of ``bits`` bits, this offset and balance wants it, and the level of its MS."""
    level = level_of(histograms(ms), bits, offset, balance)
    seen = level.apply(ms)
    means = block_means(pan, seen, np.ones(np.shape(pan)[1:], np.bool_))
    return match_pan(means, bits, level.black).apply(pan), seen, level


def _require_integer(name: str, value: object, least: int, most: int) -> None:
    if not isinstance(value, int) or not least <= value <= most:
        raise FormatError(f"{name} is {value!r}, no integer of {least} to {most}")


def _blocks(image: npt.NDArray[Any], side: int) -> npt.NDArray[Any]:
    """Whole blocks of an image, ``(rows, side, columns, side)``."""
    rows, columns = (size // side for size in image.shape)
    return image[: rows * side, : columns * side].reshape(rows, side, columns, side)


def _shares(bands: Float, pan: Float) -> Float:
    """How much PAN ``(blocks,)`` sees of each of the bands ``(blocks, B)``, ``(B,)``: none below 0, 1 in all.

    Least squares, drawn to equal shares.
    """
    own, size = bands - bands.mean(axis=0), bands.shape[1]
    squares, products = own.T @ own, own.T @ (pan - pan.mean())
    squares += _EQUAL * np.trace(squares) / size * (np.eye(size) - 1 / size)
    shares, seen = np.zeros(size), np.ones(size, np.bool_)
    while seen.any():
        found = np.linalg.lstsq(squares[np.ix_(seen, seen)], products[seen], rcond=None)[0]
        if (found >= 0).all():
            shares[seen] = found
            break
        seen[seen] = found > 0
    return shares / shares.sum() if shares.any() else np.full(size, 1 / size)


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
        if not own.std() * other.std():
            break
        correlation = _correlation(own, other)
        slope = correlation * float(other.std()) / float(own.std())
        intercept = float(other.mean() - slope * own.mean())
    return slope, intercept, max(correlation, 0.0) ** 2
