"""BNNPan's kernels over the channels of a pixel: norm and affine; see :mod:`bitpan.host.engine.kernels`.

Both are made for 16-bit tensors, and for constants that keep them in 32 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bitpan.arithmetic import AFFINE_FRACTION, NORM_FRACTION, NORM_LEADING, NORM_MEAN, NORM_MIDPOINTS, NORM_RANGE
from bitpan.host.engine.compiled import compiled, i32, i64, leading_zeros, shift_right
from bitpan.host.engine.step import Array, Step, narrow

LOWEST, HIGHEST = NORM_RANGE.min, NORM_RANGE.max
MOST_LEFT = NORM_RANGE.bits + 1
"""A shift to the left by more saturates no differently."""

MOST_RIGHT = 30
"""A shift to the right by more leaves nothing of numbers below ``2**29`` either, and fits the type."""


@compiled
def deviation_ratio(vf: int, vb: int) -> tuple[Any, Any]:
    """Mantissa and exponent of ``sqrt(vf / vb)`` of variances below ``2**53``; (0, 0) where either is 0."""
    if vf <= 0 or vb <= 0:
        return i64(0), i64(0)
    p = i64(64 - NORM_LEADING) - leading_zeros(i64(vf))
    q = i64(64 - NORM_LEADING) - leading_zeros(i64(vb))
    a, b = (vf << max(-p, 0)) >> max(p, 0), (vb << max(-q, 0)) >> max(q, 0)
    double = p - q
    if double & 1:
        a, double = a << 1, double - 1
    if a < b:
        a, double = a << 2, double - 2
    mantissa = i64(4)
    for midpoint in NORM_MIDPOINTS:
        mantissa += i64(64 * a >= midpoint * b)
    return mantissa, double // 2 - 2


@compiled
def _sums(x: Array, y: int, sums: Array, squares: Array) -> None:
    """Sum and sum of squares over the channels of each pixel of row y, into ``(W,)``."""
    sums[:] = 0
    squares[:] = 0
    for c in range(x.shape[0]):
        row = x[c, y]
        for i in range(row.shape[0]):
            v = i32(row[i])
            sums[i] += v
            squares[i] += i32(v * v)


@compiled
def _norm(
    x: Array,
    residual: Array,
    constants: Array,
    places: int,
    reciprocal: int,
    low: int,
    high: int,
    out: Array,
    first: int,
    last: int,
) -> None:
    """``constants``: gain, centre, bias; ``(3, C)``. ``places``: ``ceil(log2 C)``. ``reciprocal``: 1/C, rounded."""
    channels, _, width = x.shape
    count, minimum, maximum = i32(channels), i32(low), i32(high)
    sum_x, sum_r = np.empty(width, np.int32), np.empty(width, np.int32)
    squares_x, squares_r = np.empty(width, np.int64), np.empty(width, np.int64)
    mantissa, factor, right = np.empty(width, np.int32), np.empty(width, np.int32), np.empty(width, np.int32)
    half, mean, normal = np.empty(width, np.int32), np.empty(width, np.int32), np.empty(width, np.int32)
    for y in range(first, last):
        _sums(x, y, sum_x, squares_x)
        _sums(residual, y, sum_r, squares_r)
        for i in range(width):
            s, r = i64(sum_x[i]), i64(sum_r[i])
            found, exponent = deviation_ratio(channels * squares_r[i] - r * r, channels * squares_x[i] - s * s)
            shift = places - exponent
            mantissa[i], right[i] = found, min(max(shift, 0), MOST_RIGHT)
            factor[i], half[i] = 1 << min(max(-shift, 0), MOST_LEFT), (1 << right[i]) >> 1
            rounded = (r * reciprocal + (1 << (NORM_MEAN - 1))) >> NORM_MEAN
            mean[i] = (rounded << NORM_FRACTION) + (1 << (NORM_FRACTION - 1))
        for c in range(channels):
            gain, centre, bias = constants[0, c], constants[1, c], constants[2, c]
            values, passing, row = x[c, y], residual[c, y], out[c, y]
            for i in range(width):
                v = i32(i32(i32(i32(count * i32(values[i])) - sum_x[i]) - centre) * mantissa[i])
                # Saturated before the shift to the left, too, so that it cannot overflow.
                v = min(max(shift_right(i32(v + half[i]), right[i]), i32(LOWEST)), i32(HIGHEST))
                normal[i] = min(max(i32(v * factor[i]), i32(LOWEST)), i32(HIGHEST))
            for i in range(width):  # a loop of its own: with so many arrays in one there are no vectors
                scaled = shift_right(i32(i32(i32(gain * normal[i]) + mean[i]) + bias), i32(NORM_FRACTION))
                row[i] = min(max(i32(i32(passing[i]) + scaled), minimum), maximum)


@narrow
def norm(x: Array, residual: Array, gain: Array, centre: Array, bias: Array, step: Step) -> Array | None:
    """Norm over the channels of each pixel, and the residual.

    With these bounds what is shifted stays below ``2**29``, what is summed below ``2**31``, a variance below ``2**53``.
    """
    channels, constants = len(x), np.stack([gain, centre, bias]).astype(np.int64)
    gains, centres, biases = np.abs(constants).max(axis=1)
    bounded = channels <= 512 and gains <= 1 << 15 and centres < 1 << 25 and biases < 1 << 29
    if not bounded:
        return None
    places, reciprocal = (channels - 1).bit_length(), round((1 << NORM_MEAN) / channels)
    low, high = step.format.min, step.format.max
    return step.fill(_norm, x.shape, x, residual, constants.astype(np.int32), places, reciprocal, low, high)


@compiled
def _affine(x: Array, constants: Array, low: int, high: int, out: Array, first: int, last: int) -> None:
    """``x * scale + offset`` per channel, rounded and saturated. ``constants: (2, C)`` int32, half already added."""
    minimum, maximum = i32(low), i32(high)
    for c in range(x.shape[0]):
        scale, offset = constants[0, c], constants[1, c]
        for y in range(first, last):
            values, row = x[c, y], out[c, y]
            for i in range(row.shape[0]):
                v = shift_right(i32(i32(scale * i32(values[i])) + offset), i32(AFFINE_FRACTION))
                row[i] = min(max(v, minimum), maximum)


@narrow
def affine(y: Array, affine: Array, step: Step) -> Array | None:
    """Scale and offset per channel, ``(2, C)``."""
    scale, offset = np.asarray(affine, dtype=np.int64)
    if abs(scale).max() > 1 << 14 or abs(offset).max() > 1 << 29:
        return None
    constants = np.stack([scale, offset + (1 << (AFFINE_FRACTION - 1))]).astype(np.int32)
    return step.fill(_affine, y.shape, y, constants, step.format.min, step.format.max)
