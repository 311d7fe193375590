"""Interpolator, wavelet, pool, bilinear and skip of the number contract as PyTorch functions.

Each is equal to its namesake in :mod:`bitpan.arithmetic` for tensors of up to 20 bits, whose sums float32 holds. The
gradient is the exact adjoint of the linear map, straight through the rounding, zero where the result lies on the ends
of its format. Temporaries are reused: on a CPU fresh memory costs more than the sums.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from bitpan.arithmetic import BORDER, COEFFICIENT_BITS, TAPS, keys_coefficients
from bitpan.errors import FormatError
from bitpan.formats import Format
from bitpan.models.layers.gradient import Differentiable, custom_gradient

Bands = tuple[Tensor, Tensor, Tensor, Tensor]
"""Four tensors of half the size: LL, LH, HL, HH, or the four pixels of each 2x2 block."""


def bordered(ms: Tensor) -> Tensor:
    """:func:`bitpan.arithmetic.bordered`, ``(N, B, h, w)`` to ``(N, B, h + 2 * BORDER, w + 2 * BORDER)``."""
    return functional.pad(ms, (BORDER,) * 4, mode="replicate")


@torch.no_grad()
def interpolate(ms: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """:func:`bitpan.arithmetic.interpolate`, in float64; has no gradient.

    An image :func:`bordered` to ``(N, B, ratio*h, ratio*w)``, with coefficients ``(ratio, TAPS)`` of the two axes.
    """
    image = torch.einsum("bchwt,pt->bchpw", ms.double().unfold(2, TAPS, 1), rows.double()).flatten(2, 3)
    image = torch.einsum("bchwt,pt->bchwp", _rounded(image).unfold(3, TAPS, 1), columns.double()).flatten(3)
    return _rounded(image).to(ms.dtype)


def _rounded(image: Tensor) -> Tensor:
    return image.add_(1 << (COEFFICIENT_BITS - 1)).mul_(2.0**-COEFFICIENT_BITS).floor_()


def coefficients(ratio: int, device: torch.device) -> Tensor:
    """Those of both axes of a pair without a sub-pixel shift, ``(ratio, TAPS)``."""
    return torch.from_numpy(keys_coefficients(ratio)).float().to(device)


def upsample(ms: Tensor, ratio: int) -> Tensor:
    """:func:`interpolate` without a sub-pixel shift."""
    return interpolate(bordered(ms), *(coefficients(ratio, ms.device),) * 2)


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


@custom_gradient
def haar(x: Tensor) -> Differentiable[Bands]:
    """LL, LH, HL, HH ``(N, C, H/2, W/2)`` of ``(N, C, H, W)``; raises :class:`FormatError` for odd sizes."""
    return split(x), join, ()


@custom_gradient
def inverse_haar(ll: Tensor, lh: Tensor, hl: Tensor, hh: Tensor, shift: int, fmt: Format) -> Differentiable[Tensor]:
    """``(N, C, H, W)`` in ``fmt`` of four ``(N, C, H/2, W/2)``, ``shift >= 1`` bits rounded off."""
    if shift < 1:
        raise FormatError(f"an inverse wavelet rounds at least one bit off, not {shift}")

    def gradients(gradient: Tensor, result: Tensor) -> Bands:
        return split(_inside(gradient, result, fmt).mul_(2.0**-shift))

    result = join(ll, lh, hl, hh, 2.0 ** (shift - 1)).mul_(2.0**-shift).floor_().clamp_(fmt.min, fmt.max)
    return result, gradients, (result,)


@custom_gradient
def average_pool(x: Tensor) -> Differentiable[Tensor]:
    """Rounded mean of each 2x2 block, a quarter exactly; raises :class:`FormatError` for odd sizes."""

    def gradients(gradient: Tensor) -> Tensor:
        return functional.interpolate(gradient * 0.25, scale_factor=2, mode="nearest")

    _quarters(x)
    return functional.avg_pool2d(x, 2).add_(0.5).floor_(), gradients, ()


@custom_gradient
def bilinear_up(x: Tensor) -> Differentiable[Tensor]:
    """Twice the size, bilinear, edges replicated: PyTorch's own, whose weights are exact sixteenths, rounded."""
    shape, size = list(x.shape), [2 * x.shape[2], 2 * x.shape[3]]

    def gradients(gradient: Tensor) -> Tensor:
        up = torch.ops.aten.upsample_bilinear2d_backward(gradient, size, shape, False, 2.0, 2.0)
        return up  # type: ignore[no-any-return]

    up = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    return up.add_(0.5).floor_(), gradients, ()


@custom_gradient
def add(a: Tensor, b: Tensor, fmt: Format) -> Differentiable[Tensor]:
    """Saturating sum of two tensors of the same fraction."""
    result = (a + b).clamp_(fmt.min, fmt.max)
    return result, lambda gradient, result: (_inside(gradient, result, fmt),) * 2, (result,)
