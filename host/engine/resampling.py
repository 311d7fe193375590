"""Kernels of the networks that change resolution: wavelet, pool, bilinear, skip; see :mod:`bitpan.host.engine.kernels`.

All are made for 16-bit tensors, whose sums 32 bits hold.
"""

from __future__ import annotations

import numpy as np

from bitpan.arithmetic import haar_format
from bitpan.host.engine.compiled import compiled, i32, shift_right
from bitpan.host.engine.step import Array, Rows, Step, narrow, narrowest


@compiled
def _pairs(row: Array, sums: Array, differences: Array) -> None:
    """Sum and difference of neighbours, ``(W,)`` to ``(W/2,)``."""
    for i in range(sums.shape[0]):
        sums[i] = row[2 * i] + row[2 * i + 1]
        differences[i] = row[2 * i] - row[2 * i + 1]


@compiled
def _haar(x: Array, out: Array, first: int, last: int) -> None:
    """All subbands at once, ``(H, C, W)`` to ``(4, H/2, C, W/2)``: LL, LH, HL, HH; rows are the output's."""
    width = x.shape[2]
    sums, differences = np.empty(width, out.dtype), np.empty(width, out.dtype)
    for y in range(first, last):
        row = y % out.shape[1]
        for c in range(x.shape[1]):
            top, bottom = x[2 * y % x.shape[0], c], x[(2 * y + 1) % x.shape[0], c]
            for i in range(width):
                sums[i], differences[i] = top[i] + bottom[i], top[i] - bottom[i]
            _pairs(sums, out[0, row, c], out[2, row, c])
            _pairs(differences, out[1, row, c], out[3, row, c])


@narrow
def haar(x: Array, step: Step) -> Rows | None:
    """The subbands, ``(4, C, H/2, W/2)``."""
    return step.rows(_haar, x.shape[1], x, dtype=narrowest(haar_format(step.inputs[0])), images=(4,))


@compiled
def _inverse_haar(
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
    width = ll.shape[2]
    smooth, detail = np.empty(width, dtype), np.empty(width, dtype)
    for y in range(first, last):
        sign = dtype.type(1 - 2 * (y % 2))  # the lower row of a block takes the vertical differences away
        for c in range(out.shape[1]):
            a, b = ll[y // 2 % ll.shape[0], c], lh[y // 2 % lh.shape[0], c]
            d, e = hl[y // 2 % hl.shape[0], c], hh[y // 2 % hh.shape[0], c]
            row = out[y % out.shape[0], c]
            for i in range(width):
                smooth[i], detail[i] = a[i] + sign * b[i] + own, d[i] + sign * e[i]
            for i in range(width):  # a loop of its own: with so many arrays in one there are no vectors
                left, right = dtype.type(smooth[i] + detail[i]), dtype.type(smooth[i] - detail[i])
                row[2 * i] = min(max(shift_right(left, places), minimum), maximum)
                row[2 * i + 1] = min(max(shift_right(right, places), minimum), maximum)


@narrow
def inverse_haar(ll: Array, lh: Array, hl: Array, hh: Array, shift: int, step: Step) -> Rows | None:
    """The image."""
    if not 1 <= shift <= 30:
        return None
    largest = 4 * max(-fmt.min for fmt in step.inputs) + (1 << shift) + step.format.max
    half = np.array([1 << (shift - 1)], np.int16 if largest < 1 << 15 else np.int32)
    return step.rows(_inverse_haar, ll.shape[1], ll, lh, hl, hh, half, shift, step.format.min, step.format.max)


@compiled
def _pool(x: Array, out: Array, first: int, last: int) -> None:
    """Mean of each 2x2 block, rounded half up, ``(H, C, W)`` to ``(H/2, C, W/2)``."""
    for y in range(first, last):
        for c in range(x.shape[1]):
            top, bottom = x[2 * y % x.shape[0], c], x[(2 * y + 1) % x.shape[0], c]
            row = out[y % out.shape[0], c]
            for i in range(row.shape[0]):
                s = i32(i32(top[2 * i]) + i32(top[2 * i + 1]))
                t = i32(i32(bottom[2 * i]) + i32(bottom[2 * i + 1]))
                row[i] = shift_right(i32(i32(s + t) + i32(2)), i32(2))


@narrow
def pool(x: Array, step: Step) -> Rows | None:
    """Half the size."""
    return step.rows(_pool, x.shape[1], x)


@compiled
def _up(x: Array, height: int, out: Array, first: int, last: int) -> None:
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


@narrow
def up(x: Array, step: Step) -> Rows | None:
    """Twice the size."""
    return step.rows(_up, x.shape[1], x, step.size[0] // 2)


@compiled
def _add(a: Array, b: Array, low: int, high: int, out: Array, first: int, last: int) -> None:
    """Saturating sum."""
    minimum, maximum = i32(low), i32(high)
    for y in range(first, last):
        for c in range(a.shape[1]):
            one, other = a[y % a.shape[0], c], b[y % b.shape[0], c]
            row = out[y % out.shape[0], c]
            for i in range(row.shape[0]):
                row[i] = min(max(i32(i32(one[i]) + i32(other[i])), minimum), maximum)


@narrow
def add(a: Array, b: Array, step: Step) -> Rows | None:
    """Saturating sum."""
    return step.rows(_add, a.shape[1], a, b, step.format.min, step.format.max)
