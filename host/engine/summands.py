"""What an output of a binary convolution adds up: see :mod:`bitpan.host.compiled.counting`."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bitpan.host.compiled.layout import GROUP, VARIANTS, WORDS


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
        threes = max(signs.shape[1] // 3, 1)
        signs = np.pad(signs, ((0, 0), (0, max(3 - signs.shape[1], 0))))
        a, b, c = (signs[:, i : 3 * threes : 3] for i in range(3))
        variants.append((a ^ b) + 2 * (a ^ c))
        complements.append(a)
        signs = np.concatenate([a ^ b ^ c, signs[:, 3 * threes :]], axis=1)
    variant, complemented = np.concatenate(variants, axis=1), np.concatenate(complements, axis=1)
    words, fixed = variant.shape[1], max(variant.shape[1] - GROUP, 0)
    entries = VARIANTS * (2 * words - fixed)
    places = (WORDS * (VARIANTS * np.arange(words) + variant)).astype(np.uint32)
    counted = _counted_complemented(complemented, fixed)
    places[counted != complemented] += WORDS * VARIANTS * (words - fixed)
    first = counted.sum(axis=1, keepdims=True)
    groups = -(-np.concatenate([first, words - first], axis=1) // GROUP)
    begin, end = GROUP * groups[:, :1], GROUP * groups.sum(axis=1, keepdims=True)
    columns, word = np.arange(end.max()), np.arange(words)
    nothing = np.where(columns < begin, WORDS * (entries + 1), WORDS * entries)  # ones, which count complemented, zeros
    picks = np.where(columns < end, nothing, 0).astype(np.uint32)
    order = np.argsort(~counted, axis=1, kind="stable")
    own = np.where(word < first, word, word - first + begin)
    np.put_along_axis(picks, own, np.take_along_axis(places, order, axis=1), axis=1)
    flips = np.repeat(signs.astype(np.uint64) * np.uint64(2**64 - 1), WORDS, axis=1)
    return Summands(picks, groups, flips, words.bit_length())


def _counted_complemented(complemented: npt.NDArray[np.bool_], fixed: int) -> npt.NDArray[np.bool_]:
    """Which words an output counts complemented, of those that are, ``(O, words)``: any behind ``fixed`` may be.

    So many that there are the fewest groups.
    """
    words = complemented.shape[1]
    free = np.arange(words - fixed + 1)
    of_each = complemented[:, :fixed].sum(axis=1, keepdims=True) + free
    groups = -(-of_each // GROUP) - (of_each - words) // GROUP
    return np.concatenate([complemented[:, :fixed], free[:-1] < groups.argmin(axis=1)[:, None]], axis=1)
