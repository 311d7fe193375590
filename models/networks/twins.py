"""The full-precision twin of S2BNet's unit: the same operations in floating point, for comparison.

Two units stand between the twin and the binary one, to tell which of the two signs costs what: one has the weights'
sign alone (W1A32), the other the activations' (W32A1). They are instruments and nothing to build: no hardware here has
XNORs for them, and :mod:`bitpan.models.networks.cost` counts them as full precision.

BNNPan's twin is a network of its own, :mod:`bitpan.models.networks.bnnpan_twin`.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from bitpan.formats import Format
from bitpan.models.layers.binary import identity, mean_scaled, sign
from bitpan.models.layers.kernels import quadratic
from bitpan.models.layers.learned import SpectralRedistribution
from bitpan.models.layers.rprelu import RPReLU


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
        y = self.convolve(torch.addcmul(b[:, :, None, None], x, k[:, :, None, None]))
        return x + self.rprelu(y)  # type: ignore[no-any-return]

    def convolve(self, x: Tensor) -> Tensor:
        """Calibrated features ``(N, C, H, W)`` to the same size."""
        return self.conv(x)  # type: ignore[no-any-return]


class BinaryWeightUnit(FloatUnit):
    """Real activations, weights ``alpha*sign(W)`` with ``alpha = mean|W|`` per output (BWN of XNOR-Net, ECCV 2016)."""

    def convolve(self, x: Tensor) -> Tensor:
        """See :meth:`FloatUnit.convolve`."""
        return functional.conv2d(x, mean_scaled(self.conv.weight, identity), padding=1)


class BinaryActivationUnit(FloatUnit):
    """Real weights, the sign of the activations, padded with -1 as everywhere here."""

    def convolve(self, x: Tensor) -> Tensor:
        """See :meth:`FloatUnit.convolve`."""
        return functional.conv2d(functional.pad(sign(x, quadratic), (1, 1, 1, 1), value=-1.0), self.conv.weight)


TWINS: dict[str, type[FloatUnit]] = {"fp": FloatUnit, "w1a32": BinaryWeightUnit, "w32a1": BinaryActivationUnit}
"""S2BNet's unit without its two signs, with the weights' alone and with the activations' alone, by name."""
