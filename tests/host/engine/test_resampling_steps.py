"""Each kernel that changes resolution equals its namesake in the number contract, however its rows are shared."""

import numpy as np
import pytest

from bitpan import arithmetic
from bitpan.formats import Format
from bitpan.host.engine import resampling_steps as steps

FEATURE = Format(10, 6)
FORMATS = [FEATURE, Format(15, 6), Format(12, 0, signed=False)]


def share_by(size):
    """Bands of ``size`` rows, from the last to the first."""

    def share(rows, height):
        for first in reversed(range(0, height, size)):
            rows(first, min(first + size, height))

    return share


def image(fmt, shape, kind):
    rng = np.random.default_rng(0)
    if kind == "random":
        return rng.integers(fmt.min, fmt.max + 1, shape).astype(np.int16)
    if kind == "extremes":
        return rng.choice(np.array([fmt.min, fmt.max], np.int16), shape)
    return np.full(shape, {"lowest": fmt.min, "highest": fmt.max}[kind], np.int16)


@pytest.fixture(params=["random", "extremes", "lowest", "highest"])
def kind(request):
    return request.param


@pytest.fixture(params=[1, 3, 100], ids=lambda size: f"bands of {size}")
def share(request):
    return share_by(request.param)


@pytest.fixture(params=[(1, 2, 2), (5, 10, 18), (3, 14, 70)], ids=str)
def shape(request):
    return request.param


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_haar(fmt, kind, share, shape):
    x = image(fmt, shape, kind)
    np.testing.assert_array_equal(steps.haar(x, fmt, share), np.stack(arithmetic.haar(x)))


@pytest.mark.parametrize("shift", [1, 2, 5])
@pytest.mark.parametrize("inner", [arithmetic.haar_format(FEATURE), Format(15)], ids=str)
def test_inverse_haar(inner, kind, share, shape, shift):
    subbands = image(inner, (4, *shape), kind)
    expected = arithmetic.inverse_haar(*subbands, shift, FEATURE)
    np.testing.assert_array_equal(steps.inverse_haar(subbands, shift, FEATURE, share), expected)


def test_inverse_haar_of_every_sign(share):
    """All 16 sign patterns of the largest subbands: each corner saturates both ways."""
    signs = np.array(np.meshgrid(*[[-1, 1]] * 4)).reshape(4, 1, 4, 4)
    subbands = np.where(signs > 0, 2047, -2048).astype(np.int16)
    expected = arithmetic.inverse_haar(*subbands, 2, FEATURE)
    assert {expected.min(), expected.max()} == {FEATURE.min, FEATURE.max}
    np.testing.assert_array_equal(steps.inverse_haar(subbands, 2, FEATURE, share), expected)


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_pool_and_up(fmt, kind, share, shape):
    x = image(fmt, shape, kind)
    np.testing.assert_array_equal(steps.pool(x, share), arithmetic.average_pool(x))
    np.testing.assert_array_equal(steps.up(x, share), arithmetic.bilinear_up(x))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (7, 1), (5, 33)])
def test_up_from_odd_sizes(share, height, width):
    x = image(FEATURE, (2, height, width), "random")
    np.testing.assert_array_equal(steps.up(x, share), arithmetic.bilinear_up(x))


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_add(fmt, kind, share, shape):
    a, b = image(fmt, (2, *shape), kind)
    np.testing.assert_array_equal(steps.add(a, b, FEATURE, share), arithmetic.add(a, b, FEATURE))


def test_what_the_kernels_are_not_made_for_is_left_to_the_reference():
    one, wide, odd = share_by(1), np.zeros((1, 4, 4), np.int32), np.zeros((1, 3, 4), np.int16)
    even = np.zeros((1, 4, 4), np.int16)
    assert steps.haar(wide, FEATURE, one) is None and steps.haar(odd, FEATURE, one) is None
    assert steps.pool(wide, one) is None and steps.pool(odd, one) is None
    assert steps.up(wide, one) is None and steps.add(even, wide, FEATURE, one) is None
    assert steps.add(even, even, Format(40), one) is None
    assert steps.inverse_haar([even, even, even, wide], 2, FEATURE, one) is None
    assert steps.inverse_haar([even] * 4, 0, FEATURE, one) is None
    assert steps.inverse_haar([even] * 4, 2, FEATURE, one) is not None
