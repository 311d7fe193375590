"""Operations of the number contract as PyTorch functions: exact integers forward, smooth gradients backward.

Each is equal to its namesake in :mod:`bitpan.arithmetic`. Integers are carried by float32, exact below ``2**24``; the
layers state their bound when they are built.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from bitpan.arithmetic import K_MIN
from bitpan.formats import Format
from bitpan.models.layers.kernels import KERNELS

Context = Any
"""What autograd hands from forward to backward."""

EXACT = 1 << 24
"""Integers below this are exact in float32, and so are their sums."""


class _Round(torch.autograd.Function):
    """Round half up with the gradient of the identity."""

    @staticmethod
    def forward(ctx: Context, v: Tensor) -> Tensor:
        """``floor(v + 1/2)``."""
        return (v + 0.5).floor_()

    @staticmethod
    def backward(ctx: Context, gradient: Tensor) -> Tensor:
        """Straight through."""
        return gradient


def convolve(x: Tensor, weights: Tensor, bias: Tensor | None = None, padding: int = 0, groups: int = 1) -> Tensor:
    """Convolution of integers ``x (N, I, H, W)`` with integer weights and bias, exact on every device.

    On a GPU the fast algorithms (Winograd's) go through fractions; half a unit they are never off.
    """
    total = functional.conv2d(x, weights, bias, padding=padding, groups=groups)
    return total if total.device.type == "cpu" else round_half_up(total)


class _Requantise(torch.autograd.Function):
    """:func:`bitpan.arithmetic.requantise` for ``shift >= 1``: gradient ``2**-shift`` inside the format, else zero."""

    @staticmethod
    def forward(ctx: Context, v: Tensor, shift: int, fmt: Format) -> Tensor:
        """Round half up by ``shift`` bits, saturate to ``fmt``."""
        rounded = v.add(2.0 ** (shift - 1)).mul_(2.0**-shift).floor_()
        ctx.shift, ctx.format = shift, fmt
        ctx.save_for_backward(rounded)
        return rounded.clamp(fmt.min, fmt.max)

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Straight through the rounding."""
        (rounded,) = ctx.saved_tensors
        # One pass that keeps the gradient of integers strictly between one below the format and one above it.
        inside = torch.ops.aten.hardtanh_backward(gradients[0], rounded, ctx.format.min - 1, ctx.format.max + 1)
        return inside.mul_(2.0**-ctx.shift), None, None


class _Sign(torch.autograd.Function):
    """Spectral redistribution and sign: forward the comparison ``x >= threshold``, backward ``sign(k*x + b)``.

    The gradient of the sign is piecewise linear, ``max(0, 2 - |2u|)`` of ``u = k*x*step + b`` (Bi-Real Net, ECCV 2018).
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, threshold: Tensor, k: Tensor, b: Tensor, step: float) -> Tensor:
        """+1 or -1, ``(N, C, H, W)``; ``threshold``, ``k`` and ``b`` are ``(N or 1, C)``, ``b`` in real units."""
        ctx.step = step
        ctx.save_for_backward(x, k, b)
        return KERNELS["signs"](x, threshold[:, :, None, None])  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of x, k and b."""
        x, k, b = ctx.saved_tensors
        slope, bias = (k * ctx.step)[:, :, None, None], b[:, :, None, None]
        dx, dslope, db = KERNELS["sign_gradients"](gradients[0], x, slope, bias)
        return dx, None, (dslope * ctx.step).sum_to_size(k.shape), db.sum_to_size(b.shape), None


class _RPReLU(torch.autograd.Function):
    """:func:`bitpan.arithmetic.rprelu` with gradients of p, x, slopes and biases (the knee, a corner, has none)."""

    @staticmethod
    def forward(
        ctx: Context,
        p: Tensor,
        x: Tensor | None,
        knee: Tensor,
        slopes: Tensor,
        biases: Tensor,
        shift: int,
        fmt: Format,
    ) -> Tensor:
        """``slopes`` and ``biases`` are ``(2, C)``: above, below; ``x`` is None where there is no residual."""
        ctx.scale, ctx.limit, ctx.alone = 2.0**-shift, float(fmt.max), x is None
        x = p.new_zeros(()) if x is None else x
        halved = biases + 2.0 ** (shift - 1)
        result = KERNELS["rprelu_forward"](p, x, knee, slopes, halved, ctx.scale, float(fmt.min), ctx.limit)
        ctx.save_for_backward(p, result, knee, slopes)
        return result  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Straight through rounding, zero where saturated."""
        dp, dx, dslopes, dbiases = KERNELS["rprelu_gradients"](gradients[0], *ctx.saved_tensors, ctx.scale, ctx.limit)
        return dp, None if ctx.alone else dx, None, dslopes, dbiases, None, None


class _AddClip(torch.autograd.Function):
    """:func:`bitpan.arithmetic.add_clip`; the gradient passes the clipping, so that dark pixels keep learning."""

    @staticmethod
    def forward(ctx: Context, lms: Tensor, residual: Tensor, fmt: Format) -> Tensor:
        """The fused image."""
        return (lms + residual).clamp_(fmt.min, fmt.max)

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """To the residual alone."""
        return None, gradients[0], None


def srm_threshold(k: Tensor, b: Tensor, fmt: Format) -> Tensor:
    """:func:`bitpan.arithmetic.srm_threshold`; ``b`` in steps of ``fmt``."""
    return torch.ceil(-b / k.clamp(min=K_MIN)).clamp_(fmt.min, fmt.max + 1)


def round_half_up(v: Tensor) -> Tensor:
    """``floor(v + 1/2)`` with the gradient of the identity."""
    return _Round.apply(v)  # type: ignore[no-any-return,no-untyped-call]


def requantise(v: Tensor, shift: int, fmt: Format) -> Tensor:
    """Round half up by ``shift >= 1`` bits, saturate to ``fmt``; gradient ``2**-shift`` inside the format, else 0."""
    return _Requantise.apply(v, shift, fmt)  # type: ignore[no-any-return,no-untyped-call]


def centre(x: Tensor, offset: int, shift: int, fmt: Format) -> Tensor:
    """Network input from image counts: :func:`bitpan.arithmetic.centre`; the input is data and has no gradient."""
    v = x.detach() - offset
    if shift > 0:
        v = v.add_(2.0 ** (shift - 1)).mul_(2.0**-shift).floor_()
    return v.clamp_(fmt.min, fmt.max)


def sign(x: Tensor, threshold: Tensor) -> Tensor:
    """+1 where ``x >= threshold`` ``(C,)``, else -1: what runs at inference; has no gradient."""
    return KERNELS["signs"](x.detach(), threshold[:, None, None])  # type: ignore[no-any-return]


def trained_sign(x: Tensor, threshold: Tensor, k: Tensor, b: Tensor, step: float) -> Tensor:
    """The same with thresholds ``(N or 1, C)`` that stand for ``k*x*step + b >= 0``, and gradients of x, k and b."""
    return _Sign.apply(x, threshold, k, b, step)  # type: ignore[no-any-return,no-untyped-call]


def pad_binary(s: Tensor) -> Tensor:
    """One pixel of -1 around a binary tensor."""
    return functional.pad(s, (1, 1, 1, 1), value=-1.0)


def rprelu(
    p: Tensor, x: Tensor | None, knee: Tensor, slopes: Tensor, biases: Tensor, shift: int, fmt: Format
) -> Tensor:
    """RPReLU and residual ``x``, if any; ``knee (C,)``, ``slopes`` and ``biases (2, C)``: above, below."""
    return _RPReLU.apply(p, x, knee, slopes, biases, shift, fmt)  # type: ignore[no-any-return,no-untyped-call]


def add_clip(lms: Tensor, residual: Tensor, fmt: Format) -> Tensor:
    """The fused image; the gradient passes the clipping, so that dark pixels keep learning."""
    return _AddClip.apply(lms, residual, fmt)  # type: ignore[no-any-return,no-untyped-call]
