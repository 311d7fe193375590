"""The corrected counts: what the MS's camera then sees, and where nothing is changed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitpan.arithmetic import bordered, interpolate
from bitpan.camera.consistency import FRACTION_BITS, MISSING, Camera, consistent, known, missing, reach

SHIFTS = st.floats(-0.5, 0.5)  # MS pixels


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def everywhere(image, ratio=4):
    return np.ones([-(-side // ratio) for side in image.shape[1:]], bool)


def seen(fused, camera):
    """By the camera, in float64, at sizes that are whole MS pixels: sums over padded pixels, without rounding."""
    beyond = 2 * camera.ratio
    for axis, taps in zip((1, 2), camera.taps, strict=True):
        sides = [(0, 0)] * 3
        sides[axis] = beyond, beyond
        padded = np.moveaxis(np.pad(np.asarray(fused, float), sides, mode="edge"), axis, 0)
        starts = range(0, len(padded) - 2 * beyond, camera.ratio)
        fused = np.moveaxis(np.stack([taps @ padded[i : i + len(taps)].swapaxes(0, -2) for i in starts]), 0, axis)
        fused = fused / 1024
    return fused


def make(rng, camera, height=64, width=80, bands=2):
    """A smooth image of 11 bits with detail, and what the camera sees of it."""
    image = interpolate(bordered(rng.integers(300, 1500, (bands, height // 4, width // 4))), *Camera(4).upsampling)
    image = image + rng.integers(-60, 60, image.shape)
    return image, seen(image, camera)


@pytest.mark.parametrize("ratio", [2, 3, 4, 6])
@given(shift=SHIFTS, gain=st.floats(0.1, 0.7))
def test_a_camera_sees_around_its_sample(ratio, shift, gain):
    (taps, _) = Camera(ratio, (shift * ratio, 0.0), gain).taps
    assert taps.sum() == 1024 and taps.min() >= 0 and len(taps) == 5 * ratio
    middle = taps @ (np.arange(5 * ratio) - 2 * ratio) / 1024
    assert abs(middle - (ratio - 1) / 2 - shift * ratio) < 0.01 * ratio


@pytest.mark.parametrize("ratio", [2, 4])
@pytest.mark.parametrize("gain", [0.1, 0.28, 0.5])
def test_the_gain_at_the_nyquist_frequency(ratio, gain):
    taps = Camera(ratio, gain=gain).taps[0] / 1024
    positions = np.arange(len(taps)) - (len(taps) - 1) / 2
    assert abs(taps @ np.cos(np.pi / ratio * positions) - gain) < 0.005


@pytest.mark.parametrize("camera", [Camera(4), Camera(4, (1.75, -2.0)), Camera(2, (0.25, -1.0))])
def test_an_image_that_the_camera_sees_the_ms_in_stays_as_it_is(rng, camera):
    image, ms = make(rng, camera)
    change = consistent(image, np.round(ms), everywhere(image, camera.ratio), camera) - image
    assert abs(change).max() <= 1  # the MS's counts are rounded


@pytest.mark.parametrize("camera", [Camera(4), Camera(4, (1.75, -2.0)), Camera(2, (0.25, -1.0))])
def test_the_camera_sees_the_ms_in_what_comes_out(rng, camera):
    """Errors wider than an MS pixel go, those finer than it stay."""
    image, ms = make(rng, camera)
    wide = interpolate(bordered(rng.integers(-100, 100, (2, 8, 10))), *Camera(8).upsampling)
    fine = 40 * (-1) ** np.add(*np.indices(image.shape[1:]))
    found = consistent(image + wide + fine, np.round(ms), everywhere(image, camera.ratio), camera)
    assert abs(seen(found, camera) - ms).std() < 0.1 * abs(seen(image + wide, camera) - ms).std()
    assert (found - image - fine).std() < 0.15 * wide.std()


@given(count=st.integers(0, 65535), other=st.integers(0, 65535), shift=st.tuples(SHIFTS, SHIFTS))
def test_a_flat_image_becomes_the_flat_ms(count, other, shift):
    image, ms = np.full((1, 9, 14), count), np.full((1, 3, 4), other)
    camera = Camera(4, (4 * shift[0], 4 * shift[1]))
    np.testing.assert_array_equal(consistent(image, ms, everywhere(image), camera), np.full_like(image, other))


def test_extreme_counts_stay_within_what_32_bits_hold(rng):
    image, ms = rng.choice([0, 65535], (2, 64, 64)), rng.choice([0, 65535], (2, 16, 16))
    camera = Camera(4, (2.0, -2.0))
    added = missing(image, ms, everywhere(image), camera)
    assert MISSING.min <= added.min() and added.max() <= MISSING.max
    rows, columns = (abs(own).sum(axis=1).max() for own in camera.upsampling)
    first = (abs(added).max() * columns + 512) >> 10
    assert first * rows + 512 < 1 << 31 and (65535 << FRACTION_BITS) * 1024 + 512 < 1 << 31
    found = consistent(image, ms, everywhere(image), camera)
    assert found.min() >= 0 and found.max() <= 65535


def test_what_is_not_known_changes_nothing(rng):
    image, ms = rng.integers(0, 2048, (2, 96, 96)), rng.integers(0, 2048, (2, 24, 24))
    where = np.ones((24, 24), bool)
    where[12, 12] = False
    found = consistent(image, ms, where, Camera(4))
    ms[:, 12, 12] = 65535
    np.testing.assert_array_equal(consistent(image, ms, where, Camera(4)), found)
    np.testing.assert_array_equal(consistent(image, ms, np.zeros_like(where), Camera(4)), image)


def test_a_pixel_reaches_as_far_as_it_should(rng):
    """A change of one pixel is seen that far, and no further."""
    image, ms, camera = rng.integers(0, 1 << 12, (1, 80, 80)), rng.integers(0, 1 << 12, (1, 20, 20)), Camera(4)
    changed = image.copy()
    changed[0, 40, 43] = 65535
    one, two = (consistent(own, ms, everywhere(image), camera)[0] for own in (image, changed))
    rows, columns = np.nonzero(one != two)
    assert reach(4) == 24
    assert 40 - 24 <= rows.min() <= 40 - 14 and 40 + 14 <= rows.max() < 44 + 24
    assert columns.min() >= 40 - 24 and columns.max() < 44 + 24


def test_what_the_camera_sees_of_missing_pixels_is_not_known():
    valid, ms_valid, camera = np.ones((41, 46), bool), np.ones((11, 12), bool), Camera(4)
    assert known(valid, ms_valid, camera).all()
    valid[20, 24], ms_valid[0, 0] = False, False
    found = known(valid, ms_valid, camera)
    unseen = ms_valid.copy()
    taps = camera.taps[0]
    for i in range(11):
        for j in range(12):
            down, right = 20 - 4 * i + 8, 24 - 4 * j + 8
            if 0 <= down < 20 and 0 <= right < 20 and taps[down] and taps[right]:
                unseen[i, j] = False
    assert (~unseen).sum() > 4
    np.testing.assert_array_equal(found, unseen)


def test_nothing_lies_beyond_the_edges():
    """Scenes smaller than what a pixel reaches, and such that are no whole MS pixels."""
    rng = np.random.default_rng(3)
    for height, width in ((1, 1), (3, 9), (17, 2)):
        image = rng.integers(0, 2048, (1, height, width))
        ms = rng.integers(0, 2048, (1, -(-height // 4), -(-width // 4)))
        wide = np.pad(image, ((0, 0), (0, -height % 4), (0, -width % 4)), mode="edge")
        expected = consistent(wide, ms, everywhere(image), Camera(4))[:, :height, :width]
        np.testing.assert_array_equal(consistent(image, ms, everywhere(image), Camera(4)), expected)
