"""Parts of the rivals' binary units, in floating point: signs with a chosen gradient, binary convolutions.

A binary convolution is a module with ``binary = True`` whose only four-dimensional parameter is its one-bit weights, so
that costs can be counted by looking at modules; no other module has that attribute.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from bitpan.models.layers.gradient import Differentiable, custom_gradient
from bitpan.models.layers.kernels import real_signs

Surrogate = Callable[[Tensor, Tensor], Tensor]
"""The gradient in front of a sign from the one behind it and the sign's argument."""


@custom_gradient
def through(value: Tensor, x: Tensor, surrogate: Surrogate) -> Differentiable[Tensor]:
    """``value`` forward, to the last bit; backward the gradient of ``x`` (of the same shape) by ``surrogate``.

    Adding and subtracting a smooth function would leave rounding errors.
    """
    return value.view_as(value), lambda gradient, x: (None, surrogate(gradient, x)), (x,)


def sign(x: Tensor, surrogate: Surrogate) -> Tensor:
    """+1 where ``x >= 0``, else -1, with the gradient of ``surrogate``."""
    return through(real_signs(x.detach()), x, surrogate)


def identity(gradient: Tensor, x: Tensor) -> Tensor:
    """1 everywhere."""
    return gradient


def clipped(gradient: Tensor, x: Tensor) -> Tensor:
    """1 where ``|x| <= 1``, else 0 (Hubara et al., NeurIPS 2016)."""
    return gradient * (x.abs() <= 1.0)


def mean_scaled(weight: Tensor, surrogate: Surrogate) -> Tensor:
    """``alpha*sign(W)`` of weights ``(O, I, 3, 3)``, ``alpha = mean|W|`` per output without a gradient."""
    real = weight.detach()
    return through(real.abs().mean(dim=(1, 2, 3), keepdim=True) * real_signs(real), weight, surrogate)


class BinaryConv2d(nn.Module):
    """3x3 convolution of signs ``(N, C, H, W)`` with one-bit weights, padded with -1: its input holds signs alone.

    The weights start where their mean magnitude, which most units scale by, is ``1/sqrt(9C)``: the output of random
    signs then has unit spread.
    """

    binary = True

    def __init__(self, channels: int, surrogate: Surrogate = clipped) -> None:
        super().__init__()
        self.surrogate = surrogate
        self.weight = nn.Parameter(torch.empty(channels, channels, 3, 3))
        nn.init.normal_(self.weight, std=math.sqrt(math.pi / 2 / (9 * channels)))

    def effective(self) -> Tensor:
        """The weights that act, ``(O, I, 3, 3)``: +1 and -1, times a scale per output where the unit has one."""
        return sign(self.weight, self.surrogate)

    def forward(self, s: Tensor) -> Tensor:
        """Signs to sums, ``(N, C, H, W)``."""
        return functional.conv2d(functional.pad(s, (1, 1, 1, 1), value=-1.0), self.effective())


class MeanScaledConv2d(BinaryConv2d):
    """Weights ``alpha*sign(W)``, ``alpha = mean|W|`` per output without a gradient (XNOR-Net, ECCV 2016).

    The gradient of W is the clipped identity's, not scaled, as in the published code of ReActNet and BBCU.
    """

    def effective(self) -> Tensor:
        """See :meth:`BinaryConv2d.effective`."""
        return mean_scaled(self.weight, self.surrogate)


def set_progress(network: nn.Module, progress: float) -> None:
    """Tell every unit that asks how much of the training is over, 0 to 1 (IR-Net's gradients depend on it)."""
    for module in network.modules():
        if hasattr(module, "progress"):
            module.progress = progress  # type: ignore[assignment]
