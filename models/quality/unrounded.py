"""The same network without rounding and with the exact norm: what the integers cost.

Weights, thresholds and scene parameters are the integer model's; the features between the first convolution and the
residual are real numbers within the ranges of their formats. The ranges stay because training makes use of them:
without, the BNNPan that ships is 20 dB worse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import AFFINE_FRACTION, BORDER, NORM_FRACTION, NORM_RANGE, Integers
from bitpan.arithmetic import add_clip as clipped_sum
from bitpan.errors import ModelError
from bitpan.model import IntegerModel, execute

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float64]

ROWS = 256
"""Of a convolution's result, computed at a time: what it takes besides is copies of its input."""


TILE = 512
"""PAN pixels of a tile's side, about: features of more take gigabytes."""


def unrounded(model: IntegerModel, inputs: Mapping[str, npt.ArrayLike], scene: Mapping[str, Integers]) -> Integers:
    """The fused image of :func:`bitpan.model.execute` with real features; arguments as there.

    It is computed by tiles, of which each sees what it depends on.
    """
    pan, ms = (np.asarray(inputs[name]) for name in ("pan", "ms"))
    height, width = pan.shape[1:]
    fused = np.empty((model.bands, height, width), np.int64)
    side, halo = -(-TILE // model.alignment) * model.alignment, model.halo()
    for top in range(0, height, side):
        for left in range(0, width, side):
            parts = [_seen(*each, side, halo, model.alignment) for each in ((top, height), (left, width))]
            (rows, inner), (columns, inside) = parts
            coarse = (
                slice(part.start // model.ratio, part.stop // model.ratio + 2 * BORDER) for part in (rows, columns)
            )
            images = {"pan": pan[:, rows, columns], "ms": ms[(slice(None), *coarse)]}
            result = _on_frame(model, images, scene)[:, inner, inside]
            fused[:, top : top + result.shape[1], left : left + result.shape[2]] = result
    return fused


def _seen(start: int, size: int, side: int, halo: int, grid: int) -> tuple[slice, slice]:
    """Along an axis what a tile depends on, within the image and on its grid, and the tile in it."""
    first = max(0, (start - halo) // grid * grid)
    last = min(size, -(-(start + side + halo) // grid) * grid)
    return slice(first, last), slice(start - first, min(start + side, size) - first)


def _on_frame(model: IntegerModel, inputs: Mapping[str, npt.ArrayLike], scene: Mapping[str, Integers]) -> Integers:
    head = next(node for node in model.nodes if node.op == "conv")
    exact: dict[str, Integers] = {}
    execute(model, inputs, scene, until=head.inputs[0], watch=exact.__setitem__)
    values: dict[str, Float] = {name: value.astype(np.float64) for name, value in exact.items()}
    for i, node in enumerate(model.nodes):
        fmt = model.tensors[node.output].format
        if node.op == "add_clip":
            residual = np.floor(values[node.inputs[1]] + 0.5)
            return clipped_sum(exact[node.inputs[0]], residual, fmt.bits)
        if node.output not in exact:
            if node.op not in _REAL:
                raise ModelError(f"node {node.name}: no function without rounding for {node.op}; add it to {__file__}")
            value = _REAL[node.op](*(values[name] for name in node.inputs), **model.arguments(node, scene))
            values[node.output] = np.clip(value, fmt.min, fmt.max, out=value)
        read = {name for later in model.nodes[i + 1 :] for name in later.inputs}
        values = {name: value for name, value in values.items() if name in read}
    raise AssertionError("a model ends in add_clip")


def _each(constant: Array) -> Array:
    """A number per channel against images."""
    return constant[:, None, None]


def _correlated(x: Float, weights: Array, pad: float = 0.0) -> Float:
    margin = weights.shape[-1] // 2
    height, width = x.shape[1:]
    total = np.zeros((len(weights), height, width))
    for top in range(0, height, ROWS):
        part = total[:, top : top + ROWS]
        above, below = min(top, margin), min(height - top - part.shape[1], margin)
        seen = x[:, top - above : top + part.shape[1] + below]
        sides = (0, 0), (margin - above, margin - below), (margin, margin)
        padded = np.pad(seen, sides, constant_values=pad)
        for dy, dx in np.ndindex(weights.shape[2:]):
            part += np.tensordot(weights[:, :, dy, dx], padded[:, dy : dy + part.shape[1], dx : dx + width], 1)
    return total


def _depthwise(x: Float, weights: Array, shift: int) -> Float:
    total = np.concatenate([_correlated(x[[c]], weights[[c]]) for c in range(len(weights))])
    return np.asarray(total * 2.0**-shift)


def _rprelu(p: Float, x: Float | float = 0.0, *, shift: int, **constants: Array) -> Float:
    result = np.empty_like(p)
    for c, (plane, out) in enumerate(zip(p, result, strict=True)):
        of = {key: constant[c] for key, constant in constants.items()}
        above, below = of["slope_above"] * plane + of["bias_above"], of["slope_below"] * plane + of["bias_below"]
        np.multiply(np.where(plane >= of["knee"], above, below), 2.0**-shift, out=out)
    result += x
    return result


def _affine(y: Float, affine: Array) -> Float:
    scale, offset = affine
    return np.asarray((y * _each(scale) + _each(offset)) * 2.0**-AFFINE_FRACTION)


def _norm(x: Float, residual: Float, gain: Array, centre: Array, bias: Array) -> Float:
    """Hou et al., CVPR 2025, to the letter; a pixel without deviation keeps its mean."""
    channels = len(x)
    spread = x.std(axis=0)
    ratio = np.divide(residual.std(axis=0), spread, out=np.zeros_like(spread), where=spread > 0)
    moved = np.where(ratio > 0, x - x.mean(axis=0) - _each(centre) / channels, 0.0)
    # The gain is kappa times the inverse of this power of two over the channels, as in bitpan.arithmetic.channel_norm.
    normal = (ratio * moved * channels * 2.0 ** -(channels - 1).bit_length()).clip(NORM_RANGE.min, NORM_RANGE.max)
    learned = (_each(gain) * normal + _each(bias)) * 2.0**-NORM_FRACTION
    return np.asarray(residual + residual.mean(axis=0) + learned)


def _quarters(x: Float) -> tuple[Float, Float, Float, Float]:
    return x[:, ::2, ::2], x[:, ::2, 1::2], x[:, 1::2, ::2], x[:, 1::2, 1::2]


def _butterfly(a: Float, b: Float, c: Float, d: Float) -> tuple[Float, Float, Float, Float]:
    """The Haar wavelet's sums, which are their own inverse but for a factor."""
    return a + b + c + d, a + b - c - d, a - b + c - d, a - b - c + d


def _inverse_haar(ll: Float, lh: Float, hl: Float, hh: Float, shift: int) -> Float:
    image = np.empty((len(ll), 2 * ll.shape[1], 2 * ll.shape[2]))
    for quarter, corner in zip(_quarters(image), _butterfly(ll, lh, hl, hh), strict=True):
        quarter[...] = corner
    return image * 2.0**-shift


def _up(x: Float) -> Float:
    def rows(image: Float) -> Float:
        padded = np.pad(image, ((0, 0), (1, 1), (0, 0)), mode="edge")
        above, below = (3 * image + padded[:, :-2]) / 4, (3 * image + padded[:, 2:]) / 4
        return np.stack([above, below], axis=2).reshape(len(image), -1, image.shape[2])

    return rows(rows(x).transpose(0, 2, 1)).transpose(0, 2, 1)


_REAL: Mapping[str, Callable[..., Float]] = {
    "sign": lambda x, threshold: np.where(x >= _each(threshold), 1.0, -1.0),
    "conv": lambda x, weights, bias, shift: (_correlated(x, weights) + _each(bias)) * 2.0**-shift,
    "binary_conv": lambda s, weights: _correlated(s, weights, -1.0),
    "depthwise": _depthwise,
    "rprelu": _rprelu,
    "norm": _norm,
    "affine": _affine,
    "haar": lambda x, subband: _butterfly(*_quarters(x))[subband],
    "inverse_haar": _inverse_haar,
    "pool": lambda x: np.asarray(sum(_quarters(x)) / 4),
    "up": _up,
    "add": np.add,
    "concat": lambda *parts: np.concatenate(parts),
}
"""The operations' functions without rounding, their arguments of the same names."""
