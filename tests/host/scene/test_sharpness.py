"""The camera of a scene: over its windows without gaps, at the shift it is known to have."""

import numpy as np
import pytest

from bitpan.camera.consistency import TYPICAL_GAIN
from bitpan.host.scene.scene import array_scene
from bitpan.host.scene.sharpness import measure_gain
from bitpan.models.imagery.synth import synthesise


@pytest.fixture(scope="module")
def averaged():
    """A PAN, and an MS of two bands that is its mean over blocks: sharper than any camera."""
    truth = synthesise(512, seed=5, ratio=2).truth[:2]
    pan = np.rint(truth.mean(axis=0, keepdims=True)).astype(np.uint16)
    return pan, np.rint(truth.reshape(2, 128, 4, 128, 4).mean(axis=(2, 4))).astype(np.uint16)


def test_an_averaged_ms_is_found_to_be_sharp(small_model, averaged):
    found = measure_gain(array_scene(small_model, *averaged))
    assert found > 0.4
    assert measure_gain(array_scene(small_model, *averaged), threads=3) == found


def test_gaps_are_passed_over(small_model, averaged):
    pan, ms = averaged[0].copy(), averaged[1]
    pan[:, :, 200:] = 0
    sharp = measure_gain(array_scene(small_model, pan, ms, nodata=0))
    assert sharp > 0.4
    pan[:, ::32, ::32] = 0
    assert measure_gain(array_scene(small_model, pan, ms, nodata=0)) == TYPICAL_GAIN


def test_the_shift_is_that_of_the_scene(small_model, averaged):
    pan, ms = averaged
    moved = np.roll(pan, (2, -1), (1, 2))
    assert measure_gain(array_scene(small_model, moved, ms, (2, -1))) > 0.4
    assert measure_gain(array_scene(small_model, moved, ms)) < 0.3
