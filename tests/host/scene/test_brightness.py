"""Where PAN and MS are measured for the match."""

import warnings
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from bitpan.errors import ModelError, RadiometryWarning
from bitpan.host.scene import brightness
from bitpan.host.scene.brightness import ROWS, as_bright_as_trained, balance_in, measure_level, measure_pan
from bitpan.host.scene.rasters import ArrayRaster
from bitpan.host.scene.scene import array_scene, fill_values
from bitpan.radiometry import PanMatch, block_means, histograms, level_of, looked_up, match_pan


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
        assert measure_pan(array_scene(small_model, pan[:, ::-1, ::-1], ms), 11).gain == 0
    assert told[0].filename == __file__


@pytest.mark.filterwarnings("error")
def test_of_few_blocks_nothing_is_told(small_model):
    pan, ms = pair(32)
    assert measure_pan(array_scene(small_model, pan[:, ::-1, ::-1], ms), 11).offset == 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("side", "fit", "told"), [(64, 0.49, True), (64, 0.5, False), (48, 0.0, False)])
def test_from_sixteen_blocks_on_half_is_enough(small_model, monkeypatch, side, fit, told):
    monkeypatch.setattr(brightness, "match_pan", lambda means, bits, black: PanMatch(bits, fit=fit))
    with pytest.warns(RadiometryWarning, match="explain 49%") if told else nullcontext():
        measure_pan(array_scene(small_model, *pair(side)), 11)


def test_the_ms_is_read_by_rows(small_model, monkeypatch):
    """Each of them once, none beyond the last."""
    windows, read = [], ArrayRaster.read
    monkeypatch.setattr(ArrayRaster, "read", lambda own, *window: windows.append(window) or read(own, *window))
    scene = array_scene(small_model, np.ones((1, 4 * ROWS + 36, 32), int), np.ones((2, ROWS + 9, 8), int))
    measure_level(scene, 11, 500, (1.0, 1.0))
    assert windows == [(0, 0, ROWS, 8), (ROWS, 0, 9, 8)]


def test_every_valid_count_of_the_ms_is_looked_at(small_model):
    ms = np.random.default_rng(0).integers(1, 3000, (2, ROWS + 9, 30))
    ms[:, -9:] *= 20
    ms[:, 40:80] = 0
    scene = array_scene(small_model, np.ones((1, 4 * (ROWS + 9), 120), int), ms, nodata=0)
    own = 11, 500, (400.0, 500.0)
    assert measure_level(scene, *own) == level_of(histograms(ms[ms > 0].reshape(2, -1)), *own)


def test_pan_is_matched_to_the_ms_at_its_level(small_model):
    pan, ms = pair(512)
    seen = as_bright_as_trained(array_scene(small_model, 30 * pan, 30 * ms), small_model)
    patch = seen.read(0, 0, 512, 512)
    assert patch.pan.mean() == pytest.approx(patch.ms.mean(), rel=0.01)
    back = looked_up(seen.level.inverse, patch.ms)
    assert patch.ms.max() <= 2047 and np.abs(back - 30 * ms).max() <= 2**20 / min(seen.level.gains)


def test_the_level_is_that_of_the_ms(small_model, monkeypatch):
    """Of a network that centres PAN elsewhere."""
    monkeypatch.setattr(brightness, "fill_values", lambda model: (900, 300))
    pan, ms = pair(512)
    seen = as_bright_as_trained(array_scene(small_model, pan, ms), small_model)
    assert seen.level == level_of(histograms(ms), 11, 300)


def test_bands_come_to_the_models_balance(small_model):
    pan, ms = pair(512)
    ms = ms * np.array([[[1]], [[3]]])
    balanced = replace(small_model, constants={**small_model.constants, "ms.balance": np.array([1.0, 2.0])})
    plain, own = (as_bright_as_trained(array_scene(small_model, pan, ms), model) for model in (small_model, balanced))
    assert plain.level.gains[0] == plain.level.gains[1]
    assert own.level == level_of(histograms(ms), 11, fill_values(small_model)[1], (1.0, 2.0))
    assert own.level.gains[1] / own.level.gains[0] == pytest.approx(2 / 3, rel=1e-3)


@pytest.mark.parametrize(("factor", "warned"), [(0.2, True), (1, False), (8, True)])
def test_a_model_that_takes_counts_as_they_are_says_when_they_are_others(small_model, factor, warned):
    offset = fill_values(small_model)[1]
    pan, ms = (np.full(shape, factor * offset, int) for shape in ((1, 64, 64), (2, 16, 16)))
    ms[0, 0, 0] += 1
    scene = array_scene(small_model, pan, ms)
    with pytest.warns(RadiometryWarning, match="--level scene") if warned else nullcontext():
        assert set(measure_level(scene, 16, offset).gains) == {1 << 20}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measure_level(scene, 16, offset, (1.0, 1.0))


@pytest.mark.parametrize("balance", [[1.0], [1.0, 0.0], [1.0, np.nan], [1.0, np.inf]])
def test_a_balance_has_a_positive_number_for_each_band(small_model, balance):
    model = replace(small_model, constants=small_model.constants | {"ms.balance": np.array(balance)})
    assert balance_in(small_model) == ()
    with pytest.raises(ModelError, match="no 2 positive numbers"):
        as_bright_as_trained(array_scene(model, *pair(64)), model)
