"""What a network is made of, frozen in its checkpoint, and its calibration on training images."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from bitpan.arithmetic import lms_format
from bitpan.errors import ModelError
from bitpan.formats import Format
from bitpan.models.layers.resampling import upsample
from bitpan.models.networks.arms import Arms


@dataclass(frozen=True)
class Configuration(Arms):
    """What a network is made of.

    Attributes:
        bands, bits, ratio: MS bands, unsigned bits of the imagery, PAN pixels per MS pixel.
        blocks, channels: depth and width.
        offset: image counts subtracted from the input.
        balance: :func:`bitpan.radiometry.balance_of` its training's images; counts of this network; none where it saw
            counts as they are.
        input_fraction: the input's unit is ``2**(input_fraction + input_shift)`` counts.
        residual_gain: the residual's unit is ``2**residual_gain`` counts.
        seed: of the Gabor banks and of the diffusion's stored draw.
    """

    bands: int = 4
    bits: int = 11
    ratio: int = 4
    blocks: int = 8
    channels: int = 32
    offset: int = 512
    balance: tuple[float, ...] = ()
    input_fraction: int = 8
    residual_gain: int = 6
    seed: int = 0

    def __post_init__(self) -> None:
        self.check_arms()
        object.__setattr__(self, "balance", tuple(self.balance))  # a list in JSON
        if not (self.bands >= 1 and 8 <= self.bits <= 16 and self.ratio in (2, 4) and self.blocks >= 1):
            raise ModelError(
                f"no network has {self.bands} bands, {self.bits} bits, ratio {self.ratio}, {self.blocks} blocks"
            )

    @property
    def input_shift(self) -> int:
        """Bits dropped from the imagery so that the input has at most 12, sign included."""
        return max(0, self.bits - 11)

    @property
    def input(self) -> Format:
        """Format of the centred input."""
        return Format(min(12, self.bits + 1), self.input_fraction)

    @property
    def features(self) -> Format:
        """Format of the features: one is 64 steps."""
        return Format(10, 6)

    @property
    def residual(self) -> Format:
        """Format of the residual: image counts."""
        return lms_format(self.bits)

    @property
    def fused(self) -> Format:
        """Format of the imagery."""
        return Format(self.bits, 0, signed=False)

    def to_json(self) -> dict[str, Any]:
        """As plain types."""
        return asdict(self)


def calibrated(configuration: Configuration, pan: Tensor, ms: Tensor, gt: Tensor) -> Configuration:
    """The configuration whose input and residual have about unit spread on these training images ``(N, ., H, W)``."""
    lms = upsample(ms, configuration.ratio)
    images = torch.cat([pan, lms], dim=1).double()
    mean = float(images.mean())
    spread = float((images - mean).square().mean().sqrt())
    detail = float((gt.double() - lms).square().mean().sqrt())
    return replace(
        configuration,
        offset=round(mean),
        input_fraction=max(0, round(math.log2(max(spread, 1.0)))) - configuration.input_shift,
        residual_gain=max(0, round(math.log2(max(detail, 1.0)))),
    )
