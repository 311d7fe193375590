"""The orthonormal Haar wavelet in floating point: each direction is the other's gradient."""

from __future__ import annotations

from torch import Tensor

from bitpan.models.layers.gradient import Differentiable, custom_gradient
from bitpan.models.layers.resampling import Bands, join, split


def _subbands(x: Tensor) -> Bands:
    ll, lh, hl, hh = split(x)
    return ll.mul_(0.5), lh.mul_(0.5), hl.mul_(0.5), hh.mul_(0.5)


def _image(ll: Tensor, lh: Tensor, hl: Tensor, hh: Tensor) -> Tensor:
    return join(ll, lh, hl, hh).mul_(0.5)


@custom_gradient
def haar(x: Tensor) -> Differentiable[Bands]:
    """Orthonormal LL, LH, HL, HH ``(N, C, H/2, W/2)`` of ``x (N, C, H, W)``, see :func:`bitpan.arithmetic.haar`.

    Raises:
        FormatError: for odd sizes.
    """
    return _subbands(x), _image, ()


@custom_gradient
def inverse_haar(ll: Tensor, lh: Tensor, hl: Tensor, hh: Tensor) -> Differentiable[Tensor]:
    """The image ``(N, C, 2h, 2w)`` whose :func:`haar` subbands these are."""
    return _image(ll, lh, hl, hh), _subbands, ()
