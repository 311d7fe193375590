""":func:`bitpan.camera.consistency.consistent` as a PyTorch function, equal to it in every bit.

What is fused is corrected before anybody sees it. So a network is trained by its image behind the correction: what is
wider than an MS pixel it need not learn. The correction is a linear map along one axis after the other, in float64,
which holds all sums; the gradient is the map's adjoint, straight through the roundings.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bitpan.arithmetic import COEFFICIENT_BITS
from bitpan.camera.consistency import FRACTION_BITS, MOST_COUNT, Camera, neighbours, seen_pixels


def consistent(fused: Tensor, ms: Tensor, ratio: int) -> Tensor:
    """``fused (N, B, H, W)`` corrected until a typical camera sees ``ms (N, B, H/ratio, W/ratio)`` in it.

    The pair is without a sub-pixel shift, and all of it has data.
    """
    rows, columns = (_axis(length, ratio, fused.device) for length in fused.shape[2:])
    seen = _rounded(rows.camera @ fused.double(), FRACTION_BITS) @ columns.camera.T
    first = ms - _rounded(seen, FRACTION_BITS)
    seen = _rounded(rows.again @ first, FRACTION_BITS) @ columns.again.T
    missing = 2 * first - _rounded(seen, FRACTION_BITS)
    missing = rows.upsampling @ _rounded(missing @ columns.upsampling.T, FRACTION_BITS)
    added = _rounded(_rounded(missing, FRACTION_BITS), 0)
    return (fused + added.to(fused.dtype)).clamp(0, MOST_COUNT)


class _Axis(NamedTuple):
    """An axis of H pixels and h samples: what samples see, ``(h, H)``, what upsampling shows them, and ``(H, h)``."""

    camera: Tensor
    again: Tensor
    upsampling: Tensor


@functools.lru_cache(maxsize=64)
def _axis(length: int, ratio: int, device: torch.device) -> _Axis:
    camera, samples = Camera(ratio), length // ratio
    block, phase = np.divmod(np.arange(length), ratio)
    matrices = (
        _matrix(seen_pixels(length, ratio), camera.taps[0], length),
        _matrix(neighbours(np.arange(samples), samples), camera.again, samples),
        _matrix(neighbours(block, samples), camera.upsampling[0][phase], samples),
    )
    return _Axis(*(torch.from_numpy(matrix).to(device) for matrix in matrices))


def _matrix(places: npt.NDArray[np.intp], weights: npt.ArrayLike, length: int) -> npt.NDArray[np.float64]:
    """Of each row the ``weights`` at its ``places``."""
    matrix = np.zeros((len(places), length))
    np.add.at(matrix, (np.arange(len(places))[:, None], places), np.asarray(weights) * 2.0**-COEFFICIENT_BITS)
    return matrix


def _rounded(x: Tensor, bits: int) -> Tensor:
    """Half up, to so many bits of a fraction."""
    return x + ((x.detach() * 2.0**bits + 0.5).floor() * 2.0**-bits - x.detach())
