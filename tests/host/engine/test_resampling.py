"""Each kernel that changes resolution equals its namesake in the number contract, however its rows are shared."""

import numpy as np
import pytest

from bitpan import arithmetic
from bitpan.formats import Format
from bitpan.host.engine import resampling
from bitpan.host.engine.step import Step

FEATURE = Format(10, 6)
FORMATS = [FEATURE, Format(15, 6), Format(12, 0, signed=False)]


def share_by(size):
    """Bands of ``size`` rows, from the last to the first."""

    def share(rows, height):
        for first in reversed(range(0, height, size)):
            rows(first, min(first + size, height))

    return share


def step(fmt, share, given=FEATURE):
    return Step([given], fmt, share)


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
    np.testing.assert_array_equal(
        resampling.haar(x, step=step(arithmetic.haar_format(fmt), share, fmt)), np.stack(arithmetic.haar(x))
    )


@pytest.mark.parametrize("shift", [1, 2, 5])
@pytest.mark.parametrize("inner", [arithmetic.haar_format(FEATURE), Format(15)], ids=str)
def test_inverse_haar(inner, kind, share, shape, shift):
    subbands = image(inner, (4, *shape), kind)
    expected = arithmetic.inverse_haar(*subbands, shift, FEATURE)
    np.testing.assert_array_equal(resampling.inverse_haar(*subbands, shift=shift, step=step(FEATURE, share)), expected)


def test_inverse_haar_of_every_sign(share):
    """All 16 sign patterns of the largest subbands: each corner saturates both ways."""
    signs = np.array(np.meshgrid(*[[-1, 1]] * 4)).reshape(4, 1, 4, 4)
    subbands = np.where(signs > 0, 2047, -2048).astype(np.int16)
    expected = arithmetic.inverse_haar(*subbands, 2, FEATURE)
    assert {expected.min(), expected.max()} == {FEATURE.min, FEATURE.max}
    np.testing.assert_array_equal(resampling.inverse_haar(*subbands, shift=2, step=step(FEATURE, share)), expected)


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_pool_and_up(fmt, kind, share, shape):
    x = image(fmt, shape, kind)
    np.testing.assert_array_equal(resampling.pool(x, step=step(fmt, share)), arithmetic.average_pool(x))
    np.testing.assert_array_equal(resampling.up(x, step=step(fmt, share)), arithmetic.bilinear_up(x))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (7, 1), (5, 33)])
def test_up_from_odd_sizes(share, height, width):
    x = image(FEATURE, (2, height, width), "random")
    np.testing.assert_array_equal(resampling.up(x, step=step(FEATURE, share)), arithmetic.bilinear_up(x))


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_add(fmt, kind, share, shape):
    a, b = image(fmt, (2, *shape), kind)
    np.testing.assert_array_equal(resampling.add(a, b, step=step(FEATURE, share)), arithmetic.add(a, b, FEATURE))


def test_what_the_kernels_are_not_made_for_is_left_to_the_reference():
    one, wide, odd = share_by(1), np.zeros((1, 4, 4), np.int32), np.zeros((1, 3, 4), np.int16)
    even = np.zeros((1, 4, 4), np.int16)
    narrow = step(FEATURE, one)
    assert resampling.haar(wide, step=narrow) is None and resampling.haar(odd, step=narrow) is None
    assert resampling.pool(wide, step=narrow) is None and resampling.pool(odd, step=narrow) is None
    assert resampling.up(wide, step=narrow) is None and resampling.add(even, wide, step=narrow) is None
    assert resampling.add(even, even, step=step(Format(40), one)) is None
    assert resampling.inverse_haar(even, even, even, wide, shift=2, step=narrow) is None
    assert resampling.inverse_haar(*[even] * 4, shift=0, step=narrow) is None
    assert resampling.inverse_haar(*[even] * 4, shift=2, step=narrow) is not None
