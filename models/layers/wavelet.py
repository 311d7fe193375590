"""The orthonormal Haar wavelet in floating point: each direction is the other's gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from bitpan.models.layers.functional import Context
from bitpan.models.layers.resampling import Bands, join, split


class _Haar(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Bands:
        return _subbands(x)

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> Tensor:
        ll, lh, hl, hh = gradients
        return _image(ll, lh, hl, hh)


class _InverseHaar(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, ll: Tensor, lh: Tensor, hl: Tensor, hh: Tensor) -> Tensor:
        return _image(ll, lh, hl, hh)

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> Bands:
        return _subbands(gradients[0])


def _subbands(x: Tensor) -> Bands:
    ll, lh, hl, hh = split(x)
    return ll.mul_(0.5), lh.mul_(0.5), hl.mul_(0.5), hh.mul_(0.5)


def _image(ll: Tensor, lh: Tensor, hl: Tensor, hh: Tensor) -> Tensor:
    return join(ll, lh, hl, hh).mul_(0.5)


def haar(x: Tensor) -> Bands:
    """Orthonormal LL, LH, HL, HH ``(N, C, H/2, W/2)`` of ``x (N, C, H, W)``, see :func:`bitpan.arithmetic.haar`.

    Raises:
        FormatError: for odd sizes.
    """
    return _Haar.apply(x)  # type: ignore[no-any-return,no-untyped-call]


def inverse_haar(ll: Tensor, lh: Tensor, hl: Tensor, hh: Tensor) -> Tensor:
    """The image ``(N, C, 2h, 2w)`` whose :func:`haar` subbands these are."""
    return _InverseHaar.apply(ll, lh, hl, hh)  # type: ignore[no-any-return,no-untyped-call]
