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
    zeros, ones = WORDS * entries, WORDS * (entries + 1)
    picks, groups = [], []
    for row, flags in zip(places, complemented, strict=True):
        counted = _counted_complemented(flags, fixed)
        row[counted != flags] += WORDS * VARIANTS * (words - fixed)
        parts = [
            np.pad(part, (0, -len(part) % GROUP), constant_values=nothing)
            for part, nothing in ((row[counted], ones), (row[~counted], zeros))
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


def _counted_complemented(flags: npt.NDArray[np.bool_], fixed: int) -> npt.NDArray[np.bool_]:
    """Which words an output counts complemented, of ``flags`` that are: any of those behind ``fixed`` may be.

    So many that there are the fewest groups.
    """
    free, own = len(flags) - fixed, int(flags[:fixed].sum())
    most = min(range(free + 1), key=lambda more: -(-(own + more) // GROUP) - (own + more - len(flags)) // GROUP)
    return np.concatenate([flags[:fixed], np.arange(free) < most])
