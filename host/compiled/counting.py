"""Counting the bits of a binary convolution that differ from its weights, for all pixels of a vector at once.

Any three of them add up to their parity and twice their majority. Weights only decide which of the three are
complemented: for the parity that is at most a complement of it all; the majority has four variants, and their
complements. So parities and variants are made once for all outputs, parities of parities likewise until one is left,
and an output adds up one variant each: for 288 bits 144 words, all of weight two.
"""

from __future__ import annotations

import numpy as np

from bitpan.host.compiled.bits import majority, parity
from bitpan.host.compiled.compiling import compiled, inlined, u64
from bitpan.host.compiled.lanes import Vector, item, load_words, store
from bitpan.host.compiled.layout import GROUP, VARIANTS, WORDS, Array


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
def _share_row(table: Array, at: int, bits: Array, word: int) -> Vector:
    """The same of the three pixels of a window's row, of a channel's words."""
    middle = load_words(bits, word)
    left = (middle << u64(1)) | (load_words(bits, word - 1) >> u64(63))
    right = (middle >> u64(1)) | (load_words(bits, word + 1) << u64(63))
    return _share(table, at, left, middle, right)


@inlined
def share_all(bits: Array, stride: int, at: int, table: Array, parities: Array) -> Vector:
    """All that the outputs share about a vector's pixels, into the table; the parity of everything.

    First the three pixels of each row of each channel's window, then three parities, a channel's first, as long as
    there are. The last words are there complemented, too: an output counts them as its groups need them.
    """
    rows, entry, count = 0, bits.shape[0] * 3 * VARIANTS * WORDS, 0
    for c in range(bits.shape[0]):
        above = _share_row(table, rows, bits[c], at - stride)
        middle = _share_row(table, rows + VARIANTS * WORDS, bits[c], at)
        below = _share_row(table, rows + 2 * VARIANTS * WORDS, bits[c], at + stride)
        store(parities, count, _share(table, entry, above, middle, below))
        rows += 3 * VARIANTS * WORDS
        entry += VARIANTS * WORDS
        count += WORDS
    while count > WORDS:
        store(parities, count, load_words(parities, 0) ^ load_words(parities, 0))  # the third, of the last two
        threes = max(count // (3 * WORDS), 1)
        for three in range(threes):
            a = load_words(parities, 3 * WORDS * three)
            b = load_words(parities, 3 * WORDS * three + WORDS)
            c = load_words(parities, 3 * WORDS * three + 2 * WORDS)
            store(parities, WORDS * three, _share(table, entry, a, b, c))
            entry += VARIANTS * WORDS
        for left in range(3 * WORDS * threes, count, WORDS):
            store(parities, left - 2 * WORDS * threes, load_words(parities, left))
        count = max(count - 2 * WORDS * threes, WORDS)
    for i in range(max(entry - GROUP * VARIANTS * WORDS, 0), entry, WORDS):
        store(table, entry, ~load_words(table, i))
        entry += WORDS
    for i in range(WORDS):
        table[entry + i], table[entry + WORDS + i] = 0, ~u64(0)  # what counts nothing, plain and complemented
    return load_words(parities, 0)


@inlined
def _add(a: Vector, b: Vector, c: Vector) -> Vector:
    """A full adder: sum and carry."""
    return parity(a, b, c), majority(a, b, c)


@inlined
def _add_three(table: Array, picks: Array, i: int) -> Vector:
    return _add(
        load_words(table, item(picks, i)), load_words(table, item(picks, i + 1)), load_words(table, item(picks, i + 2))
    )


@inlined
def _add_group(table: Array, picks: Array, i: int, ones: Vector, twos: Vector, fours: Vector, eights: Vector) -> Vector:
    """Add sixteen words of a table to a counter of four digits; the carry last.

    A digit of the counter comes in last, so that groups wait for each other as little as can be.
    """
    a, a2 = _add_three(table, picks, i)
    b, b2 = _add_three(table, picks, i + 3)
    c, c2 = _add_three(table, picks, i + 6)
    d, d2 = _add_three(table, picks, i + 9)
    e, e2 = _add_three(table, picks, i + 12)
    a, f2 = _add(a, b, c)
    b, g2 = _add(d, e, load_words(table, item(picks, i + 15)))
    ones, h2 = _add(a, b, ones)
    a, a4 = _add(a2, b2, c2)
    b, b4 = _add(d2, e2, f2)
    a, c4 = _add(a, b, g2)
    twos, d4 = _add(a, h2, twos)
    a, a8 = _add(a4, b4, c4)
    fours, b8 = _add(a, d4, fours)
    eights, carry = _add(a8, b8, eights)
    return ones, twos, fours, eights, carry


@inlined
def _add_eight(words: Array, i: int, ones: Vector, twos: Vector, fours: Vector, eights: Vector) -> Vector:
    """Add eight words that follow each other to such a counter."""
    a, a2 = _add(load_words(words, i), load_words(words, i + WORDS), load_words(words, i + 2 * WORDS))
    b, b2 = _add(load_words(words, i + 3 * WORDS), load_words(words, i + 4 * WORDS), load_words(words, i + 5 * WORDS))
    c, c2 = _add(load_words(words, i + 6 * WORDS), load_words(words, i + 7 * WORDS), ones)
    ones, d2 = _add(a, b, c)
    a, a4 = _add(a2, b2, c2)
    twos, b4 = _add(a, d2, twos)
    fours, carry = _add(a4, b4, fours)
    return ones, twos, fours, eights ^ carry, eights & carry


@inlined
def _count_carries(carries: Array, count: int, nothing: Vector) -> Vector:
    """Count as many words as a counter of four digits, and how many carries of it are in their place then."""
    last = WORDS * (count - 1)
    ones, twos, fours, eights = load_words(carries, last), nothing, nothing, nothing
    for missing in range(last, last + 7 * WORDS, WORDS):
        store(carries, missing, nothing)
    count = (count + 6) // 8
    for eight in range(count):
        ones, twos, fours, eights, carry = _add_eight(carries, 8 * WORDS * eight, ones, twos, fours, eights)
        store(carries, WORDS * eight, carry)
    return ones, twos, fours, eights, count


@inlined
def count(table: Array, picks: Array, groups: Array, carries: Array, higher: Array) -> Vector:
    """Count the bits of an output's words, ``picks`` in the table: eight digits, the lowest first, a vector each.

    A counter of ones that counts words and is then complemented, its carries too, has counted their complements. The
    carries of its four digits are words to be counted for the next four. Digits from the ninth on go to ``higher``.
    """
    nothing = load_words(carries, 0) ^ load_words(carries, 0)
    ones = twos = fours = eights = ~nothing
    complemented, count = item(groups, 0), item(groups, 0) + item(groups, 1)
    for group in range(complemented):
        ones, twos, fours, eights, over = _add_group(table, picks, GROUP * group, ones, twos, fours, eights)
        store(carries, WORDS * group, ~over)
    ones, twos, fours, eights = ~ones, ~twos, ~fours, ~eights
    for group in range(complemented, count):
        ones, twos, fours, eights, over = _add_group(table, picks, GROUP * group, ones, twos, fours, eights)
        store(carries, WORDS * group, over)
    ones_16, twos_16, fours_16, eights_16, count = _count_carries(carries, count, nothing)
    for digit in range(0, len(higher), 4 * WORDS):
        a, b, c, d, count = _count_carries(carries, count, nothing)
        store(higher, digit, a)
        store(higher, digit + WORDS, b)
        store(higher, digit + 2 * WORDS, c)
        store(higher, digit + 3 * WORDS, d)
    return ones, twos, fours, eights, ones_16, twos_16, fours_16, eights_16


@compiled
def aligned(words: int) -> Array:
    """Words that hold anything, from a cache line's begin on: a vector across two takes twice as long to load."""
    array = np.empty(words + WORDS, np.uint64)
    return array[(-array.ctypes.data // 8) % WORDS :][:words]


@inlined
def buffers(channels: int, most: int, digits: int) -> tuple[Array, Array, Array, Array]:
    """What :func:`share_all` and :func:`count` write: table, parities, carries and higher digits.

    Args:
        channels: of the bit planes.
        most, digits: ``picks`` of an output, and digits, of :class:`bitpan.host.engine.summands.Summands`.
    """
    entries = channels * 3 * VARIANTS * WORDS
    table, parities = aligned(2 * entries + 64 * VARIANTS * WORDS), aligned(entries)
    return table, parities, aligned((most // GROUP + GROUP) * WORDS), aligned(max(digits - 5, 0) // 4 * 4 * WORDS)
