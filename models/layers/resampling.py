"""Wavelet, pool, bilinear and skip of the number contract as PyTorch functions.

Each is equal to its namesake in :mod:`bitpan.arithmetic` for tensors of up to 20 bits, whose sums float32 holds. The
gradient is the exact adjoint of the linear map, straight through the rounding, zero where the result lies on the ends
of its format. Temporaries are reused: on a CPU fresh memory costs more than the sums.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from bitpan.errors import FormatError
from bitpan.formats import Format
from bitpan.models.layers.functional import Context

Bands = tuple[Tensor, Tensor, Tensor, Tensor]
"""Four tensors of half the size: LL, LH, HL, HH, or the four pixels of each 2x2 block."""


def _quarters(x: Tensor) -> Bands:
    """Views of the pixels of each 2x2 block."""
    if x.shape[2] % 2 or x.shape[3] % 2:
        raise FormatError(f"an image of {x.shape[2]} x {x.shape[3]} has no whole 2x2 blocks; give even sizes")
    return x[..., ::2, ::2], x[..., ::2, 1::2], x[..., 1::2, ::2], x[..., 1::2, 1::2]


def split(x: Tensor) -> Bands:
    """The four signed sums of each block."""
    a, b, c, d = _quarters(x)
    top, bottom = a + b, c + d
    ll, lh = top + bottom, top.sub_(bottom)
    top, bottom = a - b, torch.sub(c, d, out=bottom)
    return ll, lh, top + bottom, top.sub_(bottom)


def join(ll: Tensor, lh: Tensor, hl: Tensor, hh: Tensor, offset: float = 0.0) -> Tensor:
    """The four signed sums over the subbands, interleaved, each plus ``offset``: the adjoint of :func:`split`."""
    n, channels, height, width = ll.shape
    last = ll.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if last else torch.contiguous_format
    size = (n, channels, 2 * height, 2 * width)
    image = torch.empty(size, dtype=ll.dtype, device=ll.device, memory_format=layout)
    a, b, c, d = _quarters(image)
    low, high = ll + lh, hl + hh
    low.add_(offset)
    torch.add(low, high, out=a)
    torch.sub(low, high, out=b)
    torch.sub(ll, lh, out=low).add_(offset)
    torch.sub(hl, hh, out=high)
    torch.add(low, high, out=c)
    torch.sub(low, high, out=d)
    return image


def _inside(gradient: Tensor, result: Tensor, fmt: Format) -> Tensor:
    """``gradient``, zero where ``result`` lies on the ends of ``fmt``, in one pass."""
    return torch.ops.aten.hardtanh_backward(gradient, result, fmt.min, fmt.max)  # type: ignore[no-any-return]


class _Haar(torch.autograd.Function):
    """:func:`bitpan.arithmetic.haar`."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Bands:
        """LL, LH, HL, HH."""
        return split(x)

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> Tensor:
        """The inverse sums."""
        ll, lh, hl, hh = gradients
        return join(ll, lh, hl, hh)


class _InverseHaar(torch.autograd.Function):
    """:func:`bitpan.arithmetic.inverse_haar`."""

    @staticmethod
    def forward(ctx: Context, ll: Tensor, lh: Tensor, hl: Tensor, hh: Tensor, shift: int, fmt: Format) -> Tensor:
        """Inverse sums, one rounding, one saturation."""
        if shift < 1:
            raise FormatError(f"an inverse wavelet rounds at least one bit off, not {shift}")
        result = join(ll, lh, hl, hh, 2.0 ** (shift - 1)).mul_(2.0**-shift).floor_().clamp_(fmt.min, fmt.max)
        ctx.shift, ctx.format = shift, fmt
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """The forward sums, scaled."""
        (result,) = ctx.saved_tensors
        return *split(_inside(gradients[0], result, ctx.format).mul_(2.0**-ctx.shift)), None, None


class _AveragePool(torch.autograd.Function):
    """:func:`bitpan.arithmetic.average_pool`."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        """Mean of each block, rounded half up; a quarter of an integer is exact."""
        _quarters(x)
        return functional.avg_pool2d(x, 2).add_(0.5).floor_()

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> Tensor:
        """A quarter to each pixel."""
        return functional.interpolate(gradients[0] * 0.25, scale_factor=2, mode="nearest")


class _BilinearUp(torch.autograd.Function):
    """:func:`bitpan.arithmetic.bilinear_up`."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        """PyTorch's own, whose weights are exact sixteenths, rounded half up."""
        ctx.shape = x.shape
        up = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return up.add_(0.5).floor_()

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> Tensor:
        """Its adjoint."""
        size = [2 * ctx.shape[2], 2 * ctx.shape[3]]
        up = torch.ops.aten.upsample_bilinear2d_backward(gradients[0], size, list(ctx.shape), False, 2.0, 2.0)
        return up  # type: ignore[no-any-return]


class _Add(torch.autograd.Function):
    """:func:`bitpan.arithmetic.add`."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, b: Tensor, fmt: Format) -> Tensor:
        """Saturating sum."""
        result = (a + b).clamp_(fmt.min, fmt.max)
        ctx.format = fmt
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """To both."""
        (result,) = ctx.saved_tensors
        gradient = _inside(gradients[0], result, ctx.format)
        return gradient, gradient, None


def haar(x: Tensor) -> Bands:
    """LL, LH, HL, HH ``(N, C, H/2, W/2)`` of ``(N, C, H, W)``; raises :class:`FormatError` for odd sizes."""
    return _Haar.apply(x)  # type: ignore[no-any-return,no-untyped-call]


def inverse_haar(ll: Tensor, lh: Tensor, hl: Tensor, hh: Tensor, shift: int, fmt: Format) -> Tensor:
    """``(N, C, H, W)`` in ``fmt`` of four ``(N, C, H/2, W/2)``, ``shift >= 1`` bits rounded off."""
    return _InverseHaar.apply(ll, lh, hl, hh, shift, fmt)  # type: ignore[no-any-return,no-untyped-call]


def average_pool(x: Tensor) -> Tensor:
    """Rounded mean of each 2x2 block; raises :class:`FormatError` for odd sizes."""
    return _AveragePool.apply(x)  # type: ignore[no-any-return,no-untyped-call]


def bilinear_up(x: Tensor) -> Tensor:
    """Twice the size, bilinear, edges replicated."""
    return _BilinearUp.apply(x)  # type: ignore[no-any-return,no-untyped-call]


def add(a: Tensor, b: Tensor, fmt: Format) -> Tensor:
    """Saturating sum of two tensors of the same fraction."""
    return _Add.apply(a, b, fmt)  # type: ignore[no-any-return,no-untyped-call]
