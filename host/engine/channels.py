"""BNNPan's kernels over the channels of a pixel: norm and affine; see :mod:`bitpan.host.engine.kernels`.

Both are made for 16-bit tensors, and for constants that keep them in 32 bits.
"""

from __future__ import annotations

import numpy as np

from bitpan.arithmetic import AFFINE_FRACTION, NORM_FRACTION, NORM_LEADING, NORM_MEAN, NORM_MIDPOINTS, NORM_RANGE
from bitpan.host.engine.compiled import compiled, i32, i64, inlined
from bitpan.host.engine.lanes import (
    PIXELS,
    Vector,
    choose,
    convert,
    load_pixels,
    pixels_at,
    put_pixels,
    saturated,
    zeros,
)
from bitpan.host.engine.step import Array, Rows, Step, narrow

LOWEST, HIGHEST = NORM_RANGE.min, NORM_RANGE.max
MOST_LEFT = NORM_RANGE.bits + 1
"""A shift to the left by more saturates no differently."""

MOST_RIGHT = 30
"""A shift to the right by more leaves nothing of numbers below ``2**29`` either, and fits the type."""


@inlined
def _positive(v: Vector) -> Vector:
    return choose(v >= 0, v, 0)


@inlined
def deviation_ratio(vf: Vector, vb: Vector) -> tuple[Vector, Vector]:
    """Mantissa and exponent of ``sqrt(vf / vb)`` of variances below ``2**53``; mantissa 0 where either is 0."""
    p, q = i64(64 - NORM_LEADING) - zeros(vf), i64(64 - NORM_LEADING) - zeros(vb)
    a, b = (vf << _positive(0 - p)) >> _positive(p), (vb << _positive(0 - q)) >> _positive(q)
    odd = (p - q) & 1
    a, exponent = a << odd, (p - q - odd) >> 1
    less = choose(a >= b, a ^ a, 1)
    a, exponent = a << (less + less), exponent - less - 2
    mantissa = (less ^ less) + 4
    for midpoint in NORM_MIDPOINTS:
        mantissa = mantissa + choose(a * 64 >= b * midpoint, i64(1), i64(0))
    return choose(vf >= 1, choose(vb >= 1, mantissa, 0), 0), exponent


@compiled
def _norm(
    x: Array,
    residual: Array,
    constants: Array,
    places: int,
    reciprocal: int,
    squares: Array,
    low: int,
    high: int,
    out: Array,
    first: int,
    last: int,
) -> None:
    """``constants``: gain, centre, bias; ``(3, C)`` int32. ``places``: ``ceil(log2 C)``. ``reciprocal``: 1/C, rounded.

    ``squares``: whose type holds their sum. ``out`` may be ``x``.
    """
    kept, channels, width = x.shape
    flat_x, flat_r, flat = x.reshape(-1), residual.reshape(-1), out.reshape(-1)
    nothing = np.zeros(PIXELS, np.int32)
    count, minimum, maximum = i32(channels), i32(low), i32(high)
    for y in range(first, last):
        for i in range(0, width, PIXELS):
            size = channels * width
            at_x, at_r, at = y % kept * size + i, y % residual.shape[0] * size + i, y % out.shape[0] * size + i
            sum_x = sum_r = load_pixels(nothing, 0)
            squares_x = squares_r = convert(sum_x, squares.dtype)
            for c in range(channels):
                v = convert(pixels_at(flat_x, at_x + c * width, width - i), np.int32)
                r = convert(pixels_at(flat_r, at_r + c * width, width - i), np.int32)
                sum_x, sum_r = sum_x + v, sum_r + r
                squares_x = squares_x + convert(v * v, squares.dtype)
                squares_r = squares_r + convert(r * r, squares.dtype)
            s, r = convert(sum_x, np.int64), convert(sum_r, np.int64)
            vf, vb = convert(squares_r, np.int64) * channels - r * r, convert(squares_x, np.int64) * channels - s * s
            found, exponent = deviation_ratio(vf, vb)
            mantissa, shift = convert(found, np.int32), convert(places - exponent, np.int32)
            right, left = _positive(shift), _positive(0 - shift)
            right, left = choose(right <= MOST_RIGHT, right, MOST_RIGHT), choose(left <= MOST_LEFT, left, MOST_LEFT)
            one = (right ^ right) + 1
            half, factor = (one << right) >> 1, one << left
            rounded = (r * reciprocal + (1 << (NORM_MEAN - 1))) >> NORM_MEAN
            mean = convert((rounded << NORM_FRACTION) + (1 << (NORM_FRACTION - 1)), np.int32)
            for c in range(channels):
                gain, centre, bias = constants[0, c], constants[1, c], constants[2, c]
                v = convert(pixels_at(flat_x, at_x + c * width, width - i), np.int32)
                passing = convert(pixels_at(flat_r, at_r + c * width, width - i), np.int32)
                # Saturated before the shift to the left, too, so that it cannot overflow.
                v = saturated((((v * count - sum_x - centre) * mantissa) + half) >> right, LOWEST, HIGHEST)
                normal = saturated(v * factor, LOWEST, HIGHEST)
                v = passing + ((normal * gain + mean + bias) >> NORM_FRACTION)
                pixels = convert(saturated(v, minimum, maximum), out.dtype)
                put_pixels(pixels, flat, at + c * width, width - i)


