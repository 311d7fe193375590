"""Degradation: gains, phase and edges; and the DLPan toolbox's own numbers where the real scenes are at hand."""

import numpy as np
import pytest

from bitpan.arithmetic import bordered, interpolate, keys_coefficients
from bitpan.errors import DataError
from bitpan.models.imagery.degrade import (
    SENSORS,
    bicubic_kernel,
    degrade,
    filter_decimate,
    filtered,
    mtf_kernel,
    nyquist_gains,
    to_counts,
    wald,
)
from scenes import DATA, needs_data


@pytest.mark.parametrize("ratio", [2, 3, 4])
@pytest.mark.parametrize("gain", [0.11, 0.22, 0.3, 0.36])
def test_gain_at_nyquist(ratio, gain):
    weights, first = mtf_kernel(ratio, gain)
    x = np.arange(first, first + len(weights)) - (ratio - 1) / 2
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(weights, weights[::-1], atol=1e-15)  # no sub-pixel shift
    # The toolbox puts the gain at sample 20/ratio of 41, a frequency of 20/41/ratio instead of 1/2/ratio.
    measured = weights @ np.cos(2 * np.pi * x * 20 / 41 / ratio)
    assert measured == pytest.approx(gain, abs=6e-3)


@pytest.mark.parametrize("ratio", [2, 4])
def test_a_ramp_stays_registered(ratio):
    """A linear ramp, degraded: each value is the ramp at the middle of its block; at a shift, there."""
    y, x = np.mgrid[: 40 * ratio, : 28 * ratio].astype(float)
    ramp = (3 * y + 5 * x)[None]
    middle = (ratio - 1) / 2
    expected = 3 * (ratio * np.arange(40) + middle)[:, None] + 5 * (ratio * np.arange(28) + middle)
    inside = (slice(12, -12), slice(12, -12))
    np.testing.assert_allclose(degrade(ramp, ratio, [0.3])[0][inside], expected[inside], atol=1e-9)
    for shift in ((0.5, -0.25), (-1.5, 2.0)):
        for pan_filter in ("mtf", "bicubic"):
            pan_lr, _, _ = wald(ramp, np.zeros((4, 40, 28)), ratio, pan_filter=pan_filter, shift=shift)
            moved = expected + 3 * shift[0] + 5 * shift[1]
            np.testing.assert_allclose(pan_lr[0][inside], moved[inside], atol=1e-9)


def test_phase_is_that_of_the_interpolator():
    """Upsampling what was degraded moves nothing: the error is even about a symmetric spot."""
    image = np.zeros((1, 64, 64))
    image[0, 28:36, 24:40] = 1000
    coarse = bordered(to_counts(degrade(image, 4, [0.3]), 11))
    lms = interpolate(coarse, keys_coefficients(4), keys_coefficients(4))
    np.testing.assert_array_equal(lms, lms[:, ::-1, ::-1])
    toolbox = degrade(image, 4, [0.3], centre=(2, 2))
    assert np.abs(toolbox - toolbox[:, ::-1, ::-1]).max() > 50


def test_constants_and_edges():
    np.testing.assert_allclose(degrade(np.full((2, 8, 12), 7), 4, [0.2, 0.4]), 7, atol=1e-12)
    np.testing.assert_allclose(filter_decimate(np.full((8, 8), 7), 4, bicubic_kernel(4), bicubic_kernel(4)), 7)


def test_degrade_equals_plain_correlation():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 2048, (1, 24, 32))
    weights, first = mtf_kernel(4, 0.3)
    for row, column in ((0, 0), (5, 7), (3, 4)):
        total = 0.0
        for i, a in enumerate(weights):
            for j, b in enumerate(weights):
                y, x = np.clip([4 * row + first + i, 4 * column + first + j], 0, [23, 31])
                total += a * b * image[0, y, x]
        assert degrade(image, 4, [0.3])[0, row, column] == pytest.approx(total)


