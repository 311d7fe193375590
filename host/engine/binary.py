"""Kernels of the binary units: sign, convolution and RPReLU at once; see :mod:`bitpan.host.engine.kernels`.

Binary images are *bit planes*: ``(ceil(C / 8), height + 2, width + 2)`` uint8, bit j of plane g is channel 8*g + j,
1 for +1 and 0 for -1, with a border of -1. Bits beyond the last channel are 0 in images and weights alike and so never
count.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bitpan.host.engine.compiled import compiled, i32, popcount, u8, u16
from bitpan.host.engine.step import Array, Step


@compiled
def _full_add(a: Any, b: Any, c: Any) -> Any:  # noqa: ANN401
    """Sum and carry of three bits, bytewise."""
    t = u8(a ^ b)
    return u8(t ^ c), u8(u8(a & b) | u8(t & c))


@compiled
def _pack_signs(x: Array, thresholds: Array, planes: Array, first: int, last: int) -> None:
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
def _conv_rprelu(
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
    """Convolution, ``total - 2 * differences``, ``total`` = 9 C, and RPReLU in one pass; ``out`` may be ``x``.

    ``weights``: ``(O, planes, 9)``. ``branches``: knee, slopes above and below, biases above and below; ``(5, C)``.
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


def _packed(weights: Array) -> Array:
    """``(O, I, 3, 3)`` of +1 and -1 as ``(O, ceil(I / 8), 9)`` bytes, input channel 0 in bit 0."""
    bits = np.packbits(weights.transpose(0, 2, 3, 1) > 0, axis=3, bitorder="little")
    return np.ascontiguousarray(bits.transpose(0, 3, 1, 2).reshape(len(bits), -1, 9))


def sign_conv_rprelu(
    x: Array,
    residual: Array | None = None,
    *,
    threshold: Array,
    weights: Array,
    knee: Array,
    slope_above: Array,
    slope_below: Array,
    bias_above: Array,
    bias_below: Array,
    shift: int,
    step: Step,
) -> Array | None:
    """Sign, binary convolution and RPReLU, which may overwrite the residual; numbers within 32 bits."""
    branches = np.stack([knee, slope_above, slope_below, bias_above, bias_below])
    outputs, inputs, kernel, _ = weights.shape
    slope, bias = np.abs(branches[1:].astype(np.int64)).reshape(2, -1).max(axis=1)
    bound = slope * 9 * inputs + bias + (1 << max(shift, 1))
    if kernel != 3 or inputs >= 3600 or shift <= 0 or bound >= 1 << 30 or step.format.bits > 30:
        return None
    _, height, width = x.shape
    planes = np.zeros(((inputs + 7) // 8, height + 2, width + 2), np.uint8)
    limits, shape = np.iinfo(x.dtype), (outputs, height, width)
    thresholds = np.clip(threshold, limits.min, limits.max).astype(x.dtype)
    step.share(lambda first, last: _pack_signs(x, thresholds, planes, first, last), height)
    added = np.broadcast_to(np.int16(0), shape) if residual is None else residual
    packed, scales, low, high = _packed(weights), branches.astype(np.int32), step.format.min, step.format.max
    return step.fill(_conv_rprelu, shape, planes, packed, 9 * inputs, added, scales, shift, low, high, over=residual)
