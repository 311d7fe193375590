"""BNNPan's LDPC and CDC as the one multiply-add per channel that leaves the network (Hou et al., CVPR 2025).

``O = W_c * (Y * z_w + z_b) + Y``, so ``O = Y * (W_c * z_w + 1) + W_c * z_b``: a scene parameter.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bitpan.arithmetic import AFFINE, AFFINE_FRACTION, AFFINE_SCALE
from bitpan.formats import Format
from bitpan.model import SceneParameter
from bitpan.model import Tensor as Edge
from bitpan.models.layers import kernels
from bitpan.models.layers.functional import integers_of, requantise
from bitpan.models.layers.gradient import Differentiable, custom_gradient
from bitpan.models.layers.operation import Context, SceneOperation

TINY = 1e-12
"""Least variance: the spread of a constant channel is almost zero and has no gradient."""

CDC_START = -2.0
"""Where ``W_c = sigmoid(.)`` starts, small so that a block's gain is about one."""


@custom_gradient
def channel_moments(y: Tensor, scale: Tensor, offset: Tensor) -> Differentiable[tuple[Tensor, Tensor, Tensor]]:
    """Means over each image's channels, ``(N, C, 1, 1)``: of ``|scale*y + offset|``, of y and of its square.

    Three passes over ``y (N, C, H, W)`` and one back; autograd's own would be twenty, a fifth of a training's time.
    """
    return kernels.channel_moments(y, scale, offset), kernels.channel_moments_gradients, (y, scale, offset)


def channel_affine(y: Tensor, affine: Tensor, fmt: Format) -> Tensor:
    """``y (N, C, H, W)`` with given scales and offsets ``(2, C)``."""
    scale, offset = affine[:, None, :, None, None]
    return requantise(y * scale + offset, AFFINE_FRACTION, fmt)


class ChannelAffine(SceneOperation):
    """LDPC (a scale and an offset from the latent prior) and CDC (a weight from the scene's own statistics).

    Without the prior z_w = 1 and z_b = 0; without CDC the result is ``Y * z_w + z_b``.
    """

    op = "affine"
    function = staticmethod(channel_affine)
    target: Format

    def __init__(self, channels: int, features: Format, prior: bool, cdc: bool) -> None:
        super().__init__()
        self.target, self.prior, self.cdc = features, prior, cdc
        if prior:
            self.ldpc = nn.Linear(channels, 2 * channels)
            nn.init.normal_(self.ldpc.weight, std=0.01)
            self.ldpc.bias.data = torch.cat([torch.ones(channels), torch.zeros(channels)])
        if cdc:
            self.weigh = nn.Linear(3 * channels, channels)
            nn.init.zeros_(self.weigh.weight)
            nn.init.constant_(self.weigh.bias, CDC_START)

    def parameters_of(self, names: tuple[str, ...], inputs: tuple[str, ...], *tensors: Edge) -> list[SceneParameter]:
        """Scales and offsets, ``(2, C)``."""
        return [SceneParameter(names[0], "affine", (2, tensors[0].channels), AFFINE, inputs[0])]

    def calibration(self, y: Tensor, context: Context, step: float = 1.0) -> tuple[Tensor, Tensor]:
        """Scales and offsets in real units, ``(N, C, 1, 1)``, of features ``y`` in units of ``step``."""
        scale, offset = torch.ones_like(y[:, :, :1, :1]), torch.zeros_like(y[:, :, :1, :1])
        if self.prior:
            scale, offset = self.ldpc(context["prior"])[:, :, None, None].chunk(2, dim=1)
        if not self.cdc:
            return scale, offset
        # Of scale*y + offset; mean and spread follow from those of y.
        magnitude, mean, square = channel_moments(y, scale, offset / step)
        variance = (square - mean.square()).clamp(min=TINY)
        statistics = [magnitude * step, mean * scale * step + offset, variance.sqrt() * scale.abs() * step]
        weight = torch.sigmoid(self.weigh(torch.cat(statistics, dim=1).flatten(1)))[:, :, None, None]
        return weight * scale + 1, weight * offset

    def rounded(self, y: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        """Scales and offsets of features ``y`` in steps, as integers."""
        step = self.target.step
        scale, offset = self.calibration(y, context, step)
        one = 2.0**AFFINE_FRACTION
        return integers_of(scale * one, AFFINE_SCALE), integers_of(offset * (one / step), AFFINE)

    def measure(self, *inputs: Tensor, context: Context) -> tuple[Tensor, ...]:
        """Scales and offsets ``(2, C)`` of one scene."""
        return (torch.stack([value[0, :, 0, 0] for value in self.rounded(inputs[0], context)]),)

    def learn(self, *inputs: Tensor, context: Context) -> Tensor:
        """The features with each image's own scales and offsets."""
        scale, offset = self.rounded(inputs[0], context)
        return requantise(torch.addcmul(offset, inputs[0], scale), AFFINE_FRACTION, self.target)
