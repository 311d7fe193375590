"""PAN as bright as the MS: the line, its integers, and what has no line."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitpan.errors import FormatError
from bitpan.radiometry import FRACTION, PanMatch, block_means, match_pan, matched_pan


def pair(gain, offset, noise=0.0, side=128, seed=0):
    """A PAN that follows its MS with this gain and offset."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(100, 900, (side // 16, side // 16)).repeat(16, 0).repeat(16, 1)
    detail = rng.normal(0, 30, (side, side))
    sharp = coarse + detail
    ms = sharp.reshape(side // 4, 4, side // 4, 4).mean((1, 3))
    pan = gain * sharp + offset + rng.normal(0, noise, sharp.shape)
    return np.rint(pan)[None].astype(int), np.rint(np.stack([ms + 50, ms - 50])).astype(int)


@given(st.floats(0.2, 8), st.floats(-100, 100))
def test_the_match_undoes_gain_and_offset(gain, offset):
    pan, ms = pair(gain, offset + 300)
    own = match_pan(block_means(pan, ms, np.ones(pan.shape[1:], bool)), 11)
    assert own.gain == pytest.approx(2**FRACTION / gain, rel=0.02)
    assert own.fit > 0.99
    matched = own.apply(pan)
    assert matched.mean() == pytest.approx(ms.mean(), abs=1)
    assert np.abs(matched_pan(matched, ms, 11) - matched).max() <= 1, "matched once is matched"


@pytest.mark.parametrize(("noise", "line"), [(400, True), (900, False)])
def test_a_line_is_taken_where_it_explains_half_of_the_variance(noise, line):
    rng = np.random.default_rng(0)
    x = rng.uniform(100, 900, 400)
    y = 2 * x + rng.uniform(-noise, noise, 400) + 1000
    own, share = match_pan(np.stack([x, y], axis=-1), 11), np.corrcoef(x, y)[0, 1] ** 2
    assert own.fit == pytest.approx(share) and (share >= 0.5) == line
    assert (own.offset != 0) == line


def test_a_cloud_in_one_image_moves_nothing():
    pan, ms = pair(1.5, 20)
    clear = matched_pan(pan, ms, 11)
    pan[0, :32, :48] = 2047
    np.testing.assert_allclose(matched_pan(pan, ms, 11)[0, 32:], clear[0, 32:], atol=2)


def test_pixels_without_data_count_for_nothing():
    pan, ms = pair(1.5, 20)
    valid = np.ones(pan.shape[1:], bool)
    valid[:40] = False
    spoiled = pan.copy()
    spoiled[0, :40] = 0
    assert match_pan(block_means(spoiled, ms, valid), 11) == match_pan(block_means(pan, ms, valid), 11)
    assert match_pan(block_means(pan, ms, ~np.ones_like(valid)), 11) == PanMatch(11)


@pytest.mark.parametrize(("side", "noise"), [(32, 0), (128, 4000)], ids=["few blocks", "no relation"])
def test_where_there_is_no_line_the_means_decide(side, noise):
    pan, ms = pair(2.0, 0, side=side)
    if noise:
        pan = pan[:, ::-1, ::-1]
    own = match_pan(block_means(pan, ms, np.ones(pan.shape[1:], bool)), 11)
    assert own.offset == 0
    assert own.gain == pytest.approx(2**FRACTION / 2, rel=0.01)


def test_flat_and_black_scenes():
    flat = np.full((1, 128, 128), 800), np.full((4, 32, 32), 400)
    assert (matched_pan(*flat, 11) == 400).all()
    black = np.zeros((1, 128, 128), int), np.zeros((4, 32, 32), int)
    assert (matched_pan(*black, 11) == 0).all()


@pytest.mark.parametrize(("name", "least", "most"), [("gain", 1 << 8, 1 << 20), ("offset", -(1 << 43), 1 << 43)])
def test_only_what_a_match_may_give_is_taken(name, least, most):
    """Slopes of 1/64 to 64; what these make of the farthest means."""
    for value in (least, most):
        assert getattr(PanMatch(11, **{name: value}), name) == value
    for value in (least - 1, most + 1, float(most)):
        with pytest.raises(FormatError, match=f"PAN's {name} is {value!r}, no integer of {least} to {most}"):
            PanMatch(11, **{name: value})


def test_integers_of_the_contract():
    own = PanMatch(11, gain=3 << FRACTION - 2, offset=-(5 << FRACTION - 1))
    pan = np.array([0, 1, 2, 3, 4, 5, 10, 65535])
    expected = np.clip(np.floor((3 * pan - 10) / 4 + 0.5), 0, 2047)
    np.testing.assert_array_equal(own.apply(pan), expected)
