""":func:`bitpan.camera.consistency.consistent` by compiled kernels, see :mod:`bitpan.host.compiled.consistency`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import TAPS
from bitpan.camera.consistency import Camera, Mask
from bitpan.host.compiled.machine_code import Compiled

Counts = npt.NDArray[Any]


_SIDE = TAPS // 2
_SEE_ROWS, _MISS, _AGAIN, _UPSAMPLE_COLUMNS, _ADD = (
    Compiled(f"consistency.{name}") for name in ("see_rows", "miss", "again", "upsample_columns", "add")
)


def consistent(fused: Counts, ms: Counts, known: Mask, camera: Camera, inside: tuple[slice, slice]) -> Counts:
    """The rows and columns ``inside`` of what :func:`bitpan.camera.consistency.consistent` gives, uint16."""
    rows, columns = inside
    ms, known = np.ascontiguousarray(ms, np.int32), np.ascontiguousarray(known).view(np.uint8)  # one code for all
    out = np.empty((len(fused), rows.stop - rows.start, columns.stop - columns.start), np.uint16)
    taps = [_trimmed(own) for own in camera.taps]
    (row_taps, row_first), (column_taps, column_first) = taps
    pairs = np.pad(row_taps, (0, len(row_taps) % 2)).astype(np.int16).view(np.int32)
    tables = [np.ascontiguousarray(own, np.int32) for own in (*camera.upsampling, camera.again)]
    for band, own, result in zip(fused, ms, out, strict=True):
        # What a band needs between is a sixteenth of it: it stays in the cache.
        seen = np.empty((len(own), band.shape[1]), np.int32)
        _SEE_ROWS(band, pairs, row_first, camera.ratio, seen)
        difference = np.empty(own.shape, np.int32)
        _MISS(seen, column_taps, column_first, camera.ratio, own, known, difference)
        first, last = rows.start // camera.ratio, -(-rows.stop // camera.ratio)
        twice = np.empty(own.shape, np.int32)
        _AGAIN(difference, tables[2], twice)
        sideways = np.empty((len(own), columns.stop - columns.start), np.int32)
        _UPSAMPLE_COLUMNS(twice, tables[1], columns.start, sideways, max(first - _SIDE, 0), min(last + _SIDE, len(own)))
        _ADD(band, sideways, tables[0], rows.start, columns.start, result)
    return out


def _trimmed(taps: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int32], int]:
    """Those that are not zero at the ends, and which is the first."""
    seen = np.flatnonzero(taps)
    return taps[seen[0] : seen[-1] + 1].astype(np.int32), int(seen[0])
