"""The grammar: how each operation of the number contract is written in ONNX, and so how it is read.

An operation has one form or two: a pattern, and what its constants and the attributes of its operators hold for a node.
The writer fills the pattern in; the reader takes a node's own numbers out of what it finds, fills the pattern with
them in its turn, and whatever differs from what it found is no such operation. QONNX's rounding is another than the
contract's, so rounding half up is a floor after adding the half.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bitpan.arithmetic import AFFINE_FRACTION, COEFFICIENT_BITS, TAPS, haar
from bitpan.errors import FormatError
from bitpan.model import Node, Tensor
from bitpan.operations import OPERATIONS, Array
from bitpan.qonnx.norm import DOUBLE, FLOAT, NORM, norm_constants
from bitpan.qonnx.pattern import Const, Op, Pattern, Var

EXACT = 1 << 24
"""Integers below this are exact in ONNX's float32, and so are their sums."""


@dataclass(frozen=True)
class Site:
    """A node where it stands: all that its writing depends on.

    Attributes:
        node: of the integer model.
        tensors: of the integer model.
        constants: the node's, by key.
        height, width: of the frame in PAN pixels.
    """

    node: Node
    tensors: Mapping[str, Tensor]
    constants: Mapping[str, Array]
    height: int
    width: int

    @property
    def source(self) -> Tensor:
        """The first input."""
        return self.tensors[self.node.inputs[0]]

    @property
    def target(self) -> Tensor:
        """The output."""
        return self.tensors[self.node.output]

    def size(self, tensor: Tensor) -> tuple[int, int]:
        """Rows and columns of a tensor."""
        return tensor.shape(self.height, self.width)[1:]


Constants = dict[str, Any]
"""By the names they have in the pattern: numbers and narrow integers are written as float32, other arrays as they are.
"""

Operators = dict[str, dict[str, Any]]
"""Attributes of the operators that the pattern keeps, by their names there."""


@dataclass(frozen=True)
class Form:
    """One way to write an operation.

    Attributes:
        pattern: with the names of :data:`bitpan.operations.OPERATIONS` for inputs, scene parameters and constants.
        fill: what its constants and operators hold at a site.
        fits: whether it is the way to write a node; the first that is, is taken.
        signed: the sign of its output's format, where that alone tells it from another operation.
    """

    pattern: Pattern
    fill: Callable[[Site], tuple[Constants, Operators]] = lambda site: ({}, {})
    fits: Callable[[Node], bool] = lambda node: True
    signed: bool | None = None

    def filled(self, site: Site) -> tuple[dict[str, Array], Operators]:
        """What every constant and kept operator holds at a site; limits and roundings are the same everywhere."""
        node, fmt = site.node, site.target.format
        constants: Constants = {"min": fmt.min, "max": fmt.max, "minus": -1.0, "unit": 1.0}
        constants |= _rounding(node.attributes.get("shift", AFFINE_FRACTION))
        constants |= {key: _column(array) for key, array in site.constants.items()} | dict(node.attributes)
        own, operators = self.fill(site)
        return {key: _tensor(value) for key, value in (constants | own).items()}, operators


def _tensor(value: Any) -> Array:  # noqa: ANN401
    array = np.asarray(value)
    wide = isinstance(value, np.ndarray) and array.dtype in (np.int64, np.float64)
    return array if wide else array.astype(np.float32)


def _column(array: Array) -> Array:
    """One number a channel, along the channels."""
    return array.reshape(1, -1, 1, 1) if array.ndim == 1 else array


def _rounding(shift: int) -> Constants:
    return {"half": 2.0 ** (shift - 1), "scale": 2.0**-shift}


def _rounded(v: Pattern, prefix: str = "") -> Op:
    return Op("Floor", Op("Mul", Op("Add", v, Const(f"{prefix}half")), Const(f"{prefix}scale")))


def _clipped(v: Pattern) -> Op:
    return Op("Clip", v, Const("min"), Const("max"))


def _geometry(kernel: int, pad: int = 0, stride: int = 1, groups: int = 1) -> dict[str, Any]:
    sides = {"kernel_shape": [kernel] * 2, "pads": [pad] * 4, "strides": [stride] * 2}
    return {**sides, "dilations": [1, 1], "group": groups}


# --- Interpolation ---


