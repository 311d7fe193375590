"""The norm's and the affine's kernels equal the number contract in every bit."""

import numpy as np
import pytest
from rows import by_rows, image_of

from bitpan import arithmetic
from bitpan.arithmetic import AFFINE, AFFINE_SCALE
from bitpan.formats import Format
from bitpan.host.compiled.channels import deviation_ratio
from bitpan.host.compiled.compiling import compiled
from bitpan.host.compiled.lanes import load_pixels, store
from bitpan.host.compiled.layout import PIXELS
from bitpan.host.engine.channels import affine, norm
from bitpan.host.engine.step import Step

FEATURE, INNER = Format(10, 6), Format(12, 7)
CHANNELS = [1, 2, 3, 6, 8, 31, 32, 33, 36, 48, 512]  # the norm's 1/C rounds up at 6 and 36


def widest(channels):
    """The widest format that the norm's kernel takes of so many channels."""
    return Format(14 if channels < 64 else 12, 6)


def step(inputs, result, x, **named):
    height, _, width = x.shape
    return Step(inputs, result, (height, width), height, **named)


def norm_step(x, residual, constants, fmt, **named):
    constants = dict(zip(("gain", "centre", "bias"), constants, strict=True))
    return norm(x, residual, **constants, step=step([fmt, fmt], fmt, x, **named))


def affine_step(x, constants, fmt, **named):
    return affine(x, affine=constants, step=step([fmt], fmt, x, **named))


def assert_norm(x, residual, constants, fmt=INNER):
    found = image_of(norm_step(by_rows(x), by_rows(residual), constants, fmt))
    np.testing.assert_array_equal(found, arithmetic.channel_norm(x, residual, *constants, fmt))
    return found


def drawn(fmt, shape, rng):
    """Pixels of every spread: flat, nearly flat, up to the whole range and the extremes."""
    channels, height, width = shape
    spread = np.exp2(rng.uniform(-1, fmt.bits, (height, width)))
    base = rng.uniform(fmt.min, fmt.max, (height, width))
    values = base + spread * rng.uniform(-1, 1, shape)
    values[:, rng.random((height, width)) < 0.1] = fmt.max
    values[:, rng.random((height, width)) < 0.1] = fmt.min
    extreme = rng.random((height, width)) < 0.1
    values[:, extreme] = rng.choice([fmt.min, fmt.max], (channels, int(extreme.sum())))
    return np.clip(np.floor(values), fmt.min, fmt.max).astype(np.int16)


def drawn_constants(channels, rng, gain=255, centre=1 << 12, bias=1 << 10):
    limits = np.array([[gain], [centre], [bias]])
    return rng.integers(-limits, limits + 1, (3, channels))


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("wide", [False, True])
def test_norm(wide, channels):
    rng, fmt = np.random.default_rng(channels), widest(channels) if wide else INNER
    shape = (channels, 7, 70)
    found = assert_norm(drawn(fmt, shape, rng), drawn(fmt, shape, rng), drawn_constants(channels, rng), fmt)
    assert channels == 1 or len(np.unique(found)) > 100


@pytest.mark.parametrize("channels", CHANNELS)
def test_norm_with_the_largest_constants_its_kernel_takes(channels):
    rng = np.random.default_rng(channels)
    largest, half = (1 << 15) - 1, 1 << (arithmetic.NORM_FRACTION - 1)
    limits = [[largest], [largest], [largest - half]]
    constants, shape = rng.choice([-1, 1], (3, channels)) * limits, (channels, 5, 40)
    for fmt in (INNER, widest(channels)):
        assert_norm(drawn(fmt, shape, rng), drawn(fmt, shape, rng), constants, fmt)


@pytest.mark.parametrize("flat", ["x", "residual", "both"])
def test_norm_of_flat_pixels(flat):
    rng = np.random.default_rng(0)
    x, residual = (rng.integers(INNER.min, INNER.max + 1, (32, 4, 9)).astype(np.int16) for _ in range(2))
    for name, values in (("x", x), ("residual", residual)):
        if flat in (name, "both"):
            values[:] = rng.integers(INNER.min, INNER.max + 1, (4, 9))
    constants = drawn_constants(32, rng)
    found = assert_norm(x, residual, constants)
    constants[0], constants[1] = 0, 0  # without a deviation neither gain nor centre matters
    np.testing.assert_array_equal(assert_norm(x, residual, constants), found)


def test_norm_of_one_step_against_the_whole_range():
    """The ratio's largest shifts either way: one channel one step off, the other tensor at both its ends."""
    for fmt, channels in ((INNER, 32), (widest(2), 2), (widest(48), 48), (widest(512), 512)):
        narrow, wide = np.zeros((2, channels, 1, 4), np.int16)
        narrow[0, 0] = 1, -1, fmt.max, 1
        wide[::2], wide[1::2] = fmt.min, fmt.max
        for constants in (
            drawn_constants(channels, np.random.default_rng(1)),
            np.full((3, channels), [[200], [0], [9]]),
        ):
            assert_norm(narrow, wide, constants, fmt)
            assert_norm(wide, narrow, constants, fmt)


