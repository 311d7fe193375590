"""The binary units: sign, convolution, RPReLU, at once or the sign apart; see :mod:`.engine.kernels`."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bitpan.host.compiled.layout import WORDS
from bitpan.host.compiled.machine_code import Compiled
from bitpan.host.engine.step import Array, Rows, Step
from bitpan.host.engine.summands import summands

_SIGN, _SIGN_CONV_RPRELU = Compiled("binary.sign"), Compiled("binary.sign_conv_rprelu")


def sign_conv_rprelu(
    x: Array,
    residual: Array | None = None,
    *,
    threshold: Array,
    weights: Array,
    knee: Array,
    slope_above: Array,
    slope_below: Array,
    bias_above: Array,
    bias_below: Array,
    shift: int,
    step: Step,
) -> Rows | None:
    """Sign, binary convolution and RPReLU, which may overwrite the residual; numbers within 32 bits."""
    rprelu = np.array([knee, slope_above, slope_below, bias_above, bias_below], np.int64)
    outputs, inputs, kernel, _ = weights.shape
    if kernel != 3 or step.format.bits > 30:
        return None
    added = 0 if residual is None else -step.inputs[1].min
    lines = _lines(rprelu.tobytes(), 9 * inputs, shift, added)
    if lines is None:
        return None
    (height, width), limits = step.size, np.iinfo(x.dtype)
    thresholds, packed = np.clip(threshold, limits.min, limits.max).astype(x.dtype), np.zeros(1, np.int64)
    stride = width // 64 + 1
    bits = step.empty((inputs, stride * (step.kept + 2) + 2 + WORDS), np.uint64)
    own = summands(np.ascontiguousarray(weights, np.int8).tobytes(), outputs)
    reach = np.iinfo(lines.slopes.dtype)
    bounds = np.clip([step.format.min, step.format.max], reach.min, reach.max).astype(reach.dtype)
    given = own.picks, own.groups, own.flips, own.digits, *lines, residual, shift, bounds
    return step.rows(_SIGN_CONV_RPRELU, outputs, x, thresholds, bits, packed, height, *given, over=residual)


class Lines(NamedTuple):
    """RPReLU's two lines, above the knee and below, as ``(sum * slope + offset) >> shift``, of outputs.

    In 16 bits a line is one product's upper half: ``((sum * 2**raised + e) * slope * 2**(16 - shift - raised)) >> 16``
    has ``e * slope / 2**raised`` instead of the offset, which ``e`` can make equal to it but for a multiple of
    ``2**shift``, and that is added behind the shift.

    Attributes:
        starts: the raised sums' most, and knees, the ``e`` above in both; what the ``e`` below has more; ``(3, O)``.
        slopes: raised so that a product is shifted by 16, or as they are; ``(2, O)``.
        offsets: what is added behind the shift, or the offsets themselves; ``(2, O)``.
        raised: places that sums are raised by.
    """

    starts: npt.NDArray[np.int16]
    slopes: npt.NDArray[np.signedinteger[Any]]
    offsets: npt.NDArray[np.signedinteger[Any]]
    raised: int


@functools.lru_cache(maxsize=256)  # every tile of a scene has the same
def _lines(rprelu: bytes, total: int, shift: int, added: int) -> Lines | None:
    return lines_of(np.frombuffer(rprelu, np.int64).reshape(5, -1), total, shift, added)


def lines_of(rprelu: Array, total: int, shift: int, added: int) -> Lines | None:
    """In 16 bits where all suffices, else in 32, or None where these do not suffice either.

    Args:
        rprelu: knees, slopes above and below, biases above and below, ``(5, O)`` int64.
        total: of the products of a sum, at most.
        shift: of RPReLU.
        added: the largest magnitude of what is added to its result.
    """
    knees, slopes = np.clip(rprelu[0], -total, total + 1), rprelu[1:3]
    offsets = rprelu[3:] + (1 << max(shift - 1, 0))
    steepest, furthest = int(abs(slopes).max()), int(abs(offsets).max())
    bound = steepest * total + furthest + (1 << max(shift, 1))
    if shift <= 0 or total >= 32400 or bound + (added << shift) >= 1 << 30:
        return None
    most, nothing, narrow = np.full_like(knees, total), np.zeros_like(knees), np.iinfo(np.int16).max
    if (bound >> shift) + added < narrow:
        for raised in range(17 - shift):
            steep = 16 - shift - raised
            if ((total + 1) << raised) + (1 << (raised + shift - 1)) <= narrow and steepest << steep <= narrow:
                within, behind = _offsets_within(slopes, offsets, shift, raised)
                starts = (most << raised) + within[0], (knees << raised) + within[0], within[1] - within[0]
                return Lines(
                    np.stack(starts).astype(np.int16),
                    (slopes << steep).astype(np.int16),
                    behind.astype(np.int16),
                    raised,
                )
    starts = most, knees, nothing
    return Lines(np.stack(starts).astype(np.int16), slopes.astype(np.int32), offsets.astype(np.int32), 0)


def _offsets_within(slopes: Array, offsets: Array, shift: int, raised: int) -> tuple[Array, Array]:
    """Each line's ``e`` of :class:`Lines`, of at most ``raised + shift`` bits, and what is added behind the shift.

    With ``slope = 2**v * m``, m odd, it is a number whose product with m is the offset's multiple of ``2**v``, times
    ``2**raised``, but for a multiple of what counts behind the shift; there is one, for m has an inverse.
    """
    twos = np.where(slopes == 0, shift, 0)
    for places in range(1, shift + 1):
        twos = np.where(slopes % (1 << places) == 0, places, twos)
    odd, modulus = (slopes >> twos) | (slopes == 0), 1 << (raised + shift - twos)
    inverse = odd.copy()
    for _ in range(5):  # each doubles the digits that are right, of which an odd number has three at once
        inverse = inverse * (2 - odd * inverse) % modulus
    half = modulus // 2
    within = (((offsets >> twos) << raised) * inverse + half) % modulus - half
    behind = ((offsets >> twos) - ((within * slopes >> raised) >> twos)) >> (shift - twos)
    return within, behind


def conv_rprelu(s: Array, residual: Array | None = None, *, step: Step, **named: Any) -> Rows | None:  # noqa: ANN401
    """The same of signs that are there, such as two planes side by side."""
    return sign_conv_rprelu(s, residual, threshold=np.zeros(s.shape[1], s.dtype), **named, step=step)


def sign(x: Array, threshold: Array, step: Step) -> Rows:
    """+1 from a channel's threshold on, else -1."""
    limits = np.iinfo(x.dtype)
    return step.rows(_SIGN, x.shape[1], x, np.clip(threshold, limits.min, limits.max).astype(x.dtype))
