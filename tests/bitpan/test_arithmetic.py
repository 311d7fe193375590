"""The number contract against definitions written another way: exact rationals, loops, bits."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitpan import arithmetic
from bitpan.errors import FormatError
from bitpan.formats import Format

integers = st.integers(-(2**40), 2**40)


@given(integers, st.integers(0, 20))
def test_round_shift_rounds_half_up(v, shift):
    exact = Fraction(v, 2**shift) + Fraction(1, 2)
    assert arithmetic.round_shift(v, shift) == exact.numerator // exact.denominator


@given(st.integers(-(2**20), 2**20), st.integers(0, 20))
def test_negative_shift_multiplies(v, shift):
    assert arithmetic.round_shift(v, -shift) == v * 2**shift


@given(st.integers(-5000, 5000), st.integers(1, 12), st.booleans())
def test_saturate_is_nearest_value_of_the_format(v, bits, signed):
    fmt = Format(bits, 0, signed)
    result = int(arithmetic.saturate(v, fmt))
    assert fmt.min <= result <= fmt.max
    assert result == v or abs(result - v) == min(abs(fmt.min - v), abs(fmt.max - v))


def test_format_refuses_impossible_widths():
    with pytest.raises(FormatError, match="1 to 48 bits"):
        Format(0)


@given(
    st.floats(2.0**-8, 4.0),
    st.floats(-3000, 3000),
    st.integers(-512, 511),
)
def test_threshold_decides_as_the_affine_does(k, b, x):
    fmt = Format(10, 6)
    threshold = arithmetic.srm_threshold([k], [b], fmt)
    # Exact rational comparison, except where the float quotient itself rounded across an integer.
    exact = Fraction(k) * x + Fraction(b) >= 0
    quotient = Fraction(-b) / Fraction(k)
    if abs(quotient - round(quotient)) > Fraction(1, 10**9) or quotient.denominator == 1:
        assert (x >= threshold[0]) == exact


def test_threshold_can_say_never_and_always():
    fmt = Format(10, 6)
    assert arithmetic.srm_threshold([1.0, 1.0], [-1e9, 1e9], fmt).tolist() == [512, -512]
    assert arithmetic.srm_threshold([0.0], [-1.0], fmt).tolist() == [256]  # k is taken as at least 2**-8
    with pytest.raises(FormatError, match="not finite"):
        arithmetic.srm_threshold([1.0], [np.nan], fmt)


def test_sign_at_the_threshold_is_plus_one():
    x = np.array([[[-1, 0, 1]]])
    assert arithmetic.sign(x, np.array([0])).tolist() == [[[-1, 1, 1]]]


@pytest.mark.parametrize(("kernel", "pad"), [(1, 0), (3, 0), (3, -1)])
def test_conv2d_is_the_sum_over_the_window(kernel, pad):
    rng = np.random.default_rng(1)
    x, w = rng.integers(-9, 9, (3, 5, 7)), rng.integers(-9, 9, (2, 3, kernel, kernel))
    margin = kernel // 2
    padded = np.pad(x, ((0, 0), (margin, margin), (margin, margin)), constant_values=pad)
    expected = np.zeros((2, 5, 7), dtype=np.int64)
    for o, i, j in np.ndindex(2, 5, 7):
        expected[o, i, j] = (padded[:, i : i + kernel, j : j + kernel] * w[o]).sum()
    assert np.array_equal(arithmetic.conv2d(x, w, pad), expected)


def test_binary_convolution_is_xnor_popcount():
    rng = np.random.default_rng(2)
    bits, weights = rng.integers(0, 2, (4, 6, 6)), rng.integers(0, 2, (3, 4, 3, 3))
    total = arithmetic.conv2d(2 * bits - 1, 2 * weights - 1, pad_value=-1)
    padded = np.pad(bits, ((0, 0), (1, 1), (1, 1)))
    for o, i, j in np.ndindex(3, 6, 6):
        popcount = np.count_nonzero(padded[:, i : i + 3, j : j + 3] == weights[o])
        assert total[o, i, j] == 2 * popcount - 36


@pytest.mark.parametrize("terms", [1, 2])
def test_conv2d_refuses_sums_float64_cannot_hold(terms):
    """All sums below 2**53 it holds; a sum may reach that by the sizes of all its terms."""
    most, factor = (1 << 53) - 1, 6361  # which divides it
    x, weights = np.full((terms, 1, 1), factor), np.full((1, terms, 1, 1), most // factor // terms)
    weights[0, 0] += most // factor % terms
    assert arithmetic.conv2d(x, weights).item() == most
    x, weights = np.full((terms, 1, 1), 1 << 26), np.full((1, terms, 1, 1), (1 << 27) // terms)
    weights[0, 0] *= -1
    with pytest.raises(FormatError, match=f"may reach {1 << 53}, beyond the exact range of float64"):
        arithmetic.conv2d(x, weights)


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("extreme", [False, True])
def test_depthwise_is_each_channels_own_sum_rounded_half_up(kernel, extreme):
    fmt = Format(10, 6)
    x, w = random_image(fmt, 5, extreme=extreme), random_image(Format(8), 6, (2, 1, kernel, kernel), extreme)
    margin = kernel // 2
    padded = np.pad(x, ((0, 0), (margin, margin), (margin, margin)))
    expected = np.zeros_like(x)
    for c, i, j in np.ndindex(x.shape):
        total = Fraction(int((padded[c, i : i + kernel, j : j + kernel] * w[c, 0]).sum()), 64) + Fraction(1, 2)
        expected[c, i, j] = min(max(total.numerator // total.denominator, fmt.min), fmt.max)
    assert np.array_equal(arithmetic.depthwise(x, w, 6, fmt), expected)


def test_depthwise_rounds_pads_with_zero_and_saturates():
    fmt = Format(10, 6)
    ones = np.ones((1, 1, 3, 3), dtype=np.int64)
    assert arithmetic.depthwise(np.full((1, 2, 3), 1), ones, 3, fmt).tolist() == [[[1, 1, 1]] * 2]  # 4/8, 6/8, 4/8
    assert arithmetic.depthwise(np.full((1, 2, 3), -1), ones, 3, fmt).tolist() == [[[0, -1, 0]] * 2]  # -4/8 up, -6/8
    for value, limit in ((511, 511), (-512, -512)):
        assert (arithmetic.depthwise(np.full((1, 4, 4), value), 127 * ones, 6, fmt) == limit).all()


def test_rprelu_takes_the_branch_rounds_and_saturates():
    fmt = Format(10, 6)
    p = np.array([[[-3, -2, 4, 288]]])
    x = np.array([[[10, 10, 10, 500]]])
    result = arithmetic.rprelu(p, x, [-2], [96], [-32], [16], [0], shift=6, fmt=fmt)
    # below: -32*-3 = 96 -> 2; at the knee: -192+16 = -176 -> -3 (half up of -2.75); above: 400 -> 6; saturated.
    assert result.tolist() == [[[12, 7, 16, 511]]]


@pytest.mark.parametrize("ratio", [2, 4])
def test_keys_coefficients_are_exact_without_shift(ratio):
    coefficients = arithmetic.keys_coefficients(ratio)

    def keys(d):
        d = abs(d)
        if d <= 1:
            return Fraction(3, 2) * d**3 - Fraction(5, 2) * d**2 + 1
        return -Fraction(1, 2) * d**3 + Fraction(5, 2) * d**2 - 4 * d + 2 if d < 2 else Fraction(0)

    for p in range(ratio):
        phase = (Fraction(p) + Fraction(1, 2)) / ratio - Fraction(1, 2)
        assert coefficients[p].tolist() == [keys(phase - t) * 1024 for t in range(-2, 3)]


@given(st.floats(-2, 2))
def test_shifted_coefficients_sum_to_one_and_mirror(shift):
    coefficients = arithmetic.keys_coefficients(4, shift)
    assert (coefficients.sum(axis=1) == 1024).all()
    assert coefficients.min() >= -2048 and coefficients.max() <= 2047
    assert np.abs(coefficients - arithmetic.keys_coefficients(4, -shift)[::-1, ::-1]).max() <= 2


def test_keys_coefficients_refuse_more_than_half_an_ms_pixel():
    with pytest.raises(FormatError, match="half an MS pixel"):
        arithmetic.keys_coefficients(4, 2.1)


def test_interpolation_reproduces_planes_and_constants():
    rows, columns = np.mgrid[0:8, 0:9]
    plane = (100 + 8 * rows + 16 * columns)[None]
    c = arithmetic.keys_coefficients(4)
    lms = arithmetic.interpolate(arithmetic.bordered(plane), c, c)
    y, x = np.mgrid[0:32, 0:36]
    expected = 100 + 8 * ((y + 0.5) / 4 - 0.5) + 16 * ((x + 0.5) / 4 - 0.5)
    assert np.array_equal(lms[0, 8:-8, 8:-8], expected[8:-8, 8:-8])
    assert (arithmetic.interpolate(np.full((2, 9, 10), 777), c, c) == 777).all()


def test_a_border_repeats_the_edges():
    image = np.arange(12).reshape(1, 3, 4)
    rows, columns = np.clip(np.arange(-2, 5), 0, 2), np.clip(np.arange(-2, 6), 0, 3)
    assert np.array_equal(arithmetic.bordered(image), image[:, rows[:, None], columns])


@given(st.integers(0, 2**32 - 1), st.sampled_from([8, 11, 16]), st.floats(-2, 2), st.floats(-2, 2))
def test_interpolation_stays_within_its_format(seed, bits, dy, dx):
    extremes = np.random.default_rng(seed).integers(0, 2, (1, 7, 8)) * (2**bits - 1)
    lms = arithmetic.interpolate(extremes, arithmetic.keys_coefficients(4, dy), arithmetic.keys_coefficients(4, dx))
    fmt = arithmetic.lms_format(bits)
    assert fmt.min <= lms.min() and lms.max() <= fmt.max


@given(st.integers(1, 2**26), st.integers(1, 2**26))
def test_a_deviation_ratio_is_within_an_eighth_of_the_root(vf, vb):
    mantissa, exponent = arithmetic.deviation_ratio(vf, vb)
    assert 4 <= mantissa <= 8
    assert float(mantissa) * 2.0 ** float(exponent) == pytest.approx((vf / vb) ** 0.5, rel=0.125)
    for none in ((0, vb), (vf, 0), (0, 0)):
        assert arithmetic.deviation_ratio(*none)[0] == 0


def test_the_norm_is_what_the_paper_says():
    """Deviations that are each other's double have an exact ratio; then only roundings lie between."""
    rng = np.random.default_rng(0)
    x = rng.integers(-200, 200, (8, 3, 5))
    residual = 2 * x[::-1] + 7
    kappa, phi, eta = rng.uniform(0.5, 2, 8), rng.integers(-40, 40, 8), rng.integers(-30, 30, 8)
    gain = np.rint(kappa * (1 << arithmetic.NORM_FRACTION)).astype(int)
    found = arithmetic.channel_norm(x, residual, gain, 8 * phi, eta << arithmetic.NORM_FRACTION, Format(13))
    kappa, phi, eta = (v[:, None, None] for v in (gain / (1 << arithmetic.NORM_FRACTION), phi, eta))
    exact = residual + kappa * 2 * (x - x.mean(axis=0) - phi) + residual.mean(axis=0) + eta
    assert np.abs(found - exact).max() <= 2


