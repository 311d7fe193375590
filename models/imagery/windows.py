"""Wald's protocol on images that are not in memory: what is looked at is reduced when it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.models.imagery.degrade import TAPS, Float, degrade, nyquist_gains, reduced_pan, to_counts
from bitpan.radiometry import MOST_BITS
from bitpan.rasters.unread import Unread


def reduced(
    pan: Unread, ms: Unread, ratio: int, sensor: str, shift: tuple[float, float], bits: int
) -> tuple[Unread, Unread]:
    """PAN and MS of :func:`bitpan.models.imagery.degrade.wald` in counts, equal to it; the MS is the truth.

    Args:
        pan, ms: ``(1, ratio * h, ratio * w)`` and ``(B, h, w)`` of whole blocks.
        bits: of the reduced MS.
    """
    gains, reach = nyquist_gains(sensor, len(ms)), math.ceil((TAPS + max(map(abs, shift))) / ratio) + 1
    fine = _by_windows(pan, ratio, lambda part: reduced_pan(part, ratio, sensor, shift=shift), reach, MOST_BITS)
    return fine, _by_windows(ms, ratio, lambda part: degrade(part, ratio, gains), reach, bits)


def _by_windows(
    image: Unread, ratio: int, reduce: Callable[[npt.NDArray[Any]], Float], reach: int, bits: int
) -> Unread:
    """An image reduced, of which a window is made of no more than its filter's ``reach``, in its own pixels, beyond."""
    count, *size = image.shape
    sides = [side // ratio for side in size]

    def read(top: int, left: int, height: int, width: int) -> npt.NDArray[np.uint16]:
        firsts = [max(0, first - reach) for first in (top, left)]
        lasts = [min(past + reach, side) for past, side in zip((top + height, left + width), sides, strict=True)]
        rows, columns = (slice(ratio * a, ratio * b) for a, b in zip(firsts, lasts, strict=True))
        counts = to_counts(reduce(np.asarray(image[:, rows, columns])), bits)
        top, left = top - firsts[0], left - firsts[1]
        return counts[:, top : top + height, left : left + width]

    return Unread(read, (count, *sides), np.uint16)
