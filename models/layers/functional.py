"""Operations of the number contract as PyTorch functions: exact integers forward, smooth gradients backward.

Each is equal to its namesake in :mod:`bitpan.arithmetic`. Integers are carried by float32, exact below ``2**24``; the
layers state their bound when they are built. Each function also says (``symbolic``) which ONNX operations it becomes,
so that a traced network follows the export grammar to the letter: rounding half up is a floor after adding the half.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from bitpan.arithmetic import K_MIN
from bitpan.formats import Format
from bitpan.models.layers.kernels import KERNELS
from bitpan.qonnx.exported import DOMAIN

Context = Any
"""What autograd hands from forward to backward."""

Graph = Any
"""The exporter's graph."""

Value = Any
"""A value in the exporter's graph."""

EXACT = 1 << 24
"""Integers below this are exact in float32, and so are their sums."""


def constant(g: Graph, value: float | list[int], dtype: torch.dtype = torch.float32) -> Value:
    """A constant of the exported graph."""
    return g.op("Constant", value_t=torch.tensor(value, dtype=dtype))


def round_shift_nodes(g: Graph, v: Value, shift: int, dtype: torch.dtype = torch.float32) -> Value:
    """Rounding half up by ``shift`` bits: Add, Mul, Floor."""
    v = g.op("Add", v, constant(g, 2.0 ** (shift - 1), dtype))
    return g.op("Floor", g.op("Mul", v, constant(g, 2.0**-shift, dtype)))


def clip_nodes(g: Graph, v: Value, fmt: Format) -> Value:
    """Saturation to ``fmt``: Clip."""
    return g.op("Clip", v, constant(g, float(fmt.min)), constant(g, float(fmt.max)))


def _image(g: Graph, v: Value, like: Value) -> Value:
    """Tell the exporter that ``v`` has the shape of ``like`` (an elementwise result)."""
    v.setType(like.type())
    return v


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

    @staticmethod
    def symbolic(g: Graph, v: Value, shift: int, fmt: Format) -> Value:
        """Add, Mul, Floor, Clip."""
        return _image(g, clip_nodes(g, round_shift_nodes(g, v, shift), fmt), v)


class _Centre(torch.autograd.Function):
    """:func:`bitpan.arithmetic.centre`; has no gradient, as its input is data."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, offset: int, shift: int, fmt: Format) -> Tensor:
        """Subtract ``offset``, round by ``shift`` bits, saturate to ``fmt``."""
        v = x - offset
        if shift > 0:
            v = v.add_(2.0 ** (shift - 1)).mul_(2.0**-shift).floor_()
        return v.clamp_(fmt.min, fmt.max)

    @staticmethod
    def symbolic(g: Graph, x: Value, offset: int, shift: int, fmt: Format) -> Value:
        """Sub, then Add, Mul, Floor where there is a shift, then Clip."""
        v = g.op("Sub", x, constant(g, float(offset)))
        if shift > 0:
            v = round_shift_nodes(g, v, shift)
        return _image(g, clip_nodes(g, v, fmt), x)


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


class _Threshold(torch.autograd.Function):
    """:func:`bitpan.arithmetic.sign` with given thresholds ``(C,)``: what runs at inference and is exported."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, threshold: Tensor) -> Tensor:
        """+1 where ``x >= threshold``, else -1."""
        return KERNELS["signs"](x, threshold[:, None, None])  # type: ignore[no-any-return]

    @staticmethod
    def symbolic(g: Graph, x: Value, threshold: Value) -> Value:
        """Reshape of the thresholds, Sub, BipolarQuant."""
        threshold = g.op("Reshape", threshold, constant(g, [1, -1, 1, 1], torch.int64))
        return _image(g, g.op(f"{DOMAIN}::BipolarQuant", g.op("Sub", x, threshold), constant(g, 1.0)), x)


