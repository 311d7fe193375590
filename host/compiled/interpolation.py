"""Parts of kernels that upsample: five neighbours weighted, along the rows, or along the columns of each phase."""

from __future__ import annotations

import numpy as np

from bitpan.arithmetic import COEFFICIENT_BITS, TAPS
from bitpan.host.compiled.compiling import inlined, shift_right
from bitpan.host.compiled.lanes import FOUR, convert, load_pixels, put_four, put_pixels
from bitpan.host.compiled.layout import PIXELS, Array


@inlined
def add_five(a: Array, b: Array, c: Array, d: Array, e: Array, weights: Array, out: Array) -> None:
    """Weighted rows, in the type of ``out``."""
    number = out.dtype.type
    half, places = number(1 << (COEFFICIENT_BITS - 1)), number(COEFFICIENT_BITS)
    v, w, x, y, z = weights[0], weights[1], weights[2], weights[3], weights[4]
    for i in range(len(out)):
        total = number(number(number(a[i]) * v) + number(number(b[i]) * w))
        total = number(total + number(number(number(c[i]) * x) + number(number(d[i]) * y)))
        out[i] = shift_right(number(number(total + number(number(e[i]) * z)) + half), places)


@inlined
def weights_of(table: Array, left: int, width: int) -> Array:
    """Those of each pixel from ``left`` on, ``(TAPS, width)`` and more, from those of each phase, ``(ratio, TAPS)``."""
    ratio = len(table)
    found = np.zeros((TAPS, width + PIXELS), table.dtype)
    for tap in range(TAPS):
        for x in range(width):
            found[tap, x] = found[tap, x - ratio] if x >= ratio else table[(left + x) % ratio, tap]
    return found


@inlined
def upsample(
    samples: Array, ratio: int, weights: Array, spread: Array, left: int, out: Array, at: int, width: int
) -> None:
    """A row's pixels from ``left`` on, into ``out`` from ``at`` on, of samples with TAPS // 2 more on either side.

    ``spread``: room for ``ratio`` pixels of each sample and a vector.
    """
    number, line = spread.dtype.type, weights.shape[1]
    half, places = number(1 << (COEFFICIENT_BITS - 1)), number(COEFFICIENT_BITS)
    for j in range(len(samples)):
        for phase in range(0, ratio, FOUR):  # what is too much the next sample overwrites
            put_four(spread, ratio * j + phase, samples[j])
    for x in range(0, width, PIXELS):
        v = load_pixels(spread, left + x) * load_pixels(weights, x) + half
        for tap in range(1, TAPS):
            v = v + load_pixels(spread, left + x + tap * ratio) * load_pixels(weights, tap * line + x)
        put_pixels(convert(v >> places, out.dtype), out, at + x, width - x)