def test_filtering_is_degrading_without_decimation():
    """Every fourth pixel of the filtered image is the degraded image of that phase."""
    image = np.random.default_rng(2).integers(0, 2048, (2, 24, 32))
    smooth = filtered(image, 4, (0.2, 0.35))
    assert smooth.shape == image.shape
    np.testing.assert_allclose(smooth[:, 2::4, 1::4], degrade(image, 4, (0.2, 0.35), centre=(2, 1)), atol=1e-9)


def test_wald_crops_and_keeps_the_truth():
    rng = np.random.default_rng(1)
    pan, ms = rng.integers(0, 2048, (1, 88, 72)), rng.integers(0, 2048, (4, 22, 18))
    pan_lr, ms_lr, gt = wald(pan, ms, 4, "ikonos")
    assert pan_lr.shape == (1, 20, 16) and ms_lr.shape == (4, 5, 4)
    np.testing.assert_array_equal(gt, ms[:, :20, :16])


def test_sensors():
    assert nyquist_gains("wv3", 4) == (0.355, 0.360, 0.365, 0.335)
    assert nyquist_gains("generic", 5) == (0.3,) * 5
    assert all(0 < gain < 1 for sensor in SENSORS.values() for gain in (*sensor.ms, sensor.pan))


def test_counts_round_half_up_and_clip():
    np.testing.assert_array_equal(to_counts([-1, 0.49, 0.5, 1.5, 2047.4, 3000], 11), [0, 0, 1, 2, 2047, 2047])


@pytest.mark.parametrize(
    "call",
    [
        lambda: degrade(np.zeros((1, 9, 8)), 4, [0.3]),
        lambda: degrade(np.zeros((2, 8, 8)), 4, [0.3]),
        lambda: degrade(np.zeros((1, 8, 8)), 4, [1.0]),
        lambda: filtered(np.zeros((2, 8, 8)), 4, [0.3]),
        lambda: wald(np.zeros((1, 8, 8)), np.zeros((4, 4, 4)), 4),
        lambda: wald(np.zeros((1, 16, 16)), np.zeros((4, 4, 4)), 4, "landsat"),
        lambda: wald(np.zeros((1, 16, 16)), np.zeros((5, 4, 4)), 4, "qb"),
        lambda: wald(np.zeros((1, 16, 16)), np.zeros((4, 4, 4)), 4, pan_filter="box"),
    ],
)
def test_refusals(call):
    with pytest.raises(DataError):
        call()


@needs_data
@pytest.mark.parametrize(
    ("scene", "folder", "sensor"), [("imgWV2", "wv2_imgWV2", "wv2"), ("imgIK", "ikonos_imgIK", "ikonos")]
)
def test_equals_the_toolbox(scene, folder, sensor):
    """Kernels to 1e-6, degraded MS to 0.005 counts (at the toolbox's phase), bicubic PAN exactly."""
    loadmat = pytest.importorskip("scipy.io").loadmat
    reference = np.load(DATA / "reference" / f"{scene}_rr_inputs.npz")
    real = loadmat(DATA / folder / f"{scene}.mat")
    ms, pan = real["I_MS"].transpose(2, 0, 1), real["I_PAN"][None]
    gains = nyquist_gains(sensor, ms.shape[0])
    for band, gain in enumerate(gains):
        weights, first = mtf_kernel(4, gain, centre=0)
        assert first == -20
        np.testing.assert_allclose(np.outer(weights, weights), reference["hMS"][..., band], atol=1e-6)
    toolbox = degrade(ms, 4, gains, centre=(2, 2))
    np.testing.assert_allclose(toolbox, reference["LR"].transpose(2, 0, 1), atol=5e-3)
    pan_lr, ms_lr, _ = wald(pan, ms, 4, sensor, pan_filter="bicubic")
    np.testing.assert_allclose(pan_lr[0], reference["PAN"], atol=1e-9)
    assert np.abs(ms_lr - toolbox).max() > 20  # half a PAN pixel apart


def test_an_image_smaller_than_a_reduced_pixel_is_refused():
    with pytest.raises(DataError, match="3x5 pixels is too small to be reduced by 4"):
        wald(np.zeros((1, 12, 20)), np.zeros((4, 3, 5)), 4)
