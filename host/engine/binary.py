"""Kernels of the binary units: sign, convolution and RPReLU at once; see :mod:`bitpan.host.engine.kernels`.

Binary images are *bit planes*: ``(C, words)`` uint64, each bit a pixel, 1 for +1 and 0 for -1. Rows follow each other
without a gap, the lowest bit leftmost, each with a bit or more of -1 behind its last pixel; a row of -1 lies above the
first and below the last. So a pixel's neighbours are found by shifts, across words too, and the border is -1.

A convolution counts, for all pixels of a vector at once, the bits that differ from its weights. Any three of them
add up to their parity and twice their majority. Weights only decide which of the three are complemented: for the parity
that is at most a complement of it all; the majority has four variants, and their complements. So parities and variants
are made once for all outputs, parities of parities likewise until one is left, and an output adds up one variant each:
for 288 bits 146 words, all of weight two.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bitpan.host.engine.bits import bits_of, majority, parity, truth_of, write_bytes
from bitpan.host.engine.compiled import compiled, i16, i32, inlined, u32, u64
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
    put_pixels,
    saturated,
    store,
)
from bitpan.host.engine.step import Array, Rows, Step

VARIANTS = 4
"""Of the majority of a, b and c, up to a complement: of none, of b, of c, of both complemented."""

GROUP = 16
"""Words that an output adds at a time."""


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
            begin, words = (y % kept * channels + c) * width, own[2 + row * (y - first + 1) :]
            for i in range(whole):
                words[i] = bits_of(load_pixels(flat, begin + PIXELS * i) >= threshold)
            some = bits_of(pixels_at(flat, begin + PIXELS * whole, width % PIXELS) >= threshold)
            words[whole] = some & u32((1 << width % PIXELS) - 1)
            words[whole + 1 : row] = 0
        if last == height:
            begin = 2 + row * (last - first + 1)
            own[begin : begin + row] = 0


@inlined
def _share(table: Array, at: int, a: Vector, b: Vector, c: Vector) -> Vector:
    """Put the variants of the majority into the table; the parity."""
    not_b, not_c = ~b, ~c
    store(table, at, majority(a, b, c))
    store(table, at + WORDS, majority(a, not_b, c))
    store(table, at + 2 * WORDS, majority(a, b, not_c))
    store(table, at + 3 * WORDS, majority(a, not_b, not_c))
    return parity(a, b, c)


@inlined
def _share_all(bits: Array, stride: int, at: int, table: Array, parities: Array) -> Vector:
    """All that the outputs share about a vector's pixels, into the table; the parity of everything.

    First the three pixels of each row of each channel's window, then three parities each time.
    """
    entry, count = 0, 0
    for c in range(bits.shape[0]):
        for row in range(at - stride, at + 2 * stride, stride):
            middle = load_words(bits[c], row)
            left = (middle << u64(1)) | (load_words(bits[c], row - 1) >> u64(63))
            right = (middle >> u64(1)) | (load_words(bits[c], row + 1) << u64(63))
            store(parities, count, _share(table, entry, left, middle, right))
            entry += VARIANTS * WORDS
            count += WORDS
    while count > WORDS:
        for i in range(count, count + 2 * WORDS):
            parities[i] = 0  # what is missing to three
        threes = (count + 2 * WORDS) // (3 * WORDS)
        for three in range(threes):
            a = load_words(parities, 3 * WORDS * three)
            b = load_words(parities, 3 * WORDS * three + WORDS)
            c = load_words(parities, 3 * WORDS * three + 2 * WORDS)
            store(parities, WORDS * three, _share(table, entry, a, b, c))
            entry += VARIANTS * WORDS
        count = WORDS * threes
    for i in range(WORDS):
        table[entry + i], table[entry + WORDS + i] = 0, ~u64(0)  # what counts nothing, plain and complemented
    return load_words(parities, 0)


@inlined
def _add(a: Vector, b: Vector, c: Vector) -> Vector:
    """A full adder: sum and carry."""
    return parity(a, b, c), majority(a, b, c)


@inlined
def _add_two(table: Array, picks: Array, i: int, ones: Vector) -> Vector:
    return _add(ones, load_words(table, item(picks, i)), load_words(table, item(picks, i + 1)))


@inlined
def _add_four(table: Array, picks: Array, i: int, ones: Vector, twos: Vector) -> Vector:
    ones, a = _add_two(table, picks, i, ones)
    ones, b = _add_two(table, picks, i + 2, ones)
    twos, carry = _add(twos, a, b)
    return ones, twos, carry


@inlined
def _add_eight(table: Array, picks: Array, i: int, ones: Vector, twos: Vector, fours: Vector) -> Vector:
    ones, twos, a = _add_four(table, picks, i, ones, twos)
    ones, twos, b = _add_four(table, picks, i + 4, ones, twos)
    fours, carry = _add(fours, a, b)
    return ones, twos, fours, carry


@inlined
def _add_group(table: Array, picks: Array, i: int, ones: Vector, twos: Vector, fours: Vector, eights: Vector) -> Vector:
    """Add sixteen words of a table to a counter of four digits; the carry last."""
    ones, twos, fours, a = _add_eight(table, picks, i, ones, twos, fours)
    ones, twos, fours, b = _add_eight(table, picks, i + 8, ones, twos, fours)
    eights, carry = _add(eights, a, b)
    return ones, twos, fours, eights, carry


@inlined
def _count(table: Array, picks: Array, groups: Array, carries: Array, ladder: Array, counter: Array) -> None:
    """Count the bits of an output's words, ``picks`` in the table, into a counter of a vector a digit.

    A counter of ones that counts words and is then complemented, its carries too, has counted their complements. The
    carries of its four digits are words to be counted for the next four. ``ladder``: picks of one carry after another.
    """
    nothing = load_words(carries, 0) ^ load_words(carries, 0)
    ones = twos = fours = eights = ~nothing
    i, count = 0, groups[0] + groups[1]
    for group in range(count):
        if group == groups[0]:
            ones, twos, fours, eights = ~ones, ~twos, ~fours, ~eights
        ones, twos, fours, eights, carry = _add_group(table, picks, i, ones, twos, fours, eights)
        store(carries, WORDS * group, carry if group >= groups[0] else ~carry)
        i += GROUP
    if groups[1] == 0:
        ones, twos, fours, eights = ~ones, ~twos, ~fours, ~eights
    for digit in range(0, len(counter) // WORDS, 4):
        if digit > 0:
            ones = twos = fours = eights = nothing
            for word in range(count, count + GROUP):
                store(carries, WORDS * word, nothing)  # what is missing to a group
            count = (count + GROUP - 1) // GROUP
            for group in range(count):
                ones, twos, fours, eights, carry = _add_group(carries, ladder, GROUP * group, ones, twos, fours, eights)
                store(carries, WORDS * group, carry)
        store(counter, WORDS * digit, ones)
        store(counter, WORDS * digit + WORDS, twos)
        store(counter, WORDS * digit + 2 * WORDS, fours)
        store(counter, WORDS * digit + 3 * WORDS, eights)


@inlined
def _find_pixels(word: int, stride: int, first: int, last: int, image: Array, begins: Array, sizes: Array) -> None:
    """Where the pixels of each half of a vector's words begin in a flat image, and how many its row has from there."""
    kept, channels, width = image.shape
    for half in range(2 * WORDS):
        y, x = divmod(2 * word + half, 2 * stride)
        y, x = y + first, PIXELS * x
        begins[half], sizes[half] = y % kept * channels * width + x, width - x if y < last else 0


