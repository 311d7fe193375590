"""Kernels of the binary units: sign, convolution, RPReLU, at once or the sign apart.

Binary images are *bit planes*: ``(C, words)`` uint64, each bit a pixel, 1 for +1 and 0 for -1. Rows follow each other
without a gap, the lowest bit leftmost, each with a bit or more of -1 behind its last pixel; a row of -1 lies above the
first and below the last. So a pixel's neighbours are found by shifts, across words too, and the border is -1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import overload

from bitpan.host.compiled.bits import bits_of, truth_of, write_bytes
from bitpan.host.compiled.compiling import compiled, i16, i32, inlined, u32
from bitpan.host.compiled.counting import aligned, buffers, count, share_all
from bitpan.host.compiled.lanes import (
    Vector,
    choose,
    convert,
    item,
    load_pixels,
    load_words,
    pixels_at,
    put_item,
    put_pixels,
    row_of,
    saturated,
    store,
)
from bitpan.host.compiled.layout import PIXELS, WORDS, Array
from bitpan.host.compiled.products import high_product


@compiled
def _pack_signs(
    x: Array, thresholds: Array, halves: Array, stride: int, before: int, height: int, first: int, last: int
) -> None:
    """``x >= threshold`` of rows ``first - 1`` to ``last`` as bit planes, -1 beyond the image.

    Args:
        x: ``(H, C, W)``.
        thresholds: ``(C,)`` of its type.
        halves: of the words; the first word is before the first row.
        before: how many rows the last call was for: it has packed the first two.
    """
    _, channels, width = x.shape
    whole, row = width // PIXELS, 2 * stride
    for c in range(channels):
        threshold, own = thresholds[c], halves[c]
        own[:2] = 0
        if first == 0:
            own[2 : 2 + row] = 0
        else:
            for i in range(2, 2 + 2 * row):
                own[i] = own[i + row * before]
        for y in range(first + 1 if first else 0, min(last + 1, height)):
            begin, word = row_of(x, y, c), 2 + row * (y - first + 1)
            for i in range(whole):
                put_item(own, word + i, bits_of(load_pixels(x, begin + PIXELS * i) >= threshold))
            some = bits_of(pixels_at(x, begin + PIXELS * whole, width % PIXELS) >= threshold)
            put_item(own, word + row - 1, u32(0))  # overwritten where it is the last with pixels
            put_item(own, word + whole, some & u32((1 << width % PIXELS) - 1))
        if last == height:
            begin = 2 + row * (last - first + 1)
            own[begin : begin + row] = 0


@inlined
def _find_pixels(word: int, stride: int, first: int, last: int, image: Array, begins: Array, sizes: Array) -> None:
    """Where the pixels of each of a vector's words begin in a flat image, and how many its row has from there."""
    width = image.shape[2]
    y, x = first + word // stride, 2 * PIXELS * (word % stride)
    begin = row_of(image, y, 0)
    for i in range(WORDS):
        begins[i], sizes[i] = begin + x, width - x if y < last else 0
        x += 2 * PIXELS
        if x == 2 * PIXELS * stride:  # a division for each word would take longer than all else here
            x, y = 0, y + 1
            begin = row_of(image, y, 0)


