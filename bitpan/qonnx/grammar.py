"""The export grammar: how each operation of the number contract is written in ONNX, and how its numbers are read.

A pattern finds an operation; its reader checks what the pattern cannot (axes, pads, that the rounding is half up) and
returns the node's attributes and constants.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bitpan.arithmetic import AFFINE_FRACTION
from bitpan.qonnx.found import Found, Read
from bitpan.qonnx.norm import NORM, read_norm
from bitpan.qonnx.pattern import Const, Graph, Match, Op, Optional, Pattern, Var, attributes


def _rounded(v: Pattern, prefix: str = "") -> Op:
    return Op("Floor", Op("Mul", Op("Add", v, Const(f"{prefix}half")), Const(f"{prefix}scale")))


def _clipped(v: Pattern) -> Op:
    return Op("Clip", v, Const("min"), Const("max"))


def _row(name: str) -> Op:
    """One row of the scene parameter ``affine``, along the channels."""
    return Op("Reshape", Op("Gather", Var("affine"), Const(name), axis=0), Const("shape"))


def _upsampled(v: Pattern, axis: str) -> Op:
    taps = Op("Gather", v, Const(f"{axis}.index"), keep=f"{axis}.gather")
    weighed = Op("Einsum", taps, Optional("Cast", Var(axis)), keep=f"{axis}.einsum")
    return _rounded(Op("Reshape", weighed, Const(f"{axis}.shape")), f"{axis}.")


_INTERPOLATE = Op("Cast", _upsampled(_upsampled(Op("Cast", Var("ms")), "rows"), "columns"))
_CONV = Op("Conv", Var("x"), Const("weights"), Const("bias"), keep="conv")
_DEPTHWISE = Op("Conv", Var("x"), Const("weights"), keep="conv")
_ABOVE = Op("GreaterOrEqual", Var("p"), Const("knee"))
_BRANCH = Op(
    "Add",
    Op("Mul", Op("Where", _ABOVE, Const("slope_above"), Const("slope_below")), Var("p")),
    Op("Where", _ABOVE, Const("bias_above"), Const("bias_below")),
)
_BANDS = [
    Op("ConvTranspose", Var(band), Const(f"{band}.kernel"), keep=f"{band}.conv") for band in ("ll", "lh", "hl", "hh")
]
_SIGN = Op("BipolarQuant", Op("Sub", Var("x"), Op("Reshape", Var("threshold"), Const("shape"))), Const("unit"))
_CONSTANT_SIGN = Op("BipolarQuant", Op("Sub", Var("x"), Const("threshold")), Const("unit"))
_AFFINE = Op("Add", Op("Mul", Var("y"), _row("scale_row")), _row("offset_row"))
_PADDED = Op("Pad", Var("s"), Const("pads"), Const("value"), keep="pad")

PATTERNS: dict[str, tuple[Pattern, ...]] = {
    "interpolate": (_INTERPOLATE,),
    "centre": (
        _clipped(Op("Sub", Var("x"), Const("offset"))),
        _clipped(_rounded(Op("Sub", Var("x"), Const("offset")))),
    ),
    "concat": (Op("Concat", Var("a"), Var("b"), keep="concat"),),
    "conv": (_clipped(_rounded(_CONV)),),
    "depthwise": (_clipped(_rounded(_DEPTHWISE)),),
    "sign": (_SIGN, _CONSTANT_SIGN),
    "binary_conv": (Op("Conv", _PADDED, Const("weights"), keep="conv"),),
    "rprelu": (_clipped(Op("Add", _rounded(_BRANCH), Var("x"))), _clipped(_rounded(_BRANCH))),
    "norm": (NORM,),
    "affine": (_clipped(_rounded(_AFFINE)),),
    "haar": (Op("Conv", Var("x"), Const("kernel"), keep="conv"),),
    "inverse_haar": (_clipped(_rounded(Op("Add", Op("Add", *_BANDS[:2]), Op("Add", *_BANDS[2:])))),),
    "pool": (Op("Floor", Op("Add", Op("AveragePool", Var("x"), keep="pool"), Const("half"))),),
    "up": (
        _rounded(Op("ConvTranspose", Op("Pad", Var("x"), Const("pads"), keep="pad"), Const("kernel"), keep="conv")),
    ),
    "add": (_clipped(Op("Add", Var("a"), Var("b"))),),
    "add_clip": (_clipped(Op("Add", Var("lms"), Var("residual"))),),
}
"""The export grammar: the arrangements each operation may appear in."""


INPUTS = {
    "interpolate": ("ms",),
    "centre": ("x",),
    "concat": ("a", "b"),
    "conv": ("x",),
    "depthwise": ("x",),
    "sign": ("x",),
    "binary_conv": ("s",),
    "rprelu": ("p", "x"),
    "norm": ("x", "residual"),
    "affine": ("y",),
    "haar": ("x",),
    "inverse_haar": ("ll", "lh", "hl", "hh"),
    "pool": ("x",),
    "up": ("x",),
    "add": ("a", "b"),
    "add_clip": ("lms", "residual"),
}
"""Captured tensors of each operation, in the order of the node's inputs; one that is not captured is left out."""

