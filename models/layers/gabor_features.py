"""GSFA on the features: each channel plus its own frozen Gabor convolution, in front of the sign (S2BNet)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from bitpan.errors import FormatError
from bitpan.formats import Format
from bitpan.models.layers.functional import EXACT, convolve, requantise, round_half_up
from bitpan.models.layers.gabor import gabor_bank
from bitpan.models.layers.operation import Operation

WEIGHTS = Format(8, 6)
"""Format of the filters, the features' own share included; their fraction is the rounding shift."""


def depthwise(x: Tensor, weights: Tensor, shift: int, fmt: Format) -> Tensor:
    """Each channel of ``x (N, C, H, W)`` with its own filter ``(C, 1, 3, 3)``, rounded and saturated."""
    return requantise(convolve(x, weights, padding=1, groups=len(weights)), shift, fmt)


class GaborFeatures(Operation):
    """``clip(x + ((sum_k w_k*x_k + half) >> shift))`` with ``w = round(2**shift * lambda * G)``.

    G is a frozen Gabor bank, one filter per channel, and lambda, per channel, is learned. ``2**shift * x`` joins the
    sum without changing a bit, so the features are one more share of the filter's centre, and the whole is one
    depthwise convolution of 8-bit weights.
    """

    op = "depthwise"
    function = staticmethod(depthwise)
    target: Format
    gabor: Tensor
    identity: Tensor

    def __init__(self, channels: int, features: Format, seed: int) -> None:
        super().__init__()
        self.target = features
        self.register_buffer("gabor", torch.from_numpy(gabor_bank(channels, 1, 3, seed)).float())
        identity = functional.pad(torch.full((1, 1, 1, 1), float(1 << WEIGHTS.fraction)), (1, 1, 1, 1))
        self.register_buffer("identity", identity, persistent=False)
        self.mix = nn.Parameter(torch.full((channels,), 0.25))
        bound = 9 * WEIGHTS.min * features.min + (1 << (WEIGHTS.fraction - 1))
        if bound >= EXACT:
            raise FormatError(f"Gabor sums of {features.bits}-bit features may reach {bound}, beyond float32")

    def integers(self) -> tuple[Tensor, int]:
        """Filters ``(C, 1, 3, 3)``, and the rounding shift."""
        added = round_half_up(self.mix[:, None, None, None] * self.gabor * 2.0**WEIGHTS.fraction)
        return (self.identity + added).clamp(WEIGHTS.min, WEIGHTS.max), WEIGHTS.fraction