def _upsampled(v: Pattern, axis: str, dimension: int, equation: str) -> Op:
    taps = Op("Gather", v, Const(f"{axis}.index"), axis=dimension)
    weighed = Op("Einsum", taps, Op("Cast", Var(axis), to=DOUBLE), equation=equation)
    return _rounded(Op("Reshape", weighed, Const(f"{axis}.shape")), f"{axis}.")


_ROWS = _upsampled(Op("Cast", Var("ms"), to=DOUBLE), "rows", 2, "bchtw,pt->bchpw")
_INTERPOLATE = Op("Cast", _upsampled(_ROWS, "columns", 3, "bchwt,pt->bchwp"), to=FLOAT)


def _fill_interpolate(site: Site) -> tuple[Constants, Operators]:
    bands, (height, width), coarse = site.source.channels, site.size(site.target), site.size(site.source)
    constants: Constants = {}
    for axis, size, shape in (("rows", coarse[0], (height, coarse[1])), ("columns", coarse[1], (height, width))):
        constants |= {f"{axis}.index": np.arange(size - TAPS + 1)[:, None] + np.arange(TAPS)}
        constants |= {f"{axis}.shape": np.array([1, bands, *shape])}
        constants |= {f"{axis}.{key}": np.array(value) for key, value in _rounding(COEFFICIENT_BITS).items()}
    return constants, {}


# --- Convolutions ---


def _side(site: Site) -> int:
    side: int = site.constants["weights"].shape[-1]
    if side % 2 == 0 or site.constants["weights"].shape[-2] != side:
        raise FormatError(f"a kernel of shape {site.constants['weights'].shape} is not odd and square")
    return side


