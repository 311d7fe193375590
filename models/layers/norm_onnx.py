"""The per-pixel norm in ONNX: :func:`bitpan.arithmetic.channel_norm` in standard operations, exact.

ONNX has neither a leading-one detector nor shifts by a tensor, but a count of the entries of a table that are no larger
than a number finds its place in that table. The statistics are float64, the rest float32. The arrangement is read back
by :mod:`bitpan.qonnx.norm`.
"""

from __future__ import annotations

import math

import torch

from bitpan.arithmetic import NORM_FRACTION, NORM_LEADING, NORM_MEAN, NORM_MIDPOINTS, NORM_RANGE
from bitpan.formats import Format
from bitpan.models.layers.functional import Graph, Value, clip_nodes, constant

DOUBLE, FLOAT, INT64 = 11, 1, 7
"""ONNX's numbers of the types."""

LONGEST = 36
"""Bits of the largest variance, an even number: 64 channels of 12 bits have 34."""


def _double(g: Graph, value: float) -> Value:
    return constant(g, value, torch.float64)


def _channels_sum(g: Graph, v: Value) -> Value:
    return g.op("ReduceSum", v, constant(g, [1], torch.int64), keepdims_i=1)


def _variance(g: Graph, v: Value, total: Value, channels: int) -> Value:
    """``C * sum(v^2) - sum(v)^2``, float64."""
    squares = g.op("Mul", _channels_sum(g, g.op("Mul", v, v)), _double(g, channels))
    return g.op("Sub", squares, g.op("Mul", total, total))


def _lookup(g: Graph, v: Value, factor: Value | None, places: list[float], table: torch.Tensor) -> Value:
    """The entry of ``table`` for the number of ``places``, times ``factor``, that ``v (N, 1, H, W)`` reaches."""
    column = g.op("Constant", value_t=torch.tensor(places, dtype=torch.float64).reshape(1, -1, 1, 1))
    reached = g.op("GreaterOrEqual", v, column if factor is None else g.op("Mul", factor, column))
    count = _channels_sum(g, g.op("Cast", reached, to_i=INT64))
    return g.op("Gather", g.op("Constant", value_t=table), count, axis_i=0)


def _leading(g: Graph, v: Value) -> Value:
    """``v`` without what comes after its leading bits."""
    scales = torch.tensor([2.0 ** (NORM_LEADING - length) for length in range(LONGEST + 1)], dtype=torch.float64)
    scale = _lookup(g, v, None, [2.0**k for k in range(LONGEST)], scales)
    return g.op("Div", g.op("Floor", g.op("Mul", v, scale)), scale)


def _ratio(g: Graph, vf: Value, vb: Value, down: int) -> Value:
    """:func:`bitpan.arithmetic.deviation_ratio` times ``2**-down`` as one float32 number.

    A quotient of two variances reaches none of the places only if the first is zero, and all only if the second is.
    """
    exponents = range(-LONGEST // 2 - 1, LONGEST // 2 + 1)
    places = [midpoint / 64 * 4.0**k for k in exponents for midpoint in NORM_MIDPOINTS]
    ratios = [mantissa * 2.0 ** (k - 2 - down) for k in exponents for mantissa in (5, 6, 7, 8)]
    table = torch.tensor([0.0, *ratios[:-1], 0.0], dtype=torch.float32)
    return _lookup(g, _leading(g, vf), _leading(g, vb), places, table)


def norm_nodes(g: Graph, x: Value, residual: Value, gain: Value, centre: Value, bias: Value, fmt: Format) -> Value:
    """The whole norm; gain, centre and bias are ``(C,)``."""
    channels = x.type().sizes()[1]
    per_channel = constant(g, [1, -1, 1, 1], torch.int64)
    gain, centre, bias = (g.op("Reshape", v, per_channel) for v in (gain, centre, bias))
    wide_x, wide_r = g.op("Cast", x, to_i=DOUBLE), g.op("Cast", residual, to_i=DOUBLE)
    sum_x, sum_r = _channels_sum(g, wide_x), _channels_sum(g, wide_r)
    variances = _variance(g, wide_r, sum_r, channels), _variance(g, wide_x, sum_x, channels)
    ratio = _ratio(g, *variances, math.ceil(math.log2(channels)))
    scaled_mean = g.op("Mul", g.op("Cast", sum_r, to_i=FLOAT), constant(g, float(round((1 << NORM_MEAN) / channels))))
    mean = g.op("Mul", g.op("Add", scaled_mean, constant(g, 2.0 ** (NORM_MEAN - 1))), constant(g, 2.0**-NORM_MEAN))
    free = g.op("Sub", g.op("Mul", x, constant(g, float(channels))), g.op("Cast", sum_x, to_i=FLOAT))
    normal = g.op("Mul", g.op("Sub", free, centre), ratio)
    normal = clip_nodes(g, g.op("Floor", g.op("Add", normal, constant(g, 0.5))), NORM_RANGE)
    total = g.op("Mul", g.op("Add", g.op("Mul", normal, gain), bias), constant(g, 2.0**-NORM_FRACTION))
    total = g.op("Add", total, g.op("Floor", mean))
    total = g.op("Floor", g.op("Add", total, constant(g, 0.5)))
    result = clip_nodes(g, g.op("Add", total, residual), fmt)
    result.setType(x.type())
    return result
