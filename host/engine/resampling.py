"""What changes resolution: wavelet, pool, bilinear, skip; see :mod:`bitpan.host.engine.kernels`.

All are made for 16-bit tensors, whose sums 32 bits hold.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bitpan.arithmetic import haar_format
from bitpan.formats import Format
from bitpan.host.compiled.machine_code import Compiled
from bitpan.host.engine.channels import affine_numbers
from bitpan.host.engine.images import sum_within
from bitpan.host.engine.step import Array, Rows, Step, narrow, narrowest

_HAAR, _INVERSE_HAAR = Compiled("resampling.haar"), Compiled("resampling.inverse_haar")
_NEXT_SUBBANDS = Compiled("resampling.next_subbands")
_POOL, _UP = Compiled("resampling.pool"), Compiled("resampling.up")


@narrow
def haar(x: Array, step: Step) -> Rows | None:
    """The subbands, ``(4, C, H/2, W/2)``."""
    return step.rows(_HAAR, x.shape[1], x, dtype=narrowest(haar_format(step.inputs[0])), images=(4,))


@narrow
def inverse_haar(ll: Array, lh: Array, hl: Array, hh: Array, shift: int, step: Step) -> Rows | None:
    """The image."""
    return _inverse_haar((ll, lh, hl, hh), shift, step, step.format)


@narrow
def inverse_haar_affine(
    ll: Array, lh: Array, hl: Array, hh: Array, shift: int, affine: Array, step: Step
) -> Rows | None:
    """The image, scaled and offset by channel."""
    (image,), numbers = step.between, affine_numbers(affine, step.format)
    if numbers is None or image.bits > 16:
        return None
    return _inverse_haar((ll, lh, hl, hh), shift, step, image, *numbers, step.format.min, step.format.max)


@narrow
def next_subbands(ll: Array, lh: Array, hl: Array, hh: Array, shift: int, affine: Array, step: Step) -> Rows | None:
    """The subbands of that image, ``(4, C, H/2, W/2)``."""
    (image, scaled), subbands = step.between, (ll, lh, hl, hh)
    numbers = affine_numbers(affine, scaled)
    if numbers is None or image.bits > 16 or not 1 <= shift <= 30:
        return None
    bounds = image.min, image.max, *numbers, scaled.min, scaled.max
    half, dtype = _half(shift, step.inputs, 4, image.max), narrowest(haar_format(scaled))
    return step.rows(_NEXT_SUBBANDS, ll.shape[1], *subbands, half, shift, *bounds, dtype=dtype, images=(4,))


def _inverse_haar(
    subbands: tuple[Array, ...],
    shift: int,
    step: Step,
    image: Format,
    scales: Array | None = None,
    offsets: Array | None = None,
    low: int = 0,
    high: int = 0,
) -> Rows | None:
    if not 1 <= shift <= 30:
        return None
    half, channels = _half(shift, step.inputs, 4, image.max), subbands[0].shape[1]
    numbers = image.min, image.max, scales, offsets, low, high
    return step.rows(_INVERSE_HAAR, channels, *subbands, half, shift, *numbers)


def _half(shift: int, formats: Sequence[Format], count: int, most: int = 0) -> Array:
    """Half of what a shift rounds away, in the type to add up ``count`` numbers in, and ``most``."""
    largest = count * max(max(fmt.max, -fmt.min) for fmt in formats) + (1 << shift) + most
    return np.array([1 << (shift - 1)], np.int16 if largest < 1 << 15 else np.int32)


@narrow
def pool(x: Array, step: Step) -> Rows | None:
    """Half the size."""
    return step.rows(_POOL, x.shape[1], x, _half(2, step.inputs, 4))


@narrow
def up(x: Array, step: Step) -> Rows | None:
    """Twice the size."""
    return step.rows(_UP, x.shape[1], x, None, step.size[0] // 2, _half(4, step.inputs, 16), 0, 0)


@narrow
def up_add(x: Array, skipped: Array, step: Step) -> Rows | None:
    """Twice the size, and the saturating sum with another."""
    (image,), fmt = step.between, step.format
    if max(image.bits, fmt.bits) > 16:
        return None
    numbers = step.size[0] // 2, _half(4, step.inputs[:1], 16), fmt.min, fmt.max
    return step.rows(_UP, x.shape[1], x, skipped, *numbers, over=skipped)


@narrow
def add(a: Array, b: Array, step: Step) -> Rows | None:
    """Saturating sum."""
    return sum_within(a, b, step.format.min, step)
