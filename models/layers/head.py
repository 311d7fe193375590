"""The first convolution with fewer weights for the MS, which is smooth: those outside a few of its taps are zero.

It is a convolution like any other, of which hardware leaves the zeros out. At four bands a full head has 45 products an
output:

- ``split`` sees the MS at the kernel's centre alone: 13;
- ``planes`` sees every second band in three taps, which tell its level and both its slopes, the others at the centre:
  17. Neighbouring bands have much the same slopes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

TRIANGLE = [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


def kept_weights(head: str, bands: int) -> Tensor:
    """Ones and zeros ``(1, 1 + B, 3, 3)`` for PAN and B bands: what a ``head`` keeps."""
    kept = torch.ones(1, 1 + bands, 3, 3)
    if head != "full":
        kept[:, 1:] = 0.0
    if head == "split":
        kept[:, 1:, 1, 1] = 1.0
    if head == "planes":
        kept[:, 1::2, 1, 1] = 1.0
        kept[:, 2::4] = torch.tensor(TRIANGLE)
        kept[:, 4::4] = torch.tensor(TRIANGLE[::-1])
    return kept


def nearest(weight: Tensor, kept: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
    """Weights that are ``kept`` alone, and biases ``(O,)``, that come nearest to ``weight (O, I, k, k)``.

    What the convolution of ``images (N, I, H, W)`` gives is approximated by least squares.
    """
    columns = functional.unfold(images.double(), weight.shape[-1]).transpose(0, 1).flatten(1)
    given = weight.double().flatten(1) @ columns
    chosen = kept.flatten() > 0
    seen = torch.cat([columns[chosen], torch.ones_like(columns[:1])])
    # Smooth images leave the weights open: of all that come as near, the smallest.
    found = torch.linalg.pinv(seen @ seen.T, rtol=1e-10, hermitian=True) @ (seen @ given.T)
    near = torch.zeros_like(weight).flatten(1)
    near[:, chosen] = found[:-1].T.to(weight.dtype)
    return near.reshape(weight.shape), found[-1].to(weight.dtype)


class FloatHead(nn.Conv2d):
    """The first convolution in floating point, padded with 0.

    Attributes:
        kept: see :func:`kept_weights`.
    """

    kept: Tensor

    def __init__(self, bands: int, outputs: int, head: str) -> None:
        super().__init__(1 + bands, outputs, 3, padding=1)
        self.register_buffer("kept", kept_weights(head, bands), persistent=False)
        self.weight.data.mul_(self.kept)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, 1 + B, H, W)`` to ``(N, O, H, W)``."""
        return functional.conv2d(x, self.weight * self.kept, self.bias, padding=1)
