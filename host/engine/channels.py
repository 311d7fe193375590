"""What BNNPan does over the channels of a pixel: norm and affine; see :mod:`bitpan.host.engine.kernels`.

Both are made for 16-bit tensors, and for constants that keep them in 32 bits.
"""

from __future__ import annotations

import numpy as np

from bitpan.arithmetic import AFFINE_FRACTION, NORM_FRACTION, NORM_MEAN
from bitpan.formats import Format
from bitpan.host.compiled.machine_code import Compiled
from bitpan.host.engine.step import Array, Rows, Step, narrow

_NORM, _AFFINE = Compiled("channels.norm"), Compiled("channels.affine")

FEATURE_BITS = 14
"""So wide may the norm's features be: a feature and a mean are within 16 bits."""


@narrow
def norm(x: Array, residual: Array, gain: Array, centre: Array, bias: Array, step: Step) -> Rows | None:
    """Norm over the channels of each pixel, and the residual.

    With these bounds a product stays below ``2**30``, a sum of squares below ``2**32``, a variance below ``2**53``.
    """
    channels, bits = x.shape[1], max(fmt.bits for fmt in (*step.inputs, step.format))
    halves = np.stack([gain, centre, bias + (1 << (NORM_FRACTION - 1))]).astype(np.int64)
    few = channels <= 512 and channels << (2 * bits - 2) < 1 << 32
    if not few or bits > FEATURE_BITS or abs(halves).max() >= 1 << 15:
        return None
    products = (halves[0] & 0xFFFF | halves[2] << 16).astype(np.int32)
    places, reciprocal = (channels - 1).bit_length(), round((1 << NORM_MEAN) / channels)
    numbers = halves[1].astype(np.int16), products, places, reciprocal, step.format.min, step.format.max
    return step.rows(_NORM, channels, x, residual, *numbers, over=x)


@narrow
def affine(y: Array, affine: Array, step: Step) -> Rows | None:
    """Scale and offset per channel, ``(2, C)``."""
    numbers = affine_numbers(affine, step.format)
    if numbers is None:
        return None
    return step.rows(_AFFINE, y.shape[1], y, *numbers, step.format.min, step.format.max, over=y)


def affine_numbers(affine: Array, fmt: Format) -> tuple[Array, Array] | None:
    """Scales and offsets as the kernels take them; None where they do not keep what is of this format in 32 bits."""
    scale, offset = np.asarray(affine, dtype=np.int64)
    if fmt.bits > 15 or abs(scale).max() > 1 << 14 or abs(offset).max() > 1 << 29:
        return None
    return scale.astype(np.int32) & 0xFFFF, (offset + (1 << (AFFINE_FRACTION - 1))).astype(np.int32)
