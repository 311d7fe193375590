"""Where PAN and MS are measured for the match."""

import numpy as np
import pytest

from bitpan.errors import RadiometryWarning
from bitpan.host.scene.brightness import measure_pan
from bitpan.host.scene.scene import array_scene
from bitpan.radiometry import PanMatch, block_means, match_pan


def pair(side):
    """PAN about twice as bright as MS, each block of 16 PAN pixels in its own way."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(100, 900, (1, side // 16, side // 16))
    fine = (2 * coarse + rng.integers(-90, 90, coarse.shape)).repeat(16, 1).repeat(16, 2)
    return fine, coarse.repeat(4, 1).repeat(4, 2).repeat(2, 0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("side", "starts"), [(512, (0, 256)), (1120, (0, 288, 576, 864))])
def test_four_windows_of_256_pixels_an_axis_are_measured(small_model, side, starts):
    pan, ms = pair(side)
    inside = np.zeros(pan.shape[1:], bool)
    for top in starts:
        for left in starts:
            inside[top : top + 256, left : left + 256] = True
    found, expected = measure_pan(array_scene(small_model, pan, ms), 11), match_pan(block_means(pan, ms, inside), 11)
    assert (found.gain, found.offset) == (expected.gain, expected.offset)
    assert found.gain == pytest.approx(PanMatch(11).gain / 2, rel=0.02)


def test_a_pair_that_does_not_go_together_is_told(small_model):
    pan, ms = pair(512)
    with pytest.warns(RadiometryWarning, match="explain 0% of PAN's variance") as told:
        assert measure_pan(array_scene(small_model, pan[:, ::-1, ::-1], ms), 11).offset == 0
    assert told[0].filename == __file__


@pytest.mark.filterwarnings("error")
def test_of_few_blocks_nothing_is_told(small_model):
    pan, ms = pair(32)
    assert measure_pan(array_scene(small_model, pan[:, ::-1, ::-1], ms), 11).offset == 0