SCENE = {"interpolate": ("rows", "columns"), "sign": ("threshold",), "affine": ("affine",)}
"""Those that are its scene parameters."""


def recognise(graph: Graph, tensor: str) -> tuple[str, Match] | None:
    """The operation that computes ``tensor`` and what its pattern captured; None if it fits no pattern."""
    for op, patterns in PATTERNS.items():
        for pattern in patterns:
            match = graph.match(tensor, pattern)
            # A sum of features and the output are written alike: features are signed, imagery is not.
            if match is not None and not (op == "add" and (match.arrays["min"] >= 0).all()):
                return op, match
    return None


def _read_interpolate(found: Found) -> Read:
    for axis, dimension, equation in (("rows", 2, "bchtw,pt->bchpw"), ("columns", 3, "bchwt,pt->bchwp")):
        found.require(
            attributes(found.match.nodes[f"{axis}.gather"]).get("axis", 0) == dimension, "gathers another axis"
        )
        written = attributes(found.match.nodes[f"{axis}.einsum"])["equation"].replace(" ", "")
        found.require(written == equation, f"sums {written!r}, not {equation!r}")
        index = found.match.arrays[f"{axis}.index"]
        size = len(index)
        taps = np.clip(np.arange(size)[:, None] + np.arange(-2, 3), 0, size - 1)
        found.require(index.shape == taps.shape and bool((index == taps).all()), f"its {axis} taps are not i-2 ... i+2")
        found.require(found.shift(f"{axis}.") == 10, "its coefficients are not in 1/1024")
    return {}, {}


def _read_centre(found: Found) -> Read:
    found.clip()
    shift = found.shift() if "scale" in found.match.arrays else 0
    offset = found.scalar("offset")
    found.require(offset == int(offset), f"its offset {offset} is not an integer")
    return {"offset": int(offset), "shift": shift}, {}


def _read_concat(found: Found) -> Read:
    found.require(attributes(found.match.nodes["concat"])["axis"] == 1, "concatenates along another axis than channels")
    return {}, {}


def _read_conv(found: Found) -> Read:
    found.clip()
    weights = found.integers("weights", np.int8)
    found.square(weights, margin=0)
    return {"shift": found.shift()}, {"weights": weights, "bias": found.integers("bias", np.int32)}


def _read_depthwise(found: Found) -> Read:
    found.clip()
    weights = found.integers("weights", np.int8)
    found.square(weights, margin=0, groups=len(weights))
    found.require(weights.shape[1] == 1, "its groups are of more than one channel")
    return {"shift": found.shift()}, {"weights": weights}


def _read_sign(found: Found) -> Read:
    found.require(found.scalar("unit") == 1, "its BipolarQuant has another scale than 1")
    if "threshold" in found.match.arrays:
        return {}, {"threshold": found.per_channel("threshold")}
    found.constants({"shape": [1, -1, 1, 1]})
    return {}, {}


