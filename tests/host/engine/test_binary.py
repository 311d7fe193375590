"""Sign, binary convolution and RPReLU at once equal the number contract in every bit, at every width and depth."""

import numpy as np
import pytest
from rows import by_rows, image_of

from bitpan import arithmetic
from bitpan.formats import Format
from bitpan.host.engine.binary import GROUP, sign_conv_rprelu, summands
from bitpan.host.engine.lanes import WORDS
from bitpan.host.engine.step import Step

FEATURE = Format(10, 6)
SHIFT = 6


def drawn(inputs, outputs, shape, seed=0, fmt=FEATURE):
    """Features, half of them at their format's ends, weights, and constants of a unit."""
    rng = np.random.default_rng(seed)
    x = rng.integers(fmt.min, fmt.max + 1, (inputs, *shape)).astype(np.int16)
    x[rng.random(x.shape) < 0.5] = rng.choice([fmt.min, fmt.max])
    constants = {
        "threshold": rng.integers(fmt.min - 9, fmt.max + 10, inputs),
        "weights": rng.choice(np.array([-1, 1], np.int8), (outputs, inputs, 3, 3)),
        "knee": rng.integers(-9 * inputs - 2, 9 * inputs + 3, outputs),
        "slope_above": rng.integers(-512, 512, outputs),
        "slope_below": rng.integers(-512, 512, outputs),
        "bias_above": rng.integers(-(1 << 16), 1 << 16, outputs),
        "bias_below": rng.integers(-(1 << 16), 1 << 16, outputs),
    }
    return x, constants


def expected(x, residual, fmt, threshold, weights, **rprelu):
    signs = np.where(x >= threshold[:, None, None], 1, -1)
    sums = arithmetic.conv2d(signs, weights, pad_value=-1)
    return arithmetic.rprelu(sums, 0 if residual is None else residual, **rprelu, shift=SHIFT, fmt=fmt)


def unit(x, residual, fmt, kept=None, spare=(), **constants):
    """The rows of its result; images by rows."""
    height, _, width = x.shape
    step = Step([FEATURE, FEATURE], fmt, (height, width), kept or height, spare)
    given = () if residual is None else (residual,)
    return sign_conv_rprelu(x, *given, **constants, shift=SHIFT, step=step)


def found(x, residual, fmt, **constants):
    return image_of(unit(by_rows(x), None if residual is None else by_rows(residual), fmt, **constants))


@pytest.mark.parametrize("width", range(1, 131))
def test_every_width(width):
    x, constants = drawn(3, 2, (5, width), width)
    residual = drawn(2, 2, (5, width), width + 1)[0]
    np.testing.assert_array_equal(found(x, residual, FEATURE, **constants), expected(x, residual, FEATURE, **constants))


@pytest.mark.parametrize("inputs", [1, 2, 4, 5, 9, 10, 27, 28, 32, 33, 57, 64, 96, 128])
def test_every_depth(inputs):
    """One, two and three levels of carries; counts of more than a byte."""
    x, constants = drawn(inputs, 3, (4, 75), inputs)
    np.testing.assert_array_equal(found(x, None, FEATURE, **constants), expected(x, None, FEATURE, **constants))


@pytest.mark.parametrize("weight", [-1, 1])
@pytest.mark.parametrize("value", [-512, 511])
def test_all_bits_differ_or_none(weight, value):
    x, constants = drawn(32, 4, (6, 70))
    x[:], constants["weights"][:], constants["threshold"][:] = value, weight, 0
    constants["weights"][1, 0, 0, 0] *= -1
    constants["slope_above"][:], constants["slope_below"][:] = 64, -64
    wide = Format(14)
    result = expected(x, None, wide, **constants)
    assert len(np.unique(result)) > 3
    np.testing.assert_array_equal(found(x, None, wide, **constants), result)


@pytest.mark.parametrize("fmt", [Format(8), FEATURE, Format(15), Format(20)], ids=str)
def test_every_format_of_the_result(fmt):
    x, constants = drawn(8, 5, (9, 40))
    residual = drawn(5, 5, (9, 40), 1)[0]
    result = found(x, residual, fmt, **constants)
    assert result.dtype == (np.int16 if fmt.bits <= 15 else np.int32)
    np.testing.assert_array_equal(result, expected(x, residual, fmt, **constants))


@pytest.mark.parametrize("band", [1, 2, 5, 7, 50])
def test_bands(band):
    x, constants = drawn(8, 8, (23, 66))
    result, own = expected(x, x, FEATURE, **constants), by_rows(x)
    np.testing.assert_array_equal(image_of(unit(own, own, FEATURE, **constants), band), result)
    if band <= 7:
        kept = image_of(unit(own, own, FEATURE, kept=7, **constants), band, height=23)
        np.testing.assert_array_equal(kept[:, np.arange(16, 23) % 7], result[:, 16:])
    rows = unit(own, own, FEATURE, spare=[own], **constants)
    assert rows.array is own
    np.testing.assert_array_equal(image_of(rows, band), result)


def test_words_of_an_output_fill_whole_groups():
    weights = drawn(32, 8, (1, 1))[1]["weights"]
    own = summands(weights.tobytes(), 8)
    words = 96 + 32 + 11 + 4 + 2 + 1
    assert own.digits == 8
    np.testing.assert_array_equal(own.picks % WORDS, 0)
    for picks, groups in zip(own.picks, own.groups, strict=True):
        used = picks[: GROUP * groups.sum()]
        assert sorted({*(used // (4 * WORDS)).tolist()})[:words] == list(range(words))


def test_what_it_is_not_made_for_is_left_to_the_reference():
    x, constants = drawn(4, 4, (3, 5))
    x, step = by_rows(x), Step([FEATURE], FEATURE, (3, 5), 3)
    small, large = constants["weights"][..., :1, :1], np.full(4, 1 << 30)
    assert sign_conv_rprelu(x, **constants, shift=SHIFT, step=step) is not None
    assert sign_conv_rprelu(x, **constants, shift=0, step=step) is None
    assert sign_conv_rprelu(x, **{**constants, "weights": small}, shift=SHIFT, step=step) is None
    assert sign_conv_rprelu(x, **{**constants, "bias_above": large}, shift=SHIFT, step=step) is None
