"""Kernels of the networks that change resolution: wavelet, pool, bilinear, skip.

All are made for 16-bit tensors, whose sums 32 bits hold.
"""

from __future__ import annotations

import numpy as np

from bitpan.host.compiled.channels import scaled
from bitpan.host.compiled.compiling import compiled, i16, inlined
from bitpan.host.compiled.lanes import (
    Vector,
    convert,
    even,
    in_turn,
    in_turn_on,
    load_pixels,
    odd,
    pixels_at,
    put_pixels,
    row_of,
    saturated,
    store,
)
from bitpan.host.compiled.layout import PIXELS, Array
from bitpan.host.compiled.products import with_saturation


@inlined
def _one(x: Array, at: int, count: int, like: Array) -> Vector:
    """Pixels from an index, in the type of another array."""
    return convert(pixels_at(x, at, count), like.dtype)


@compiled
def haar(x: Array, out: Array, first: int, last: int) -> None:
    """All subbands at once, ``(H, C, W)`` to ``(4, H/2, C, W/2)``: LL, LH, HL, HH; rows are the output's."""
    _, channels, width = x.shape
    for y in range(first, last):
        for c in range(channels):
            top, bottom, target = row_of(x, 2 * y, c), row_of(x, 2 * y + 1, c), row_of(out[0], y, c)
            for i in range(0, out.shape[3], PIXELS):
                at, left = 2 * i, width - 2 * i
                a, d = _one(x, top + at, left, out), _one(x, bottom + at, left, out)
                b, e = _one(x, top + at + PIXELS, left - PIXELS, out), _one(x, bottom + at + PIXELS, left - PIXELS, out)
                _put_subbands(even(a, b), odd(a, b), even(d, e), odd(d, e), out, target + i, out.shape[3] - i)


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
    scales: Array | None,
    offsets: Array | None,
    least: int,
    most: int,
    out: Array,
    first: int,
    last: int,
) -> None:
    """The image from its subbands ``(H/2, C, W/2)``, rounded by ``shift`` bits, 1 or more, and saturated.

    ``half``: of what is rounded away, in the type to sum in. ``scales`` to ``most``: of the image's :func:`.affine`, if
    any.
    """
    own, (_, channels, width) = half[0], ll.shape
    for y in range(first, last):
        sign = half.dtype.type(1 - 2 * (y % 2))  # the lower row of a block takes the vertical differences away
        for c in range(channels):
            at_ll, at_lh, target = row_of(ll, y // 2, c), row_of(lh, y // 2, c), row_of(out, y, c)
            at_hl, at_hh = row_of(hl, y // 2, c), row_of(hh, y // 2, c)
            for i in range(0, width, PIXELS):
                left = width - i
                smooth = _one(ll, at_ll + i, left, half)
                vertical = _one(lh, at_lh + i, left, half)
                detail = _one(hl, at_hl + i, left, half)
                diagonal = _one(hh, at_hh + i, left, half)
                a, b = _row(smooth + vertical * sign, detail + diagonal * sign, own, shift, low, high, out)
                if scales is not None and offsets is not None:
                    a = scaled(a, scales[c], offsets[c], i16(least), i16(most))
                    b = scaled(b, scales[c], offsets[c], i16(least), i16(most))
                put_pixels(in_turn(a, b), out, target + 2 * i, 2 * left)
                put_pixels(in_turn_on(a, b), out, target + 2 * i + PIXELS, 2 * left - PIXELS)


@inlined
def _row(
    smooth: Vector, detail: Vector, half: np.signedinteger, shift: int, low: int, high: int, like: Array
) -> tuple[Vector, Vector]:
    """A row of blocks: its left and its right pixels, rounded, saturated, in the type of another array."""
    smooth = smooth + half
    left, right = saturated((smooth + detail) >> shift, low, high), saturated((smooth - detail) >> shift, low, high)
    return convert(left, like.dtype), convert(right, like.dtype)


@compiled
def next_subbands(
    ll: Array,
    lh: Array,
    hl: Array,
    hh: Array,
    half: Array,
    shift: int,
    low: int,
    high: int,
    scales: Array,
    offsets: Array,
    least: int,
    most: int,
    out: Array,
    first: int,
    last: int,
) -> None:
    """:func:`haar` of the image that :func:`inverse_haar` would give, whose pixels never lie beside each other.

    The arguments are those of the two, rows those of subbands.
    """
    own, (_, channels, width) = half[0], ll.shape
    for y in range(first, last):
        for c in range(channels):
            at_ll, at_lh, target = row_of(ll, y, c), row_of(lh, y, c), row_of(out[0], y, c)
            at_hl, at_hh = row_of(hl, y, c), row_of(hh, y, c)
            for i in range(0, width, PIXELS):
                left = width - i
                smooth = _one(ll, at_ll + i, left, half)
                vertical = _one(lh, at_lh + i, left, half)
                detail = _one(hl, at_hl + i, left, half)
                diagonal = _one(hh, at_hh + i, left, half)
                a, b = _row(smooth + vertical, detail + diagonal, own, shift, low, high, ll)
                d, e = _row(smooth - vertical, detail - diagonal, own, shift, low, high, ll)
                a = convert(scaled(a, scales[c], offsets[c], i16(least), i16(most)), out.dtype)
                b = convert(scaled(b, scales[c], offsets[c], i16(least), i16(most)), out.dtype)
                d = convert(scaled(d, scales[c], offsets[c], i16(least), i16(most)), out.dtype)
                e = convert(scaled(e, scales[c], offsets[c], i16(least), i16(most)), out.dtype)
                _put_subbands(a, b, d, e, out, target + i, left)


@inlined
def _put_subbands(a: Vector, b: Vector, d: Vector, e: Vector, out: Array, at: int, count: int) -> None:
    """Of blocks' pixels: above, left and right, then below."""
    image = out.shape[1] * out.shape[2] * out.shape[3]
    left, lower_left, right, lower_right = a + d, a - d, b + e, b - e
    put_pixels(left + right, out, at, count)
    put_pixels(lower_left + lower_right, out, at + image, count)
    put_pixels(left - right, out, at + 2 * image, count)
    put_pixels(lower_left - lower_right, out, at + 3 * image, count)


@compiled
def pool(x: Array, half: Array, out: Array, first: int, last: int) -> None:
    """Mean of each 2x2 block, rounded half up, ``(H, C, W)`` to ``(H/2, C, W/2)``; ``half``: as above."""
    (_, channels, width), columns = x.shape, out.shape[2]
    for y in range(first, last):
        for c in range(channels):
            top, bottom, target = row_of(x, 2 * y, c), row_of(x, 2 * y + 1, c), row_of(out, y, c)
            for i in range(0, columns, PIXELS):
                at, left = 2 * i, width - 2 * i
                a = _one(x, top + at, left, half) + _one(x, bottom + at, left, half)
                at, left = at + PIXELS, left - PIXELS
                b = _one(x, top + at, left, half) + _one(x, bottom + at, left, half)
                v = (even(a, b) + odd(a, b) + half[0]) >> half.dtype.type(2)
                put_pixels(convert(v, out.dtype), out, target + i, columns - i)


@compiled
def up(
    x: Array,
    skipped: Array | None,
    height: int,
    half: Array,
    low: int,
    high: int,
    out: Array,
    first: int,
    last: int,
) -> None:
    """From ``height`` rows, bilinear: the weights 3 and 1 along either axis, edges replicated, rounded once.

    Another image is added, saturated at ``low`` and ``high``, if there is one. ``half``: as above.
    """
    number, (_, channels, width) = half.dtype.type, x.shape
    column, three, four = np.zeros(width + 2 + PIXELS, half.dtype), number(3), number(4)
    for y in range(first, last):
        near = y // 2
        other = min(max(near + 2 * (y % 2) - 1, 0), height - 1)
        for c in range(channels):
            at_a, at_b, target = row_of(x, near, c), row_of(x, other, c), row_of(out, y, c)
            for i in range(0, width, PIXELS):
                a, b = pixels_at(x, at_a + i, width - i), pixels_at(x, at_b + i, width - i)
                store(column, i + 1, convert(a, half.dtype) * three + convert(b, half.dtype))
            column[0], column[width + 1] = column[1], column[width]
            source = row_of(skipped, y, c) if skipped is not None else 0
            for i in range(0, width, PIXELS):
                at, left = 2 * i, 2 * (width - i)
                middle = load_pixels(column, i + 1) * three + half[0]
                a = convert((middle + load_pixels(column, i)) >> four, out.dtype)
                b = convert((middle + load_pixels(column, i + 2)) >> four, out.dtype)
                a, b = in_turn(a, b), in_turn_on(a, b)
                if skipped is not None:
                    a = _added(a, pixels_at(skipped, source + at, left), low, high)
                    b = _added(b, pixels_at(skipped, source + at + PIXELS, left - PIXELS), low, high)
                put_pixels(a, out, target + at, left)
                put_pixels(b, out, target + at + PIXELS, left - PIXELS)


@inlined
def _added(a: Vector, b: Vector, low: int, high: int) -> Vector:
    """In 16 bits, saturated."""
    return saturated(with_saturation(a, b), i16(low), i16(high))
