"""RPReLU in floating point, of the rivals' units and of the full-precision twins (ReActNet, ECCV 2020)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from bitpan.models.layers.kernels import KERNELS


class _RPReLU(torch.autograd.Function):
    """One pass back, where autograd's own takes six; PyTorch's PReLU alone is three times as slow there on a CPU."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gamma: Tensor, slope: Tensor, zeta: Tensor) -> Tensor:  # noqa: ANN401
        """``(N, C, H, W)`` to the same; the others are ``(C,)``."""
        ctx.save_for_backward(x, gamma, slope)
        return KERNELS["real_rprelu"](x, gamma, slope, zeta)  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:  # noqa: ANN401
        """Of x, gamma, slope and zeta."""
        return KERNELS["real_rprelu_gradients"](gradients[0], *ctx.saved_tensors)  # type: ignore[no-any-return]


class RPReLU(nn.Module):
    """``zeta + prelu(x - gamma)`` with shifts and slope per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(channels))
        self.slope = nn.Parameter(torch.full((channels,), 0.25))
        self.zeta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` to the same."""
        return _RPReLU.apply(x, self.gamma, self.slope, self.zeta)  # type: ignore[no-any-return,no-untyped-call]
