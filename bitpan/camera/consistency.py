"""Consistency with the MS: fused counts corrected until the MS's camera would see the MS in them.

A network that looks at a few pixels, a bit of each feature, gets the detail right and leaves errors that are wider than
an MS pixel: what Wald's first property rules out (Wald, Ranchin and Mangolini, PE&RS 1997). The fused image is seen as
the camera sees, through a Gaussian of its modulation transfer function; what is missing to the MS is upsampled as the
MS is, and added: iterative back-projection (Irani and Peleg, CVGIP 1991). Its second iteration needs no second pass
over the pixels: of what the first adds the camera sees ``again`` times the difference, so that ``difference - again *
difference`` is still missing. The integers here are the number contract's; the host applies them to whole counts,
after the network, whatever the device.

Images are ``(B, H, W)`` counts of at most 16 bits on the PAN's grid, ``(B, h, w)`` on the MS's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import COEFFICIENT_BITS, TAPS, Integers, keys_coefficients
from bitpan.formats import Format
from bitpan.radiometry import MOST_BITS

TYPICAL_GAIN = 0.28
"""Of an MS's modulation transfer function at its Nyquist frequency; published sensors have 0.22 to 0.36."""

FRACTION_BITS = 4
"""Of what is missing, beyond the counts."""

MISSING = Format(MOST_BITS + 1 + FRACTION_BITS, FRACTION_BITS)
"""Of what is missing: any two counts' difference."""

MOST_COUNT = (1 << MOST_BITS) - 1

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
Integers32 = npt.NDArray[np.int32]
"""All that comes of 16-bit counts here has at most 32 bits: boards without a compiler compute it in NumPy."""


