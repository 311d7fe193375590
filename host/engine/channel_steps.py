"""The compiled engine's steps over the channels of a pixel; None where a kernel is not made for the numbers."""

from __future__ import annotations

import numpy as np

from bitpan.arithmetic import AFFINE_FRACTION, NORM_MEAN
from bitpan.formats import Format
from bitpan.host.engine import channel_kernels as kernels
from bitpan.host.engine.narrow import Array, Share, narrowest


def norm(x: Array, residual: Array, constants: Array, fmt: Format, share: Share) -> Array | None:
    """The norm; ``constants``: gain, centre, bias, ``(3, C)`` int64.

    With these bounds what is shifted stays below ``2**29``, what is summed below ``2**31``, a variance below ``2**53``.
    """
    channels = len(x)
    gain, centre, bias = np.abs(constants).max(axis=1)
    bounded = channels <= 512 and gain <= 1 << 15 and centre < 1 << 25 and bias < 1 << 29
    if not bounded or fmt.bits > 30 or x.dtype != np.int16 or residual.dtype != np.int16:
        return None
    out, narrow = np.empty(x.shape, narrowest(fmt)), constants.astype(np.int32)
    places, reciprocal = (channels - 1).bit_length(), round((1 << NORM_MEAN) / channels)

    def rows(first: int, last: int) -> None:
        kernels.norm(x, residual, narrow, places, reciprocal, fmt.min, fmt.max, out, first, last)

    share(rows, x.shape[1])
    return out


def affine(x: Array, constants: Array, fmt: Format, share: Share) -> Array | None:
    """Scale and offset per channel, ``(2, C)`` int64."""
    scale, offset = np.abs(constants).max(axis=1)
    if x.dtype != np.int16 or scale > 1 << 14 or offset > 1 << 29 or fmt.bits > 30:
        return None
    scales, offsets = constants
    narrow = np.stack([scales, offsets + (1 << (AFFINE_FRACTION - 1))]).astype(np.int32)
    out = np.empty(x.shape, narrowest(fmt))
    share(lambda first, last: kernels.affine(x, narrow, fmt.min, fmt.max, out, first, last), x.shape[1])
    return out
