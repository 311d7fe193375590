"""The full-precision twin of S2BNet's unit: the same operations in floating point, for comparison.

BNNPan's is a network of its own, :mod:`bitpan.models.bnnpan_twin`.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from bitpan.formats import Format
from bitpan.models.layers import SpectralRedistribution
from bitpan.models.rprelu import RPReLU


class FloatUnit(nn.Module):
    """The twin of :class:`S2BConv`: the same operations with real weights and no sign."""

    def __init__(self, channels: int, srm: str, features: Format) -> None:
        super().__init__()
        self.srm = SpectralRedistribution(channels, srm, replace(features, fraction=0))
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.rprelu = RPReLU(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Features ``(N, C, H, W)`` to features."""
        k, b = self.srm.calibration(x)
        y = self.conv(torch.addcmul(b[:, :, None, None], x, k[:, :, None, None]))
        return x + self.rprelu(y)  # type: ignore[no-any-return]