def _read_binary_conv(found: Found) -> Read:
    weights = found.integers("weights", np.int8)
    found.require(bool((np.abs(weights) == 1).all()), "its weights are not all +1 or -1")
    margin = weights.shape[-1] // 2
    found.square(weights, margin)
    pads = found.match.arrays["pads"].tolist()
    found.require(pads == [0, 0, margin, margin] * 2, f"pads {pads} do not keep the image's size")
    found.require(found.scalar("value") == -1, f"pads with {found.scalar('value')}, binary tensors are padded with -1")
    found.require(attributes(found.match.nodes["pad"]).get("mode", "constant") == "constant", "does not pad a constant")
    return {}, {"weights": weights}


def _read_rprelu(found: Found) -> Read:
    found.clip()
    keys = ("knee", "slope_above", "slope_below", "bias_above", "bias_below")
    return {"shift": found.shift()}, {key: found.per_channel(key) for key in keys}


def _read_affine(found: Found) -> Read:
    found.clip()
    found.constants({"scale_row": 0, "offset_row": 1, "shape": [1, -1, 1, 1]})
    found.require(found.shift() == AFFINE_FRACTION, f"its scales are not in 1/{1 << AFFINE_FRACTION}")
    return {}, {}


_SUBBANDS = np.array([[[1, 1], [1, 1]], [[1, 1], [-1, -1]], [[1, -1], [1, -1]], [[1, -1], [-1, 1]]])
_BILINEAR = np.outer([1, 3, 3, 1], [1, 3, 3, 1])


def _read_haar(found: Found) -> Read:
    kernel = found.match.arrays["kernel"]
    same = [kernel.shape[1:] == (1, 2, 2) and bool((kernel == subband).all()) for subband in _SUBBANDS]
    found.require(any(same), "is a convolution without bias and rounding, and no wavelet's subband")
    found.depthwise("conv", kernel, _SUBBANDS[same.index(True)])
    return {"subband": same.index(True)}, {}


def _read_inverse_haar(found: Found) -> Read:
    found.clip()
    for band, expected in zip(INPUTS["inverse_haar"], _SUBBANDS, strict=True):
        found.depthwise(f"{band}.conv", found.match.arrays[f"{band}.kernel"], expected)
    return {"shift": found.shift()}, {}


def _read_pool(found: Found) -> Read:
    written = attributes(found.match.nodes["pool"])
    blocks = written["kernel_shape"] == [2, 2] == written.get("strides") and not any(written.get("pads", [0]))
    found.require(blocks and not written.get("ceil_mode", 0), "does not average 2x2 blocks")
    found.require(found.scalar("half") == 0.5, f"adds {found.scalar('half')}, which is no rounding half up")
    return {}, {}


def _read_up(found: Found) -> Read:
    pads = found.match.arrays["pads"].tolist()
    found.require(pads == [0, 0, 1, 1] * 2, f"pads {pads}, not one pixel")
    found.require(attributes(found.match.nodes["pad"]).get("mode") == "edge", "does not replicate the edges")
    found.depthwise("conv", found.match.arrays["kernel"], _BILINEAR, pad=3)
    found.require(found.shift() == 4, "does not divide by 16")
    return {}, {}


def _read_clip(found: Found) -> Read:
    found.clip()
    return {}, {}


READERS: dict[str, Callable[[Found], Read]] = {
    "interpolate": _read_interpolate,
    "centre": _read_centre,
    "concat": _read_concat,
    "conv": _read_conv,
    "depthwise": _read_depthwise,
    "sign": _read_sign,
    "binary_conv": _read_binary_conv,
    "rprelu": _read_rprelu,
    "norm": read_norm,
    "affine": _read_affine,
    "haar": _read_haar,
    "inverse_haar": _read_inverse_haar,
    "pool": _read_pool,
    "up": _read_up,
    "add": _read_clip,
    "add_clip": _read_clip,
}
"""Reader of each operation."""
