"""Operations of the number contract as PyTorch functions: exact integers forward, smooth gradients backward.

Each is equal to its namesake in :mod:`bitpan.arithmetic`. Integers are carried by float32, exact below ``2**24``; the
layers state their bound when they are built.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from bitpan.arithmetic import K_MIN
from bitpan.formats import Format
from bitpan.models.layers.gradient import Differentiable, custom_gradient
from bitpan.models.layers.kernels import rprelu_forward, rprelu_gradients, sign_gradients, signs

EXACT = 1 << 24
"""Integers below this are exact in float32, and so are their sums."""


@custom_gradient
def round_half_up(v: Tensor) -> Differentiable[Tensor]:
    """``floor(v + 1/2)`` with the gradient of the identity."""
    return (v + 0.5).floor_(), lambda gradient: gradient, ()


def integers_of(v: Tensor, fmt: Format) -> Tensor:
    """Real numbers ``v`` in steps of ``fmt``, rounded half up and saturated; the gradient is the saturation's."""
    return round_half_up(v).clamp(fmt.min, fmt.max)


def convolve(x: Tensor, weights: Tensor, bias: Tensor | None = None, padding: int = 0, groups: int = 1) -> Tensor:
    """Convolution of integers ``x (N, I, H, W)`` with integer weights and bias, exact on every device.

    On a GPU the fast algorithms (Winograd's) go through fractions; half a unit they are never off.
    """
    total = functional.conv2d(x, weights, bias, padding=padding, groups=groups)
    return total if total.device.type == "cpu" else round_half_up(total)


def conv(x: Tensor, weights: Tensor, bias: Tensor, shift: int, fmt: Format) -> Tensor:
    """Convolution padded with 0, computed in the type of ``weights (O, I, k, k)``, rounded and saturated to float32."""
    return requantise(convolve(x.to(weights.dtype), weights, bias, weights.shape[-1] // 2), shift, fmt).float()


@custom_gradient
def requantise(v: Tensor, shift: int, fmt: Format) -> Differentiable[Tensor]:
    """Round half up by ``shift >= 1`` bits, saturate to ``fmt``; gradient ``2**-shift`` inside the format, else 0."""

    def gradients(gradient: Tensor, rounded: Tensor) -> Tensor:
        # One pass that keeps the gradient of integers strictly between one below the format and one above it.
        inside: Tensor = torch.ops.aten.hardtanh_backward(gradient, rounded, fmt.min - 1, fmt.max + 1)
        return inside.mul_(2.0**-shift)

    rounded = v.add(2.0 ** (shift - 1)).mul_(2.0**-shift).floor_()
    return rounded.clamp(fmt.min, fmt.max), gradients, (rounded,)


def srm_threshold(k: Tensor, b: Tensor, fmt: Format) -> Tensor:
    """:func:`bitpan.arithmetic.srm_threshold`; ``b`` in steps of ``fmt``."""
    return torch.ceil(-b / k.clamp(min=K_MIN)).clamp_(fmt.min, fmt.max + 1)


def centre(x: Tensor, offset: int, shift: int, fmt: Format) -> Tensor:
    """Network input from image counts: :func:`bitpan.arithmetic.centre`; the input is data and has no gradient."""
    v = x.detach() - offset
    if shift > 0:
        v = v.add_(2.0 ** (shift - 1)).mul_(2.0**-shift).floor_()
    return v.clamp_(fmt.min, fmt.max)


def concat(a: Tensor, b: Tensor) -> Tensor:
    """``(N, A + B, H, W)``; where it helps the convolution that follows, with the channels innermost."""
    return torch.cat([a, b], dim=1).contiguous(memory_format=torch.channels_last)


def sign(x: Tensor, threshold: Tensor) -> Tensor:
    """+1 where ``x >= threshold`` ``(C,)``, else -1: what runs at inference; has no gradient."""
    return signs(x.detach(), threshold[:, None, None])


@custom_gradient
def trained_sign(x: Tensor, threshold: Tensor, k: Tensor, b: Tensor, step: float) -> Differentiable[Tensor]:
    """The same with thresholds ``(N or 1, C)`` that stand for ``k*x*step + b >= 0``, and gradients of x, k and b.

    The gradient of the sign is piecewise linear, ``max(0, 2 - |2u|)`` of ``u = k*x*step + b`` (Bi-Real Net, ECCV 2018);
    k and b are ``(N or 1, C)``, b in real units.
    """

    def gradients(gradient: Tensor, x: Tensor, k: Tensor, b: Tensor) -> Sequence[Tensor | None]:
        dx, dslope, db = sign_gradients(gradient, x, (k * step)[:, :, None, None], b[:, :, None, None])
        return dx, None, (dslope * step).sum_to_size(k.shape), db.sum_to_size(b.shape)

    return signs(x, threshold[:, :, None, None]), gradients, (x, k, b)


def binary_conv(s: Tensor, weights: Tensor, planes: int = 1) -> Tensor:
    """Sums of signs, or of ``planes`` of them, ``s (N, C, H, W)``, with weights ``(O, C, 3, 3)`` of +1 and -1.

    Each plane is padded with -1.
    """
    return convolve(functional.pad(s, (1, 1, 1, 1), value=-float(planes)), weights)


@custom_gradient
def rprelu(
    p: Tensor, x: Tensor | None, knee: Tensor, slopes: Tensor, biases: Tensor, shift: int, fmt: Format
) -> Differentiable[Tensor]:
    """RPReLU and residual ``x``, if any; ``knee (C,)``, ``slopes`` and ``biases (2, C)``: above, below.

    Gradients go straight through the rounding and are zero where saturated; the knee, a corner, has none.
    """
    scale, alone = 2.0**-shift, x is None

    def gradients(gradient: Tensor, p: Tensor, result: Tensor, knee: Tensor, slopes: Tensor) -> Sequence[Tensor | None]:
        dp, dx, dslopes, dbiases = rprelu_gradients(gradient, p, result, knee, slopes, scale, float(fmt.max))
        return dp, None if alone else dx, None, dslopes, dbiases

    residual = p.new_zeros(()) if x is None else x
    halved = biases + 2.0 ** (shift - 1)
    result = rprelu_forward(p, residual, knee, slopes, halved, scale, float(fmt.min), float(fmt.max))
    return result, gradients, (p, result, knee, slopes)


@custom_gradient
def add_clip(lms: Tensor, residual: Tensor, fmt: Format) -> Differentiable[Tensor]:
    """The fused image; the gradient, the residual's alone, passes the clipping, so that dark pixels keep learning."""
    return (lms + residual).clamp_(fmt.min, fmt.max), lambda gradient: (None, gradient), ()
