"""The full-precision twin of S2BNet's unit: the same operations in floating point, for comparison.

BNNPan's is a network of its own, :mod:`bitpan.models.bnnpan_twin`.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from bitpan.formats import Format
from bitpan.models.functional import Context
from bitpan.models.kernels import KERNELS
from bitpan.models.layers import SpectralRedistribution


class _PReLU(torch.autograd.Function):
    """PyTorch's own forward, and a third of the time of its backward on a CPU."""

    @staticmethod
    def forward(ctx: Context, y: Tensor, slope: Tensor) -> Tensor:
        """``y`` where it is positive, else ``slope * y``."""
        ctx.save_for_backward(y, slope)
        return functional.prelu(y, slope)

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        """Of y and slope."""
        return KERNELS["prelu_gradients"](gradients[0], *ctx.saved_tensors)  # type: ignore[no-any-return]


def prelu(y: Tensor, slope: Tensor) -> Tensor:
    """PReLU of ``y (N, C, H, W)`` with a slope ``(C,)`` for each channel."""
    return _PReLU.apply(y, slope)  # type: ignore[no-any-return,no-untyped-call]


class FloatUnit(nn.Module):
    """The twin of :class:`S2BConv`: the same operations with real weights and no sign."""

    def __init__(self, channels: int, srm: str, features: Format) -> None:
        super().__init__()
        self.srm = SpectralRedistribution(channels, srm, replace(features, fraction=0))
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.slope = nn.Parameter(torch.full((channels,), 0.25))
        self.gamma = nn.Parameter(torch.zeros(channels))
        self.zeta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Features ``(N, C, H, W)`` to features."""
        k, b = self.srm.calibration(x)
        y = self.conv(torch.addcmul(b[:, :, None, None], x, k[:, :, None, None]))
        y = prelu(y - self.gamma[:, None, None], self.slope)
        return x + y + self.zeta[:, None, None]
