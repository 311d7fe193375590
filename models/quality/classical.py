"""Classical pan-sharpening to measure the networks against, by the names of the published tables: ``METHODS``.

Each takes ``pan (1, H, W)`` and ``ms (B, H/ratio, W/ratio)`` in counts of ``bits`` and gives ``(B, H, W)`` uint16. All
start from the MS upsampled by ``bitpan.arithmetic.interpolate``, the networks' own interpolator (Keys' cubic,
block-aligned, in integers), and reduce by the filters of :mod:`.imagery.degrade`, block-aligned too, so that the
tables compare methods and not kernels; the tests hold them to the literature's tables with its own kernels too.
``sensor`` is a key of ``SENSORS``, whose MTF the filters are matched to. :mod:`injections` says what each does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import BORDER, interpolate, keys_coefficients
from bitpan.models.imagery.degrade import (
    SENSORS,
    Counts,
    Float,
    degrade,
    filtered,
    nyquist_gains,
    require_pair,
    to_counts,
)
from bitpan.models.quality import injections

SMOOTH_GAIN = SENSORS["generic"].ms
"""Nyquist gain of the PAN where a method wants it as smooth as any MS, whatever the sensor: it knows no MTF."""

FINE_BITS = 8
"""Fraction bits that the integer interpolator keeps of an image between the counts."""


def upsample(ms: npt.ArrayLike, ratio: int, shift: tuple[float, float] = (0.0, 0.0)) -> npt.NDArray[np.int64]:
    """The integer interpolator, ``(B, h, w) -> (B, ratio*h, ratio*w)``, not clipped, edges replicated.

    The shift (dy, dx) is how far the MS samples' centres lie below and right of their blocks', in PAN pixels.
    """
    ms = np.asarray(ms)
    whole = [math.floor(0.5 - part / ratio) for part in shift]  # MS pixels from a block to the sample nearest to it
    sides = zip(ms.shape[1:], whole, strict=True)
    rows, columns = (np.clip(np.arange(-BORDER, size + BORDER) + n, 0, size - 1) for size, n in sides)
    rest = (keys_coefficients(ratio, part + ratio * n) for part, n in zip(shift, whole, strict=True))
    return interpolate(ms[:, rows[:, None], columns], *rest)


def upsample_fine(image: npt.ArrayLike, ratio: int) -> Float:
    """The same for an image between the counts: a reduced PAN rounded to counts would leave steps in every detail."""
    fine = np.round(np.asarray(image, dtype=np.float64) * 2**FINE_BITS)
    return np.asarray(upsample(fine, ratio) / 2**FINE_BITS)


def pan_low(pan: npt.ArrayLike, bands: int, ratio: int, sensor: str) -> Float:
    """The PAN as each MS band would have seen it, upsampled as the MS is: ``(1, H, W) -> (bands, H, W)``."""
    gains = nyquist_gains(sensor, bands)
    different = sorted(set(gains))
    reduced = degrade(np.repeat(np.asarray(pan), len(different), axis=0), ratio, different)
    fine = upsample_fine(reduced, ratio)
    return np.asarray(fine[[different.index(gain) for gain in gains]])


@dataclass(frozen=True)
class _Pair:
    """What methods start from."""

    pan: Float
    ms: Float
    ratio: int
    sensor: str
    shift: tuple[float, float]

    @cached_property
    def lms(self) -> Float:
        return upsample(self.ms, self.ratio, self.shift).astype(np.float64)

    @cached_property
    def pan_low(self) -> Float:
        return pan_low(self.pan, len(self.ms), self.ratio, self.sensor)

    def pan_lr(self, gain: tuple[float, ...]) -> Float:
        """The PAN on the MS's grid."""
        centre = ((self.ratio - 1) / 2 + self.shift[0], (self.ratio - 1) / 2 + self.shift[1])
        return np.asarray(degrade(self.pan, self.ratio, gain, centre)[0])


def _method(fuse: Callable[[_Pair], Float]) -> Callable[..., Counts]:
    def counts(
        pan: npt.ArrayLike,
        ms: npt.ArrayLike,
        ratio: int,
        bits: int,
        sensor: str = "generic",
        shift: tuple[float, float] = (0.0, 0.0),
    ) -> Counts:
        pan, ms = np.asarray(pan, dtype=np.float64), np.asarray(ms, dtype=np.float64)
        require_pair(pan, ms, ratio)
        return to_counts(fuse(_Pair(pan, ms, ratio, sensor, shift)), bits)

    return counts


def _bdsd_pc(own: _Pair) -> Float:
    ms_low = filtered(own.ms, own.ratio, nyquist_gains(own.sensor, len(own.ms)))
    return injections.bdsd_pc_inject(own.pan, own.lms, own.pan_lr((SENSORS[own.sensor].pan,)), own.ms, ms_low)


METHODS = {
    "EXP": _method(lambda own: own.lms),
    "Brovey": _method(lambda own: injections.brovey_inject(own.pan, own.lms)),
    "BT-H": _method(lambda own: injections.bt_h_inject(own.pan, own.lms, filtered(own.pan, own.ratio, SMOOTH_GAIN)[0])),
    "GSA": _method(lambda own: injections.gsa_inject(own.pan, own.ms, own.lms, own.pan_lr(SMOOTH_GAIN))),
    "BDSD-PC": _method(_bdsd_pc),
    "MTF-GLP": _method(lambda own: injections.glp_inject(own.pan, own.lms, own.pan_low)),
    "MTF-GLP-FS": _method(lambda own: injections.glp_fs_inject(own.pan, own.lms, own.pan_low)),
    "MTF-GLP-HPM": _method(lambda own: injections.glp_hpm_inject(own.pan, own.lms, own.pan_low)),
}
"""``(pan, ms, ratio, bits, sensor="generic", shift=(0, 0)) -> fused``; the shift is as of :func:`upsample`.

EXP is the upsampled MS alone, what fusion must beat.
"""
