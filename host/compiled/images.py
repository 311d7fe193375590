"""Kernels at both ends of the networks, on integers of any width."""

from __future__ import annotations

import numpy as np

from bitpan.arithmetic import COEFFICIENT_BITS
from bitpan.host.compiled.compiling import compiled, i32, inlined, shift_right
from bitpan.host.compiled.lanes import Vector, convert, item, load_sums, put_pixels, saturated
from bitpan.host.compiled.layout import OUTPUTS, SUMS, Array
from bitpan.host.compiled.products import add_products


@compiled
def interpolate(ms: Array, rows: Array, columns: Array, out: Array, first: int, last: int) -> None:
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


@compiled
def centre(x: Array, offset: int, shift: int, low: int, high: int, out: Array, first: int, last: int) -> None:
    """Offset subtracted, rounded by ``shift`` bits, saturated."""
    half = (1 << shift) >> 1
    for y in range(first, last):
        for c in range(x.shape[1]):
            values, row = x[y % x.shape[0], c], out[y % out.shape[0], c]
            for i in range(x.shape[2]):
                row[i] = min(max((values[i] - offset + half) >> shift, low), high)


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
def conv(
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
    rows, nothing = np.zeros((kernel, pairs, line), np.int32), np.zeros(SUMS, np.int32)
    minimum, maximum = i32(low), i32(high)
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
                    pixels, at = load_sums(rows, item(places, tap) + i), OUTPUTS * tap
                    a = add_products(a, pixels, item(w, at))
                    b = add_products(b, pixels, item(w, at + 1))
                    c = add_products(c, pixels, item(w, at + 2))
                    d = add_products(d, pixels, item(w, at + 3))
                o = OUTPUTS * block
                begin, size = (y % kept * outputs + o) * width + i, width - i
                _put(a, bias, o, shift, minimum, maximum, out, begin, size)
                if o + 1 < outputs:
                    _put(b, bias, o + 1, shift, minimum, maximum, out, begin + width, size)
                if o + 2 < outputs:
                    _put(c, bias, o + 2, shift, minimum, maximum, out, begin + 2 * width, size)
                if o + 3 < outputs:
                    _put(d, bias, o + 3, shift, minimum, maximum, out, begin + 3 * width, size)


@compiled
def simple_conv(
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
                    values = x[(y + dy - margin) % kept, own + c]
                    for i in range(width):
                        row[margin + i] = values[i]
                    for dx in range(kernel):
                        w = weights[o, c, dy, dx]
                        for i in range(width):
                            total[i] += w * row[i + dx]
            for i in range(width):
                v = np.int64(total[i]) + bias[o]
                v = (v + (1 << (shift - 1))) >> shift if shift > 0 else v << -shift
                out[y % out.shape[0], o, i] = min(max(v, low), high)


@compiled
def add_clip(lms: Array, residual: Array, high: int, out: Array, first: int, last: int) -> None:
    """Sum, clipped to 0 and the highest count."""
    for y in range(first, last):
        for c in range(lms.shape[1]):
            base, added = lms[y % lms.shape[0], c], residual[y % residual.shape[0], c]
            row = out[y % out.shape[0], c]
            for i in range(lms.shape[2]):
                row[i] = min(max(np.int64(base[i]) + np.int64(added[i]), 0), high)


@compiled
def concat(a: Array, b: Array, out: Array, first: int, last: int) -> None:
    """The channels of both."""
    for y in range(first, last):
        for c in range(out.shape[1]):
            row = out[y % out.shape[0], c]
            values = a[y % a.shape[0], c] if c < a.shape[1] else b[y % b.shape[0], c - a.shape[1]]
            for i in range(out.shape[2]):
                row[i] = values[i]
