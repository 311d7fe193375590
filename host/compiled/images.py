"""Kernels at both ends of the networks, on integers of any width."""

from __future__ import annotations

import numpy as np

from bitpan.host.compiled.compiling import compiled, i16, i32, inlined
from bitpan.host.compiled.interpolation import add_five, upsample, weights_of
from bitpan.host.compiled.lanes import (
    convert,
    item,
    load_pixels,
    load_sums,
    pixels_at,
    pixels_within,
    put_pixels,
    row_of,
    saturated,
    store,
)
from bitpan.host.compiled.layout import OUTPUTS, PIXELS, SUMS, Array
from bitpan.host.compiled.products import add_products, in_order, narrowed, paired


@compiled
def interpolate(ms: Array, rows: Array, columns: Array, out: Array, first: int, last: int) -> None:
    """``rows, columns``: coefficients of each phase, ``(ratio, TAPS)``, in the type to sum in, int32 or int64."""
    _, bands, width = ms.shape
    ratio, pixels = len(rows), out.shape[2]
    filtered, weights = np.empty(width, rows.dtype), weights_of(columns, 0, pixels)
    spread = np.empty(ratio * width + PIXELS, rows.dtype)
    for y in range(first, last):
        top = y // ratio
        for b in range(bands):
            _filter_rows(ms, top, b, rows[y % ratio], filtered)
            upsample(filtered, ratio, weights, spread, 0, out, row_of(out, y, b), pixels)


@inlined
def _filter_rows(ms: Array, top: int, band: int, weights: Array, out: Array) -> None:
    a, b, c, d, e = ms[top, band], ms[top + 1, band], ms[top + 2, band], ms[top + 3, band], ms[top + 4, band]
    add_five(a, b, c, d, e, weights, out)


@compiled
def centre(x: Array, start: Array, shift: int, low: int, high: int, out: Array, first: int, last: int) -> None:
    """``start`` added, half of what is rounded away less the offset, in its type; shifted, saturated."""
    number, size = start.dtype.type, x.shape[1] * x.shape[2]
    places, minimum, maximum = number(shift), number(low), number(high)
    for y in range(first, last):
        source, target = row_of(x, y, 0), row_of(out, y, 0)
        for i in range(0, size, PIXELS):
            v = (convert(pixels_at(x, source + i, size - i), start.dtype) + start[0]) >> places
            put_pixels(convert(saturated(v, minimum, maximum), out.dtype), out, target + i, size - i)


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
    """``taps``: where weights are not zero, ``(taps, 3)``: channel, row and column in the window; an even number.

    ``weights``: two taps' each as the halves of 32-bit numbers, ``(O / OUTPUTS, taps / 2 * OUTPUTS)``. ``bias``: int32,
    of whole OUTPUTS, half of what is rounded away added.
    """
    width, outputs, margin, count = x.shape[2], out.shape[1], kernel // 2, len(taps) // 2
    places, begins, ends = np.empty(2 * count, np.intp), np.empty(2 * count, np.intp), np.empty(2 * count, np.intp)
    pairs, sums = np.empty((max(count, 1), PIXELS), np.int32), np.empty((OUTPUTS, PIXELS), np.int32)
    for y in range(first, last):
        _find_taps(x, height, taps, y - margin, margin, places, begins, ends)
        row = row_of(out, y, 0)
        for i in range(0, width, PIXELS):
            for pair in range(count):
                a, b = 2 * pair, 2 * pair + 1
                v = pixels_within(x, item(places, a) + i, item(begins, a) - i, item(ends, a) - i)
                w = pixels_within(x, item(places, b) + i, item(begins, b) - i, item(ends, b) - i)
                store(pairs, pair * PIXELS, paired(v, w))
            for block in range(len(weights)):
                own = weights[block]
                for part in range(0, PIXELS, SUMS):
                    nothing = load_sums(pairs, 0) ^ load_sums(pairs, 0)
                    a, b = nothing + item(bias, OUTPUTS * block), nothing + item(bias, OUTPUTS * block + 1)
                    c, d = nothing + item(bias, OUTPUTS * block + 2), nothing + item(bias, OUTPUTS * block + 3)
                    for pair in range(count):
                        pixels, at = load_sums(pairs, pair * PIXELS + part), OUTPUTS * pair
                        a = add_products(a, pixels, item(own, at))
                        b = add_products(b, pixels, item(own, at + 1))
                        c = add_products(c, pixels, item(own, at + 2))
                        d = add_products(d, pixels, item(own, at + 3))
                    store(sums, part, a)
                    store(sums, PIXELS + part, b)
                    store(sums, 2 * PIXELS + part, c)
                    store(sums, 3 * PIXELS + part, d)
                for o in range(OUTPUTS * block, min(OUTPUTS * (block + 1), outputs)):
                    v, at = load_pixels(sums, o % OUTPUTS * PIXELS) >> i32(shift), row + o * width + i
                    if out.itemsize == 2:
                        v_16 = saturated(narrowed(v), i16(low), i16(high))
                        put_pixels(convert(v_16, out.dtype), out, at, width - i)
                    else:
                        v = saturated(in_order(v), i32(low), i32(high))
                        put_pixels(convert(v, out.dtype), out, at, width - i)


@inlined
def _find_taps(
    x: Array, height: int, taps: Array, top: int, margin: int, places: Array, begins: Array, ends: Array
) -> None:
    """Where each tap's pixels are of windows that begin in a row, and which of a row of windows have some.

    From ``begins`` up to ``ends``: none where that is 0, outside the image.
    """
    width = x.shape[2]
    for tap in range(len(taps)):
        row, column = top + taps[tap, 1], taps[tap, 2] - margin
        places[tap] = row_of(x, row, taps[tap, 0]) + column
        begins[tap], ends[tap] = -column, width - column if 0 <= row < height else 0


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
def add_clip(a: Array, b: Array, bounds: Array, out: Array, first: int, last: int) -> None:
    """Sum, in the type of the two bounds that it is saturated at."""
    size = a.shape[1] * a.shape[2]
    for y in range(first, last):
        one, other, target = row_of(a, y, 0), row_of(b, y, 0), row_of(out, y, 0)
        for i in range(0, size, PIXELS):
            v = convert(pixels_at(a, one + i, size - i), bounds.dtype)
            v = v + convert(pixels_at(b, other + i, size - i), bounds.dtype)
            put_pixels(convert(saturated(v, bounds[0], bounds[1]), out.dtype), out, target + i, size - i)


@compiled
def concat(a: Array, b: Array, out: Array, first: int, last: int) -> None:
    """The channels of both."""
    of_a, of_b = a.shape[1] * a.shape[2], b.shape[1] * b.shape[2]
    for y in range(first, last):
        target = row_of(out, y, 0)
        _copy(a, row_of(a, y, 0), of_a, out, target)
        _copy(b, row_of(b, y, 0), of_b, out, target + of_a)


@inlined
def _copy(source: Array, begin: int, size: int, out: Array, target: int) -> None:
    for i in range(0, size, PIXELS):
        v = pixels_at(source, begin + i, size - i)
        put_pixels(convert(v, out.dtype), out, target + i, size - i)
