"""BNNPan's kernels over the channels of a pixel: norm and affine; see :mod:`bitpan.host.engine.kernels`.

Both are made for 16-bit tensors; :mod:`channel_steps` checks that the constants keep them in 32 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import AFFINE_FRACTION, NORM_FRACTION, NORM_LEADING, NORM_MEAN, NORM_MIDPOINTS, NORM_RANGE
from bitpan.host.engine.compiled import compiled, i32, i64, leading_zeros, shift_right

Array = npt.NDArray[Any]

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
def norm(
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
    """Norm over the channels of each pixel, and the residual.

    Args:
        x, residual: ``(C, H, W)`` int16.
        constants: gain, centre, bias; ``(3, C)`` int32.
        places: ``ceil(log2 C)``.
        reciprocal: ``2**NORM_MEAN / C``, rounded.
        low, high: range of the output.
        out: ``(C, H, W)``.
        first, last: rows.
    """
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


@compiled
def affine(x: Array, constants: Array, low: int, high: int, out: Array, first: int, last: int) -> None:
    """``x * scale + offset`` per channel, rounded and saturated. ``constants: (2, C)`` int32, half already added."""
    minimum, maximum = i32(low), i32(high)
    for c in range(x.shape[0]):
        scale, offset = constants[0, c], constants[1, c]
        for y in range(first, last):
            values, row = x[c, y], out[c, y]
            for i in range(row.shape[0]):
                v = shift_right(i32(i32(scale * i32(values[i])) + offset), i32(AFFINE_FRACTION))
                row[i] = min(max(v, minimum), maximum)