def reach(ratio: int) -> int:
    """How far a corrected pixel looks beyond its MS pixel, PAN pixels: upsampling, ``again`` and camera in turn."""
    return 3 * (TAPS // 2) * ratio


@dataclass(frozen=True)
class Camera:
    """The MS's camera over the PAN's grid.

    Attributes:
        ratio: PAN pixels per MS pixel.
        shift: (dy, dx), how far the MS samples' centres lie below and right of their blocks', PAN pixels, at most
            half an MS pixel.
        gain: of its modulation transfer function at the MS's Nyquist frequency, above 0 and below 1.
    """

    ratio: int
    shift: tuple[float, float] = (0.0, 0.0)
    gain: float = TYPICAL_GAIN

    @cached_property
    def taps(self) -> tuple[Integers, Integers]:
        """What a sample sees of the pixels that :func:`seen_pixels` names, along the rows' and the columns' axis.

        Of each ``(TAPS * ratio,)``, in ``2**-COEFFICIENT_BITS``.
        """
        rows, columns = (_of_unit_sum(camera_weights(self.ratio, part, self.gain)) for part in self.shift)
        return rows, columns

    @cached_property
    def upsampling(self) -> tuple[Integers, Integers]:
        """The coefficients of :func:`bitpan.arithmetic.interpolate`."""
        dy, dx = self.shift
        return keys_coefficients(self.ratio, dy), keys_coefficients(self.ratio, dx)

    @cached_property
    def again(self) -> Integers:
        """What a sample sees of its neighbours' upsampled differences, ``(TAPS,)``, its own in the middle.

        The same for every shift, by which samples and upsampled differences move alike. Samples further off, of which
        it sees less than a thousandth, are left out.
        """
        taps = _of_unit_sum(camera_weights(self.ratio, 0.0, self.gain)).reshape(TAPS, self.ratio)
        seen = np.zeros(2 * TAPS - 1)
        for block, weights in enumerate(taps):
            seen[block : block + TAPS] += weights @ keys_coefficients(self.ratio, 0.0)
        return _of_unit_sum(seen[TAPS // 2 : -(TAPS // 2)])


def camera_weights(ratio: int, shift: float, gain: float) -> npt.NDArray[np.float64]:
    """A Gaussian around the sample's centre, ``gain`` at the MS's Nyquist frequency, ``(TAPS * ratio,)``, sum 1."""
    deviation = ratio * np.sqrt(-2 * np.log(gain)) / np.pi
    distance = np.arange(TAPS * ratio) - TAPS // 2 * ratio - (ratio - 1) / 2 - shift
    weights = np.exp(-((distance / deviation) ** 2) / 2)
    return np.asarray(weights / weights.sum())


def seen_pixels(length: int, ratio: int) -> Places:
    """The pixels that the taps of each MS sample lie over along an axis, ``(samples, TAPS * ratio)``.

    ``ratio * (i - 2)`` to ``ratio * (i + 3) - 1`` of sample i; beyond the edge the outermost.
    """
    first = np.arange(0, length, ratio)[:, None] - TAPS // 2 * ratio
    return np.asarray(np.clip(first + np.arange(TAPS * ratio), 0, length - 1))


def _of_unit_sum(weights: npt.NDArray[np.float64]) -> Integers:
    """In ``2**-COEFFICIENT_BITS``; the largest takes up what rounding leaves."""
    unit = 1 << COEFFICIENT_BITS
    coefficients = np.floor(weights / weights.sum() * unit + 0.5).astype(np.int64)
    coefficients[coefficients.argmax()] += unit - coefficients.sum()
    return np.asarray(coefficients, np.int64)


def known(valid: Mask, ms_valid: Mask, camera: Camera) -> Mask:
    """Where it is known what is missing, ``(h, w)``: no pixel that the sample sees is without data, nor is the sample.

    Args:
        valid: ``(H, W)``, of the fused pixels.
        ms_valid: ``(h, w)``.
        camera: of the MS.
    """
    if valid.all():
        return ms_valid
    seen = valid
    for axis, taps in enumerate(camera.taps):
        seen = np.asarray(seen.take(seen_pixels(seen.shape[axis], camera.ratio)[:, taps > 0], axis).all(axis=axis + 1))
    return np.asarray(seen & ms_valid)


def missing(fused: npt.ArrayLike, ms: npt.ArrayLike, known: Mask, camera: Camera) -> Integers32:
    """What two iterations add, ``(B, h, w)`` in :data:`MISSING`: 0 where it is not :func:`known`."""
    image = np.asarray(fused).astype(np.int32)
    for axis, taps, bits in zip((1, 2), camera.taps, (COEFFICIENT_BITS - FRACTION_BITS, COEFFICIENT_BITS), strict=True):
        image = _weighted(image, axis, seen_pixels(image.shape[axis], camera.ratio), taps[None], bits)
    first = np.where(known, (np.asarray(ms).astype(np.int32) << FRACTION_BITS) - image, np.int32(0))
    seen = first
    for axis in (1, 2):
        around = neighbours(np.arange(seen.shape[axis]), seen.shape[axis])
        seen = _weighted(seen, axis, around, camera.again[None], COEFFICIENT_BITS)
    return np.asarray(np.clip(2 * first - seen, np.int32(MISSING.min), np.int32(MISSING.max)))


def consistent(fused: npt.ArrayLike, ms: npt.ArrayLike, known: Mask, camera: Camera) -> Integers32:
    """The corrected counts, ``(B, H, W)`` of 16 bits; beyond the images' edges lie their outermost pixels.

    Args:
        fused: ``(B, H, W)``.
        ms: ``(B, h, w)``, h and w being H and W over the ratio, rounded up.
        known: :func:`known`, ``(h, w)``.
        camera: of the MS.
    """
    fused = np.asarray(fused).astype(np.int32)
    added = missing(fused, ms, known, camera)
    for axis in (2, 1):  # upsampled along the columns first: what is left to do then runs along whole rows
        block, phase = np.divmod(np.arange(fused.shape[axis]), camera.ratio)
        weights = camera.upsampling[axis - 1][phase]
        added = _weighted(added, axis, neighbours(block, added.shape[axis]), weights, COEFFICIENT_BITS)
    return np.clip(fused + _rounded(added, FRACTION_BITS), np.int32(0), np.int32(MOST_COUNT))


def _weighted(image: Integers32, axis: int, places: Places, weights: Integers, bits: int) -> Integers32:
    """Sums of what lies at each of the ``places``, ``(n, taps)`` along the axis, times ``weights``, less ``bits``."""
    size, across = list(image.shape), [-1 if own == axis else 1 for own in range(image.ndim)]
    size[axis] = len(places)
    total, part = np.full(size, 1 << (bits - 1), np.int32), np.empty(size, np.int32)
    for place, weight in zip(places.T, weights.T.astype(np.int32), strict=True):
        if weight.any():
            np.take(image, place, axis, out=part, mode="clip")  # the mode in which it needs no copy
            part *= weight.reshape(across)
            total += part
    total >>= bits
    return total


def _rounded(values: Integers32, bits: int) -> Integers32:
    return np.asarray((values + np.int32(1 << (bits - 1))) >> bits)


def neighbours(samples: Places, length: int) -> Places:
    """These and theirs on either side, ``(samples, TAPS)``; beyond the edge the outermost."""
    return np.asarray(np.clip(samples[:, None] + np.arange(TAPS) - TAPS // 2, 0, length - 1))
