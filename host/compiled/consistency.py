""":func:`bitpan.camera.consistency.consistent`, compiled: bands after bands, rows after rows, in 32 bits.

Along rows of pixels everything is a multiply-add of whole vectors; what runs across a row, a camera's or an
interpolation's columns, happens on the MS's rows alone. An image's rows may lie anywhere, a row's pixels lie side by
side.
"""

from __future__ import annotations

import numpy as np

from bitpan.arithmetic import COEFFICIENT_BITS, TAPS
from bitpan.camera.consistency import FRACTION_BITS, MISSING, MOST_COUNT
from bitpan.host.compiled.compiling import compiled, i32, inlined, u8, u16
from bitpan.host.compiled.interpolation import add_five, upsample, weights_of
from bitpan.host.compiled.lanes import choose, convert, item, load_pixels, pixels_at, put_pixels, saturated
from bitpan.host.compiled.layout import PIXELS, Array
from bitpan.host.compiled.products import add_products, in_order, paired

_SIDE = TAPS // 2
_HALF, _UNIT = i32(1 << (COEFFICIENT_BITS - 1)), i32(COEFFICIENT_BITS)
_ROWS_BITS = i32(COEFFICIENT_BITS - FRACTION_BITS)
_LAST_BITS = i32(FRACTION_BITS)
_LEAST, _MOST = i32(MISSING.min), i32(MISSING.max)
_MOST_COUNT = i32(MOST_COUNT)
_MIDDLE = u16(1 << 15)  # counts less this are numbers of 16 bits with a sign
_START = i32((1 << (_ROWS_BITS - 1)) + (int(_MIDDLE) << COEFFICIENT_BITS))


@inlined
def _within(index: int, length: int) -> int:
    return min(max(index, 0), length - 1)


@compiled
def see_rows(band: Array, taps: Array, first: int, ratio: int, seen: Array) -> None:
    """The camera's rows: ``(H, W)`` to ``(h, W)``, with FRACTION_BITS.

    ``taps``: two each as the halves of 32-bit numbers.
    """
    (height, width), line = band.shape, band.strides[0] // band.itemsize
    for i in range(len(seen)):
        top = (i - _SIDE) * ratio + first
        for x in range(0, width, PIXELS):
            a = pixels_at(band, x, width - x)
            total = paired(a ^ a, u16(0)) + _START
            for pair in range(len(taps)):
                row = top + 2 * pair
                a = pixels_at(band, _within(row, height) * line + x, width - x)
                b = pixels_at(band, _within(row + 1, height) * line + x, width - x)
                total = add_products(total, paired(a ^ _MIDDLE, b ^ _MIDDLE), item(taps, pair))
            put_pixels(in_order(total >> _ROWS_BITS), seen, i * width + x, width - x)


@compiled
def miss(seen: Array, taps: Array, first: int, ratio: int, ms: Array, known: Array, difference: Array) -> None:
    """The camera's columns, ``(h, W)`` to ``(h, w)``, and what is missing to the MS where ``known`` is 1, uint8."""
    width, samples = seen.shape[1], ms.shape[1]
    line = samples + TAPS + PIXELS
    phases = np.zeros((ratio, line), np.int32)  # a row's columns by their place in a sample, from two samples before
    places = np.empty(len(taps), np.intp)  # of each tap's for the first sample
    for tap in range(len(taps)):
        places[tap] = (first + tap) % ratio * line + (first + tap) // ratio
    for i in range(len(ms)):
        for j in range(samples + TAPS - 1):
            for phase in range(ratio):
                phases[phase, j] = seen[i, _within((j - _SIDE) * ratio + phase, width)]
        for j in range(0, samples, PIXELS):
            own, size = i * samples + j, samples - j
            here = pixels_at(ms, own, size) << _LAST_BITS
            total = (here ^ here) + _HALF
            for tap in range(len(taps)):
                total = total + load_pixels(phases, item(places, tap) + j) * item(taps, tap)
            here = here - (total >> _UNIT)
            here = choose(pixels_at(known, own, size) >= u8(1), here, here ^ here)
            put_pixels(here, difference, own, size)


@compiled
def again(difference: Array, taps: Array, twice: Array) -> None:
    """Two iterations' difference from that of the first, ``(h, w)``."""
    height, width = difference.shape
    around, seen = np.empty(width + TAPS - 1, np.int32), np.empty(width, np.int32)
    for i in range(height):
        row = around[_SIDE : _SIDE + width]
        _add_rows(difference, i, taps, row)
        around[:_SIDE], around[_SIDE + width :] = row[0], row[width - 1]
        _add_neighbours(around, taps, seen)
        for j in range(width):
            own = i32(i32(difference[i, j] * i32(2)) - seen[j])
            twice[i, j] = min(max(own, _LEAST), _MOST)


@compiled
def upsample_columns(twice: Array, table: Array, left: int, sideways: Array, first: int, last: int) -> None:
    """Rows ``first`` to ``last`` along the columns: ``(h, w)`` to ``(h, W)``, from the pixel ``left`` on."""
    width, ratio = twice.shape[1], len(table)
    start, skipped = left // ratio, left % ratio
    pixels = sideways.shape[1]
    around = np.empty((skipped + pixels + ratio - 1) // ratio + TAPS - 1, np.int32)
    weights, spread = weights_of(table, skipped, pixels), np.empty(ratio * len(around) + PIXELS, np.int32)
    for i in range(first, last):
        for j in range(len(around)):
            around[j] = twice[i, _within(start + j - _SIDE, width)]
        upsample(around, ratio, weights, spread, skipped, sideways, i * pixels, pixels)


@compiled
def add(band: Array, sideways: Array, table: Array, top: int, left: int, result: Array) -> None:
    """Upsampled along the rows, and added to the pixels from ``top`` and ``left`` on."""
    (height, width), ratio, line = result.shape, len(table), band.strides[0] // band.itemsize
    added = np.empty(width, np.int32)
    for y in range(height):
        i = (top + y) // ratio
        _add_rows(sideways, i, table[top + y - i * ratio], added)
        for x in range(0, width, PIXELS):
            v = convert(pixels_at(band, (top + y) * line + left + x, width - x), np.int32)
            v = v + ((pixels_at(added, x, width - x) + i32(1 << (_LAST_BITS - 1))) >> _LAST_BITS)
            put_pixels(convert(saturated(v, i32(0), _MOST_COUNT), np.uint16), result, y * width + x, width - x)


@inlined
def _add_rows(image: Array, i: int, weights: Array, out: Array) -> None:
    """A row and its neighbours, the outermost beyond the edge, weighted."""
    height = len(image)
    a, b, c, d = image[_within(i - 2, height)], image[_within(i - 1, height)], image[i], image[_within(i + 1, height)]
    add_five(a, b, c, d, image[_within(i + 2, height)], weights, out)


@inlined
def _add_neighbours(row: Array, weights: Array, out: Array) -> None:
    """A row's samples and their neighbours, of which it has two more on either side, weighted."""
    size = len(out)
    add_five(row[:size], row[1:][:size], row[2:][:size], row[3:][:size], row[4:][:size], weights, out)
