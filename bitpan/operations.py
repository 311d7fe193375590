"""The operations of integer models, each said once: what it takes, what it gives, and which function computes it.

Inputs, scene parameters, constants and attributes have the names of the function's own parameters, so that a node is
computed by calling it with what the node names. Model files are checked, executed, written as QONNX, read back and
built by these entries; what a stage beyond this folder has for an operation is under the operation's name there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan import arithmetic
from bitpan.arithmetic import (
    AFFINE,
    AFFINE_SCALE,
    COEFFICIENT_BITS,
    TAPS,
    Integers,
    conv2d,
    keys_coefficients,
    requantise,
)
from bitpan.formats import Format

Array = npt.NDArray[Any]
Reach = Callable[[int, int, int], int]
"""PAN pixels of an input that matter beyond a tile, of: those of the output, the input's stride, the kernel's side."""


def _whole(own: int, stride: int, kernel: int) -> int:
    """Rounded outwards to the input's samples."""
    return stride * -(-own // stride)


def _window(own: int, stride: int, kernel: int) -> int:
    return own + stride * (kernel // 2)


def _nearest_and_next(own: int, stride: int, kernel: int) -> int:
    """The outermost pixel's nearest sample, and beyond it only where the pixel is the outer half."""
    return stride * (own // stride + 1)


def _same(source: Format, products: int) -> Format:
    return source


@dataclass(frozen=True)
class Constant:
    """An array of a node: its axes by letter (C channels, O and I of output and input, k kernel), and its type."""

    axes: str
    dtype: type[np.integer[Any]]


@dataclass(frozen=True)
class Operation:
    """One operation.

    Attributes:
        name: in model files.
        function: computes it; takes inputs, scene parameters, constants and attributes by name, and the result's format
            as ``fmt`` where that is open.
        inputs: the tensors it takes, each a stream of its own in hardware.
        optional: how many of the last inputs may be missing.
        outputs: the tensors it gives, each a node of its own whose attribute ``output`` says which; most have one.
        scene: the scene parameters it takes; without them constants of the same names stand in.
        constants: its arrays.
        attributes: its integers.
        joined: whether its result has all inputs' channels; else it has the first one's, or one for each filter.
        stride: its result's as a multiple of the inputs'; 0 where it is PAN's.
        format: its result's, of the first input's and the number of products in a sum; None where it is open.
        reach: how far around a tile it looks; the interpolator into its input's border alone.
        lacks: stages that deliberately have nothing for it, with the reason.
    """

    name: str
    function: Callable[..., Any]
    inputs: tuple[str, ...]
    optional: int = 0
    outputs: tuple[str, ...] = ("y",)
    output: str = ""
    scene: tuple[str, ...] = ()
    constants: Mapping[str, Constant] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    joined: bool = False
    stride: float = 1
    format: Callable[[Format, int], Format] | None = None
    reach: Reach = _whole
    lacks: Mapping[str, str] = field(default_factory=dict)

    def needed(self, scene: Sequence[str]) -> list[str]:
        """Constants of a node with these scene parameters."""
        return [key for key in self.constants if not (scene and key in self.scene)]

    def compute(self, inputs: Sequence[Array], named: Mapping[str, Any], fmt: Format) -> Integers:
        """The output in ``fmt`` of a node's inputs and its scene parameters, constants and attributes by name."""
        given = {**dict(zip(self.inputs, inputs, strict=False)), **named}
        result: Integers = self.function(**given) if self.format else self.function(**given, fmt=fmt)
        return result


def _conv(x: Array, weights: Array, bias: Array, shift: int, fmt: Format) -> Integers:
    return requantise(conv2d(x, weights) + bias.astype(np.int64)[:, None, None], shift, fmt)


def _binary_conv(s: Array, weights: Array) -> Integers:
    return conv2d(s, weights, pad_value=-1)


def _rprelu(p: Array, fmt: Format, x: npt.ArrayLike = 0, **named: Any) -> Integers:  # noqa: ANN401
    return arithmetic.rprelu(p, x, fmt=fmt, **named)


def _concat(a: Array, b: Array) -> Array:
    return np.concatenate([a, b])


def _haar(x: Array, subband: int) -> Integers:
    return arithmetic.haar(x)[subband]


def _add_clip(lms: Array, residual: Array, fmt: Format) -> Integers:
    return arithmetic.add_clip(lms, residual, fmt.bits)


_WEIGHTS = {"weights": Constant("OIkk", np.int8)}
_SUBBANDS = ("ll", "lh", "hl", "hh")
_RPRELU = ("knee", "slope_above", "slope_below", "bias_above", "bias_below")


def _per_channel(*keys: str, axes: str = "C") -> dict[str, Constant]:
    return dict.fromkeys(keys, Constant(axes, np.int32))


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation(
            "interpolate",
            arithmetic.interpolate,
            ("ms",),
            scene=("rows", "columns"),
            stride=0,
            format=lambda source, _: arithmetic.lms_format(source.bits),
        ),
        Operation("centre", arithmetic.centre, ("x",), attributes=("offset", "shift")),
        Operation("concat", _concat, ("a", "b"), joined=True, format=_same),
        Operation(
            "conv",
            _conv,
            ("x",),
            constants=_WEIGHTS | _per_channel("bias", axes="O"),
            attributes=("shift",),
            reach=_window,
        ),
        Operation(
            "sign",
            arithmetic.sign,
            ("x",),
            scene=("threshold",),
            constants=_per_channel("threshold"),
            format=lambda source, _: Format(2),
        ),
        Operation(
            "binary_conv",
            _binary_conv,
            ("s",),
            constants=_WEIGHTS,
            format=lambda source, products: Format(products.bit_length() + 1),
            reach=_window,
        ),
        Operation(
            "depthwise",
            arithmetic.depthwise,
            ("x",),
            constants={"weights": Constant("C1kk", np.int8)},
            attributes=("shift",),
            reach=_window,
        ),
        Operation("rprelu", _rprelu, ("p", "x"), optional=1, constants=_per_channel(*_RPRELU), attributes=("shift",)),
        Operation(
            "norm",
            arithmetic.channel_norm,
            ("x", "residual"),
            constants=_per_channel("gain", "centre", "bias"),
        ),
        Operation("affine", arithmetic.channel_affine, ("y",), scene=("affine",)),
        Operation(
            "haar",
            _haar,
            ("x",),
            outputs=_SUBBANDS,
            output="subband",
            attributes=("subband",),
            stride=2,
            format=lambda source, _: arithmetic.haar_format(source),
        ),
        Operation("inverse_haar", arithmetic.inverse_haar, _SUBBANDS, attributes=("shift",), stride=0.5),
        Operation("pool", arithmetic.average_pool, ("x",), stride=2, format=_same),
        Operation(
            "up",
            arithmetic.bilinear_up,
            ("x",),
            stride=0.5,
            format=_same,
            reach=_nearest_and_next,
        ),
        Operation("add", arithmetic.add, ("a", "b")),
        Operation("add_clip", _add_clip, ("lms", "residual")),
    )
}
"""By name."""


@dataclass(frozen=True)
class SceneKind:
    """A kind of scene parameter.

    Attributes:
        constants: float arrays that it is computed with, by ``<parameter>.<key>``, that every one of the kind has.
        draw: random integers, extremes among them, of: a generator, the shape, the format of the tensor it measures
            (None if it measures none), the ratio.
        measured: whether it follows from a tensor that it measures.
        total: what each row of it sums to; None where that is open.
    """

    constants: tuple[str, ...]
    draw: Callable[[np.random.Generator, tuple[int, ...], Format | None, int], Integers]
    measured: bool = True
    total: int | None = None


def _draw_coefficients(rng: np.random.Generator, shape: Sequence[int], source: Format | None, ratio: int) -> Integers:
    return keys_coefficients(ratio, rng.uniform(-ratio / 2, ratio / 2))


def _draw_thresholds(rng: np.random.Generator, shape: Sequence[int], source: Format | None, ratio: int) -> Integers:
    assert source is not None  # what thresholds are of is measured
    value = np.rint(rng.normal(0, source.max / 4, shape)).astype(np.int64)
    value.flat[:2] = source.min, source.max + 1  # "always" and "never"
    return np.clip(value, source.min, source.max + 1)


def _draw_affine(rng: np.random.Generator, shape: Sequence[int], source: Format | None, ratio: int) -> Integers:
    limits = np.array([[AFFINE_SCALE.max], [AFFINE.max]])
    value: Integers = rng.integers(-limits, limits + 1, shape) >> rng.integers(0, 6, shape[1])
    return value


SCENE_KINDS = {
    "interpolation": SceneKind((), _draw_coefficients, measured=False, total=1 << COEFFICIENT_BITS),
    "srm": SceneKind(("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"), _draw_thresholds),
    "affine": SceneKind((), _draw_affine),
}
"""By name: interpolation coefficients of a pair's shift, thresholds of spectral redistribution, LDPC and CDC."""


def scene_shape(operand: str, channels: int, ratio: int) -> tuple[int, ...]:
    """Of what an operation takes under this name as a scene parameter, its first input having ``channels``."""
    coefficients = (ratio, TAPS)
    return {"rows": coefficients, "columns": coefficients, "threshold": (channels,), "affine": (2, channels)}[operand]


def kernel_sides(weights: Array | None, channels: int) -> list[int]:
    """Side of the square around the kernel's centre that a node with these weights looks at, by channel of an input."""
    if weights is None:
        return [1] * channels
    if weights.shape[1] != channels:  # a filter a channel
        return [weights.shape[-1]] * channels
    away = abs(np.arange(weights.shape[-1]) - weights.shape[-1] // 2)
    distance = np.where(weights.any(axis=0), np.maximum(away[:, None], away), 0)
    return [2 * int(channel.max()) + 1 for channel in distance]
