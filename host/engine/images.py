"""Kernels at both ends of the networks, on integers of any width; see :mod:`bitpan.host.engine.kernels`."""

from __future__ import annotations

import numpy as np

from bitpan.arithmetic import BORDER, COEFFICIENT_BITS
from bitpan.host.engine.compiled import compiled
from bitpan.host.engine.step import Array, Step


@compiled
def _interpolate(ms: Array, rows: Array, columns: Array, out: Array, first: int, last: int) -> None:
    bands, _, width = ms.shape
    ratio, taps = columns.shape
    half = 1 << (COEFFICIENT_BITS - 1)
    filtered = np.empty(width, np.int64)
    for y in range(first, last):
        i, phase = y // ratio, y % ratio
        for b in range(bands):
            filtered[:] = half
            for t in range(taps):
                row, weight = ms[b, i + t], rows[phase, t]
                for j in range(width):
                    filtered[j] += weight * row[j]
            for j in range(width):
                filtered[j] >>= COEFFICIENT_BITS
            for q in range(ratio):
                for j in range(width - taps + 1):
                    v = half
                    for t in range(taps):
                        v += columns[q, t] * filtered[j + t]
                    out[b, y, j * ratio + q] = v >> COEFFICIENT_BITS


def interpolate(ms: Array, rows: Array, columns: Array, step: Step) -> Array:
    """Cubic interpolation of an image with its border, vertical then horizontal."""
    rows, columns = (np.ascontiguousarray(axis, dtype=np.int64) for axis in (rows, columns))
    shape = (len(ms), (ms.shape[1] - 2 * BORDER) * len(rows), (ms.shape[2] - 2 * BORDER) * len(columns))
    wide = step.inputs[0].bits > 16  # beyond, extreme coefficients leave 32 bits
    return step.fill(_interpolate, shape, ms, rows, columns, dtype=np.int64 if wide else np.int32)


@compiled
def _centre(x: Array, offset: int, shift: int, low: int, high: int, out: Array, first: int, last: int) -> None:
    half = (1 << shift) >> 1
    for c in range(x.shape[0]):
        for y in range(first, last):
            for i in range(x.shape[2]):
                out[c, y, i] = min(max((x[c, y, i] - offset + half) >> shift, low), high)


def centre(x: Array, offset: int, shift: int, step: Step) -> Array | None:
    """Offset subtracted, rounded by ``shift`` bits, saturated."""
    if shift < 0:
        return None
    return step.fill(_centre, x.shape, x, offset, shift, step.format.min, step.format.max)


@compiled
def _conv(
    x: Array, weights: Array, bias: Array, shift: int, low: int, high: int, out: Array, first: int, last: int
) -> None:
    """``weights``: ``(O, I or 1, k, k)`` in the type to sum in, float32 or float64; ``bias``: ``(O,)`` int64."""
    outputs, inputs, kernel, _ = weights.shape
    channels, height, width = x.shape
    margin = kernel // 2
    rows = np.zeros((channels, kernel, width + 2 * margin), weights.dtype)
    total = np.empty(width, weights.dtype)
    for y in range(first, last):
        for c in range(channels):
            for dy in range(kernel):
                source = y + dy - margin
                if 0 <= source < height:
                    rows[c, dy, margin : margin + width] = x[c, source]
                else:
                    rows[c, dy, margin : margin + width] = 0
        for o in range(outputs):
            total[:] = 0
            own = 0 if inputs == channels else o
            for c in range(inputs):
                for dy in range(kernel):
                    row, w = rows[own + c, dy], weights[o, c, dy]
                    if kernel == 3:
                        w0, w1, w2 = w[0], w[1], w[2]
                        for i in range(width):
                            total[i] += w0 * row[i] + w1 * row[i + 1] + w2 * row[i + 2]
                    else:
                        for dx in range(kernel):
                            for i in range(width):
                                total[i] += w[dx] * row[i + dx]
            for i in range(width):
                v = np.int64(total[i]) + bias[o]
                v = (v + (1 << (shift - 1))) >> shift if shift > 0 else v << -shift
                out[o, y, i] = min(max(v, low), high)


def conv(x: Array, weights: Array, bias: Array | None = None, *, shift: int, step: Step) -> Array:
    """Convolution padded with 0, rounded and saturated; of all channels or, with weights ``(C, 1, k, k)``, of each."""
    fmt, sums = step.inputs[0], np.abs(weights.astype(np.int64)).sum(axis=(1, 2, 3))
    exact = np.float32 if int(sums.max()) * max(fmt.max, -fmt.min) < 1 << 24 else np.float64
    summing = np.ascontiguousarray(weights, dtype=exact)
    added = np.zeros(len(weights), np.int64) if bias is None else bias.astype(np.int64)
    low, high = step.format.min, step.format.max
    return step.fill(_conv, (len(weights), *x.shape[1:]), x, summing, added, shift, low, high)


@compiled
def _add_clip(lms: Array, residual: Array, high: int, out: Array, first: int, last: int) -> None:
    for c in range(lms.shape[0]):
        for y in range(first, last):
            for i in range(lms.shape[2]):
                out[c, y, i] = min(max(np.int64(lms[c, y, i]) + np.int64(residual[c, y, i]), 0), high)


def add_clip(lms: Array, residual: Array, step: Step) -> Array:
    """Sum, clipped to 0 and the highest count."""
    return step.fill(_add_clip, lms.shape, lms, residual, step.format.max)


def concat(a: Array, b: Array, step: Step) -> Array:
    """The channels of both."""
    return np.concatenate([a, b])