@narrow
def norm(x: Array, residual: Array, gain: Array, centre: Array, bias: Array, step: Step) -> Rows | None:
    """Norm over the channels of each pixel, and the residual.

    With these bounds what is shifted stays below ``2**29``, what is summed below ``2**31``, a variance below ``2**53``.
    """
    channels, constants = x.shape[1], np.stack([gain, centre, bias]).astype(np.int64)
    gains, centres, biases = np.abs(constants).max(axis=1)
    bounded = channels <= 512 and gains <= 1 << 15 and centres < 1 << 25 and biases < 1 << 29
    if not bounded:
        return None
    places, reciprocal = (channels - 1).bit_length(), round((1 << NORM_MEAN) / channels)
    squares = np.empty(0, np.int32 if channels * max(fmt.min**2 for fmt in step.inputs) < 1 << 31 else np.int64)
    numbers = constants.astype(np.int32), places, reciprocal, squares, step.format.min, step.format.max
    return step.rows(_norm, channels, x, residual, *numbers, over=x)


@compiled
def _affine(x: Array, constants: Array, low: int, high: int, out: Array, first: int, last: int) -> None:
    """``x * scale + offset`` per channel, rounded and saturated. ``constants: (2, C)`` int32, half already added.

    ``out`` may be ``x``.
    """
    kept, channels, width = x.shape
    flat_x, flat, minimum, maximum = x.reshape(-1), out.reshape(-1), i32(low), i32(high)
    for y in range(first, last):
        for c in range(channels):
            scale, offset = constants[0, c], constants[1, c]
            source, target = (y % kept * channels + c) * width, (y % out.shape[0] * channels + c) * width
            for i in range(0, width, PIXELS):
                v = convert(pixels_at(flat_x, source + i, width - i), np.int32)
                v = saturated((v * scale + offset) >> AFFINE_FRACTION, minimum, maximum)
                put_pixels(convert(v, out.dtype), flat, target + i, width - i)


@narrow
def affine(y: Array, affine: Array, step: Step) -> Rows | None:
    """Scale and offset per channel, ``(2, C)``."""
    scale, offset = np.asarray(affine, dtype=np.int64)
    if abs(scale).max() > 1 << 14 or abs(offset).max() > 1 << 29:
        return None
    constants = np.stack([scale, offset + (1 << (AFFINE_FRACTION - 1))]).astype(np.int32)
    return step.rows(_affine, y.shape[1], y, constants, step.format.min, step.format.max, over=y)
