"""BNNPan's kernels over the channels of a pixel: norm and affine.

Both are made for 16-bit tensors, and for constants that keep them in 32 bits.
"""

from __future__ import annotations

import numpy as np

from bitpan.arithmetic import AFFINE_FRACTION, NORM_FRACTION, NORM_LEADING, NORM_MEAN, NORM_MIDPOINTS, NORM_RANGE
from bitpan.host.compiled.compiling import compiled, i16, i32, inlined, u64
from bitpan.host.compiled.lanes import (
    Vector,
    choose,
    convert,
    item,
    pixels_at,
    put_pixels,
    row_of,
    saturated,
    zeros,
)
from bitpan.host.compiled.layout import MOST_LEFT, MOST_RIGHT, PIXELS, Array
from bitpan.host.compiled.products import add_products, narrowed, paired, with_saturation

_HIGHEST = i16(NORM_RANGE.max)


@inlined
def _leading(variance: Vector, places: Vector) -> Vector:
    """The leading bits of variances with so many zeros before them; of 0 anything."""
    return convert(convert(variance << places, np.uint64) >> u64(64 - NORM_LEADING), np.int32)


@inlined
def deviation_ratio(vf: Vector, vb: Vector) -> tuple[Vector, Vector]:
    """Mantissa and exponent of ``sqrt(vf / vb)`` of variances below ``2**53``; mantissa 0 where either is 0."""
    before_f, before_b = zeros(vf | 1), zeros(vb | 1)
    a, b, double = _leading(vf, before_f), _leading(vb, before_b), convert(before_b - before_f, np.int32)
    odd = double & 1
    a, exponent = a << odd, (double - odd) >> 1
    less = choose(a >= b, odd ^ odd, 1)
    a, exponent = a << (less + less), exponent - less - 2
    mantissa = (less ^ less) + 4
    for midpoint in NORM_MIDPOINTS:
        mantissa = mantissa + choose(a * 64 >= b * midpoint, i32(1), i32(0))
    return choose(vf >= 1, choose(vb >= 1, mantissa, 0), 0), exponent


@inlined
def _sums(image: Array, at: int, channels: int, width: int, left: int) -> tuple[Vector, Vector]:
    """Sum and sum of squares of a vector's pixels over the channels, laid apart."""
    sums = squares = paired(pixels_at(image, at, 0), i16(0))
    for c in range(0, channels, 2):
        v = pixels_at(image, at + c * width, left)
        pairs = paired(v, pixels_at(image, at + (c + 1) * width, left if c + 1 < channels else 0))
        sums, squares = add_products(sums, pairs, i32(0x10001)), add_products(squares, pairs, pairs)
    return sums, squares


@inlined
def _variance(sums: Vector, squares: Vector, channels: int) -> Vector:
    """Times the square of the number of channels."""
    s = convert(sums, np.int64)
    return convert(convert(squares, np.uint32), np.int64) * channels - s * s


@inlined
def _positive(v: Vector) -> Vector:
    return choose(v >= 0, v, 0)


@compiled
def norm(
    x: Array,
    residual: Array,
    centres: Array,
    products: Array,
    places: int,
    reciprocal: int,
    low: int,
    high: int,
    out: Array,
    first: int,
    last: int,
) -> None:
    """``centres``: ``(C,)`` int16. ``products``: gain and, with the half to round, bias, the halves of ``(C,)`` int32.

    ``places``: ``ceil(log2 C)``. ``reciprocal``: 1/C, rounded. ``out`` may be ``x``.
    """
    _, channels, width = x.shape
    minimum, maximum = i16(low), i16(high)
    for y in range(first, last):
        for i in range(0, width, PIXELS):
            at_x, at_r, at = row_of(x, y, 0) + i, row_of(residual, y, 0) + i, row_of(out, y, 0) + i
            sum_x, squares_x = _sums(x, at_x, channels, width, width - i)
            sum_r, squares_r = _sums(residual, at_r, channels, width, width - i)
            nothing = sum_x ^ sum_x
            mantissa, exponent = deviation_ratio(
                _variance(sum_r, squares_r, channels), _variance(sum_x, squares_x, channels)
            )
            right, left = _positive(places - exponent), _positive(exponent - places)
            right, left = choose(right <= MOST_RIGHT, right, MOST_RIGHT), choose(left <= MOST_LEFT, left, MOST_LEFT)
            start = (((nothing + 1) << right) >> 1) - sum_x * mantissa
            factors = mantissa * channels - (mantissa << 16)  # of a feature in the lower half, a centre in the upper
            mean = narrowed((sum_r * reciprocal + (1 << (NORM_MEAN - 1))) >> NORM_MEAN)
            most, power = narrowed((nothing + (1 << MOST_LEFT)) >> left), narrowed((nothing + 1) << left)
            for c in range(channels):
                v = paired(pixels_at(x, at_x + c * width, width - i), item(centres, c))
                normal = narrowed(add_products(start, v, factors) >> right)
                # Saturated before the shift to the left, too, so that it cannot overflow.
                normal = saturated(normal, 0 - most, most) * power
                normal = choose(normal <= _HIGHEST, normal, _HIGHEST)
                scaled = add_products(nothing, paired(normal, i16(1)), item(products, c)) >> NORM_FRACTION
                passing = pixels_at(residual, at_r + c * width, width - i) + mean
                v = saturated(with_saturation(narrowed(scaled), passing), minimum, maximum)
                put_pixels(v, out, at + c * width, width - i)


@compiled
def affine(x: Array, scales: Array, offsets: Array, low: int, high: int, out: Array, first: int, last: int) -> None:
    """``x * scale + offset`` per channel, rounded and saturated. ``(C,)`` int32 both, half already added.

    ``out`` may be ``x``.
    """
    _, channels, width = x.shape
    minimum, maximum = i16(low), i16(high)
    for y in range(first, last):
        for c in range(channels):
            source, target = row_of(x, y, c), row_of(out, y, c)
            for i in range(0, width, PIXELS):
                v = scaled(pixels_at(x, source + i, width - i), scales[c], offsets[c], minimum, maximum)
                put_pixels(v, out, target + i, width - i)


@inlined
def scaled(v: Vector, scale: int, offset: int, low: np.int16, high: np.int16) -> Vector:
    """A channel's, in 16 bits."""
    pairs = paired(v, i16(0))
    return saturated(narrowed(add_products((pairs ^ pairs) + offset, pairs, scale) >> AFFINE_FRACTION), low, high)