class _PadBinary(torch.autograd.Function):
    """One pixel of -1 around a binary tensor."""

    @staticmethod
    def forward(ctx: Context, s: Tensor) -> Tensor:
        """``(N, C, H+2, W+2)``."""
        return functional.pad(s, (1, 1, 1, 1), value=-1.0)

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> Tensor:
        """The inner part."""
        return gradients[0][:, :, 1:-1, 1:-1]

    @staticmethod
    def symbolic(g: Graph, s: Value) -> Value:
        """Pad."""
        padded = g.op(
            "Pad", s, constant(g, [0, 0, 1, 1, 0, 0, 1, 1], torch.int64), constant(g, -1.0), mode_s="constant"
        )
        n, channels, height, width = s.type().sizes()
        padded.setType(s.type().with_sizes([n, channels, height + 2, width + 2]))
        return padded


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

    @staticmethod
    def symbolic(
        g: Graph, p: Value, x: Value | None, knee: Value, slopes: Value, biases: Value, shift: int, fmt: Format
    ) -> Value:
        """GreaterOrEqual, Where, Where, Mul, Add; Add, Mul, Floor; Add, Clip. Constants have shape (1, C, 1, 1)."""
        one_per_channel = constant(g, [1, -1, 1, 1], torch.int64)

        def rows(v: Value) -> list[Value]:
            pair = (g.op("Gather", v, constant(g, i, torch.int64), axis_i=0) for i in (0, 1))
            return [g.op("Reshape", row, one_per_channel) for row in pair]

        above = g.op("GreaterOrEqual", p, g.op("Reshape", knee, one_per_channel))
        slope, bias = g.op("Where", above, *rows(slopes)), g.op("Where", above, *rows(biases))
        total = g.op("Add", g.op("Mul", slope, p), bias)
        total = round_shift_nodes(g, total, shift)
        if x is not None and not x.node().mustBeNone():
            total = g.op("Add", total, x)
        return _image(g, clip_nodes(g, total, fmt), p)


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

    @staticmethod
    def symbolic(g: Graph, lms: Value, residual: Value, fmt: Format) -> Value:
        """Add, Clip."""
        return _image(g, clip_nodes(g, g.op("Add", lms, residual), fmt), lms)


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
    """Network input from image counts; has no gradient."""
    return _Centre.apply(x, offset, shift, fmt)  # type: ignore[no-any-return,no-untyped-call]


def sign(x: Tensor, threshold: Tensor) -> Tensor:
    """+1 where ``x >= threshold`` ``(C,)``, else -1: what runs at inference and is exported; has no gradient."""
    return _Threshold.apply(x, threshold)  # type: ignore[no-any-return,no-untyped-call]


def trained_sign(x: Tensor, threshold: Tensor, k: Tensor, b: Tensor, step: float) -> Tensor:
    """The same with thresholds ``(N or 1, C)`` that stand for ``k*x*step + b >= 0``, and gradients of x, k and b."""
    return _Sign.apply(x, threshold, k, b, step)  # type: ignore[no-any-return,no-untyped-call]


def pad_binary(s: Tensor) -> Tensor:
    """One pixel of -1 around a binary tensor."""
    return _PadBinary.apply(s)  # type: ignore[no-any-return,no-untyped-call]


def rprelu(
    p: Tensor, x: Tensor | None, knee: Tensor, slopes: Tensor, biases: Tensor, shift: int, fmt: Format
) -> Tensor:
    """RPReLU and residual ``x``, if any; ``knee (C,)``, ``slopes`` and ``biases (2, C)``: above, below."""
    return _RPReLU.apply(p, x, knee, slopes, biases, shift, fmt)  # type: ignore[no-any-return,no-untyped-call]


def add_clip(lms: Tensor, residual: Tensor, fmt: Format) -> Tensor:
    """The fused image; the gradient passes the clipping, so that dark pixels keep learning."""
    return _AddClip.apply(lms, residual, fmt)  # type: ignore[no-any-return,no-untyped-call]
