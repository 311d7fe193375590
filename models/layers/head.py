"""The split head: the last inputs of a convolution, the smooth MS, enter at the kernel's centre alone.

It is a convolution like any other, with weights of zero. Hardware leaves these out: a 3x3 head of PAN and four bands
has 13 products an output instead of 45.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def kept_weights(inputs: int, central: int, kernel: int) -> Tensor:
    """Ones and zeros ``(1, I, k, k)``: zero outside the centre for the last ``central`` of the inputs."""
    kept = torch.ones(1, inputs, kernel, kernel)
    kept[:, inputs - central :] = 0.0
    kept[..., kernel // 2, kernel // 2] = 1.0
    return kept


def gathered(weight: Tensor, kept: Tensor) -> Tensor:
    """``weight (O, I, k, k)`` with what is not ``kept`` added to the centre: the same where an input is constant."""
    dropped = (weight * (1 - kept)).sum(dim=(2, 3))
    moved, middle = weight * kept, weight.shape[-1] // 2
    moved[:, :, middle, middle] += dropped
    return moved


class SplitConv2d(nn.Conv2d):
    """A convolution in floating point, padded with 0, whose last ``central`` inputs enter at the kernel's centre alone.

    Attributes:
        kept: see :func:`kept_weights`.
    """

    kept: Tensor

    def __init__(self, inputs: int, outputs: int, kernel: int, central: int = 0) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)
        self.register_buffer("kept", kept_weights(inputs, central, kernel), persistent=False)
        self.weight.data.mul_(self.kept)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, I, H, W)`` to ``(N, O, H, W)``."""
        return functional.conv2d(x, self.weight * self.kept, self.bias, padding=self.padding)
