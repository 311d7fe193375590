"""Kernels of the binary units: sign, convolution, RPReLU, at once or the sign apart; see :mod:`.engine.kernels`.

Binary images are *bit planes*: ``(C, words)`` uint64, each bit a pixel, 1 for +1 and 0 for -1. Rows follow each other
without a gap, the lowest bit leftmost, each with a bit or more of -1 behind its last pixel; a row of -1 lies above the
first and below the last. So a pixel's neighbours are found by shifts, across words too, and the border is -1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba.extending import overload

from bitpan.host.engine.bits import bits_of, truth_of, write_bytes
from bitpan.host.engine.compiled import compiled, i16, i32, inlined, u32
from bitpan.host.engine.counting import aligned, buffers, count, share_all, summands
from bitpan.host.engine.lanes import (
    PIXELS,
    WORDS,
    Vector,
    choose,
    convert,
    item,
    load_pixels,
    load_words,
    pixels_at,
    put_item,
    put_pixels,
    saturated,
    store,
)
from bitpan.host.engine.products import high_product
from bitpan.host.engine.step import Array, Rows, Step


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
    kept, channels, width = x.shape
    whole, row, flat = width // PIXELS, 2 * stride, x.reshape(-1)
    for c in range(channels):
        threshold, own = thresholds[c], halves[c]
        own[:2] = 0
        if first == 0:
            own[2 : 2 + row] = 0
        else:
            own[2 : 2 + 2 * row] = own[2 + row * before : 2 + row * (before + 2)]
        for y in range(first + 1 if first else 0, min(last + 1, height)):
            begin, word = (y % kept * channels + c) * width, 2 + row * (y - first + 1)
            for i in range(whole):
                put_item(own, word + i, bits_of(load_pixels(flat, begin + PIXELS * i) >= threshold))
            some = bits_of(pixels_at(flat, begin + PIXELS * whole, width % PIXELS) >= threshold)
            put_item(own, word + row - 1, u32(0))  # overwritten where it is the last with pixels
            put_item(own, word + whole, some & u32((1 << width % PIXELS) - 1))
        if last == height:
            begin = 2 + row * (last - first + 1)
            own[begin : begin + row] = 0


@inlined
def _find_pixels(word: int, stride: int, first: int, last: int, image: Array, begins: Array, sizes: Array) -> None:
    """Where the pixels of each of a vector's words begin in a flat image, and how many its row has from there."""
    kept, channels, width = image.shape
    y, x = first + word // stride, 2 * PIXELS * (word % stride)
    begin = y % kept * channels * width
    for i in range(WORDS):
        begins[i], sizes[i] = begin + x, width - x if y < last else 0
        x += 2 * PIXELS
        if x == 2 * PIXELS * stride:  # a division for each word would take longer than all else here
            x, y = 0, y + 1
            begin = y % kept * channels * width


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
    """The lines' values at the sums, in the slopes' type; see :class:`Lines`."""
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
    """``own``: knee, step, slope and offset above, slope and offset below, of an output; see :class:`Lines`."""
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
def _sign_conv_rprelu(
    x: Array,
    thresholds: Array,
    bits: Array,
    before: int,
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

    ``x`` to ``height``: as :func:`_pack_signs` has them. ``picks`` to ``digits``: of :class:`Summands`. ``starts`` to
    ``raised``: of :class:`Lines`. ``bounds``: of the result, in the slopes' type.
    """
    outputs, width = out.shape[1:]
    stride = width // 64 + 1
    _pack_signs(x, thresholds, bits.view(np.uint32), stride, before, height, first, last)
    table, parities, carries, higher = buffers(bits.shape[0], picks.shape[1], digits)
    odd, low_digits = aligned(WORDS), aligned(8 * WORDS).view(np.uint8)
    odd_halves, higher_halves = odd.view(np.uint32), higher.view(np.uint32)
    begins, sources, sizes = np.zeros((3, WORDS), np.intp)
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
) -> Rows | None:
    """Sign, binary convolution and RPReLU, which may overwrite the residual; numbers within 32 bits."""
    rprelu = np.array([knee, slope_above, slope_below, bias_above, bias_below], np.int64)
    outputs, inputs, kernel, _ = weights.shape
    if kernel != 3 or step.format.bits > 30:
        return None
    added = 0 if residual is None else -step.inputs[1].min
    lines = lines_of(rprelu, 9 * inputs, shift, added)
    if lines is None:
        return None
    (height, width), limits = step.size, np.iinfo(x.dtype)
    thresholds, before = np.clip(threshold, limits.min, limits.max).astype(x.dtype), 0
    stride = width // 64 + 1
    bits = step.empty((inputs, stride * (step.kept + 2) + 2 + WORDS), np.uint64)
    own = summands(np.ascontiguousarray(weights, np.int8).tobytes(), outputs)
    reach = np.iinfo(lines.slopes.dtype)
    bounds = np.clip([step.format.min, step.format.max], reach.min, reach.max).astype(reach.dtype)
    given = own.picks, own.groups, own.flips, own.digits, *lines, residual, shift, bounds

    def compute(out: Array, first: int, last: int) -> None:
        nonlocal before
        _sign_conv_rprelu(x, thresholds, bits, before, height, *given, out, first, last)
        before = last - first

    return step.rows(compute, outputs, over=residual)


class Lines(NamedTuple):
    """RPReLU's two lines, above the knee and below, as ``(sum * slope + offset) >> shift``, of outputs.

    In 16 bits a line is one product's upper half: ``((sum * 2**raised + e) * slope * 2**(16 - shift - raised)) >> 16``
    has ``e * slope / 2**raised`` instead of the offset, which ``e`` can make equal to it but for a multiple of
    ``2**shift``, and that is added behind the shift.

    Attributes:
        starts: the raised sums' most, and knees, the ``e`` above in both; what the ``e`` below has more; ``(3, O)``.
        slopes: raised so that a product is shifted by 16, or as they are; ``(2, O)``.
        offsets: what is added behind the shift, or the offsets themselves; ``(2, O)``.
        raised: places that sums are raised by.
    """

    starts: npt.NDArray[np.int16]
    slopes: npt.NDArray[np.signedinteger[Any]]
    offsets: npt.NDArray[np.signedinteger[Any]]
    raised: int


def lines_of(rprelu: Array, total: int, shift: int, added: int) -> Lines | None:
    """In 16 bits where all suffices, else in 32, or None where these do not suffice either.

    Args:
        rprelu: knees, slopes above and below, biases above and below, ``(5, O)`` int64.
        total: of the products of a sum, at most.
        shift: of RPReLU.
        added: the largest magnitude of what is added to its result.
    """
    knees, slopes = np.clip(rprelu[0], -total, total + 1), rprelu[1:3]
    offsets = rprelu[3:] + (1 << max(shift - 1, 0))
    steepest, furthest = int(abs(slopes).max()), int(abs(offsets).max())
    bound = steepest * total + furthest + (1 << max(shift, 1))
    if shift <= 0 or total >= 32400 or bound + (added << shift) >= 1 << 30:
        return None
    most, nothing, narrow = np.full_like(knees, total), np.zeros_like(knees), np.iinfo(np.int16).max
    if (bound >> shift) + added < narrow:
        for raised in range(17 - shift):
            steep = 16 - shift - raised
            if ((total + 1) << raised) + (1 << (raised + shift - 1)) <= narrow and steepest << steep <= narrow:
                within, behind = _offsets_within(slopes, offsets, shift, raised)
                starts = (most << raised) + within[0], (knees << raised) + within[0], within[1] - within[0]
                return Lines(
                    np.stack(starts).astype(np.int16),
                    (slopes << steep).astype(np.int16),
                    behind.astype(np.int16),
                    raised,
                )
    starts = most, knees, nothing
    return Lines(np.stack(starts).astype(np.int16), slopes.astype(np.int32), offsets.astype(np.int32), 0)


def _offsets_within(slopes: Array, offsets: Array, shift: int, raised: int) -> tuple[Array, Array]:
    """Each line's ``e`` of :class:`Lines`, of at most ``raised + shift`` bits, and what is added behind the shift.

    With ``slope = 2**v * m``, m odd, it is a number whose product with m is the offset's multiple of ``2**v``, times
    ``2**raised``, but for a multiple of what counts behind the shift; there is one, for m has an inverse.
    """
    twos = np.where(slopes == 0, shift, 0)
    for places in range(1, shift + 1):
        twos = np.where(slopes % (1 << places) == 0, places, twos)
    odd, modulus = (slopes >> twos) | (slopes == 0), 1 << (raised + shift - twos)
    inverse = odd.copy()
    for _ in range(5):  # each doubles the digits that are right, of which an odd number has three at once
        inverse = inverse * (2 - odd * inverse) % modulus
    half = modulus // 2
    within = (((offsets >> twos) << raised) * inverse + half) % modulus - half
    behind = ((offsets >> twos) - ((within * slopes >> raised) >> twos)) >> (shift - twos)
    return within, behind


def conv_rprelu(s: Array, residual: Array | None = None, *, step: Step, **named: Any) -> Rows | None:  # noqa: ANN401
    """The same of signs that are there, such as two planes side by side."""
    return sign_conv_rprelu(s, residual, threshold=np.zeros(s.shape[1], s.dtype), **named, step=step)


@compiled
def _sign(x: Array, thresholds: Array, out: Array, first: int, last: int) -> None:
    one = out.dtype.type(1)
    for y in range(first, last):
        for c in range(x.shape[1]):
            values, row, threshold = x[y % x.shape[0], c], out[y % out.shape[0], c], thresholds[c]
            for i in range(x.shape[2]):
                row[i] = one if values[i] >= threshold else -one


def sign(x: Array, threshold: Array, step: Step) -> Rows:
    """+1 from a channel's threshold on, else -1."""
    limits = np.iinfo(x.dtype)
    return step.rows(_sign, x.shape[1], x, np.clip(threshold, limits.min, limits.max).astype(x.dtype))
