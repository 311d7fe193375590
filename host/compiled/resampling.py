"""Kernels of the networks that change resolution: wavelet, pool, bilinear, skip.

All are made for 16-bit tensors, whose sums 32 bits hold.
"""

from __future__ import annotations

import numpy as np

from bitpan.host.compiled.compiling import compiled, i32, inlined, shift_right
from bitpan.host.compiled.lanes import (
    Vector,
    convert,
    even,
    in_turn,
    in_turn_on,
    odd,
    pixels_at,
    put_pixels,
    saturated,
)
from bitpan.host.compiled.layout import PIXELS, Array


@inlined
def _sum_and_difference(x: Array, at: int, below: int, count: int, out: Array) -> tuple[Vector, Vector]:
    """Of pixels and those below them, in the type of ``out``."""
    a, b = convert(pixels_at(x, at, count), out.dtype), convert(pixels_at(x, below, count), out.dtype)
    return a + b, a - b


@compiled
def haar(x: Array, out: Array, first: int, last: int) -> None:
    """All subbands at once, ``(H, C, W)`` to ``(4, H/2, C, W/2)``: LL, LH, HL, HH; rows are the output's."""
    kept, channels, width = x.shape
    rows, half = out.shape[1], out.shape[3]
    image = rows * channels * half
    for y in range(first, last):
        for c in range(channels):
            top, bottom = (2 * y % kept * channels + c) * width, ((2 * y + 1) % kept * channels + c) * width
            for i in range(0, half, PIXELS):
                at, left = 2 * i, width - 2 * i
                a, b = _sum_and_difference(x, top + at, bottom + at, left, out)
                e, d = _sum_and_difference(x, top + at + PIXELS, bottom + at + PIXELS, left - PIXELS, out)
                sums, others = even(a, e), odd(a, e)
                at = (y % rows * channels + c) * half + i
                put_pixels(sums + others, out, at, half - i)
                put_pixels(sums - others, out, at + 2 * image, half - i)
                sums, others = even(b, d), odd(b, d)
                put_pixels(sums + others, out, at + image, half - i)
                put_pixels(sums - others, out, at + 3 * image, half - i)


@compiled
def inverse_haar(
    ll: Array,
    lh: Array,
    hl: Array,
    hh: Array,
    half: Array,
    shift: int,
    low: int,
    high: int,
    out: Array,
    first: int,
    last: int,
) -> None:
    """The image from its subbands ``(H/2, C, W/2)``, rounded by ``shift`` bits, 1 or more, and saturated.

    ``half``: of what is rounded away, in the type to sum in.
    """
    own, dtype = half[0], half.dtype
    places, minimum, maximum = dtype.type(shift), dtype.type(low), dtype.type(high)
    (_, channels, width), (rows, _, columns) = ll.shape, out.shape
    for y in range(first, last):
        sign = dtype.type(1 - 2 * (y % 2))  # the lower row of a block takes the vertical differences away
        for c in range(channels):
            target = (y % rows * channels + c) * columns
            at_ll, at_lh = (y // 2 % ll.shape[0] * channels + c) * width, (y // 2 % lh.shape[0] * channels + c) * width
            at_hl, at_hh = (y // 2 % hl.shape[0] * channels + c) * width, (y // 2 % hh.shape[0] * channels + c) * width
            for i in range(0, width, PIXELS):
                left = width - i
                a, b = pixels_at(ll, at_ll + i, left), pixels_at(lh, at_lh + i, left)
                smooth = convert(a, dtype) + convert(b, dtype) * sign + own
                a, b = pixels_at(hl, at_hl + i, left), pixels_at(hh, at_hh + i, left)
                detail = convert(a, dtype) + convert(b, dtype) * sign
                a, b = (smooth + detail) >> places, (smooth - detail) >> places
                a = convert(saturated(a, minimum, maximum), out.dtype)
                b = convert(saturated(b, minimum, maximum), out.dtype)
                put_pixels(in_turn(a, b), out, target + 2 * i, 2 * left)
                put_pixels(in_turn_on(a, b), out, target + 2 * i + PIXELS, 2 * left - PIXELS)


@compiled
def pool(x: Array, out: Array, first: int, last: int) -> None:
    """Mean of each 2x2 block, rounded half up, ``(H, C, W)`` to ``(H/2, C, W/2)``."""
    for y in range(first, last):
        for c in range(x.shape[1]):
            top, bottom = x[2 * y % x.shape[0], c], x[(2 * y + 1) % x.shape[0], c]
            row = out[y % out.shape[0], c]
            for i in range(row.shape[0]):
                s = i32(i32(top[2 * i]) + i32(top[2 * i + 1]))
                t = i32(i32(bottom[2 * i]) + i32(bottom[2 * i + 1]))
                row[i] = shift_right(i32(i32(s + t) + i32(2)), i32(2))


@compiled
def up(x: Array, height: int, out: Array, first: int, last: int) -> None:
    """From ``height`` rows, bilinear: the weights 3 and 1 along either axis, edges replicated, rounded once."""
    width = x.shape[2]
    column = np.empty(width + 2, np.int32)
    for y in range(first, last):
        near = y // 2
        other = min(max(near + 2 * (y % 2) - 1, 0), height - 1)
        for c in range(x.shape[1]):
            a, b = x[near % x.shape[0], c], x[other % x.shape[0], c]
            row = out[y % out.shape[0], c]
            for i in range(width):
                column[i + 1] = i32(i32(i32(3) * i32(a[i])) + i32(b[i]))
            column[0], column[width + 1] = column[1], column[width]
            for i in range(width):
                s = i32(i32(i32(3) * column[i + 1]) + i32(8))
                row[2 * i] = shift_right(i32(s + column[i]), i32(4))
                row[2 * i + 1] = shift_right(i32(s + column[i + 2]), i32(4))


@compiled
def add(a: Array, b: Array, low: int, high: int, out: Array, first: int, last: int) -> None:
    """Saturating sum."""
    minimum, maximum = i32(low), i32(high)
    for y in range(first, last):
        for c in range(a.shape[1]):
            one, other = a[y % a.shape[0], c], b[y % b.shape[0], c]
            row = out[y % out.shape[0], c]
            for i in range(row.shape[0]):
                row[i] = min(max(i32(i32(one[i]) + i32(other[i])), minimum), maximum)
