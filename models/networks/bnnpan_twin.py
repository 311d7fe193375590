"""The full-precision twin of BNNPan (Hou et al., CVPR 2025): the same operations with real weights and no sign.

Norm, calibration, latent module and training are BNNPan's own in real numbers, and so is every start.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bitpan.arithmetic import haar_format
from bitpan.formats import Format
from bitpan.models.layers.affine import ChannelAffine
from bitpan.models.layers.norm import ChannelNorm
from bitpan.models.layers.operation import Context
from bitpan.models.layers.rprelu import RPReLU
from bitpan.models.layers.wavelet import haar, inverse_haar
from bitpan.models.networks.bnnpan import SUBBANDS, BNNPan
from bitpan.models.networks.configuration import Configuration
from bitpan.models.networks.float_network import FloatNetwork
from bitpan.models.networks.stages import LatentTraining


class NormalisedUnit(nn.Module):
    """The twin of :class:`NormalisedConv`: convolution, RPReLU, per-pixel norm, residual.

    ``features`` says how small a deviation may become in the norm, see :data:`bitpan.models.layers.norm.FLAT`.
    """

    def __init__(self, channels: int, norm: str, features: Format) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.rprelu = RPReLU(channels)
        self.norm = None if norm == "none" else ChannelNorm(channels, features)

    def forward(self, x: Tensor) -> Tensor:
        """Features ``(N, C, H, W)`` to features."""
        y = self.rprelu(self.conv(x))
        return x + y if self.norm is None else self.norm.real(y, x)


class FloatBlock(nn.Module):
    """The twin of BNNPan's :class:`Block`, with the same arms."""

    def __init__(self, own: Configuration) -> None:
        super().__init__()
        self.wavelet, self.outer_skip = own.wavelet == "haar", own.outer_skip == "add"
        features = haar_format(own.features) if self.wavelet else own.features
        names = SUBBANDS if self.wavelet else ("unit",)
        self.units = nn.ModuleDict({name: NormalisedUnit(own.channels, own.norm, features) for name in names})
        prior, cdc = own.prior != "none", own.cdc != "none"
        self.affine = ChannelAffine(own.channels, own.features, prior, cdc) if prior or cdc else None

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """Features ``(N, C, H, W)``, of even H and W where there is a wavelet, to features."""
        if self.wavelet:
            subbands = zip(self.units.values(), haar(x), strict=True)
            y = inverse_haar(*(unit(subband) for unit, subband in subbands))
        else:
            y = self.units["unit"](x)
        if self.outer_skip:
            y = y + x
        if self.affine is None:
            return y
        scale, offset = self.affine.calibration(y, context)
        return torch.addcmul(offset, y, scale)


class BNNPanTwin(LatentTraining, FloatNetwork):
    """BNNPan in floating point."""

    name = f"{BNNPan.name}-fp"
    default_blocks = BNNPan.default_blocks
    head_spread = BNNPan.head_spread

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration)
        self.add_latent()
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def body(self) -> nn.ModuleList:
        """Blocks one after the other."""
        return nn.ModuleList(FloatBlock(self.configuration) for _ in range(self.configuration.blocks))

    def features(self, x: Tensor, context: Context) -> Tensor:
        """The blocks, all with the prior in ``context``."""
        for block in self.blocks.children():
            x = block(x, context)
        return x

    def float_parts(self) -> list[nn.Module]:
        """The units' convolutions: a ratio of deviations wants more than bf16's 8 bits."""
        return [module.conv for module in self.blocks.modules() if isinstance(module, NormalisedUnit)]