def test_add_clip():
    assert arithmetic.add_clip([5, 2000, 10], [-9, 100, 1], 11).tolist() == [0, 2047, 11]


SIGNS = {"LL": (1, 1, 1, 1), "LH": (1, 1, -1, -1), "HL": (1, -1, 1, -1), "HH": (1, -1, -1, 1)}


def random_image(fmt, seed, shape=(2, 6, 8), extreme=False):
    rng = np.random.default_rng(seed)
    return rng.choice([fmt.min, fmt.max], shape) if extreme else rng.integers(fmt.min, fmt.max + 1, shape)


@pytest.mark.parametrize("extreme", [False, True])
def test_haar_is_the_signed_sum_of_each_block(extreme):
    x = random_image(Format(10, 6), 1, extreme=extreme)
    for band, signs in zip(arithmetic.haar(x), SIGNS.values(), strict=True):
        assert band.shape == (2, 3, 4)
        for c, i, j in np.ndindex(band.shape):
            assert band[c, i, j] == (x[c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].ravel() * signs).sum()


def test_haar_directions():
    """Vertical stripes vary along the width: HL; horizontal ones along the height: LH; a checkerboard: HH."""
    y, x = np.mgrid[:4, :4]
    for image, only in ((0 * x + 1, 0), ((-1) ** y, 1), ((-1) ** x, 2), ((-1) ** (x + y), 3)):
        bands = [band.tolist() for band in arithmetic.haar(image[None])]
        assert bands == [[[[4 * (i == only)] * 2] * 2] for i in range(4)]


