"""Kernels at both ends of the networks, on integers of any width; see :mod:`bitpan.host.engine.kernels`."""

from __future__ import annotations

import numpy as np

from bitpan.arithmetic import COEFFICIENT_BITS
from bitpan.host.engine.compiled import compiled, i32, inlined, shift_right
from bitpan.host.engine.lanes import (
    SUMS,
    Vector,
    convert,
    item,
    load_sums,
    put_pixels,
    saturated,
)
from bitpan.host.engine.products import add_products
from bitpan.host.engine.step import Array, Rows, Step


@compiled
def _interpolate(ms: Array, rows: Array, columns: Array, out: Array, first: int, last: int) -> None:
    """``rows, columns``: coefficients of each phase, ``(ratio, taps)``, in the type to sum in, int32 or int64."""
    _, bands, width = ms.shape
    ratio, taps = columns.shape
    places, half = rows.dtype.type(COEFFICIENT_BITS), rows.dtype.type(1 << (COEFFICIENT_BITS - 1))
    filtered, phase = np.empty(width, rows.dtype), np.empty(width - taps + 1, rows.dtype)
    for y in range(first, last):
        for b in range(bands):
            filtered[:] = half
            for t in range(taps):
                row, weight = ms[y // ratio + t, b], rows[y % ratio, t]
                for j in range(width):
                    filtered[j] += weight * row[j]
            for j in range(width):
                filtered[j] = shift_right(filtered[j], places)
            row = out[y % out.shape[0], b]
            for q in range(ratio):
                phase[:] = half
                for t in range(taps):
                    weight = columns[q, t]
                    for j in range(len(phase)):
                        phase[j] += weight * filtered[j + t]
                for j in range(len(phase)):
                    row[j * ratio + q] = shift_right(phase[j], places)


def interpolate(ms: Array, rows: Array, columns: Array, step: Step) -> Rows:
    """Cubic interpolation of an image with its border, vertical then horizontal."""
    largest = max(step.inputs[0].max, -step.inputs[0].min)
    for axis in (rows, columns):  # of what both filters sum up, before they are shifted
        summed = largest * int(np.abs(axis).sum(axis=1).max()) + (1 << COEFFICIENT_BITS)
        largest = (summed >> COEFFICIENT_BITS) + 1
    dtype = np.int32 if summed < 1 << 31 else np.int64
    coefficients = (np.ascontiguousarray(axis, dtype) for axis in (rows, columns))
    wide = step.inputs[0].bits > 16  # beyond, extreme coefficients leave 32 bits
    return step.rows(_interpolate, ms.shape[1], ms, *coefficients, dtype=np.int64 if wide else np.int32)


@compiled
def _centre(x: Array, offset: int, shift: int, low: int, high: int, out: Array, first: int, last: int) -> None:
    half = (1 << shift) >> 1
    for y in range(first, last):
        for c in range(x.shape[1]):
            values, row = x[y % x.shape[0], c], out[y % out.shape[0], c]
            for i in range(x.shape[2]):
                row[i] = min(max((values[i] - offset + half) >> shift, low), high)


def centre(x: Array, offset: int, shift: int, step: Step) -> Rows | None:
    """Offset subtracted, rounded by ``shift`` bits, saturated."""
    if shift < 0:
        return None
    return step.rows(_centre, x.shape[1], x, offset, shift, step.format.min, step.format.max)


OUTPUTS = 4
"""Of a convolution, at a time: an input's pixels are loaded once for them."""


@compiled
def _pair_row(x: Array, source: int, height: int, pairs: Array, margin: int) -> None:
    """Row ``source`` of two channels each as the halves of 32-bit numbers, 0 beyond the image."""
    _, channels, width = x.shape
    for pair in range(pairs.shape[0]):
        row = pairs[pair, margin : margin + width]
        row[:] = 0
        if 0 <= source < height:
            low = x[source % x.shape[0], 2 * pair]
            for i in range(width):
                row[i] = i32(low[i]) & i32(0xFFFF)
            if 2 * pair + 1 < channels:
                high = x[source % x.shape[0], 2 * pair + 1]
                for i in range(width):
                    row[i] |= i32(high[i]) << i32(16)


@inlined
def _put(
    total: Vector, bias: Array, o: int, shift: int, low: np.int32, high: np.int32, out: Array, begin: int, size: int
) -> None:
    """Sums of output o, rounded and saturated, into an image's row, or as many of them as it has."""
    v = (total + item(bias, o)) >> i32(shift)
    put_pixels(convert(saturated(v, low, high), out.dtype), out, begin, size)


@compiled
def _conv(
    x: Array,
    height: int,
    kernel: int,
    taps: Array,
    weights: Array,
    bias: Array,
    shift: int,
    low: int,
    high: int,
    out: Array,
    first: int,
    last: int,
) -> None:
    """``taps``: where weights are not zero, ``(taps, 3)``: which two channels, row and column in the window.

    ``weights``: the two channels' as the halves of 32-bit numbers, ``(O / OUTPUTS, taps * OUTPUTS)``. ``bias``: int32,
    ``(O,)``, half of what is rounded away added.
    """
    pairs, kept, outputs, width = (x.shape[1] + 1) // 2, *out.shape
    margin, line, places = kernel // 2, width + SUMS + kernel, np.empty(len(taps), np.intp)
    rows, flat, nothing = np.zeros((kernel, pairs, line), np.int32), out.reshape(-1), np.zeros(SUMS, np.int32)
    values, minimum, maximum = rows.reshape(-1), i32(low), i32(high)
    for y in range(first - margin, first + margin):
        _pair_row(x, y, height, rows[y % kernel], margin)
    for y in range(first, last):
        _pair_row(x, y + margin, height, rows[(y + margin) % kernel], margin)
        for tap in range(len(taps)):
            pair, dy, dx = taps[tap]
            places[tap] = ((y + dy - margin) % kernel * pairs + pair) * line + dx
        for block in range(weights.shape[0]):
            w = weights[block]
            for i in range(0, width, SUMS):
                a = b = c = d = load_sums(nothing, 0)
                for tap in range(len(taps)):
                    pixels, at = load_sums(values, item(places, tap) + i), OUTPUTS * tap
                    a = add_products(a, pixels, item(w, at))
                    b = add_products(b, pixels, item(w, at + 1))
                    c = add_products(c, pixels, item(w, at + 2))
                    d = add_products(d, pixels, item(w, at + 3))
                o = OUTPUTS * block
                begin, size = (y % kept * outputs + o) * width + i, width - i
                _put(a, bias, o, shift, minimum, maximum, flat, begin, size)
                if o + 1 < outputs:
                    _put(b, bias, o + 1, shift, minimum, maximum, flat, begin + width, size)
                if o + 2 < outputs:
                    _put(c, bias, o + 2, shift, minimum, maximum, flat, begin + 2 * width, size)
                if o + 3 < outputs:
                    _put(d, bias, o + 3, shift, minimum, maximum, flat, begin + 3 * width, size)


@compiled
def _simple_conv(
    x: Array,
    height: int,
    weights: Array,
    bias: Array,
    shift: int,
    low: int,
    high: int,
    out: Array,
    first: int,
    last: int,
) -> None:
    """Of any numbers, or of each channel for itself, then with weights ``(C, 1, k, k)``.

    The weights have the type to sum in, float32 or float64; ``bias`` is int64.
    """
    kept, channels, width = x.shape
    outputs, inputs, kernel, _ = weights.shape
    margin = kernel // 2
    row, total = np.zeros(width + 2 * margin, weights.dtype), np.empty(width, weights.dtype)
    for y in range(first, last):
        for o in range(outputs):
            total[:] = 0
            own = 0 if inputs == channels else o
            for c in range(inputs):
                for dy in range(max(margin - y, 0), min(kernel, height + margin - y)):
                    row[margin : margin + width] = x[(y + dy - margin) % kept, own + c]
                    for dx in range(kernel):
                        w = weights[o, c, dy, dx]
                        for i in range(width):
                            total[i] += w * row[i + dx]
            for i in range(width):
                v = np.int64(total[i]) + bias[o]
                v = (v + (1 << (shift - 1))) >> shift if shift > 0 else v << -shift
                out[y % out.shape[0], o, i] = min(max(v, low), high)


def conv(x: Array, weights: Array, bias: Array | None = None, *, shift: int, step: Step) -> Rows:
    """Convolution padded with 0, rounded and saturated; of all channels or, with weights ``(C, 1, k, k)``, of each."""
    fmt, sums = step.inputs[0], np.abs(weights.astype(np.int64)).sum(axis=(1, 2, 3))
    largest, channels = int(sums.max()) * max(fmt.max, -fmt.min), len(weights)
    added = np.zeros(channels, np.int64) if bias is None else bias.astype(np.int64)
    height, low, high = step.size[0], step.format.min, step.format.max
    narrow = x.dtype == np.int16 and 0 < shift < 31 and step.format.bits <= 32
    if weights.shape[1] < x.shape[1] or not narrow or largest + int(np.abs(added).max()) + (1 << shift) >= 1 << 31:
        summing = weights.astype(np.float32 if largest < 1 << 24 else np.float64)
        return step.rows(_simple_conv, channels, x, height, summing, added, shift, low, high)
    even = np.pad(weights, ((0, -channels % OUTPUTS), (0, x.shape[1] % 2), (0, 0), (0, 0))).astype(np.int32)
    pairs = even[:, ::2] & 0xFFFF | even[:, 1::2] << 16
    taps = np.argwhere(pairs.any(axis=0))
    found = pairs[:, taps[:, 0], taps[:, 1], taps[:, 2]].reshape(len(even) // OUTPUTS, OUTPUTS, len(taps))
    blocks = np.ascontiguousarray(found.transpose(0, 2, 1)).reshape(len(found), OUTPUTS * len(taps))
    half = (added + (1 << (shift - 1))).astype(np.int32)
    return step.rows(_conv, channels, x, height, weights.shape[2], taps, blocks, half, shift, low, high)


@compiled
def _add_clip(lms: Array, residual: Array, high: int, out: Array, first: int, last: int) -> None:
    for y in range(first, last):
        for c in range(lms.shape[1]):
            base, added = lms[y % lms.shape[0], c], residual[y % residual.shape[0], c]
            row = out[y % out.shape[0], c]
            for i in range(lms.shape[2]):
                row[i] = min(max(np.int64(base[i]) + np.int64(added[i]), 0), high)


def add_clip(lms: Array, residual: Array, step: Step) -> Rows:
    """Sum, clipped to 0 and the highest count."""
    return step.rows(_add_clip, lms.shape[1], lms, residual, step.format.max)


@compiled
def _concat(a: Array, b: Array, out: Array, first: int, last: int) -> None:
    for y in range(first, last):
        for c in range(out.shape[1]):
            row = out[y % out.shape[0], c]
            values = a[y % a.shape[0], c] if c < a.shape[1] else b[y % b.shape[0], c - a.shape[1]]
            for i in range(out.shape[2]):
                row[i] = values[i]


def concat(a: Array, b: Array, step: Step) -> Rows:
    """The channels of both."""
    return step.rows(_concat, a.shape[1] + b.shape[1], a, b)
