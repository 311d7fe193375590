"""The export grammar: how each operation of the number contract is written in ONNX, and how its numbers are read.

A pattern finds an operation; its reader checks what the pattern cannot (axes, pads, that the rounding is half up) and
returns the node's attributes and constants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bitpan.build.pattern import Array, Const, Graph, Match, Op, Optional, Pattern, Var, attributes, is_integral
from bitpan.errors import BuildError
from bitpan.formats import Format


def _rounded(v: Pattern, prefix: str = "") -> Op:
    return Op("Floor", Op("Mul", Op("Add", v, Const(f"{prefix}half")), Const(f"{prefix}scale")))


def _clipped(v: Pattern) -> Op:
    return Op("Clip", v, Const("min"), Const("max"))


def _upsampled(v: Pattern, axis: str) -> Op:
    taps = Op("Gather", v, Const(f"{axis}.index"), keep=f"{axis}.gather")
    weighed = Op("Einsum", taps, Optional("Cast", Var(axis)), keep=f"{axis}.einsum")
    return _rounded(Op("Reshape", weighed, Const(f"{axis}.shape")), f"{axis}.")


_INTERPOLATE = Op("Cast", _upsampled(_upsampled(Op("Cast", Var("ms")), "rows"), "columns"))
_CONV = Op("Conv", Var("x"), Const("weights"), Const("bias"), keep="conv")
_ABOVE = Op("GreaterOrEqual", Var("p"), Const("knee"))
_BRANCH = Op(
    "Add",
    Op("Mul", Op("Where", _ABOVE, Const("slope_above"), Const("slope_below")), Var("p")),
    Op("Where", _ABOVE, Const("bias_above"), Const("bias_below")),
)
_BANDS = [
    Op("ConvTranspose", Var(band), Const(f"{band}.kernel"), keep=f"{band}.conv") for band in ("ll", "lh", "hl", "hh")
]
_PADDED = Op("Pad", Var("s"), Const("pads"), Const("value"), keep="pad")

PATTERNS: dict[str, tuple[Pattern, ...]] = {
    "interpolate": (_INTERPOLATE,),
    "centre": (
        _clipped(Op("Sub", Var("x"), Const("offset"))),
        _clipped(_rounded(Op("Sub", Var("x"), Const("offset")))),
    ),
    "concat": (Op("Concat", Var("a"), Var("b"), keep="concat"),),
    "conv": (_clipped(_rounded(_CONV)),),
    "sign": (Op("BipolarQuant", Op("Sub", Var("x"), Op("Reshape", Var("threshold"), Const("shape"))), Const("unit")),),
    "binary_conv": (Op("Conv", _PADDED, Const("weights"), keep="conv"),),
    "rprelu": (_clipped(Op("Add", _rounded(_BRANCH), Var("x"))),),
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
    "interpolate": ("ms", "rows", "columns"),
    "centre": ("x",),
    "concat": ("a", "b"),
    "conv": ("x",),
    "sign": ("x", "threshold"),
    "binary_conv": ("s",),
    "rprelu": ("p", "x"),
    "haar": ("x",),
    "inverse_haar": ("ll", "lh", "hl", "hh"),
    "pool": ("x",),
    "up": ("x",),
    "add": ("a", "b"),
    "add_clip": ("lms", "residual"),
}
"""Captured tensors of each operation, in the order of the node's inputs and scene parameters."""


def recognise(graph: Graph, tensor: str) -> tuple[str, Match] | None:
    """The operation that computes ``tensor`` and what its pattern captured; None if it fits no pattern."""
    for op, patterns in PATTERNS.items():
        for pattern in patterns:
            match = graph.match(tensor, pattern)
            # A sum of features and the output are written alike: features are signed, imagery is not.
            if match is not None and not (op == "add" and (match.arrays["min"] >= 0).all()):
                return op, match
    return None


