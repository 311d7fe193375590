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

from bitpan.arithmetic import COEFFICIENT_BITS, K_MIN, TAPS
from bitpan.formats import Format

QONNX = "qonnx.custom_op.general"
"""Domain of the operations that ONNX itself does not have."""

EXACT = 1 << 24
"""Integers below this are exact in float32, and so are their sums."""


def _constant(g: Any, value: float | list[int], dtype: torch.dtype = torch.float32) -> Any:
    return g.op("Constant", value_t=torch.tensor(value, dtype=dtype))


def _round_shift(g: Any, v: Any, shift: int, dtype: torch.dtype = torch.float32) -> Any:
    v = g.op("Add", v, _constant(g, 2.0 ** (shift - 1), dtype))
    return g.op("Floor", g.op("Mul", v, _constant(g, 2.0**-shift, dtype)))


def _clip(g: Any, v: Any, fmt: Format) -> Any:
    return g.op("Clip", v, _constant(g, float(fmt.min)), _constant(g, float(fmt.max)))


def _image(g: Any, v: Any, like: Any) -> Any:
    """Tell the exporter that ``v`` has the shape of ``like`` (an elementwise result)."""
    v.setType(like.type())
    return v


class Round(torch.autograd.Function):
    """Round half up with the gradient of the identity."""

    @staticmethod
    def forward(ctx: Any, v: Tensor) -> Tensor:
        """``floor(v + 1/2)``."""
        return (v + 0.5).floor_()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Straight through."""
        return gradient


class Requantise(torch.autograd.Function):
    """:func:`bitpan.arithmetic.requantise` for ``shift >= 1``: gradient ``2**-shift`` inside the format, else zero."""

    @staticmethod
    def forward(ctx: Any, v: Tensor, shift: int, fmt: Format) -> Tensor:
        """Round half up by ``shift`` bits, saturate to ``fmt``."""
        rounded = v.add(2.0 ** (shift - 1)).mul_(2.0**-shift).floor_()
        ctx.shift = shift
        ctx.save_for_backward((rounded >= fmt.min) & (rounded <= fmt.max))
        return rounded.clamp_(fmt.min, fmt.max)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Straight through the rounding."""
        (inside,) = ctx.saved_tensors
        return gradients[0].mul(2.0**-ctx.shift).mul_(inside), None, None

    @staticmethod
    def symbolic(g: Any, v: Any, shift: int, fmt: Format) -> Any:
        """Add, Mul, Floor, Clip."""
        return _image(g, _clip(g, _round_shift(g, v, shift), fmt), v)


