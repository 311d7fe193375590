"""Parts of the rivals' binary units, in floating point: signs with a chosen gradient, binary convolutions.

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

from bitpan.models.layers.kernels import KERNELS

Surrogate = Callable[[Tensor, Tensor], Tensor]
"""The gradient in front of a sign from the one behind it and the sign's argument."""


class _Through(torch.autograd.Function):
    """The value forward, as it is: adding and subtracting a smooth function would leave rounding errors."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, x: Tensor, surrogate: Surrogate) -> Tensor:  # noqa: ANN401
        """``value``, to the last bit."""
        ctx.surrogate = surrogate
        ctx.save_for_backward(x)
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        """To x alone."""
        return None, ctx.surrogate(gradients[0], *ctx.saved_tensors), None


def through(value: Tensor, x: Tensor, surrogate: Surrogate) -> Tensor:
    """``value`` forward, backward the gradient of ``x`` (of the same shape) by ``surrogate``."""
    return _Through.apply(value, x, surrogate)  # type: ignore[no-any-return,no-untyped-call]


def signs(x: Tensor) -> Tensor:
    """+1 where ``x >= 0``, else -1; never 0."""
    return KERNELS["real_signs"](x)  # type: ignore[no-any-return]


def sign(x: Tensor, surrogate: Surrogate) -> Tensor:
    """:func:`signs` with the gradient of ``surrogate``."""
    return through(signs(x.detach()), x, surrogate)


def identity(gradient: Tensor, x: Tensor) -> Tensor:
    """1 everywhere."""
    return gradient


def clipped(gradient: Tensor, x: Tensor) -> Tensor:
    """1 where ``|x| <= 1``, else 0 (Hubara et al., NeurIPS 2016)."""
    return gradient * (x.abs() <= 1.0)


def quadratic(gradient: Tensor, x: Tensor) -> Tensor:
    """``max(0, 2 - |2x|)`` (Bi-Real Net, ECCV 2018)."""
    return KERNELS["quadratic"](gradient, x)  # type: ignore[no-any-return]


def hyperbolic(gradient: Tensor, x: Tensor) -> Tensor:
    """That of ``tanh(x)`` (BiSRNet, NeurIPS 2023)."""
    return KERNELS["hyperbolic"](gradient, x)  # type: ignore[no-any-return]


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
        return through(alpha * signs(self.weight.detach()), self.weight, self.surrogate)


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
