"""What changes resolution: wavelet, pool, bilinear, skip; see :mod:`bitpan.host.engine.kernels`.

All are made for 16-bit tensors, whose sums 32 bits hold.
"""

from __future__ import annotations

import numpy as np

from bitpan.arithmetic import haar_format
from bitpan.host.compiled.machine_code import Compiled
from bitpan.host.engine.step import Array, Rows, Step, narrow, narrowest

_HAAR, _INVERSE_HAAR = Compiled("resampling.haar"), Compiled("resampling.inverse_haar")
_POOL, _UP, _ADD = Compiled("resampling.pool"), Compiled("resampling.up"), Compiled("resampling.add")


@narrow
def haar(x: Array, step: Step) -> Rows | None:
    """The subbands, ``(4, C, H/2, W/2)``."""
    return step.rows(_HAAR, x.shape[1], x, dtype=narrowest(haar_format(step.inputs[0])), images=(4,))


@narrow
def inverse_haar(ll: Array, lh: Array, hl: Array, hh: Array, shift: int, step: Step) -> Rows | None:
    """The image."""
    if not 1 <= shift <= 30:
        return None
    largest = 4 * max(-fmt.min for fmt in step.inputs) + (1 << shift) + step.format.max
    half = np.array([1 << (shift - 1)], np.int16 if largest < 1 << 15 else np.int32)
    return step.rows(_INVERSE_HAAR, ll.shape[1], ll, lh, hl, hh, half, shift, step.format.min, step.format.max)


@narrow
def pool(x: Array, step: Step) -> Rows | None:
    """Half the size."""
    return step.rows(_POOL, x.shape[1], x)


@narrow
def up(x: Array, step: Step) -> Rows | None:
    """Twice the size."""
    return step.rows(_UP, x.shape[1], x, step.size[0] // 2)


@narrow
def add(a: Array, b: Array, step: Step) -> Rows | None:
    """Saturating sum."""
    return step.rows(_ADD, a.shape[1], a, b, step.format.min, step.format.max)
