""":func:`bitpan.camera.consistency.consistent`, compiled: bands after bands, rows after rows, in 32 bits.

Along rows of pixels everything is a multiply-add of whole vectors; what runs across a row, a camera's or an
interpolation's columns, happens on the MS's rows alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bitpan.arithmetic import COEFFICIENT_BITS, TAPS
from bitpan.camera.consistency import FRACTION_BITS, MISSING, MOST_COUNT, Mask
from bitpan.host.compiled.compiling import compiled, i32, inlined, shift_right
from bitpan.host.compiled.layout import Array

_SIDE = TAPS // 2
_HALF, _UNIT = i32(1 << (COEFFICIENT_BITS - 1)), i32(COEFFICIENT_BITS)
_ROWS_BITS = i32(COEFFICIENT_BITS - FRACTION_BITS)
_LAST_BITS = i32(FRACTION_BITS)
_LEAST, _MOST = i32(MISSING.min), i32(MISSING.max)
_MOST_COUNT = i32(MOST_COUNT)


@inlined
def _within(index: int, length: int) -> int:
    return min(max(index, 0), length - 1)


@inlined
def _rounded(total: Any, half: Any, bits: Any) -> Any:  # noqa: ANN401
    return shift_right(i32(total + half), bits)


@compiled
def see_rows(band: Array, taps: Array, first: int, ratio: int, seen: Array) -> None:
    """The camera's rows: ``(H, W)`` to ``(h, W)``, with FRACTION_BITS."""
    height, half = len(band), i32(1 << (_ROWS_BITS - 1))
    for i in range(len(seen)):
        total = seen[i]
        total[:] = half
        for tap in range(len(taps)):
            row, weight = band[_within(i * ratio + first + tap - _SIDE * ratio, height)], taps[tap]
            for x in range(len(total)):
                total[x] = i32(total[x] + i32(i32(row[x]) * weight))
        for x in range(len(total)):
            total[x] = shift_right(total[x], _ROWS_BITS)


@compiled
def miss(seen: Array, taps: Array, first: int, ratio: int, ms: Array, known: Mask, difference: Array) -> None:
    """The camera's columns, ``(h, W)`` to ``(h, w)``, and what is missing to the MS."""
    width = seen.shape[1]
    for i in range(len(ms)):
        for j in range(ms.shape[1]):
            total, start = _HALF, j * ratio + first - _SIDE * ratio
            if start >= 0 and start + len(taps) <= width:
                for tap in range(len(taps)):
                    total = i32(total + i32(seen[i, start + tap] * taps[tap]))
            else:
                for tap in range(len(taps)):
                    total = i32(total + i32(seen[i, _within(start + tap, width)] * taps[tap]))
            here = i32(i32(i32(ms[i, j]) << _LAST_BITS) - shift_right(total, _UNIT))
            difference[i, j] = here if known[i, j] else i32(0)


@compiled
def again(difference: Array, taps: Array, twice: Array) -> None:
    """Two iterations' difference from that of the first, ``(h, w)``."""
    height, width = difference.shape
    row = np.empty(width, np.int32)
    for i in range(height):
        for j in range(width):
            total = _HALF
            for tap in range(TAPS):
                total = i32(total + i32(difference[_within(i + tap - _SIDE, height), j] * taps[tap]))
            row[j] = shift_right(total, _UNIT)
        for j in range(width):
            total = _HALF
            for tap in range(TAPS):
                total = i32(total + i32(row[_within(j + tap - _SIDE, width)] * taps[tap]))
            own = i32(i32(difference[i, j] * i32(2)) - shift_right(total, _UNIT))
            twice[i, j] = min(max(own, _LEAST), _MOST)


@compiled
def upsample_columns(twice: Array, table: Array, left: int, sideways: Array, first: int, last: int) -> None:
    """Rows ``first`` to ``last`` along the columns: ``(h, w)`` to ``(h, W)``, from the pixel ``left`` on."""
    width, ratio = twice.shape[1], len(table)
    start, skipped = left // ratio, left % ratio
    samples = (skipped + sideways.shape[1] + ratio - 1) // ratio
    around = np.empty(samples + TAPS - 1, np.int32)
    phases = np.empty((ratio, samples), np.int32)
    for i in range(first, last):
        for j in range(len(around)):
            around[j] = twice[i, _within(start + j - _SIDE, width)]
        for phase in range(ratio):
            _add_five(
                around[:samples],
                around[1:][:samples],
                around[2:][:samples],
                around[3:][:samples],
                around[4:][:samples],
                table[phase],
                phases[phase],
            )
        for phase in range(ratio):
            row = phases[phase]
            before = 1 if phase < skipped else 0
            spread = sideways[i, before * ratio + phase - skipped :: ratio]
            for j in range(len(spread)):
                spread[j] = row[before + j]


@inlined
def _add_five(a: Array, b: Array, c: Array, d: Array, e: Array, weights: Array, out: Array) -> None:
    v, w, x, y, z = weights[0], weights[1], weights[2], weights[3], weights[4]
    for i in range(len(out)):
        total = i32(i32(i32(a[i] * v) + i32(b[i] * w)) + i32(i32(c[i] * x) + i32(d[i] * y)))
        out[i] = shift_right(i32(i32(total + i32(e[i] * z)) + _HALF), _UNIT)


@compiled
def add(band: Array, sideways: Array, table: Array, top: int, left: int, result: Array) -> None:
    """Upsampled along the rows, and added to the pixels from ``top`` and ``left`` on."""
    height, ratio, half = len(sideways), len(table), i32(1 << (_LAST_BITS - 1))
    added = np.empty(result.shape[1], np.int32)
    for y in range(len(result)):
        i = (top + y) // ratio
        _add_five(
            sideways[_within(i - 2, height)],
            sideways[_within(i - 1, height)],
            sideways[i],
            sideways[_within(i + 1, height)],
            sideways[_within(i + 2, height)],
            table[top + y - i * ratio],
            added,
        )
        row, out = band[top + y, left : left + len(added)], result[y]
        for x in range(len(added)):
            more = shift_right(i32(added[x] + half), _LAST_BITS)
            out[x] = min(max(i32(i32(row[x]) + more), i32(0)), _MOST_COUNT)


@compiled
def look_up(indices: Array, tables: Array, found: Array) -> None:
    """Each band's indices ``(B, H, W)`` in its own table, ``(B, entries)``, of ``found``'s type."""
    for band in range(len(found)):
        for y in range(found.shape[1]):
            for x in range(found.shape[2]):
                found[band, y, x] = tables[band, indices[band, y, x]]
