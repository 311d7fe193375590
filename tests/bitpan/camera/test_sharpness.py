"""The camera's gain, measured of images that were seen with a known one."""

import numpy as np
import pytest

from bitpan.arithmetic import bordered, interpolate
from bitpan.camera.consistency import TYPICAL_GAIN, Camera, camera_weights, seen_pixels
from bitpan.camera.sharpness import LEAST_SCORE, UNSURE, gain_of, gradient, gradient_sums, vertex


def landscape(seed, side=256):
    """A PAN with detail of every size."""
    rng, image = np.random.default_rng(seed), np.zeros((1, side, side))
    for scale in (1, 2, 4, 8, 16):
        fine = rng.integers(-100 * scale, 100 * scale, (1, side // scale, side // scale))
        image = image + (fine if scale == 1 else interpolate(bordered(fine), *Camera(scale).upsampling))
    return image + 4000


def seen(pan, gain, ratio=4, shift=(0.0, 0.0)):
    """The MS of two bands that a camera of this gain sees, with a little noise."""
    image = pan
    for axis, part in zip((1, 2), shift, strict=True):
        weights = camera_weights(ratio, part, gain)
        image = np.tensordot(image.take(seen_pixels(image.shape[axis], ratio), axis), weights, (axis + 1, 0))
    noise = np.random.default_rng(1).normal(0, 3, (2, *image.shape[1:]))
    return np.concatenate([image, 0.5 * image + 300]) + noise


def expected(gain):
    """What is taken of a gain that was measured as it is."""
    apart = gain - TYPICAL_GAIN
    return TYPICAL_GAIN + np.sign(apart) * max(abs(apart) - UNSURE, 0)


@pytest.mark.parametrize("ratio", [2, 4])
@pytest.mark.parametrize("gain", [0.15, 0.25, 0.35, 0.5, 0.65])
def test_a_known_camera(ratio, gain):
    pan = landscape(0)
    assert abs(gain_of([gradient_sums(pan, seen(pan, gain, ratio), ratio)]) - expected(gain)) < 0.03


def test_a_shifted_camera():
    pan, shift = landscape(0), (1.75, -0.5)
    ms = seen(pan, 0.5, 4, shift)
    assert abs(gain_of([gradient_sums(pan, ms, 4, shift)]) - 0.4) < 0.03
    assert gain_of([gradient_sums(pan, ms, 4)]) < 0.3, "what is out of place looks blurred"


def test_means_over_blocks_are_sharper_than_any_camera():
    pan = landscape(0)
    ms = pan.reshape(1, 64, 4, 64, 4).mean(axis=(2, 4))
    assert gain_of([gradient_sums(pan, ms, 4)]) > 0.45


def test_samples_count_together():
    pans = [landscape(seed, 64) for seed in range(4)]
    sums = [gradient_sums(pan, seen(pan, 0.5), 4) for pan in pans]
    assert abs(gain_of([*sums, None]) - 0.4) < 0.04


def test_where_nothing_can_be_measured_the_typical_gain_is_taken():
    rng = np.random.default_rng(0)
    assert LEAST_SCORE > 0.5
    pan, other = landscape(0), rng.integers(0, 2048, (2, 64, 64))
    assert gain_of([gradient_sums(pan, other, 4)]) == TYPICAL_GAIN, "another place"
    assert gain_of([gradient_sums(np.full((1, 64, 64), 7), np.full((2, 16, 16), 7), 4)]) == TYPICAL_GAIN, "flat"
    assert gradient_sums(np.zeros((1, 20, 64)), np.zeros((2, 5, 16)), 4) is None
    assert gain_of([]) == gain_of([None]) == TYPICAL_GAIN


def test_differences_to_the_right_and_downward():
    image = np.random.default_rng(0).normal(size=(2, 6, 7))
    for distance in (1, 2):
        found = gradient(image, distance)
        assert found.shape == (2, 2, 6 - distance, 7 - distance)
        for row, column in ((0, 0), (2, 3)):
            here, right = image[:, row, column], image[:, row, column + distance]
            np.testing.assert_array_equal(found[:, 0, row, column], right - here)
            np.testing.assert_array_equal(found[:, 1, row, column], image[:, row + distance, column] - here)


@pytest.mark.parametrize("top", [-0.5, -0.125, 0.0, 0.25])
def test_the_top_of_a_parabola(top):
    assert vertex(0.75 - 2 * (np.array([-1.0, 0, 1]) - top) ** 2) == top
    assert vertex(np.array([0.5, 0.5, 0.5])) == vertex(np.array([0.5, 0.25, 0.5])) == 0
