"""The integer interpolator in PyTorch: MS on the PAN grid, equal to :func:`bitpan.arithmetic.interpolate`."""

from __future__ import annotations

import torch
from torch import Tensor

from bitpan.arithmetic import COEFFICIENT_BITS, TAPS, keys_coefficients


def _taps(size: int) -> Tensor:
    """Indices of the samples i-2 ... i+2 with replicated edges, ``(size, TAPS)``."""
    reach = TAPS // 2
    return (torch.arange(size)[:, None] + torch.arange(-reach, reach + 1)).clamp_(0, size - 1)


@torch.no_grad()
def interpolate(ms: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """:func:`bitpan.arithmetic.interpolate`, in float64; has no gradient.

    ``(N, B, h, w)`` to ``(N, B, ratio*h, ratio*w)`` with the coefficients ``(ratio, TAPS)`` of the two axes.
    """
    n, bands, height, width = ms.shape
    image = ms.double()[:, :, _taps(height).to(ms.device)]
    image = torch.einsum("bchtw,pt->bchpw", image, rows.double()).reshape(n, bands, -1, width)
    image = _rounded(image)[:, :, :, _taps(width).to(ms.device)]
    image = torch.einsum("bchwt,pt->bchwp", image, columns.double()).reshape(n, bands, rows.shape[0] * height, -1)
    return _rounded(image).to(ms.dtype)


def _rounded(image: Tensor) -> Tensor:
    return image.add_(1 << (COEFFICIENT_BITS - 1)).mul_(2.0**-COEFFICIENT_BITS).floor_()


def coefficients(ratio: int, device: torch.device) -> Tensor:
    """Those of both axes of a pair without a sub-pixel shift, ``(ratio, TAPS)``."""
    return torch.from_numpy(keys_coefficients(ratio)).float().to(device)


def upsample(ms: Tensor, ratio: int) -> Tensor:
    """:func:`interpolate` without a sub-pixel shift."""
    return interpolate(ms, *(coefficients(ratio, ms.device),) * 2)