@dataclass
class Found:
    """A match with the checks its reader needs."""

    name: str
    match: Match
    format: Format

    def require(self, condition: bool, what: str) -> None:
        """Raise :class:`BuildError` naming the node unless ``condition`` holds."""
        if not condition:
            raise BuildError(f"node {self.name}: {what}; export the model again with this bitpan")

    def integers(self, key: str, dtype: type) -> Array:
        """A captured array of integers that fit ``dtype``."""
        array = self.match.arrays[key]
        self.require(is_integral(array), f"its {key} are not integers")
        limits = np.iinfo(dtype)
        self.require(bool(array.min() >= limits.min and array.max() <= limits.max), f"its {key} leave {limits.dtype}")
        return array.astype(dtype)

    def scalar(self, key: str) -> float:
        """A captured single number."""
        array = self.match.arrays[key]
        self.require(array.size == 1, f"its {key} is not one number")
        return float(array.reshape(()))

    def shift(self, prefix: str = "") -> int:
        """The shift of a rounding half up: add ``2**(s-1)``, multiply by ``2**-s``, floor."""
        scale, half = self.scalar(f"{prefix}scale"), self.scalar(f"{prefix}half")
        shift = round(-np.log2(scale)) if scale > 0 else 0
        exact = shift >= 1 and scale == 2.0**-shift and half == 2.0 ** (shift - 1)
        self.require(exact, f"adds {half} and multiplies by {scale}, which is no rounding half up")
        return int(shift)

    def clip(self) -> None:
        """The captured limits must be those of the output's format."""
        low, high = self.scalar("min"), self.scalar("max")
        same = (low, high) == (self.format.min, self.format.max)
        self.require(same, f"clips to [{low}, {high}], its format {self.format} to another range")

    def square(self, weights: Array, margin: int) -> None:
        """A same-size convolution: odd square kernel, stride 1, no groups, ``margin`` of it padded elsewhere."""
        found = attributes(self.match.nodes["conv"])
        kernel = weights.shape[-1]
        self.require(weights.ndim == 4 and weights.shape[-2] == kernel and kernel % 2 == 1, "kernel not odd and square")
        pads = found.get("pads", [0, 0, 0, 0])
        self.require(list(pads) == [kernel // 2 - margin] * 4, f"pads {list(pads)} do not keep the image's size")
        plain = {*found.get("strides", [1]), *found.get("dilations", [1]), found.get("group", 1)} == {1}
        self.require(plain, "strides, dilations and groups are not supported")

    def depthwise(self, node: str, kernel: Array, expected: Array, pad: int = 0) -> None:
        """A convolution of each channel with ``expected``, stride 2, padded or cropped by ``pad``."""
        found = attributes(self.match.nodes[node])
        self.require(found.get("group", 1) == len(kernel), "mixes channels")
        plain = kernel.shape == (len(kernel), 1, *expected.shape) and bool((kernel == expected).all())
        self.require(plain, f"has another kernel than {expected.tolist()}")
        geometry = [*found.get("strides", [1, 1]), *found.get("dilations", [1, 1]), *found.get("pads", [0] * 4)]
        self.require(geometry == [2, 2, 1, 1, *[pad] * 4], "does not halve or double the image's size")


_Read = tuple[dict[str, int], dict[str, Array]]


def _read_interpolate(found: Found) -> _Read:
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


def _read_centre(found: Found) -> _Read:
    found.clip()
    shift = found.shift() if "scale" in found.match.arrays else 0
    offset = found.scalar("offset")
    found.require(offset == int(offset), f"its offset {offset} is not an integer")
    return {"offset": int(offset), "shift": shift}, {}


def _read_concat(found: Found) -> _Read:
    found.require(attributes(found.match.nodes["concat"])["axis"] == 1, "concatenates along another axis than channels")
    return {}, {}


def _read_conv(found: Found) -> _Read:
    found.clip()
    weights = found.integers("weights", np.int8)
    found.square(weights, margin=0)
    return {"shift": found.shift()}, {"weights": weights, "bias": found.integers("bias", np.int32)}


def _read_sign(found: Found) -> _Read:
    found.require(found.scalar("unit") == 1, "its BipolarQuant has another scale than 1")
    return {}, {}


def _read_binary_conv(found: Found) -> _Read:
    weights = found.integers("weights", np.int8)
    found.require(bool((np.abs(weights) == 1).all()), "its weights are not all +1 or -1")
    margin = weights.shape[-1] // 2
    found.square(weights, margin)
    pads = found.match.arrays["pads"].tolist()
    found.require(pads == [0, 0, margin, margin] * 2, f"pads {pads} do not keep the image's size")
    found.require(found.scalar("value") == -1, f"pads with {found.scalar('value')}, binary tensors are padded with -1")
    found.require(attributes(found.match.nodes["pad"]).get("mode", "constant") == "constant", "does not pad a constant")
    return {}, {"weights": weights}


def _read_rprelu(found: Found) -> _Read:
    found.clip()
    keys = ("knee", "slope_above", "slope_below", "bias_above", "bias_below")
    return {"shift": found.shift()}, {key: found.integers(key, np.int32).reshape(-1) for key in keys}


_SUBBANDS = np.array([[[1, 1], [1, 1]], [[1, 1], [-1, -1]], [[1, -1], [1, -1]], [[1, -1], [-1, 1]]])
_BILINEAR = np.outer([1, 3, 3, 1], [1, 3, 3, 1])


def _read_haar(found: Found) -> _Read:
    kernel = found.match.arrays["kernel"]
    same = [kernel.shape[1:] == (1, 2, 2) and bool((kernel == subband).all()) for subband in _SUBBANDS]
    found.require(any(same), "is a convolution without bias and rounding, and no wavelet's subband")
    found.depthwise("conv", kernel, _SUBBANDS[same.index(True)])
    return {"subband": same.index(True)}, {}


def _read_inverse_haar(found: Found) -> _Read:
    found.clip()
    for band, expected in zip(INPUTS["inverse_haar"], _SUBBANDS, strict=True):
        found.depthwise(f"{band}.conv", found.match.arrays[f"{band}.kernel"], expected)
    return {"shift": found.shift()}, {}


def _read_pool(found: Found) -> _Read:
    written = attributes(found.match.nodes["pool"])
    blocks = written["kernel_shape"] == [2, 2] == written.get("strides") and not any(written.get("pads", [0]))
    found.require(blocks and not written.get("ceil_mode", 0), "does not average 2x2 blocks")
    found.require(found.scalar("half") == 0.5, f"adds {found.scalar('half')}, which is no rounding half up")
    return {}, {}


def _read_up(found: Found) -> _Read:
    pads = found.match.arrays["pads"].tolist()
    found.require(pads == [0, 0, 1, 1] * 2, f"pads {pads}, not one pixel")
    found.require(attributes(found.match.nodes["pad"]).get("mode") == "edge", "does not replicate the edges")
    found.depthwise("conv", found.match.arrays["kernel"], _BILINEAR, pad=3)
    found.require(found.shift() == 4, "does not divide by 16")
    return {}, {}


def _read_clip(found: Found) -> _Read:
    found.clip()
    return {}, {}


READERS: dict[str, Callable[[Found], _Read]] = {
    "interpolate": _read_interpolate,
    "centre": _read_centre,
    "concat": _read_concat,
    "conv": _read_conv,
    "sign": _read_sign,
    "binary_conv": _read_binary_conv,
    "rprelu": _read_rprelu,
    "haar": _read_haar,
    "inverse_haar": _read_inverse_haar,
    "pool": _read_pool,
    "up": _read_up,
    "add": _read_clip,
    "add_clip": _read_clip,
}
"""Reader of each operation."""