def test_deviation_ratio_of_small_variances():
    vf, vb = np.meshgrid(np.arange(130), np.arange(130))
    assert_ratio(vf.ravel(), vb.ravel())


def test_deviation_ratio_up_to_its_largest_variances():
    rng = np.random.default_rng(0)
    vf, vb = (np.floor(np.exp2(rng.uniform(0, 53, 5000))).astype(np.int64) for _ in range(2))
    powers = 1 << np.arange(53)
    vf[:106], vb[:106] = np.append(powers, 2 * powers - 1), np.append(2 * powers - 1, powers)[::-1]
    assert_ratio(vf, vb)


def test_deviation_ratio_about_its_midpoints():
    for midpoint in arithmetic.NORM_MIDPOINTS:
        for scale in (1, 4, 16, 2, 8):
            around = midpoint * 32 + np.arange(-40, 41)
            assert_ratio(around * scale, np.full_like(around, 64 * 32))


@compiled
def ratios(vf, vb, mantissa, exponent):
    for i in range(0, len(vf), PIXELS):
        found, power = deviation_ratio(load_pixels(vf, i), load_pixels(vb, i))
        store(mantissa, i, found)
        store(exponent, i, power)


def assert_ratio(vf, vb):
    mantissa, exponent = arithmetic.deviation_ratio(vf, vb)
    vf, vb = (np.pad(each, (0, -len(each) % PIXELS)) for each in (vf, vb))
    found = np.empty((2, len(vf)), np.int32)
    ratios(vf, vb, *found)
    found = found[:, : len(mantissa)]
    np.testing.assert_array_equal(found[0], mantissa)
    np.testing.assert_array_equal(found[1, mantissa > 0], exponent[mantissa > 0])


@pytest.mark.parametrize("channels", [1, 33])
def test_results_may_lie_on_what_nobody_else_reads(channels):
    rng = np.random.default_rng(0)
    x, residual = (drawn(INNER, (channels, 5, 75), rng) for _ in range(2))
    constants = drawn_constants(channels, rng)
    expected, own = arithmetic.channel_norm(x, residual, *constants, INNER), by_rows(x)
    rows = norm_step(own, by_rows(residual), constants, INNER, spare=[own])
    assert rows.array is own
    np.testing.assert_array_equal(image_of(rows), expected)
    constants = rng.integers(-300, 300, (2, channels))
    expected, own = arithmetic.channel_affine(x, constants, INNER), by_rows(x)
    rows = affine_step(own, constants, INNER, spare=[own])
    assert rows.array is own
    np.testing.assert_array_equal(image_of(rows), expected)


@pytest.mark.parametrize("fmt", [FEATURE, Format(15, 6)], ids=str)
@pytest.mark.parametrize("channels", [1, 32, 33])
def test_affine(fmt, channels):
    rng = np.random.default_rng(channels)
    x = drawn(fmt, (channels, 7, 70), rng)
    limits = np.array([[AFFINE_SCALE.max], [AFFINE.max]])
    constants = rng.integers(-limits - 1, limits + 1, (2, channels))
    assert_affine(x, constants, fmt)
    for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        assert_affine(x, np.array(signs)[:, None] * np.repeat([[1 << 14], [1 << 29]], channels, axis=1), Format(15))


def assert_affine(x, constants, fmt):
    found = image_of(affine_step(by_rows(x), constants, fmt))
    np.testing.assert_array_equal(found, arithmetic.channel_affine(x, constants, fmt))


def test_what_the_kernels_are_not_made_for_is_left_to_the_reference():
    x, wide = np.zeros((2, 3, 2), np.int16), np.zeros((2, 3, 2), np.int32)
    zero = np.zeros((3, 3), np.int64)
    assert norm_step(x, x, zero, INNER) is not None
    assert norm_step(wide, x, zero, INNER) is None and norm_step(x, wide, zero, INNER) is None
    for row in range(3):
        constants = zero.copy()
        constants[row, 1] = (1 << 15) - 32 * (row == 2)
        assert norm_step(x, x, constants, INNER) is None
    assert norm_step(x, x, zero, Format(15)) is None
    for fmt, channels in ((Format(14), 64), (Format(13), 256), (Format(10), 513)):
        many = np.zeros((1, channels, 1), np.int16)
        assert norm_step(many, many, np.zeros((3, channels), np.int64), fmt) is None
    assert affine_step(wide, zero[:2], FEATURE) is None and affine_step(x, zero[:2], Format(16)) is None
    for row, limit in enumerate(((1 << 14) + 1, (1 << 29) + 1)):
        constants = zero[:2].copy()
        constants[row, 1] = -limit
        assert affine_step(x, constants, FEATURE) is None