def _fill_conv(site: Site) -> tuple[Constants, Operators]:
    """Bounded by the largest sum, its bias and the half that rounds it."""
    weights = site.constants["weights"].astype(np.int64)
    bias = site.constants.get("bias", np.zeros(1, np.int64)).astype(np.int64)
    largest = max(-site.source.format.min, site.source.format.max)
    worst = int((np.abs(weights).sum(axis=(1, 2, 3)) * largest + np.abs(bias)).max())
    if worst + 2 ** (site.node.attributes["shift"] - 1) >= EXACT:
        raise FormatError(f"{site.node.name}: sums of these weights may leave the exact range of float32 ({EXACT})")
    groups = site.source.channels // weights.shape[1]
    own = {"bias": bias.astype(np.float32)} if "bias" in site.constants else {}
    return own, {"conv": _geometry(_side(site), pad=_side(site) // 2, groups=groups)}


def _fill_binary_conv(site: Site) -> tuple[Constants, Operators]:
    if not (np.abs(site.constants["weights"]) == 1).all():
        raise FormatError("its weights are not all +1 or -1")
    margin = _side(site) // 2
    pads = np.array([0, 0, margin, margin] * 2)
    return {"pads": pads}, {"conv": _geometry(_side(site)), "pad": {"mode": "constant"}}


# --- Per channel ---


def _row(name: str) -> Op:
    """One row of the scene parameter ``affine``, along the channels."""
    return Op("Reshape", Op("Gather", Var("affine"), Const(name), axis=0), Const("shape"))


_PER_CHANNEL = np.array([1, -1, 1, 1])
_AFFINE = Op("Add", Op("Mul", Var("y"), _row("scale_row")), _row("offset_row"))
_AFFINE_ROWS = {"scale_row": np.array(0), "offset_row": np.array(1), "shape": _PER_CHANNEL}
_ABOVE = Op("GreaterOrEqual", Var("p"), Const("knee"))
_BRANCH = Op(
    "Add",
    Op("Mul", Op("Where", _ABOVE, Const("slope_above"), Const("slope_below")), Var("p")),
    Op("Where", _ABOVE, Const("bias_above"), Const("bias_below")),
)


def _sign(threshold: Pattern) -> Op:
    return Op("BipolarQuant", Op("Sub", Var("x"), threshold), Const("unit"))


# --- Resampling ---

SUBBANDS = np.stack(haar(np.eye(4, dtype=np.int64).reshape(4, 2, 2))).reshape(4, 2, 2)
"""Weights of a 2x2 block in LL, LH, HL, HH; the inverse has the same."""

_BILINEAR = np.outer([1, 3, 3, 1], [1, 3, 3, 1])
_BANDS = [
    Op("ConvTranspose", Var(band), Const(f"{band}.kernel"), keep=f"{band}.conv") for band in ("ll", "lh", "hl", "hh")
]
_UP = Op("ConvTranspose", Op("Pad", Var("x"), Const("pads"), keep="pad"), Const("kernel"), keep="conv")


def _kernel(site: Site, kernel: Array, key: str = "kernel", node: str = "conv", pad: int = 0) -> tuple[Any, Any]:
    """Each channel by itself through ``kernel`` at stride 2."""
    channels, side = site.source.channels, len(kernel)
    weights = np.broadcast_to(kernel, (channels, 1, side, side)).astype(np.float32)
    return {key: weights}, {node: _geometry(side, pad, stride=2, groups=channels)}


def _fill_inverse_haar(site: Site) -> tuple[Constants, Operators]:
    constants: Constants = {}
    operators: Operators = {}
    for band, kernel in zip(OPERATIONS["inverse_haar"].inputs, SUBBANDS, strict=True):
        held, kept = _kernel(site, kernel, f"{band}.kernel", f"{band}.conv")
        constants, operators = constants | held, operators | kept
    return constants, operators


def _fill_up(site: Site) -> tuple[Constants, Operators]:
    constants, operators = _kernel(site, _BILINEAR, pad=3)
    return constants | {"pads": np.array([0, 0, 1, 1] * 2), **_rounding(4)}, operators | {"pad": {"mode": "edge"}}


_POOL = {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [0] * 4}

GRAMMAR: dict[str, tuple[Form, ...]] = {
    "interpolate": (Form(_INTERPOLATE, _fill_interpolate),),
    "centre": (
        Form(_clipped(Op("Sub", Var("x"), Const("offset"))), fits=lambda node: node.attributes["shift"] == 0),
        Form(_clipped(_rounded(Op("Sub", Var("x"), Const("offset")))), fits=lambda node: node.attributes["shift"] > 0),
    ),
    "concat": (Form(Op("Concat", Var("a"), Var("b"), axis=1)),),
    "conv": (Form(_clipped(_rounded(Op("Conv", Var("x"), Const("weights"), Const("bias"), keep="conv"))), _fill_conv),),
    "depthwise": (Form(_clipped(_rounded(Op("Conv", Var("x"), Const("weights"), keep="conv"))), _fill_conv),),
    "sign": (
        Form(
            _sign(Op("Reshape", Var("threshold"), Const("shape"))),
            lambda site: ({"shape": _PER_CHANNEL}, {}),
            lambda node: bool(node.scene),
        ),
        Form(_sign(Const("threshold"))),
    ),
    "binary_conv": (
        Form(
            Op("Conv", Op("Pad", Var("s"), Const("pads"), Const("minus"), keep="pad"), Const("weights"), keep="conv"),
            _fill_binary_conv,
        ),
    ),
    "rprelu": (
        Form(_clipped(Op("Add", _rounded(_BRANCH), Var("x"))), fits=lambda node: len(node.inputs) == 2),
        Form(_clipped(_rounded(_BRANCH))),
    ),
    "norm": (Form(NORM, lambda site: (norm_constants(site.source.channels), {})),),
    "affine": (Form(_clipped(_rounded(_AFFINE)), lambda site: (_AFFINE_ROWS, {})),),
    "haar": (
        Form(
            Op("Conv", Var("x"), Const("kernel"), keep="conv"),
            lambda site: _kernel(site, SUBBANDS[site.node.attributes["subband"]]),
        ),
    ),
    "inverse_haar": (
        Form(_clipped(_rounded(Op("Add", Op("Add", *_BANDS[:2]), Op("Add", *_BANDS[2:])))), _fill_inverse_haar),
    ),
    "pool": (
        Form(
            Op("Floor", Op("Add", Op("AveragePool", Var("x"), keep="pool"), Const("half"))),
            lambda site: ({"half": 0.5}, {"pool": _POOL}),
        ),
    ),
    "up": (Form(_rounded(_UP), _fill_up),),
    # A skip and the output are written alike: features are signed, imagery is not.
    "add": (Form(_clipped(Op("Add", Var("a"), Var("b"))), signed=True),),
    "add_clip": (Form(_clipped(Op("Add", Var("lms"), Var("residual"))), signed=False),),
}
"""The forms of each operation."""