@pytest.mark.parametrize("signed", [True, False])
def test_haar_format_holds_every_subband_and_orthonormally(signed):
    fmt = Format(4, 1, signed)
    wide = arithmetic.haar_format(fmt)
    corners = np.array(np.meshgrid(*[[fmt.min, fmt.max]] * 4)).reshape(4, -1)
    blocks = corners.T.reshape(-1, 2, 2).astype(np.int64)
    bands = arithmetic.haar(blocks)
    assert all(wide.min <= band.min() and band.max() <= wide.max for band in bands)
    assert max(band.max() for band in bands) > Format(wide.bits - 1).max  # one bit fewer would not do
    energy = sum((band * wide.step) ** 2 for band in bands)[:, 0, 0]
    assert np.array_equal(energy, ((blocks * fmt.step) ** 2).sum(axis=(1, 2)))


@given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
def test_inverse_haar_undoes_haar(seed, extreme, signed):
    fmt = Format(10, 6, signed)
    x = random_image(fmt, seed, extreme=extreme)
    assert np.array_equal(arithmetic.inverse_haar(*arithmetic.haar(x), shift=2, fmt=fmt), x)


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.booleans())
def test_inverse_haar_rounds_once_and_saturates(seed, shift, extreme):
    fmt = Format(10, 6)
    bands = [random_image(Format(12, 7), seed + i, extreme=extreme) for i in range(4)]
    image = arithmetic.inverse_haar(*bands, shift=shift, fmt=fmt)
    assert image.shape == (2, 12, 16)
    for pixel in range(4):
        total = sum(signs[pixel] * band for signs, band in zip(SIGNS.values(), bands, strict=True))
        expected = np.clip(np.floor(total / 2**shift + 0.5), fmt.min, fmt.max)
        assert np.array_equal(image[:, pixel // 2 :: 2, pixel % 2 :: 2], expected)


def test_inverse_haar_refuses_an_exact_shift():
    with pytest.raises(FormatError, match="at least one bit"):
        arithmetic.inverse_haar(*[np.zeros((1, 2, 2))] * 4, shift=0, fmt=Format(10))


@pytest.mark.parametrize("function", [arithmetic.haar, arithmetic.average_pool])
@pytest.mark.parametrize("shape", [(1, 3, 4), (1, 4, 3)])
def test_odd_sizes_have_no_blocks(function, shape):
    with pytest.raises(FormatError, match="even sizes"):
        function(np.zeros(shape))


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_average_pool_rounds_the_mean_half_up(seed, extreme):
    fmt = Format(10, 6)
    x = random_image(fmt, seed, extreme=extreme)
    pooled = arithmetic.average_pool(x)
    for c, i, j in np.ndindex(2, 3, 4):
        mean = Fraction(int(x[c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].sum()), 4)
        assert pooled[c, i, j] == (mean + Fraction(1, 2)).numerator // (mean + Fraction(1, 2)).denominator
    assert fmt.min <= pooled.min() and pooled.max() <= fmt.max


@given(st.integers(0, 2**32 - 1), st.booleans(), st.integers(1, 4), st.integers(1, 5))
def test_bilinear_up_weighs_the_four_nearest(seed, extreme, height, width):
    fmt = Format(10, 6)
    x = random_image(fmt, seed, (2, height, width), extreme)
    up = arithmetic.bilinear_up(x)
    assert up.shape == (2, 2 * height, 2 * width)
    for c, i, j in np.ndindex(up.shape):
        y, y2 = i // 2, np.clip(i // 2 + (1 if i % 2 else -1), 0, height - 1)
        z, z2 = j // 2, np.clip(j // 2 + (1 if j % 2 else -1), 0, width - 1)
        a, b, d, e = (int(x[c, r, s]) for r, s in ((y, z), (y, z2), (y2, z), (y2, z2)))
        assert up[c, i, j] == (9 * a + 3 * b + 3 * d + e + 8) >> 4
    assert fmt.min <= up.min() and up.max() <= fmt.max


def test_add_saturates():
    fmt = Format(10, 6)
    assert arithmetic.add([511, -512, 3, -512], [1, -1, -5, 511], fmt).tolist() == [511, -512, -2, -1]
