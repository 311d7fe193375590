"""The same network without rounding and with the exact norm: what the integers cost.

Weights, thresholds and scene parameters are the integer model's; the features between the first convolution and the
residual are real numbers within the ranges of their formats. The ranges stay because training makes use of them:
without, the BNNPan that ships is 20 dB worse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import AFFINE_FRACTION, NORM_FRACTION, NORM_RANGE, Integers
from bitpan.arithmetic import add_clip as clipped_sum
from bitpan.model import IntegerModel, Node, execute

Float = npt.NDArray[np.float64]
Constant = Callable[[str], Float]


def unrounded(model: IntegerModel, inputs: Mapping[str, npt.ArrayLike], scene: Mapping[str, Integers]) -> Integers:
    """The fused image of :func:`bitpan.model.execute` with real features; arguments as there."""
    head = next(node for node in model.nodes if node.op == "conv")
    exact: dict[str, Integers] = {}
    execute(model, inputs, scene, until=head.inputs[0], watch=exact.__setitem__)
    values: dict[str, Float] = {name: value.astype(np.float64) for name, value in exact.items()}
    for node in model.nodes:
        if node.op == "add_clip":
            residual = np.floor(values[node.inputs[1]] + 0.5)
            return clipped_sum(exact[node.inputs[0]], residual, model.tensors[node.output].format.bits)
        if node.output not in values:
            fmt = model.tensors[node.output].format
            value = _apply(model, node, [values[name] for name in node.inputs], scene)
            values[node.output] = value.clip(fmt.min, fmt.max)
    raise AssertionError("a model ends in add_clip")


def _apply(model: IntegerModel, node: Node, x: list[Float], scene: Mapping[str, Integers]) -> Float:
    def constant(key: str) -> Float:
        return model.constant(node, key).astype(np.float64)[..., None, None]

    if node.op == "sign":
        threshold = scene[node.scene[0]] if node.scene else model.constant(node, "threshold")
        return np.where(x[0] >= np.asarray(threshold)[:, None, None], 1.0, -1.0)
    if node.op == "affine":
        scale, offset = np.asarray(scene[node.scene[0]], dtype=np.float64)[:, :, None, None]
        return np.asarray((x[0] * scale + offset) * 2.0**-AFFINE_FRACTION)
    if node.op in ("conv", "binary_conv"):
        total = _conv(x[0], model.constant(node, "weights").astype(np.float64), -1.0 if node.op[0] == "b" else 0.0)
        return total if node.op == "binary_conv" else (total + constant("bias")) * 2.0 ** -node.attributes["shift"]
    if node.op == "depthwise":
        filters = model.constant(node, "weights").astype(np.float64)
        total = np.concatenate([_conv(x[0][[c]], filters[[c]], 0.0) for c in range(len(filters))])
        return np.asarray(total * 2.0 ** -node.attributes["shift"])
    if node.op == "inverse_haar":
        return _inverse_haar(x) * 2.0 ** -node.attributes["shift"]
    if node.op == "haar":
        a, b, c, d = _quarters(x[0])
        return (a + b + c + d, a + b - c - d, a - b + c - d, a - b - c + d)[node.attributes["subband"]]
    return _POINTWISE[node.op](x, constant, node.attributes.get("shift", 0))


def _conv(x: Float, weights: Float, pad: float) -> Float:
    margin = weights.shape[-1] // 2
    height, width = x.shape[1:]
    padded = np.pad(x, ((0, 0), (margin, margin), (margin, margin)), constant_values=pad)
    taps = [(dy, dx) for dy in range(weights.shape[2]) for dx in range(weights.shape[3])]
    total = np.zeros((len(weights), height, width))
    for dy, dx in taps:
        total += np.tensordot(weights[:, :, dy, dx], padded[:, dy : dy + height, dx : dx + width], 1)
    return total


def _rprelu(x: list[Float], constant: Constant, shift: int) -> Float:
    above = x[0] >= constant("knee")
    slope = np.where(above, constant("slope_above"), constant("slope_below"))
    bias = np.where(above, constant("bias_above"), constant("bias_below"))
    return np.asarray((slope * x[0] + bias) * 2.0**-shift + (x[1] if len(x) > 1 else 0.0))


def _norm(x: list[Float], constant: Constant, shift: int) -> Float:
    """Hou et al., CVPR 2025, to the letter; a pixel without deviation keeps its mean."""
    y, r = x
    channels = len(y)
    spread = y.std(axis=0)
    ratio = np.divide(r.std(axis=0), spread, out=np.zeros_like(spread), where=spread > 0)
    moved = np.where(ratio > 0, y - y.mean(axis=0) - constant("centre") / channels, 0.0)
    # The gain is kappa times the inverse of this power of two over the channels, as in bitpan.arithmetic.channel_norm.
    normal = (ratio * moved * channels * 2.0 ** -(channels - 1).bit_length()).clip(NORM_RANGE.min, NORM_RANGE.max)
    learned = (constant("gain") * normal + constant("bias")) * 2.0**-NORM_FRACTION
    return np.asarray(r + r.mean(axis=0) + learned)


def _quarters(x: Float) -> tuple[Float, Float, Float, Float]:
    return x[:, ::2, ::2], x[:, ::2, 1::2], x[:, 1::2, ::2], x[:, 1::2, 1::2]


def _inverse_haar(subbands: list[Float]) -> Float:
    ll, lh, hl, hh = subbands
    image = np.empty((len(ll), 2 * ll.shape[1], 2 * ll.shape[2]))
    corners = ll + lh + hl + hh, ll + lh - hl - hh, ll - lh + hl - hh, ll - lh - hl + hh
    for quarter, corner in zip(_quarters(image), corners, strict=True):
        quarter[...] = corner
    return image


def _pool(x: list[Float], constant: Constant, shift: int) -> Float:
    return np.asarray(sum(_quarters(x[0])) / 4)


def _up(x: list[Float], constant: Constant, shift: int) -> Float:
    def rows(image: Float) -> Float:
        padded = np.pad(image, ((0, 0), (1, 1), (0, 0)), mode="edge")
        above, below = (3 * image + padded[:, :-2]) / 4, (3 * image + padded[:, 2:]) / 4
        return np.stack([above, below], axis=2).reshape(len(image), -1, image.shape[2])

    return rows(rows(x[0]).transpose(0, 2, 1)).transpose(0, 2, 1)


def _add(x: list[Float], constant: Constant, shift: int) -> Float:
    return np.asarray(x[0] + x[1])


_POINTWISE: dict[str, Callable[[list[Float], Constant, int], Float]] = {
    "rprelu": _rprelu,
    "norm": _norm,
    "pool": _pool,
    "up": _up,
    "add": _add,
}
