"""The full-precision twin of S2BNet's unit: the same operations in floating point, for comparison."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from bitpan.formats import Format
from bitpan.models.layers import SpectralRedistribution


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
        y = functional.prelu(y - self.gamma[:, None, None], self.slope)
        return x + y + self.zeta[:, None, None]