class Centre(torch.autograd.Function):
    """:func:`bitpan.arithmetic.centre`; has no gradient, as its input is data."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, offset: int, shift: int, fmt: Format) -> Tensor:
        """Subtract ``offset``, round by ``shift`` bits, saturate to ``fmt``."""
        v = x - offset
        if shift > 0:
            v = v.add_(2.0 ** (shift - 1)).mul_(2.0**-shift).floor_()
        return v.clamp_(fmt.min, fmt.max)

    @staticmethod
    def symbolic(g: Any, x: Any, offset: int, shift: int, fmt: Format) -> Any:
        """Sub, then Add, Mul, Floor where there is a shift, then Clip."""
        v = g.op("Sub", x, _constant(g, float(offset)))
        if shift > 0:
            v = _round_shift(g, v, shift)
        return _image(g, _clip(g, v, fmt), x)


class Interpolate(torch.autograd.Function):
    """:func:`bitpan.arithmetic.interpolate` on ``(N, B, h, w)``, in float64; has no gradient."""

    @staticmethod
    def forward(ctx: Any, ms: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """``(N, B, ratio*h, ratio*w)`` from ``ms`` and the coefficients ``(ratio, TAPS)`` of the two axes."""
        n, bands, height, width = ms.shape
        image = ms.double()
        image = image[:, :, _taps(height).to(ms.device)]
        image = torch.einsum("bchtw,pt->bchpw", image, rows.double()).reshape(n, bands, -1, width)
        image = image.add_(1 << (COEFFICIENT_BITS - 1)).mul_(2.0**-COEFFICIENT_BITS).floor_()
        image = image[:, :, :, _taps(width).to(ms.device)]
        image = torch.einsum("bchwt,pt->bchwp", image, columns.double()).reshape(n, bands, rows.shape[0] * height, -1)
        return image.add_(1 << (COEFFICIENT_BITS - 1)).mul_(2.0**-COEFFICIENT_BITS).floor_().to(ms.dtype)

    @staticmethod
    def symbolic(g: Any, ms: Any, rows: Any, columns: Any) -> Any:
        """Cast; per axis Gather, Einsum, Reshape, Add, Mul, Floor; Cast."""
        n, bands, height, width = ms.type().sizes()
        ratio = rows.type().sizes()[0]
        double = 11
        image = g.op("Cast", ms, to_i=double)
        for axis, size, coefficients, equation, shape in (
            (2, height, rows, "bchtw,pt->bchpw", [n, bands, ratio * height, width]),
            (3, width, columns, "bchwt,pt->bchwp", [n, bands, ratio * height, ratio * width]),
        ):
            image = g.op("Gather", image, _constant(g, _taps(size).tolist(), torch.int64), axis_i=axis)
            image = g.op("Einsum", image, g.op("Cast", coefficients, to_i=double), equation_s=equation)
            image = g.op("Reshape", image, _constant(g, shape, torch.int64))
            image = _round_shift(g, image, COEFFICIENT_BITS, torch.float64)
        fused = g.op("Cast", image, to_i=1)
        fused.setType(ms.type().with_sizes([n, bands, ratio * height, ratio * width]))
        return fused


def _taps(size: int) -> Tensor:
    """Indices of the samples i-2 ... i+2 with replicated edges, ``(size, TAPS)``."""
    reach = TAPS // 2
    return (torch.arange(size)[:, None] + torch.arange(-reach, reach + 1)).clamp_(0, size - 1)


class Sign(torch.autograd.Function):
    """Spectral redistribution and sign: forward the comparison ``x >= threshold``, backward ``sign(k*x + b)``.

    The gradient of the sign is piecewise linear, ``max(0, 2 - |2u|)`` of ``u = k*x*step + b`` (Bi-Real Net, ECCV 2018).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, threshold: Tensor, k: Tensor, b: Tensor, step: float) -> Tensor:
        """+1 or -1, ``(N, C, H, W)``; ``threshold``, ``k`` and ``b`` are ``(N or 1, C)``, ``b`` in real units."""
        ctx.step = step
        ctx.save_for_backward(x, k, b)
        return torch.where(x >= threshold[:, :, None, None], 1.0, -1.0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of x, k and b."""
        x, k, b = ctx.saved_tensors
        slope = (k * ctx.step)[:, :, None, None]
        du = torch.addcmul(b[:, :, None, None], x, slope).abs_().mul_(-2.0).add_(2.0).clamp_(min=0.0)
        du.mul_(gradients[0])
        db = du.sum(dim=(2, 3)).sum_to_size(b.shape)
        dk = torch.einsum("nchw,nchw->nc", du, x).mul_(ctx.step).sum_to_size(k.shape)
        return du.mul_(slope), None, dk, db, None


class Threshold(torch.autograd.Function):
    """:func:`bitpan.arithmetic.sign` with given thresholds ``(C,)``: what runs at inference and is exported."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, threshold: Tensor) -> Tensor:
        """+1 where ``x >= threshold``, else -1."""
        return torch.where(x >= threshold[:, None, None], 1.0, -1.0)

    @staticmethod
    def symbolic(g: Any, x: Any, threshold: Any) -> Any:
        """Reshape of the thresholds, Sub, BipolarQuant."""
        threshold = g.op("Reshape", threshold, _constant(g, [1, -1, 1, 1], torch.int64))
        return _image(g, g.op(f"{QONNX}::BipolarQuant", g.op("Sub", x, threshold), _constant(g, 1.0)), x)


class PadBinary(torch.autograd.Function):
    """One pixel of -1 around a binary tensor."""

    @staticmethod
    def forward(ctx: Any, s: Tensor) -> Tensor:
        """``(N, C, H+2, W+2)``."""
        return functional.pad(s, (1, 1, 1, 1), value=-1.0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """The inner part."""
        return gradients[0][:, :, 1:-1, 1:-1]

    @staticmethod
    def symbolic(g: Any, s: Any) -> Any:
        """Pad."""
        padded = g.op(
            "Pad", s, _constant(g, [0, 0, 1, 1, 0, 0, 1, 1], torch.int64), _constant(g, -1.0), mode_s="constant"
        )
        n, channels, height, width = s.type().sizes()
        padded.setType(s.type().with_sizes([n, channels, height + 2, width + 2]))
        return padded


class RPReLU(torch.autograd.Function):
    """:func:`bitpan.arithmetic.rprelu` with gradients of p, x, slopes and biases (the knee has none: it is a corner)."""

    @staticmethod
    def forward(
        ctx: Any, p: Tensor, x: Tensor, knee: Tensor, slopes: Tensor, biases: Tensor, shift: int, fmt: Format
    ) -> Tensor:
        """``slopes`` and ``biases`` are ``(2, C)``: above, below."""
        slopes, biases = slopes[:, :, None, None], biases[:, :, None, None]
        above = p >= knee[:, None, None]
        half = 2.0 ** (shift - 1)
        total = (
            torch.where(above, slopes[0], slopes[1])
            .mul_(p)
            .add_(torch.where(above, biases[0] + half, biases[1] + half))
        )
        total.mul_(2.0**-shift).floor_().add_(x)
        ctx.shift = shift
        ctx.save_for_backward(p, above, (total >= fmt.min) & (total <= fmt.max), slopes)
        return total.clamp_(fmt.min, fmt.max)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Straight through rounding, zero where saturated."""
        p, above, inside, slopes = ctx.saved_tensors
        dx = gradients[0] * inside
        scale = 2.0**-ctx.shift
        bias_all = dx.sum(dim=(0, 2, 3))
        slope_all = torch.einsum("nchw,nchw->c", dx, p)
        upper = dx * above
        bias_above = upper.sum(dim=(0, 2, 3))
        slope_above = torch.einsum("nchw,nchw->c", upper, p)
        dp = torch.where(above, slopes[0] * scale, slopes[1] * scale).mul_(dx)
        dslopes = torch.stack([slope_above, slope_all - slope_above]).mul_(scale)
        dbiases = torch.stack([bias_above, bias_all - bias_above]).mul_(scale)
        return dp, dx, None, dslopes, dbiases, None, None

    @staticmethod
    def symbolic(g: Any, p: Any, x: Any, knee: Any, slopes: Any, biases: Any, shift: int, fmt: Format) -> Any:
        """GreaterOrEqual, Where, Where, Mul, Add; Add, Mul, Floor; Add, Clip. Constants have shape (1, C, 1, 1)."""
        one_per_channel = _constant(g, [1, -1, 1, 1], torch.int64)

        def rows(v: Any) -> list[Any]:
            pair = (g.op("Gather", v, _constant(g, i, torch.int64), axis_i=0) for i in (0, 1))  # type: ignore[arg-type]
            return [g.op("Reshape", row, one_per_channel) for row in pair]

        above = g.op("GreaterOrEqual", p, g.op("Reshape", knee, one_per_channel))
        slope, bias = g.op("Where", above, *rows(slopes)), g.op("Where", above, *rows(biases))
        total = g.op("Add", g.op("Mul", slope, p), bias)
        return _image(g, _clip(g, g.op("Add", _round_shift(g, total, shift), x), fmt), x)


class AddClip(torch.autograd.Function):
    """:func:`bitpan.arithmetic.add_clip`; the gradient passes the clipping, so that dark pixels keep learning."""

    @staticmethod
    def forward(ctx: Any, lms: Tensor, residual: Tensor, fmt: Format) -> Tensor:
        """The fused image."""
        return (lms + residual).clamp_(fmt.min, fmt.max)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """To the residual alone."""
        return None, gradients[0], None

    @staticmethod
    def symbolic(g: Any, lms: Any, residual: Any, fmt: Format) -> Any:
        """Add, Clip."""
        return _image(g, _clip(g, g.op("Add", lms, residual), fmt), lms)


def srm_threshold(k: Tensor, b: Tensor, fmt: Format) -> Tensor:
    """:func:`bitpan.arithmetic.srm_threshold`; ``b`` in steps of ``fmt``."""
    return torch.ceil(-b / k.clamp(min=K_MIN)).clamp_(fmt.min, fmt.max + 1)