@inlined
def _sums(low_digits: Array, higher: Array, odd: Array, half: int, most: int, raised: int) -> Vector:
    """Sums of products, times ``2**raised``: the ``most`` that they may be less twice the bits that differ.

    Those are twice the counter, its first eight digits as bytes, and the parity.
    """
    pairs = convert(load_pixels(low_digits, PIXELS * half), np.int16)
    for digit in range(len(higher) // (2 * WORDS)):
        pairs = pairs + choose(truth_of(item(higher, 2 * WORDS * digit + half)), i16(256 << digit), i16(0))
    return choose(truth_of(item(odd, half)), i16(most - (2 << raised)), most) - (pairs << i16(raised + 2))


def _scaled(sums: Vector, slopes: Vector, offsets: Vector, shift: int) -> Vector:
    """The lines' values at the sums, in the slopes' type; see :class:`bitpan.host.engine.binary.Lines`."""
    raise NotImplementedError  # compiled functions have those below


def _scaled_narrow(sums: Vector, slopes: Vector, offsets: Vector, shift: int) -> Vector:
    return high_product(sums, slopes) + offsets


def _scaled_wide(sums: Vector, slopes: Vector, offsets: Vector, shift: int) -> Vector:
    return (convert(sums, np.int32) * slopes + offsets) >> i32(shift)


def _scaled_by_type(sums: Vector, slopes: Vector, offsets: Vector, shift: int) -> Vector:
    return _scaled_narrow if slopes.dtype == sums.dtype else _scaled_wide


overload(_scaled, inline="always")(_scaled_by_type)


@inlined
def _rprelu(sums: Vector, own: tuple[np.generic, ...], shift: int) -> Vector:
    """``own``: knee, step, slope and offset above, slope and offset below, of an output.

    See :class:`bitpan.host.engine.binary.Lines`.
    """
    above = sums >= own[0]
    sums = choose(above, sums, sums + own[1])
    return _scaled(sums, choose(above, own[2], own[4]), choose(above, own[3], own[5]), shift)


@inlined
def _put(
    v: Vector, kind: np.dtype[Any], added: Array | None, at: int, low: int, high: int, out: Array, begin: int, size: int
) -> None:
    """What is added, if anything, and ``v``, of that type, saturated, into as many pixels as there are."""
    if added is not None:
        v = v + convert(pixels_at(added, at, size), kind)
    put_pixels(convert(saturated(v, low, high), out.dtype), out, begin, size)


@compiled
def sign_conv_rprelu(
    x: Array,
    thresholds: Array,
    bits: Array,
    packed: Array,
    height: int,
    picks: Array,
    groups: Array,
    flips: Array,
    digits: int,
    starts: Array,
    slopes: Array,
    offsets: Array,
    raised: int,
    residual: Array | None,
    shift: int,
    bounds: Array,
    out: Array,
    first: int,
    last: int,
) -> None:
    """Signs, then convolution and RPReLU in one pass; ``out`` may be the residual.

    ``x`` to ``height``: as :func:`_pack_signs` has them; ``packed``: for how many rows the last call was. ``picks`` to
    ``digits``: of :class:`bitpan.host.engine.summands.Summands`. ``starts`` to ``raised``: of
    :class:`bitpan.host.engine.binary.Lines`. ``bounds``: of the result, in the slopes' type.
    """
    outputs, width = out.shape[1:]
    stride = width // 64 + 1
    _pack_signs(x, thresholds, bits.view(np.uint32), stride, packed[0], height, first, last)
    packed[0] = last - first
    table, parities, carries, higher = buffers(bits.shape[0], picks.shape[1], digits)
    odd, low_digits = aligned(WORDS), aligned(8 * WORDS).view(np.uint8)
    odd_halves, higher_halves = odd.view(np.uint32), higher.view(np.uint32)
    begins, sources, sizes = np.zeros(WORDS, np.intp), np.zeros(WORDS, np.intp), np.zeros(WORDS, np.intp)
    kind, low, high = slopes.dtype, bounds[0], bounds[1]
    for word in range(0, stride * (last - first), WORDS):
        _find_pixels(word, stride, first, last, out, begins, sizes)
        if residual is not None:
            _find_pixels(word, stride, first, last, residual, sources, sizes)
        whole = share_all(bits, stride, word + stride + 1, table, parities)
        for o in range(outputs):
            store(odd, 0, whole ^ load_words(flips[o], 0))
            write_bytes(count(table, picks[o], groups[o], carries, higher), low_digits)
            most, own = (
                starts[0, o],
                (starts[1, o], starts[2, o], slopes[0, o], offsets[0, o], slopes[1, o], offsets[1, o]),
            )
            for i in range(WORDS):
                size, begin, source = sizes[i], begins[i] + width * o, sources[i] + width * o
                if size <= 0:
                    continue
                v = _rprelu(_sums(low_digits, higher_halves, odd_halves, 2 * i, most, raised), own, shift)
                w = _rprelu(_sums(low_digits, higher_halves, odd_halves, 2 * i + 1, most, raised), own, shift)
                if size >= 2 * PIXELS:  # without masks
                    _put(v, kind, residual, source, low, high, out, begin, PIXELS)
                    _put(w, kind, residual, source + PIXELS, low, high, out, begin + PIXELS, PIXELS)
                else:
                    _put(v, kind, residual, source, low, high, out, begin, size)
                    _put(w, kind, residual, source + PIXELS, low, high, out, begin + PIXELS, size - PIXELS)


@compiled
def sign(x: Array, thresholds: Array, out: Array, first: int, last: int) -> None:
    """+1 from a channel's threshold on, else -1."""
    one = out.dtype.type(1)
    for y in range(first, last):
        for c in range(x.shape[1]):
            values, row, threshold = x[y % x.shape[0], c], out[y % out.shape[0], c], thresholds[c]
            for i in range(x.shape[2]):
                row[i] = one if values[i] >= threshold else -one