@inlined
def _differing(low_digits: Array, digits: Array, odd: Array, half: int) -> Vector:
    """How many bits differ: twice the counter, its first eight digits as bytes, and the parity."""
    pairs = convert(load_pixels(low_digits, PIXELS * half), np.int16)
    for digit in range(8, len(digits) // (2 * WORDS)):
        pairs = pairs + choose(truth_of(item(digits, 2 * WORDS * digit + half)), i16(1 << digit), i16(0))
    return pairs + pairs + choose(truth_of(item(odd, half)), i16(1), i16(0))


@compiled
def _conv_rprelu(
    bits: Array,
    stride: int,
    picks: Array,
    groups: Array,
    flips: Array,
    digits: int,
    branches: Array,
    residual: Array | None,
    shift: int,
    bounds: Array,
    out: Array,
    first: int,
    last: int,
) -> None:
    """Convolution and RPReLU in one pass; ``out`` may be the residual.

    ``picks`` to ``digits``: of :class:`Summands`. ``branches``: how many bits differ at most above the knee; offset
    above and below, and factor above and below, of that number; ``(5, O)`` int32. ``bounds``: of the result, int32.
    """
    outputs, width = out.shape[1:]
    entries = bits.shape[0] * 3 * VARIANTS * WORDS
    table, parities = np.empty(2 * entries + 64 * VARIANTS * WORDS, np.uint64), np.empty(entries, np.uint64)
    carries = np.zeros((picks.shape[1] // GROUP + GROUP) * WORDS, np.uint64)
    ladder = (WORDS * np.arange(len(carries) // WORDS)).astype(np.uint32)
    counter, odd = np.zeros(WORDS * max(8, (digits + 3) // 4 * 4), np.uint64), np.zeros(WORDS, np.uint64)
    counts, digit_halves = counter[: WORDS * ((digits + 3) // 4 * 4)], counter.view(np.uint32)
    odd_halves, low_digits, flat = odd.view(np.uint32), np.zeros(64 * WORDS, np.uint8), out.reshape(-1)
    begins, sources, sizes = np.zeros((3, 2 * WORDS), np.intp)
    if residual is not None:
        added = residual.reshape(-1)
    for word in range(0, stride * (last - first), WORDS):
        _find_pixels(word, stride, first, last, out, begins, sizes)
        if residual is not None:
            _find_pixels(word, stride, first, last, residual, sources, sizes)
        whole = _share_all(bits, stride, word + stride + 1, table, parities)
        for o in range(outputs):
            store(odd, 0, whole ^ load_words(flips[o], 0))
            _count(table, picks[o], groups[o], carries, ladder, counts)
            write_bytes(counter, low_digits)
            most = i16(branches[0, o])
            offset_above, offset_below = branches[1, o], branches[2, o]
            factor_above, factor_below = branches[3, o], branches[4, o]
            for half in range(2 * WORDS):
                if sizes[half] <= 0:
                    continue
                differing = _differing(low_digits, digit_halves, odd_halves, half)
                above = differing <= most
                v = choose(above, factor_above, factor_below) * convert(differing, np.int32)
                v = (choose(above, offset_above, offset_below) - v) >> i32(shift)
                if residual is not None:
                    v = v + convert(pixels_at(added, width * o + sources[half], sizes[half]), np.int32)
                v = convert(saturated(v, bounds[0], bounds[1]), out.dtype)
                put_pixels(v, flat, width * o + begins[half], sizes[half])


@dataclass(frozen=True)
class Summands:
    """What the outputs of a binary convolution add up.

    Attributes:
        picks: places of an output's words in the table, those that count complemented first, either part filled up
            with words that count nothing to whole groups; ``(O, most)``.
        groups: how many groups there are of either; ``(O, 2)``.
        flips: whether the parity of everything counts complemented, a vector each; ``(O, WORDS)``.
        digits: of the largest sum of the words.
    """

    picks: npt.NDArray[np.uint32]
    groups: npt.NDArray[np.intp]
    flips: npt.NDArray[np.uint64]
    digits: int


@functools.lru_cache(maxsize=256)
def summands(weights: bytes, outputs: int) -> Summands:
    """Of weights +1 and -1, ``(O, I, 3, 3)`` int8."""
    signs = np.frombuffer(weights, np.int8).reshape(outputs, -1) > 0
    variants, complements = [], []
    while signs.shape[1] > 1:
        signs = np.pad(signs, ((0, 0), (0, -signs.shape[1] % 3)))
        a, b, c = (signs[:, i::3] for i in range(3))
        variants.append((a ^ b) + 2 * (a ^ c))
        complements.append(a)
        signs = a ^ b ^ c
    variant, complemented = np.concatenate(variants, axis=1), np.concatenate(complements, axis=1)
    words = variant.shape[1]
    places = (WORDS * (VARIANTS * np.arange(words) + variant)).astype(np.uint32)
    zeros, ones = WORDS * VARIANTS * words, WORDS * (VARIANTS * words + 1)
    picks, groups = [], []
    for row, flags in zip(places, complemented, strict=True):
        parts = [
            np.pad(part, (0, -len(part) % GROUP), constant_values=nothing)
            for part, nothing in ((row[flags], ones), (row[~flags], zeros))
        ]
        picks.append(np.concatenate(parts))
        groups.append([len(part) // GROUP for part in parts])
    most = max(len(row) for row in picks)
    return Summands(
        np.stack([np.pad(row, (0, most - len(row))) for row in picks]),
        np.array(groups),
        np.repeat(signs.astype(np.uint64) * np.uint64(2**64 - 1), WORDS, axis=1),
        words.bit_length(),
    )


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
    slopes, biases = np.array([[slope_above, slope_below], [bias_above, bias_below]], np.int64)
    outputs, inputs, kernel, _ = weights.shape
    total = 9 * inputs
    bound = abs(slopes).max() * total + abs(biases).max() + (1 << max(shift, 1))
    if kernel != 3 or inputs >= 3600 or shift <= 0 or bound >= 1 << 30 or step.format.bits > 30:
        return None
    (height, width), limits = step.size, np.iinfo(x.dtype)
    thresholds, before = np.clip(threshold, limits.min, limits.max).astype(x.dtype), 0
    stride = width // 64 + 1
    bits = step.empty((inputs, stride * (step.kept + 2) + 2 + WORDS), np.uint64)
    # The sum of products is the total less twice the bits that differ.
    most = np.clip((total - knee.astype(np.int64)) // 2, -1, total)
    offsets = slopes * total + biases + (1 << (shift - 1))
    branches = np.concatenate([most[None], offsets, 2 * slopes]).astype(np.int32)
    own = summands(np.ascontiguousarray(weights, np.int8).tobytes(), outputs)
    bounds = np.array([step.format.min, step.format.max], np.int32)
    constants = own.picks, own.groups, own.flips, own.digits, branches, residual, shift, bounds

    def compute(out: Array, first: int, last: int) -> None:
        nonlocal before
        _pack_signs(x, thresholds, bits.view(np.uint32), stride, before, height, first, last)
        before = last - first
        _conv_rprelu(bits, stride, *constants, out, first, last)

    return step.rows(compute, outputs, over=residual)
