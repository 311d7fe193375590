"""Parts of the rivals' binary units, in floating point: signs with a chosen gradient, binary convolutions, RPReLU.

A binary convolution is a module with ``binary = True`` whose only four-dimensional parameter is its one-bit weights, so
that costs can be counted by looking at modules; no other module has that attribute.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Surrogate = Callable[[Tensor], Tensor]
"""The smooth function whose derivative stands in for the sign's."""


class _Through(torch.autograd.Function):
    """One tensor forward, another one's gradient backward; subtracting and adding it would leave rounding errors."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, surrogate: Tensor) -> Tensor:  # noqa: ANN401
        """``value``, to the last bit."""
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        """To the surrogate alone."""
        return None, gradients[0]


def through(value: Tensor, surrogate: Tensor) -> Tensor:
    """``value`` forward, the gradient of ``surrogate`` (of the same shape) backward."""
    return _Through.apply(value, surrogate)  # type: ignore[no-any-return,no-untyped-call]


def signs(x: Tensor) -> Tensor:
    """+1 where ``x >= 0``, else -1; never 0."""
    return (x >= 0).to(x.dtype) * 2 - 1


def sign(x: Tensor, surrogate: Surrogate) -> Tensor:
    """:func:`signs` with the gradient of ``surrogate``."""
    return through(signs(x), surrogate(x))


def identity(x: Tensor) -> Tensor:
    """Gradient 1 everywhere."""
    return x


def clipped(x: Tensor) -> Tensor:
    """Gradient 1 where ``|x| <= 1``, else 0 (Hubara et al., NeurIPS 2016)."""
    return x.clamp(-1.0, 1.0)


def quadratic(x: Tensor) -> Tensor:
    """Gradient ``max(0, 2 - |2x|)`` (Bi-Real Net, ECCV 2018)."""
    inside = x.clamp(-1.0, 1.0)
    return inside * (2.0 - inside.abs())


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
        alpha = self.weight.detach().abs().mean(dim=(1, 2, 3), keepdim=True)
        return through(alpha * signs(self.weight), self.surrogate(self.weight))


class RPReLU(nn.Module):
    """``zeta + prelu(x - gamma)`` with shifts and slope per channel (ReActNet, ECCV 2020)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(channels))
        self.slope = nn.Parameter(torch.full((channels,), 0.25))
        self.zeta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` to the same."""
        return functional.prelu(x - self.gamma[:, None, None], self.slope) + self.zeta[:, None, None]


class BinaryUnit(nn.Module):
    """Features ``(N, C, H, W)`` to features around binary convolutions."""

    @property
    def binary_weights(self) -> int:
        """Number of one-bit weights."""
        return sum(module.weight.numel() for module in self.modules() if isinstance(module, BinaryConv2d))


def set_progress(network: nn.Module, progress: float) -> None:
    """Tell every unit that asks how much of the training is over, 0 to 1 (IR-Net's gradients depend on it)."""
    for module in network.modules():
        tell = getattr(module, "set_progress", None)
        if tell is not None:
            tell(progress)
