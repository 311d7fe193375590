"""Integer convolutions equal the number contract in every bit, at every width and number of channels."""

import numpy as np
import pytest
from rows import by_rows, image_of

from bitpan import arithmetic
from bitpan.arithmetic import requantise
from bitpan.formats import Format
from bitpan.host.engine.images import centre, conv
from bitpan.host.engine.step import Step

FEATURE = Format(10, 6)


def drawn(inputs, outputs, kernel, shape, fmt, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.choice([fmt.min, fmt.max, 0, 1], (inputs, *shape)).astype(np.int16 if fmt.bits < 16 else np.int32)
    weights = rng.integers(-128, 128, (outputs, inputs, kernel, kernel)).astype(np.int8)
    return x, weights, rng.integers(-(1 << 12), 1 << 12, outputs)


def assert_conv(x, weights, bias, fmt, shift=7, result=FEATURE):
    height, width = x.shape[1:]
    step = Step([fmt], result, (height, width), height)
    expected = requantise(arithmetic.conv2d(x, weights) + bias[:, None, None], shift, result)
    np.testing.assert_array_equal(image_of(conv(by_rows(x), weights, bias, shift=shift, step=step)), expected)


@pytest.mark.parametrize("width", range(1, 131))
def test_every_width(width):
    fmt = Format(12)
    assert_conv(*drawn(3, 5, 3, (4, width), fmt, width), fmt)


@pytest.mark.parametrize("outputs", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("inputs", [1, 2, 5, 32])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_every_shape(inputs, outputs, kernel):
    fmt = Format(11)
    assert_conv(*drawn(inputs, outputs, kernel, (7, 45), fmt), fmt)


@pytest.mark.parametrize("few", [0, 1, 13])
def test_weights_that_are_zero_for_all_outputs(few):
    fmt = Format(12)
    x, weights, bias = drawn(5, 6, 3, (5, 50), fmt)
    taps = np.random.default_rng(few).permutation(45)[few:]
    weights.reshape(6, 45)[:, taps] = 0
    assert_conv(x, weights, bias, fmt)


@pytest.mark.parametrize("fmt", [Format(15), Format(16), Format(20), Format(40)], ids=str)
@pytest.mark.parametrize("shift", [-2, 0, 1, 9, 20])
@pytest.mark.parametrize("bias", [0, (1 << 31) - 1])
def test_wide_numbers(fmt, shift, bias):
    x, weights, added = drawn(8, 3, 3, (5, 40), fmt)
    x = np.where(x == 1, fmt.max, x.astype(np.int64)).clip(fmt.min, fmt.max)
    narrowest = np.int16 if fmt.bits < 16 else np.int32 if fmt.bits < 32 else np.int64
    assert_conv(x.astype(narrowest), weights, added + bias, fmt, shift, Format(24))


@pytest.mark.parametrize("fmt", [Format(8), Format(11, signed=False), Format(15), Format(16), Format(40)], ids=str)
@pytest.mark.parametrize("shift", [0, 1, 3, 16, 20, 30])
@pytest.mark.parametrize("offset", [0, 350, 1 << 15, -(1 << 20), 1 << 29])
def test_centre(fmt, shift, offset):
    """Where offset and half cancel out, too: a shift by more than what is left has bits."""
    x = np.random.default_rng(0).choice([fmt.min, fmt.max, 0, 1], (2, 3, 45))
    narrowest = np.int16 if fmt.bits < 16 else np.int32 if fmt.bits < 32 else np.int64
    step = Step([fmt], FEATURE, x.shape[1:], x.shape[1])
    found = image_of(centre(by_rows(x.astype(narrowest)), offset=offset, shift=shift, step=step))
    np.testing.assert_array_equal(found, arithmetic.centre(x, offset, shift, FEATURE))
