"""Each kernel that changes resolution equals its namesake in the number contract, however its rows are shared."""

from dataclasses import replace

import numpy as np
import pytest
from rows import by_rows, image_of

from bitpan import arithmetic
from bitpan.formats import Format
from bitpan.host.engine import resampling
from bitpan.host.engine.step import Step

FEATURE = Format(10, 6)
FORMATS = [FEATURE, Format(15, 6), Format(12, 0, signed=False)]


def step(fmt, size, given=FEATURE):
    return Step([given] * 4, fmt, size, size[0])


@pytest.fixture(params=[1, 3, 100], ids=lambda size: f"bands of {size}")
def computed(request):
    """The image of a kernel's rows, a band of them at a time."""
    return lambda rows: image_of(rows, request.param)


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


@pytest.fixture(params=[(1, 2, 2), (5, 10, 18), (3, 14, 70)], ids=str)
def shape(request):
    return request.param


def half(x):
    return x.shape[1] // 2, x.shape[2] // 2


def twice(x):
    return 2 * x.shape[1], 2 * x.shape[2]


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_haar(fmt, kind, computed, shape):
    x = image(fmt, shape, kind)
    found = computed(resampling.haar(by_rows(x), step=step(arithmetic.haar_format(fmt), half(x), fmt)))
    np.testing.assert_array_equal(found, np.stack(arithmetic.haar(x)))


@pytest.mark.parametrize("shift", [1, 2, 5])
@pytest.mark.parametrize("inner", [arithmetic.haar_format(FEATURE), Format(15), Format(13)], ids=str)
def test_inverse_haar(inner, kind, computed, shape, shift):
    subbands = image(inner, (4, *shape), kind)
    expected = arithmetic.inverse_haar(*subbands, shift, FEATURE)
    found = computed(
        resampling.inverse_haar(*map(by_rows, subbands), shift=shift, step=step(FEATURE, twice(subbands[0]), inner))
    )
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("inner", [arithmetic.haar_format(FEATURE), Format(15), Format(13)], ids=str)
@pytest.mark.parametrize("image_format", [FEATURE, Format(15, 6)], ids=str)
def test_inverse_haar_and_affine(inner, kind, computed, shape, image_format):
    subbands, rng = image(inner, (4, *shape), kind), np.random.default_rng(1)
    affine = np.stack([rng.integers(-(1 << 14), (1 << 14) + 1, shape[0]), rng.integers(-(1 << 20), 1 << 20, shape[0])])
    expected = arithmetic.channel_affine(arithmetic.inverse_haar(*subbands, 2, image_format), affine, FEATURE)
    own = replace(step(FEATURE, twice(subbands[0]), inner), between=[image_format])
    found = computed(resampling.inverse_haar_affine(*map(by_rows, subbands), shift=2, affine=affine, step=own))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("inner", [arithmetic.haar_format(FEATURE), Format(15)], ids=str)
@pytest.mark.parametrize("scaled", [FEATURE, Format(15, 6)], ids=str)  # whose subbands need 32 bits
def test_next_subbands(inner, kind, computed, shape, scaled):
    subbands, rng = image(inner, (4, *shape), kind), np.random.default_rng(1)
    affine = np.stack([rng.integers(-(1 << 14), (1 << 14) + 1, shape[0]), rng.integers(-(1 << 20), 1 << 20, shape[0])])
    features = arithmetic.channel_affine(arithmetic.inverse_haar(*subbands, 2, FEATURE), affine, scaled)
    own = replace(step(arithmetic.haar_format(scaled), shape[1:], inner), between=[FEATURE, scaled])
    found = computed(resampling.next_subbands(*map(by_rows, subbands), shift=2, affine=affine, step=own))
    np.testing.assert_array_equal(found, np.stack(arithmetic.haar(features)))


