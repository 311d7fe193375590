"""Sign, binary convolution and RPReLU at once equal the number contract in every bit, at every width and depth."""

import numpy as np
import pytest
from rows import by_rows, image_of

from bitpan import arithmetic
from bitpan.formats import Format
from bitpan.host.engine.binary import conv_rprelu, lines_of, sign, sign_conv_rprelu
from bitpan.host.engine.step import Step, narrowest

FEATURE = Format(10, 6)
SHIFT = 6
HALF = 1 << (SHIFT - 1)
NARROW = (1 << 15) - 1 - (1 << SHIFT) - HALF
"""The largest bias that 16 bits suffice for."""


@pytest.fixture(params=[NARROW, 1 << 16], ids=["16 bits", "32 bits"])
def bias(request):
    return request.param


def drawn(inputs, outputs, shape, seed=0, fmt=FEATURE, bias=1 << 16):
    """Features, half of them at their format's ends, weights, and constants of a unit."""
    rng = np.random.default_rng(seed)
    x = rng.integers(fmt.min, fmt.max + 1, (inputs, *shape)).astype(np.int16)
    x[rng.random(x.shape) < 0.5] = rng.choice([fmt.min, fmt.max])
    constants = {
        "threshold": rng.integers(fmt.min - 9, fmt.max + 10, inputs),
        "weights": rng.choice(np.array([-1, 1], np.int8), (outputs, inputs, 3, 3)),
        "knee": rng.integers(-9 * inputs - 2, 9 * inputs + 3, outputs),
        "slope_above": rng.integers(-511, 512, outputs),
        "slope_below": rng.integers(-511, 512, outputs),
        "bias_above": rng.integers(-bias, bias + 1, outputs),
        "bias_below": rng.integers(-bias, bias + 1, outputs),
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
def test_every_width(width, bias):
    x, constants = drawn(3, 2, (5, width), width, bias=bias)
    residual = drawn(2, 2, (5, width), width + 1)[0]
    np.testing.assert_array_equal(found(x, residual, FEATURE, **constants), expected(x, residual, FEATURE, **constants))


@pytest.mark.parametrize("inputs", [1, 2, 4, 5, 9, 10, 27, 28, 32, 33, 57, 64, 96, 128])
def test_every_depth(inputs, bias):
    """One, two and three levels of carries; counts of more than a byte."""
    x, constants = drawn(inputs, 3, (4, 75), inputs, bias=bias)
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
def test_every_format_of_the_result(fmt, bias):
    x, constants = drawn(8, 5, (9, 40), bias=bias)
    residual = drawn(5, 5, (9, 40), 1)[0]
    result = found(x, residual, fmt, **constants)
    assert result.dtype == (np.int16 if fmt.bits <= 15 else np.int32)
    np.testing.assert_array_equal(result, expected(x, residual, fmt, **constants))


@pytest.mark.parametrize("band", [1, 2, 5, 7, 50])
def test_bands(band, bias):
    x, constants = drawn(8, 8, (23, 66), bias=bias)
    result, own = expected(x, x, FEATURE, **constants), by_rows(x)
    np.testing.assert_array_equal(image_of(unit(own, own, FEATURE, **constants), band), result)
    if band <= 7:
        kept = image_of(unit(own, own, FEATURE, kept=7, **constants), band, height=23)
        np.testing.assert_array_equal(kept[:, np.arange(16, 23) % 7], result[:, 16:])
    rows = unit(own, own, FEATURE, spare=[own], **constants)
    assert rows.array is own
    np.testing.assert_array_equal(image_of(rows, band), result)


@pytest.mark.parametrize("weight", [-1, 1])
@pytest.mark.parametrize("value", [-512, 511])
def test_the_largest_sums_slopes_and_biases_of_16_bits(weight, value):
    x, constants = drawn(32, 16, (6, 70))
    x[:], constants["weights"][:], constants["threshold"][:] = value, weight, 0
    constants["weights"][1, 0, 0, 0] *= -1
    ends = np.array(np.meshgrid([-511, 511], [-511, 511], [-NARROW, NARROW], [-NARROW, NARROW])).reshape(4, -1)
    names = "slope_above", "slope_below", "bias_above", "bias_below"
    constants |= dict(zip(names, ends, strict=True))
    wide = Format(14)
    residual = drawn(16, 1, (6, 70), 1)[0]
    result = expected(x, residual, wide, **constants)
    assert len(np.unique(result)) > 100
    np.testing.assert_array_equal(found(x, residual, wide, **constants), result)


def rprelu_of(slope=511, bias=NARROW, knee=0):
    return np.array([[knee], [slope], [-slope], [bias], [-bias]])


@pytest.mark.parametrize(
    ("rprelu", "total", "shift", "added"),
    [
        (rprelu_of(slope=512), 1024, SHIFT, 512),
        (rprelu_of(), 2015, SHIFT, 512),
        (rprelu_of(), 288, SHIFT, (1 << 15) - 2 - (511 * 288 + NARROW + HALF + 64 >> SHIFT) + 1),
        (rprelu_of(slope=1, bias=0), 288, 16, 0),
    ],
    ids=["slope", "sum", "residual", "shift"],
)
def test_16_bits_are_for_what_they_suffice_for(rprelu, total, shift, added):
    """The first of each that does not fit; what is by one smaller does."""
    lines = lines_of(rprelu, total, shift, added)
    assert (lines.starts.dtype, lines.slopes.dtype, lines.offsets.dtype, lines.raised) == (
        np.int16,
        np.int32,
        np.int32,
        0,
    )
    smaller, shift = rprelu.copy(), min(shift, 15)
    smaller[1:] = np.sign(rprelu[1:]) * (abs(rprelu[1:]) - 1)
    assert_lines(smaller, total - 1, shift, lines_of(smaller, total - 1, shift, max(added - 1, 0)))


@pytest.mark.parametrize("shift", range(1, 13))
@pytest.mark.parametrize("total", [9, 288, 576, 1152])
def test_one_product_gives_the_value_of_a_line(total, shift):
    """Of slopes that are 0, powers of two, odd and drawn, with every sum."""
    rng = np.random.default_rng(shift)
    slopes = [0, 1, -1, 2, -64, 96, 127, -127, *rng.integers(-127, 128, 24)]
    offsets = rng.integers(-1 << 12, 1 << 12, (2, len(slopes)))
    rprelu = np.stack([rng.integers(-total, total + 2, len(slopes)), slopes, slopes[::-1], *offsets])
    lines = lines_of(rprelu, total, shift, 0)
    raised = max(8 - shift, 0)  # of slopes of 8 bits
    suffices = (total + 1 << raised) + (1 << raised + shift - 1) < 1 << 15
    assert lines.slopes.dtype == (np.int16 if suffices else np.int32)
    if suffices:
        assert_lines(rprelu, total, shift, lines)


def assert_lines(rprelu, total, shift, lines):
    sums, (most, knees, step), raised = np.arange(-total, total + 1)[:, None], lines.starts.astype(int), lines.raised
    assert lines.slopes.dtype == lines.offsets.dtype == np.int16
    for side, extra in enumerate((0, step)):
        own = (sums << raised) + most - (total << raised) + extra
        assert np.abs(own).max() < 1 << 15
        found = (own * lines.slopes[side] >> 16) + lines.offsets[side]
        expected = sums * rprelu[1 + side] + rprelu[3 + side] + (1 << (shift - 1)) >> shift
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(knees - most, np.clip(rprelu[0], -total, total + 1) - total << raised)


@pytest.mark.parametrize("fmt", [FEATURE, Format(16), Format(20)], ids=str)
@pytest.mark.parametrize("band", [2, 50])
def test_sign_apart(fmt, band):
    """With thresholds that say always and never."""
    rng = np.random.default_rng(band)
    x = rng.integers(fmt.min, fmt.max + 1, (6, 23, 65))
    threshold = np.array([fmt.min, fmt.max + 1, fmt.max, 0, *rng.integers(fmt.min, fmt.max, 2)])
    x[2:, 0, :3] = threshold[2:, None] - np.arange(2, -1, -1)[None] + 1
    x = np.clip(x, fmt.min, fmt.max)
    own = by_rows(x.astype(narrowest(fmt)))
    rows = sign(own, threshold, Step([fmt], Format(2), (23, 65), 23))
    np.testing.assert_array_equal(image_of(rows, band), arithmetic.sign(x, threshold))


@pytest.mark.parametrize("band", [2, 50])
def test_signs_that_are_there(band):
    x, constants = drawn(64, 8, (23, 66))
    signs = np.where(x >= constants.pop("threshold")[:, None, None], 1, -1).astype(np.int16)
    result = expected(signs, x[:8], FEATURE, np.zeros(64), **constants)
    step = Step([Format(2), FEATURE], FEATURE, (23, 66), 23)
    rows = conv_rprelu(by_rows(signs), by_rows(x[:8]), **constants, shift=SHIFT, step=step)
    np.testing.assert_array_equal(image_of(rows, band), result)


def test_what_it_is_not_made_for_is_left_to_the_reference():
    x, constants = drawn(4, 4, (3, 5))
    x, step = by_rows(x), Step([FEATURE], FEATURE, (3, 5), 3)
    small, large = constants["weights"][..., :1, :1], np.full(4, 1 << 30)
    assert sign_conv_rprelu(x, **constants, shift=SHIFT, step=step) is not None
    assert sign_conv_rprelu(x, **constants, shift=0, step=step) is None
    assert sign_conv_rprelu(x, **{**constants, "weights": small}, shift=SHIFT, step=step) is None
    assert sign_conv_rprelu(x, **{**constants, "bias_above": large}, shift=SHIFT, step=step) is None
