"""The per-pixel norm in ONNX: :func:`bitpan.arithmetic.channel_norm` in standard operations, exact.

ONNX has neither a leading-one detector nor shifts by a tensor. A bit length is a count of the powers of two that are no
larger, and powers of two come from tables. The statistics are float64, the rest float32.
"""

from __future__ import annotations

import math

import torch

from bitpan.arithmetic import NORM_FRACTION, NORM_LEADING, NORM_MEAN, NORM_MIDPOINTS, NORM_RANGE
from bitpan.formats import Format
from bitpan.models.functional import Graph, Value, clip_nodes, constant

DOUBLE, FLOAT, INT64 = 11, 1, 7
"""ONNX's numbers of the types."""

LONGEST = 40
"""Bits of the largest variance: 64 channels of 12 bits have 36."""


def _table(g: Graph, values: list[float]) -> Value:
    """Powers of two by exponent, float64."""
    return g.op("Constant", value_t=torch.tensor(values, dtype=torch.float64))


def _double(g: Graph, value: float) -> Value:
    return constant(g, value, torch.float64)


def _channels_sum(g: Graph, v: Value) -> Value:
    return g.op("ReduceSum", v, constant(g, [1], torch.int64), keepdims_i=1)


def _column(g: Graph, values: list[float]) -> Value:
    """Float64 constants along the channels, ``(1, n, 1, 1)``."""
    return g.op("Constant", value_t=torch.tensor(values, dtype=torch.float64).reshape(1, -1, 1, 1))


def _variance(g: Graph, v: Value, total: Value, channels: int) -> Value:
    """``C * sum(v^2) - sum(v)^2``, float64."""
    squares = g.op("Mul", _channels_sum(g, g.op("Mul", v, v)), _double(g, channels))
    return g.op("Sub", squares, g.op("Mul", total, total))


def _count(g: Graph, found: Value) -> Value:
    """How many of the channels are true, float64."""
    return _channels_sum(g, g.op("Cast", found, to_i=DOUBLE))


def _power(g: Graph, exponent: Value, lowest: int, highest: int) -> Value:
    """``2**exponent`` of whole numbers in float64."""
    place = g.op("Cast", g.op("Sub", exponent, _double(g, lowest)), to_i=INT64)
    return g.op("Gather", _table(g, [2.0**e for e in range(lowest, highest + 1)]), place, axis_i=0)


def _leading(g: Graph, v: Value) -> tuple[Value, Value]:
    """Leading bits and bit length."""
    powers = _column(g, [2.0**k for k in range(LONGEST)])
    length = _count(g, g.op("GreaterOrEqual", v, powers))
    shift = _power(g, g.op("Sub", _double(g, NORM_LEADING), length), NORM_LEADING - LONGEST, NORM_LEADING)
    return g.op("Floor", g.op("Mul", v, shift)), length


def _ratio(g: Graph, vf: Value, vb: Value, down: int) -> Value:
    """:func:`bitpan.arithmetic.deviation_ratio` times ``2**-down`` as one float64 number."""
    (a, p), (b, q) = _leading(g, vf), _leading(g, vb)
    double = g.op("Sub", p, q)
    half = g.op("Floor", g.op("Mul", double, _double(g, 0.5)))
    odd = g.op("Sub", double, g.op("Mul", half, _double(g, 2.0)))
    a = g.op("Mul", a, g.op("Add", odd, _double(g, 1.0)))
    less = g.op("Cast", g.op("Less", a, b), to_i=DOUBLE)
    a = g.op("Mul", a, g.op("Add", g.op("Mul", less, _double(g, 3.0)), _double(g, 1.0)))
    reached = g.op("GreaterOrEqual", g.op("Mul", a, _double(g, 64.0)), g.op("Mul", b, _column(g, list(NORM_MIDPOINTS))))
    mantissa = g.op("Add", _count(g, reached), _double(g, 4.0))
    mantissa = g.op("Mul", mantissa, g.op("Mul", g.op("Sign", vf), g.op("Sign", vb)))
    exponent = g.op("Sub", g.op("Sub", half, less), _double(g, 2.0 + down))
    reach = LONGEST // 2 + 4 + down
    return g.op("Mul", mantissa, _power(g, exponent, -reach, reach))


def norm_nodes(g: Graph, x: Value, residual: Value, gain: Value, centre: Value, bias: Value, fmt: Format) -> Value:
    """The whole norm; gain, centre and bias are ``(C,)``."""
    channels = x.type().sizes()[1]
    per_channel = constant(g, [1, -1, 1, 1], torch.int64)
    gain, centre, bias = (g.op("Reshape", v, per_channel) for v in (gain, centre, bias))
    wide_x, wide_r = g.op("Cast", x, to_i=DOUBLE), g.op("Cast", residual, to_i=DOUBLE)
    sum_x, sum_r = _channels_sum(g, wide_x), _channels_sum(g, wide_r)
    variances = _variance(g, wide_r, sum_r, channels), _variance(g, wide_x, sum_x, channels)
    ratio = g.op("Cast", _ratio(g, *variances, math.ceil(math.log2(channels))), to_i=FLOAT)
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
