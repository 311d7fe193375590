"""Both ends of the networks, on integers of any width; see :mod:`bitpan.host.engine.kernels`."""

from __future__ import annotations

from typing import Any

import numpy as np

from bitpan.arithmetic import COEFFICIENT_BITS
from bitpan.host.compiled.layout import OUTPUTS
from bitpan.host.compiled.machine_code import Compiled
from bitpan.host.engine.step import Array, Rows, Step

_INTERPOLATE, _CENTRE, _CONCAT = Compiled("images.interpolate"), Compiled("images.centre"), Compiled("images.concat")
_CONV, _SIMPLE_CONV, _ADD_CLIP = Compiled("images.conv"), Compiled("images.simple_conv"), Compiled("images.add_clip")


def interpolate(ms: Array, rows: Array, columns: Array, step: Step) -> Rows:
    """Cubic interpolation of an image with its border, vertical then horizontal."""
    largest = max(step.inputs[0].max, -step.inputs[0].min)
    for axis in (rows, columns):  # of what both filters sum up, before they are shifted
        summed = largest * int(np.abs(axis).sum(axis=1).max()) + (1 << COEFFICIENT_BITS)
        largest = (summed >> COEFFICIENT_BITS) + 1
    dtype = np.int32 if summed < 1 << 31 else np.int64
    coefficients = (np.ascontiguousarray(axis, dtype) for axis in (rows, columns))
    wide = step.inputs[0].bits > 16  # beyond, extreme coefficients leave 32 bits
    return step.rows(_INTERPOLATE, ms.shape[1], ms, *coefficients, dtype=np.int64 if wide else np.int32)


def centre(x: Array, offset: int, shift: int, step: Step) -> Rows | None:
    """Offset subtracted, rounded by ``shift`` bits, saturated."""
    if not 0 <= shift <= 30:
        return None
    added, fmt = (1 << shift >> 1) - offset, step.inputs[0]
    largest = max(fmt.max, -fmt.min) + abs(added)
    start = np.array([added], _holding(largest, -step.format.min, 1 << shift))  # no shift by all of a type's bits
    return step.rows(_CENTRE, x.shape[1], x, start, shift, step.format.min, step.format.max)


def _holding(*magnitudes: int) -> np.dtype[Any]:
    """The narrowest type, of 16 bits or more, of numbers of either sign."""
    return np.result_type(np.int16, *(np.min_scalar_type(-1 - own) for own in magnitudes))


def conv(x: Array, weights: Array, bias: Array | None = None, *, shift: int, step: Step) -> Rows:
    """Convolution padded with 0, rounded and saturated; of all channels or, with weights ``(C, 1, k, k)``, of each."""
    fmt, sums = step.inputs[0], np.abs(weights.astype(np.int64)).sum(axis=(1, 2, 3))
    largest, channels = int(sums.max()) * max(fmt.max, -fmt.min), len(weights)
    added = np.zeros(channels, np.int64) if bias is None else bias.astype(np.int64)
    height, low, high = step.size[0], step.format.min, step.format.max
    narrow = x.dtype == np.int16 and 0 < shift < 31 and step.format.bits <= 32
    if weights.shape[1] < x.shape[1] or not narrow or largest + int(np.abs(added).max()) + (1 << shift) >= 1 << 31:
        summing = weights.astype(np.float32 if largest < 1 << 24 else np.float64)
        return step.rows(_SIMPLE_CONV, channels, x, height, summing, added, shift, low, high)
    taps, more = np.argwhere(weights.any(axis=0)), -channels % OUTPUTS
    odd = len(taps) % 2
    found = np.pad(weights[:, taps[:, 0], taps[:, 1], taps[:, 2]].astype(np.int32), ((0, more), (0, odd)))
    taps = np.pad(taps, ((0, odd), (0, 0)))
    pairs = (found[:, ::2] & 0xFFFF | found[:, 1::2] << 16).reshape(len(found) // OUTPUTS, OUTPUTS, len(taps) // 2)
    blocks = np.ascontiguousarray(pairs.transpose(0, 2, 1)).reshape(len(pairs), -1)
    half = np.pad(added + (1 << (shift - 1)), (0, more)).astype(np.int32)
    return step.rows(_CONV, channels, x, height, weights.shape[2], taps, blocks, half, shift, low, high)


def add_clip(lms: Array, residual: Array, step: Step) -> Rows:
    """Sum, clipped to 0 and the highest count."""
    return sum_within(lms, residual, 0, step)


def sum_within(a: Array, b: Array, low: int, step: Step) -> Rows:
    """Sum, saturated at ``low`` and the format's maximum."""
    one, other = (max(fmt.max, -fmt.min) for fmt in step.inputs[:2])
    bounds = np.array([low, step.format.max], _holding(one + other, -low, step.format.max))
    return step.rows(_ADD_CLIP, a.shape[1], a, b, bounds)


def concat(a: Array, b: Array, step: Step) -> Rows:
    """The channels of both."""
    return step.rows(_CONCAT, a.shape[1] + b.shape[1], a, b)