def test_inverse_haar_of_every_sign(computed):
    """All 16 sign patterns of the largest subbands: each corner saturates both ways."""
    signs = np.array(np.meshgrid(*[[-1, 1]] * 4)).reshape(4, 1, 4, 4)
    subbands = np.where(signs > 0, 2047, -2048).astype(np.int16)
    expected = arithmetic.inverse_haar(*subbands, 2, FEATURE)
    assert {expected.min(), expected.max()} == {FEATURE.min, FEATURE.max}
    own = step(FEATURE, twice(subbands[0]), Format(12))
    np.testing.assert_array_equal(
        computed(resampling.inverse_haar(*map(by_rows, subbands), shift=2, step=own)), expected
    )


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_pool_and_up(fmt, kind, computed, shape):
    x = image(fmt, shape, kind)
    np.testing.assert_array_equal(
        computed(resampling.pool(by_rows(x), step=step(fmt, half(x), fmt))), arithmetic.average_pool(x)
    )
    np.testing.assert_array_equal(
        computed(resampling.up(by_rows(x), step=step(fmt, twice(x), fmt))), arithmetic.bilinear_up(x)
    )


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
@pytest.mark.parametrize("over", [False, True], ids=["beside the skip", "over the skip"])
def test_up_and_add(fmt, kind, computed, shape, over):
    x, skipped = image(fmt, shape, kind), by_rows(image(FEATURE, (shape[0], 2 * shape[1], 2 * shape[2]), kind))
    expected = arithmetic.add(arithmetic.bilinear_up(x), np.moveaxis(skipped, 1, 0), FEATURE)
    own = Step([fmt, FEATURE], FEATURE, twice(x), 2 * shape[1], [skipped] if over else [], between=[fmt])
    rows = resampling.up_add(by_rows(x), skipped, step=own)
    assert (rows.array is skipped) == over
    np.testing.assert_array_equal(computed(rows), expected)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (7, 1), (5, 33)])
def test_up_from_odd_sizes(computed, height, width):
    x = image(FEATURE, (2, height, width), "random")
    np.testing.assert_array_equal(
        computed(resampling.up(by_rows(x), step=step(FEATURE, twice(x)))), arithmetic.bilinear_up(x)
    )


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_add(fmt, kind, computed, shape):
    a, b = image(fmt, (2, *shape), kind)
    found = computed(resampling.add(by_rows(a), by_rows(b), step=step(FEATURE, shape[1:], fmt)))
    np.testing.assert_array_equal(found, arithmetic.add(a, b, FEATURE))


def test_what_the_kernels_are_not_made_for_is_left_to_the_reference():
    wide, even = np.zeros((1, 4, 4), np.int32), np.zeros((1, 4, 4), np.int16)
    narrow = step(FEATURE, (4, 4))
    assert resampling.haar(wide, step=narrow) is None and resampling.pool(wide, step=narrow) is None
    assert resampling.up(wide, step=narrow) is None and resampling.add(even, wide, step=narrow) is None
    assert resampling.add(even, even, step=step(Format(40), (4, 4))) is None
    assert resampling.inverse_haar(even, even, even, wide, shift=2, step=narrow) is None
    assert resampling.inverse_haar(*[even] * 4, shift=0, step=narrow) is None
    assert resampling.inverse_haar(*[even] * 4, shift=2, step=narrow) is not None
    affine, between = np.zeros((2, 1)), replace(narrow, between=[FEATURE])
    assert resampling.inverse_haar_affine(*[even] * 4, shift=0, affine=affine, step=between) is None
    assert resampling.inverse_haar_affine(*[even] * 4, shift=2, affine=affine + (1 << 15), step=between) is None
    blocks = replace(narrow, between=[FEATURE, FEATURE])
    assert resampling.next_subbands(*[even] * 4, shift=2, affine=affine, step=blocks) is not None
    assert resampling.next_subbands(*[even] * 4, shift=0, affine=affine, step=blocks) is None
    assert resampling.next_subbands(*[even] * 4, shift=2, affine=affine + (1 << 15), step=blocks) is None
    blocks = replace(narrow, between=[Format(17), FEATURE])
    assert resampling.next_subbands(*[even] * 4, shift=2, affine=affine, step=blocks) is None
    wide = replace(narrow, between=[Format(17)])
    assert resampling.inverse_haar_affine(*[even] * 4, shift=2, affine=affine, step=wide) is None
