"""The full-precision twin of S2BNet-flat: the same topology in floating point, for comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from bitpan.formats import Format
from bitpan.models.configuration import Configuration
from bitpan.models.functional import add_clip
from bitpan.models.layers import SpectralRedistribution
from bitpan.models.pansharpener import PanSharpener


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


class S2BNetFlatFloat(PanSharpener):
    """The full-precision twin, for comparison; it has no integer form and cannot be exported."""

    name = "s2bnet-flat-fp"

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration)
        own = configuration
        self.head = nn.Conv2d(1 + own.bands, own.channels, 3, padding=1)
        self.blocks = nn.Sequential(*(FloatUnit(own.channels, own.srm, own.features) for _ in range(own.blocks)))
        self.tail = nn.Conv2d(own.channels, own.bands, 1)
        self.tail.weight.data.mul_(0.1)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def float_parts(self) -> list[nn.Module]:
        """The blocks; the head's input needs more than 8 bits, and the tail's output is the residual."""
        return [self.blocks]

    def forward(self, pan: Tensor, ms: Tensor, scene: Mapping[str, Tensor] | None = None) -> Tensor:
        """See :meth:`PanSharpener.forward`; statistics are always the image's own."""
        values = self.prepare(pan, ms)
        x = (values["input"] * self.configuration.input.step).contiguous(memory_format=torch.channels_last)
        residual = self.tail(self.blocks(self.head(x))) * 2.0**self.configuration.residual_gain
        return add_clip(values["lms"], residual, self.configuration.fused)
