"""Kernels of the networks that change resolution: wavelet, pool, bilinear, skip; see :mod:`bitpan.host.engine.kernels`.

All are made for 16-bit tensors, whose sums 32 bits hold.
"""

from __future__ import annotations

import numpy as np

from bitpan.arithmetic import haar_format
from bitpan.host.engine.compiled import compiled, i32, shift_right
from bitpan.host.engine.step import Array, Step, narrow, narrowest


@compiled
def _pairs(row: Array, sums: Array, differences: Array) -> None:
    """Sum and difference of neighbours, ``(W,)`` to ``(W/2,)``."""
    for i in range(sums.shape[0]):
        sums[i] = i32(row[2 * i] + row[2 * i + 1])
        differences[i] = i32(row[2 * i] - row[2 * i + 1])


@compiled
def _haar(x: Array, out: Array, first: int, last: int) -> None:
    """All subbands at once, ``(C, H, W)`` to ``(4, C, H/2, W/2)``: LL, LH, HL, HH; rows are the output's."""
    width = x.shape[2]
    sums, differences = np.empty(width, np.int32), np.empty(width, np.int32)
    for y in range(first, last):
        for c in range(x.shape[0]):
            top, bottom = x[c, 2 * y], x[c, 2 * y + 1]
            for i in range(width):
                sums[i], differences[i] = i32(i32(top[i]) + i32(bottom[i])), i32(i32(top[i]) - i32(bottom[i]))
            _pairs(sums, out[0, c, y], out[2, c, y])
            _pairs(differences, out[1, c, y], out[3, c, y])


@narrow
def haar(x: Array, step: Step) -> Array | None:
    """The subbands, ``(4, C, H/2, W/2)``."""
    channels, height, width = x.shape
    if height % 2 or width % 2:
        return None
    return step.fill(_haar, (4, channels, height // 2, width // 2), x, dtype=narrowest(haar_format(step.inputs[0])))


@compiled
def _inverse_haar(
    ll: Array, lh: Array, hl: Array, hh: Array, shift: int, low: int, high: int, out: Array, first: int, last: int
) -> None:
    """The image from its subbands ``(C, H/2, W/2)``, rounded by ``shift`` bits, 1 to 30, and saturated."""
    places, half = i32(shift), i32(1 << (shift - 1))
    minimum, maximum = i32(low), i32(high)
    width = ll.shape[2]
    smooth, detail = np.empty(width, np.int32), np.empty(width, np.int32)
    for y in range(first, last):
        sign = i32(1 - 2 * (y % 2))  # the lower row of a block takes the vertical differences away
        for c in range(out.shape[0]):
            a, b, d, e, row = ll[c, y // 2], lh[c, y // 2], hl[c, y // 2], hh[c, y // 2], out[c, y]
            for i in range(width):
                smooth[i] = i32(i32(i32(a[i]) + i32(sign * i32(b[i]))) + half)
                detail[i] = i32(i32(d[i]) + i32(sign * i32(e[i])))
            for i in range(width):  # a loop of its own: with so many arrays in one there are no vectors
                row[2 * i] = min(max(shift_right(i32(smooth[i] + detail[i]), places), minimum), maximum)
                row[2 * i + 1] = min(max(shift_right(i32(smooth[i] - detail[i]), places), minimum), maximum)


@narrow
def inverse_haar(ll: Array, lh: Array, hl: Array, hh: Array, shift: int, step: Step) -> Array | None:
    """The image."""
    if not 1 <= shift <= 30:
        return None
    channels, height, width = ll.shape
    shape, low, high = (channels, 2 * height, 2 * width), step.format.min, step.format.max
    return step.fill(_inverse_haar, shape, ll, lh, hl, hh, shift, low, high)


@compiled
def _pool(x: Array, out: Array, first: int, last: int) -> None:
    """Mean of each 2x2 block, rounded half up, ``(C, H, W)`` to ``(C, H/2, W/2)``."""
    for y in range(first, last):
        for c in range(x.shape[0]):
            top, bottom, row = x[c, 2 * y], x[c, 2 * y + 1], out[c, y]
            for i in range(row.shape[0]):
                s = i32(i32(top[2 * i]) + i32(top[2 * i + 1]))
                t = i32(i32(bottom[2 * i]) + i32(bottom[2 * i + 1]))
                row[i] = shift_right(i32(i32(s + t) + i32(2)), i32(2))


@narrow
def pool(x: Array, step: Step) -> Array | None:
    """Half the size."""
    channels, height, width = x.shape
    if height % 2 or width % 2:
        return None
    return step.fill(_pool, (channels, height // 2, width // 2), x)


@compiled
def _up(x: Array, out: Array, first: int, last: int) -> None:
    """Twice the size, bilinear: the weights 3 and 1 along either axis, edges replicated, rounded once."""
    height, width = x.shape[1:]
    column = np.empty(width + 2, np.int32)
    for y in range(first, last):
        near = y // 2
        other = min(max(near + 2 * (y % 2) - 1, 0), height - 1)
        for c in range(x.shape[0]):
            a, b, row = x[c, near], x[c, other], out[c, y]
            for i in range(width):
                column[i + 1] = i32(i32(i32(3) * i32(a[i])) + i32(b[i]))
            column[0], column[width + 1] = column[1], column[width]
            for i in range(width):
                s = i32(i32(i32(3) * column[i + 1]) + i32(8))
                row[2 * i] = shift_right(i32(s + column[i]), i32(4))
                row[2 * i + 1] = shift_right(i32(s + column[i + 2]), i32(4))


@narrow
def up(x: Array, step: Step) -> Array | None:
    """Twice the size."""
    channels, height, width = x.shape
    return step.fill(_up, (channels, 2 * height, 2 * width), x)


@compiled
def _add(a: Array, b: Array, low: int, high: int, out: Array, first: int, last: int) -> None:
    """Saturating sum."""
    minimum, maximum = i32(low), i32(high)
    for c in range(a.shape[0]):
        for y in range(first, last):
            one, other, row = a[c, y], b[c, y], out[c, y]
            for i in range(row.shape[0]):
                row[i] = min(max(i32(i32(one[i]) + i32(other[i])), minimum), maximum)


@narrow
def add(a: Array, b: Array, step: Step) -> Array | None:
    """Saturating sum."""
    return step.fill(_add, a.shape, a, b, step.format.min, step.format.max)
