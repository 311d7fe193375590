"""The CPU engine's inner loops, compiled by Numba. Each fills rows ``first`` to ``last - 1`` of its output.

Every kernel computes what its namesake in :mod:`bitpan.arithmetic` does. NumPy's promotion makes 64-bit integers of
almost everything, which would halve or quarter the width of the vector instructions, so the hot loops cast each
result back (``u8``, ``i32``); :mod:`bitpan.host.engine.engine` calls them only where these widths suffice.

Binary images are *bit planes*: ``(ceil(C / 8), height + 2, width + 2)`` uint8, bit j of plane g is channel 8*g + j,
1 for +1 and 0 for -1, with a border of -1. Bits beyond the last channel are 0 in images and weights alike and so never
count.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.host.engine.compiled import compiled, i32, popcount, u8, u16

Array = npt.NDArray[Any]


@compiled
def _full_add(a: Any, b: Any, c: Any) -> Any:  # noqa: ANN401
    """Sum and carry of three bits, bytewise."""
    t = u8(a ^ b)
    return u8(t ^ c), u8(u8(a & b) | u8(t & c))


@compiled
def pack_signs(x: Array, thresholds: Array, planes: Array, first: int, last: int) -> None:
    """``x >= threshold`` as bit planes. ``x: (C, H, W)``, ``thresholds: (C,)`` of the same type."""
    channels, _, width = x.shape
    for y in range(first, last):
        for plane in range(planes.shape[0]):
            row = planes[plane, y + 1, 1 : width + 1]
            row[:] = 0
            for bit in range(min(8, channels - 8 * plane)):
                values, threshold = x[8 * plane + bit, y], thresholds[8 * plane + bit]
                for i in range(width):
                    row[i] = u8(row[i] | u8(u8(values[i] >= threshold) << u8(bit)))


@compiled
def _count_differences(planes: Array, weights: Array, y: int, counts: Array, sums: Array) -> None:
    """Differing bits of a row's 3x3 windows against ``weights (planes, 9)``, into ``sums (W,)`` uint16.

    Per plane, nine bytes go through full adders to four of weight 1, 2, 4 and 4: four popcounts instead of nine.
    """
    width = sums.shape[0]
    sums[:] = 0
    for plane in range(planes.shape[0]):
        r0, r1, r2 = planes[plane, y], planes[plane, y + 1], planes[plane, y + 2]
        w = weights[plane]
        w0, w1, w2, w3, w4, w5, w6, w7, w8 = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8]
        for i in range(width):
            s0, c0 = _full_add(u8(r0[i] ^ w0), u8(r0[i + 1] ^ w1), u8(r0[i + 2] ^ w2))
            s1, c1 = _full_add(u8(r1[i] ^ w3), u8(r1[i + 1] ^ w4), u8(r1[i + 2] ^ w5))
            s2, c2 = _full_add(u8(r2[i] ^ w6), u8(r2[i + 1] ^ w7), u8(r2[i + 2] ^ w8))
            ones, c3 = _full_add(s0, s1, s2)
            t, fours = _full_add(c0, c1, c2)
            twos, carry = u8(t ^ c3), u8(t & c3)
            high = u8(popcount(fours) + popcount(carry))
            counts[i] = u8(u8(popcount(ones) + u8(popcount(twos) << u8(1))) + u8(high << u8(2)))
        for i in range(width):  # a loop of its own, so that the one above fills the vectors with bytes
            sums[i] = u16(sums[i] + u16(counts[i]))


@compiled
def binary_conv(planes: Array, weights: Array, total: int, out: Array, first: int, last: int) -> None:
    """Binary 3x3 convolution: ``total - 2 * differences``, ``total`` = 9 C. ``weights: (O, planes, 9)``."""
    width = out.shape[2]
    counts, sums = np.empty(width, np.uint8), np.empty(width, np.uint16)
    for y in range(first, last):
        for o in range(out.shape[0]):
            _count_differences(planes, weights[o], y, counts, sums)
            row = out[o, y]
            for i in range(width):
                row[i] = i32(i32(total) - i32(i32(2) * i32(sums[i])))


@compiled
def binary_conv_rprelu(
    planes: Array,
    weights: Array,
    total: int,
    x: Array,
    branches: Array,
    shift: int,
    low: int,
    high: int,
    out: Array,
    first: int,
    last: int,
) -> None:
    """Binary convolution and RPReLU with residual in one pass, in 32 bits; ``out`` may be ``x``.

    Args:
        planes, weights, total: see :func:`binary_conv`.
        x: residual, ``(C, H, W)``.
        branches: knee, slope above, slope below, bias above, bias below; ``(5, C)`` int32.
        shift: fraction bits of slopes and biases, at least 1.
        low, high: range of the output.
        out: ``(C, H, W)``.
        first, last: rows.
    """
    width = out.shape[2]
    counts, sums, residual = np.empty(width, np.uint8), np.empty(width, np.uint16), np.empty(width, x.dtype)
    all_bits, places, half = i32(total), i32(shift), i32(1 << (shift - 1))
    minimum, maximum = i32(low), i32(high)
    for y in range(first, last):
        for o in range(out.shape[0]):
            _count_differences(planes, weights[o], y, counts, sums)
            knee = branches[0, o]
            slope_above, slope_below = branches[1, o], branches[2, o]
            bias_above, bias_below = i32(branches[3, o] + half), i32(branches[4, o] + half)
            residual[:] = x[o, y]  # a copy: where rows may overlap, the loop below is not vectorised
            row = out[o, y]
            for i in range(width):
                p = i32(all_bits - i32(i32(2) * i32(sums[i])))
                above = p >= knee
                slope = slope_above if above else slope_below
                bias = bias_above if above else bias_below
                v = i32(i32(i32(i32(slope * p) + bias) >> places) + i32(residual[i]))
                row[i] = min(max(v, minimum), maximum)


@compiled
def conv(
    x: Array, weights: Array, bias: Array, shift: int, low: int, high: int, out: Array, first: int, last: int
) -> None:
    """8-bit convolution, padded with 0, rounded and saturated.

    Args:
        x: ``(I, H, W)``.
        weights: ``(O, I, k, k)`` in the type to sum in: float32 or float64 where every sum is exact in it.
        bias: ``(O,)`` int64.
        shift: bits to round off.
        low, high: range of the output.
        out: ``(O, H, W)``.
        first, last: rows.
    """
    outputs, inputs, kernel, _ = weights.shape
    height, width = x.shape[1:]
    margin = kernel // 2
    rows = np.zeros((inputs, kernel, width + 2 * margin), weights.dtype)
    total = np.empty(width, weights.dtype)
    for y in range(first, last):
        for c in range(inputs):
            for dy in range(kernel):
                source = y + dy - margin
                if 0 <= source < height:
                    rows[c, dy, margin : margin + width] = x[c, source]
                else:
                    rows[c, dy, margin : margin + width] = 0
        for o in range(outputs):
            total[:] = 0
            for c in range(inputs):
                for dy in range(kernel):
                    row, w = rows[c, dy], weights[o, c, dy]
                    if kernel == 3:
                        w0, w1, w2 = w[0], w[1], w[2]
                        for i in range(width):
                            total[i] += w0 * row[i] + w1 * row[i + 1] + w2 * row[i + 2]
                    else:
                        for dx in range(kernel):
                            for i in range(width):
                                total[i] += w[dx] * row[i + dx]
            for i in range(width):
                v = np.int64(total[i]) + bias[o]
                v = (v + (1 << (shift - 1))) >> shift if shift > 0 else v << -shift
                out[o, y, i] = min(max(v, low), high)


@compiled
def interpolate(ms: Array, rows: Array, columns: Array, places: int, out: Array, first: int, last: int) -> None:
    """Cubic interpolation, vertical then horizontal, ``places`` coefficient bits rounded off each time."""
    bands, height, width = ms.shape
    ratio, taps = columns.shape
    radius = taps // 2
    half = 1 << (places - 1)
    padded = np.empty(width + 2 * radius, np.int64)
    for y in range(first, last):
        i, phase = y // ratio, y % ratio
        for b in range(bands):
            padded[:] = half
            for t in range(taps):
                row, weight = ms[b, min(max(i + t - radius, 0), height - 1)], rows[phase, t]
                for j in range(width):
                    padded[j + radius] += weight * row[j]
            for j in range(width):
                padded[j + radius] >>= places
            padded[:radius] = padded[radius]
            padded[width + radius :] = padded[width + radius - 1]
            for q in range(ratio):
                for j in range(width):
                    v = half
                    for t in range(taps):
                        v += columns[q, t] * padded[j + t]
                    out[b, y, j * ratio + q] = v >> places


@compiled
def centre(x: Array, offset: int, shift: int, low: int, high: int, out: Array, first: int, last: int) -> None:
    """Offset subtracted, rounded by ``shift`` bits, saturated."""
    half = (1 << shift) >> 1
    for c in range(x.shape[0]):
        for y in range(first, last):
            for i in range(x.shape[2]):
                out[c, y, i] = min(max((x[c, y, i] - offset + half) >> shift, low), high)


@compiled
def add_clip(lms: Array, residual: Array, high: int, out: Array, first: int, last: int) -> None:
    """Sum, clipped to 0 ... ``high``."""
    for c in range(lms.shape[0]):
        for y in range(first, last):
            for i in range(lms.shape[2]):
                out[c, y, i] = min(max(np.int64(lms[c, y, i]) + np.int64(residual[c, y, i]), 0), high)
