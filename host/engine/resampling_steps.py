"""The compiled engine's steps that change resolution or join resolutions.

Each returns None where its kernel is not made for the numbers, for the reference to do the work.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bitpan.arithmetic import haar_format
from bitpan.formats import Format
from bitpan.host.engine import resampling_kernels as kernels
from bitpan.host.engine.narrow import Array, Share, narrowest


def are_narrow(*tensors: Array) -> bool:
    """Whether all are stored in 16 bits, as the kernels expect."""
    return all(tensor.dtype == np.int16 for tensor in tensors)


def haar(x: Array, fmt: Format, share: Share) -> Array | None:
    """The subbands of x, which is in ``fmt``, ``(4, C, H/2, W/2)``."""
    channels, height, width = x.shape
    if not are_narrow(x) or height % 2 or width % 2:
        return None
    out = np.empty((4, channels, height // 2, width // 2), narrowest(haar_format(fmt)))
    share(lambda first, last: kernels.haar(x, out, first, last), height // 2)
    return out


def inverse_haar(subbands: Sequence[Array], shift: int, fmt: Format, share: Share) -> Array | None:
    """The image in ``fmt``."""
    if not are_narrow(*subbands) or not 1 <= shift <= 30 or fmt.bits > 30:
        return None
    ll, lh, hl, hh = subbands
    channels, height, width = ll.shape
    out = np.empty((channels, 2 * height, 2 * width), narrowest(fmt))

    def rows(first: int, last: int) -> None:
        kernels.inverse_haar(ll, lh, hl, hh, shift, fmt.min, fmt.max, out, first, last)

    share(rows, 2 * height)
    return out


def pool(x: Array, share: Share) -> Array | None:
    """Half the size."""
    channels, height, width = x.shape
    if not are_narrow(x) or height % 2 or width % 2:
        return None
    out = np.empty((channels, height // 2, width // 2), x.dtype)
    share(lambda first, last: kernels.pool(x, out, first, last), height // 2)
    return out


def up(x: Array, share: Share) -> Array | None:
    """Twice the size."""
    channels, height, width = x.shape
    if not are_narrow(x):
        return None
    out = np.empty((channels, 2 * height, 2 * width), x.dtype)
    share(lambda first, last: kernels.up(x, out, first, last), 2 * height)
    return out


def add(a: Array, b: Array, fmt: Format, share: Share) -> Array | None:
    """The sum in ``fmt``."""
    if not are_narrow(a, b) or fmt.bits > 30:
        return None
    out = np.empty(a.shape, narrowest(fmt))
    share(lambda first, last: kernels.add(a, b, fmt.min, fmt.max, out, first, last), a.shape[1])
    return out
