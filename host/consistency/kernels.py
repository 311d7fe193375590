""":func:`bitpan.camera.consistency.consistent`, compiled: bands after bands, rows after rows, in 32 bits.

Along rows of pixels everything is a multiply-add of whole vectors; what runs across a row, a camera's or an
interpolation's columns, happens on the MS's rows alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import COEFFICIENT_BITS, TAPS
from bitpan.camera.consistency import FRACTION_BITS, MISSING, MOST_COUNT, Camera, Mask
from bitpan.host.engine.compiled import compiled, i32, inlined, shift_right

Counts = npt.NDArray[Any]

_SIDE = TAPS // 2
_HALF, _UNIT = i32(1 << (COEFFICIENT_BITS - 1)), i32(COEFFICIENT_BITS)
_ROWS_BITS = i32(COEFFICIENT_BITS - FRACTION_BITS)
_LAST_BITS = i32(FRACTION_BITS)
_LEAST, _MOST = i32(MISSING.min), i32(MISSING.max)
_MOST_COUNT = i32(MOST_COUNT)


def consistent(fused: Counts, ms: Counts, known: Mask, camera: Camera, inside: tuple[slice, slice]) -> Counts:
    """The rows and columns ``inside`` of what :func:`bitpan.camera.consistency.consistent` gives, uint16."""
    rows, columns = inside
    out = np.empty((len(fused), rows.stop - rows.start, columns.stop - columns.start), np.uint16)
    taps = [_trimmed(own) for own in camera.taps]
    (row_taps, row_first), (column_taps, column_first) = taps
    tables = [np.ascontiguousarray(own, np.int32) for own in (*camera.upsampling, camera.again)]
    for band, own, result in zip(fused, ms, out, strict=True):
        # What a band needs between is a sixteenth of it: it stays in the cache.
        seen = np.empty((len(own), band.shape[1]), np.int32)
        _see_rows(band, row_taps, row_first, camera.ratio, seen)
        difference = np.empty(own.shape, np.int32)
        _miss(seen, column_taps, column_first, camera.ratio, own, known, difference)
        first, last = rows.start // camera.ratio, -(-rows.stop // camera.ratio)
        twice = np.empty(own.shape, np.int32)
        _again(difference, tables[2], twice)
        sideways = np.empty((len(own), columns.stop - columns.start), np.int32)
        _upsample_columns(twice, tables[1], columns.start, sideways, max(first - _SIDE, 0), min(last + _SIDE, len(own)))
        _add(band, sideways, tables[0], rows.start, columns.start, result)
    return out


def _trimmed(taps: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int32], int]:
    """Those that are not zero at the ends, and which is the first."""
    seen = np.flatnonzero(taps)
    return taps[seen[0] : seen[-1] + 1].astype(np.int32), int(seen[0])


@inlined
def _within(index: int, length: int) -> int:
    return min(max(index, 0), length - 1)


@inlined
def _rounded(total: Any, half: Any, bits: Any) -> Any:  # noqa: ANN401
    return shift_right(i32(total + half), bits)


@compiled
def _see_rows(band: Counts, taps: Counts, first: int, ratio: int, seen: Counts) -> None:
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
def _miss(seen: Counts, taps: Counts, first: int, ratio: int, ms: Counts, known: Mask, difference: Counts) -> None:
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
def _again(difference: Counts, taps: Counts, twice: Counts) -> None:
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
def _upsample_columns(twice: Counts, table: Counts, left: int, sideways: Counts, first: int, last: int) -> None:
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
def _add_five(a: Counts, b: Counts, c: Counts, d: Counts, e: Counts, weights: Counts, out: Counts) -> None:
    v, w, x, y, z = weights[0], weights[1], weights[2], weights[3], weights[4]
    for i in range(len(out)):
        total = i32(i32(i32(a[i] * v) + i32(b[i] * w)) + i32(i32(c[i] * x) + i32(d[i] * y)))
        out[i] = shift_right(i32(i32(total + i32(e[i] * z)) + _HALF), _UNIT)


@compiled
def _add(band: Counts, sideways: Counts, table: Counts, top: int, left: int, result: Counts) -> None:
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
def look_up(indices: Counts, tables: Counts, found: Counts) -> None:
    """Each band's indices ``(B, H, W)`` in its own table, ``(B, entries)``, of ``found``'s type."""
    for band in range(len(found)):
        for y in range(found.shape[1]):
            for x in range(found.shape[2]):
                found[band, y, x] = tables[band, indices[band, y, x]]
