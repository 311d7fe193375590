"""The per-pixel norm in the export grammar: :func:`bitpan.arithmetic.channel_norm` in standard operators.

Numbers that ONNX cannot compute exactly are looked up: a comparison with a column of places, its sum over the channels
is an index, and Gather takes a table's entry. Leading bits and the ratio of two deviations are found so.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import NORM_FRACTION, NORM_LEADING, NORM_MEAN, NORM_MIDPOINTS, NORM_RANGE
from bitpan.qonnx.pattern import Const, Op, Pattern, Var

FLOAT, INT64, DOUBLE = 1, 7, 11
"""ONNX's numbers of the types."""

LONGEST = 36
"""Bits of a variance that the tables reach, an even number: 64 channels of 12 bits have 34."""


def _sum(v: Pattern) -> Op:
    return Op("ReduceSum", v, Const("axis"), keepdims=1)


def _lookup(v: Pattern, places: Pattern, table: str) -> Op:
    count = _sum(Op("Cast", Op("GreaterOrEqual", v, places), to=INT64))
    return Op("Gather", Const(table), count, axis=0)


def _variance(wide: Op, total: Op) -> Op:
    return Op("Sub", Op("Mul", _sum(Op("Mul", wide, wide)), Const("channels")), Op("Mul", total, total))


def _leading(v: Op) -> Op:
    scale = _lookup(v, Const("powers"), "scales")
    return Op("Div", Op("Floor", Op("Mul", v, scale)), scale)


def _norm() -> Op:
    x, residual = Var("x"), Var("residual")
    wide_x, wide_r = Op("Cast", x, to=DOUBLE), Op("Cast", residual, to=DOUBLE)
    sum_x, sum_r = _sum(wide_x), _sum(wide_r)
    leading_r, leading_x = _leading(_variance(wide_r, sum_r)), _leading(_variance(wide_x, sum_x))
    ratio = _lookup(leading_r, Op("Mul", leading_x, Const("places")), "ratios")
    scaled_mean = Op("Mul", Op("Cast", sum_r, to=FLOAT), Const("mean.reciprocal"))
    mean = Op("Floor", Op("Mul", Op("Add", scaled_mean, Const("mean.half")), Const("mean.scale")))
    free = Op("Sub", Op("Mul", x, Const("size")), Op("Cast", sum_x, to=FLOAT))
    normal = Op("Floor", Op("Add", Op("Mul", Op("Sub", free, Const("centre")), ratio), Const("half")))
    normal = Op("Clip", normal, Const("normal.min"), Const("normal.max"))
    total = Op("Mul", Op("Add", Op("Mul", normal, Const("gain")), Const("bias")), Const("scale"))
    total = Op("Floor", Op("Add", Op("Add", total, mean), Const("half")))
    return Op("Clip", Op("Add", total, residual), Const("min"), Const("max"))


NORM = _norm()
"""The whole norm with its residual."""


def norm_constants(channels: int) -> dict[str, npt.NDArray[np.generic]]:
    """Every constant of the norm over this many channels but those that are learned.

    A quotient of two variances reaches none of the places only if the first is zero, and all only if the second is.
    """
    exponents = np.arange(-LONGEST // 2 - 1, LONGEST // 2 + 1)
    power = 2.0 ** (exponents - 2 - (channels - 1).bit_length())
    ratios = np.outer(power, [5.0, 6.0, 7.0, 8.0]).reshape(-1)
    column = (1, -1, 1, 1)
    singles = {
        "size": channels,
        "ratios": [0.0, *ratios[:-1], 0.0],
        "mean.reciprocal": round((1 << NORM_MEAN) / channels),
        "mean.half": 2.0 ** (NORM_MEAN - 1),
        "mean.scale": 2.0**-NORM_MEAN,
        "half": 0.5,
        "normal.min": NORM_RANGE.min,
        "normal.max": NORM_RANGE.max,
        "scale": 2.0**-NORM_FRACTION,
    }
    return {
        "axis": np.array([1]),
        "channels": np.array(float(channels)),
        "powers": (2.0 ** np.arange(LONGEST)).reshape(column),
        "scales": 2.0 ** (NORM_LEADING - np.arange(LONGEST + 1)),
        "places": np.outer(4.0**exponents, np.array(NORM_MIDPOINTS) / 64).reshape(column),
        **{key: np.asarray(value, np.float32) for key, value in singles.items()},
    }
