"""What is saved beside a fused scene, and read again."""

import json
import re

import numpy as np
import pytest

from bitpan.errors import SceneError
from bitpan.host.scene.calibration import Calibration, is_of, load_calibration, save_calibration
from bitpan.intake.documents import sealed
from bitpan.radiometry import Level, PanMatch


def test_saved_and_loaded(small_model, random_model, random_inputs, tmp_path):
    _, parameters = random_inputs(small_model, 8, 8)
    path = tmp_path / "out.scene.json"
    level, match = Level(11, (70000, 80000), -3 << 20), PanMatch(11, 90000, -77, 0.9)
    save_calibration(path, small_model, Calibration((-2.25, 2.5), level, match, 0.35, parameters))
    loaded = load_calibration(path, small_model)
    assert (loaded.shift, loaded.level, loaded.match, loaded.gain) == ((-2.25, 2.5), level, match, 0.35)
    for name in parameters:
        np.testing.assert_array_equal(loaded.parameters[name], parameters[name])
    assert [file.name for file in tmp_path.iterdir()] == ["out.scene.json"]
    with pytest.raises(SceneError, match="made for model"):
        load_calibration(path, random_model(blocks=2, channels=8, bands=2, seed=1))


@pytest.fixture
def saved(small_model, random_inputs, tmp_path):
    path = tmp_path / "out.scene.json"
    parameters = random_inputs(small_model, 8, 8)[1]
    save_calibration(path, small_model, Calibration((0.0, 0.0), Level.unchanged(11, 2), PanMatch(11), 0.28, parameters))
    return path


def test_any_flipped_bit_is_seen(saved, small_model):
    whole, rng = bytearray(saved.read_bytes()), np.random.default_rng(0)
    for place in rng.integers(len(whole) - 1, size=400).tolist():  # the last is a line's end
        flipped = whole.copy()
        flipped[place] ^= 1 << int(rng.integers(8))
        saved.write_bytes(flipped)
        with pytest.raises(SceneError, match=r"scene\.json: .*; fuse the scene without it"):
            load_calibration(saved, small_model)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text[:40], "not JSON"),
        (lambda text: "[" * 100_000, "not JSON .*nested too deeply"),
        (lambda text: "[]", "schema None"),
        (lambda text: text.replace('"schema": 7', '"schema": 6'), "schema 6, this bitpan reads schema 7"),
        (lambda text: text.replace('"gain": 1048576', '"gain": 1048577'), "damaged or changed since it was written"),
        (lambda text: re.sub(', "sha256": "[^"]*"', "", text), "damaged or changed since it was written"),
    ],
)
def test_bad_files(saved, small_model, change, said):
    saved.write_text(change(saved.read_text()))
    with pytest.raises(SceneError, match=rf"scene\.json: {said}.*; fuse the scene without it"):
        load_calibration(saved, small_model)
    saved.unlink()
    with pytest.raises(SceneError, match="cannot be read"):
        load_calibration(saved, small_model)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("fingerprint",), "ab", "made for model random ab, not for"),
        (("pan", "gain"), "1", "PAN's gain is '1', no integer of 0 to 268435456"),
        (("pan", "gain"), 1 << 29, "PAN's gain is 536870912"),
        (("ms", "gains"), [1 << 20, 0], "the MS's gain is 0, no integer of 4096 to 268435456"),
        (("ms", "gains"), [1 << 20], "1 gains of 2 bands"),
        (("ms", "offset"), 7, "the MS's offset is 7, no integer of -68719476736 to 0"),
        (("ms",), None, "not a file of scene parameters"),
        (("pan", "offset"), 0.5, "PAN's offset is 0.5"),
        (("pan",), None, "not a file of scene parameters"),
        (("shift",), [1], "not a file of scene parameters"),
        (("parameters",), {}, "is missing"),
        (("parameters", "block0.threshold", 0), 5000, r"block0\.threshold.*leaves"),
        (("parameters", "block0.threshold", 0), 0.5, "is of float64, not of integers"),
        (("parameters", "upsample.rows", 0), [0, 0, 1023, 0, 0], "has a row that does not sum to 1024"),
        (("parameters", "upsample.rows", 0), [0, 0, 1024], "not a file of scene parameters"),
    ],
)
def test_numbers_out_of_range_are_named(saved, small_model, place, value, said):
    """In a file whose sum is right."""
    document = json.loads(saved.read_text())
    del document["sha256"]
    *way, last = place
    entry = document
    for key in way:
        entry = entry[key]
    entry[last] = value
    saved.write_text(json.dumps(sealed(document)))
    with pytest.raises(SceneError, match=said):
        load_calibration(saved, small_model)


def test_a_calibration_is_of_what_it_was_saved_for(small_model, random_inputs, tmp_path):
    path, parameters = tmp_path / "a.json", random_inputs(small_model, 8, 8)[1]
    assert not is_of(path, job="1")
    save_calibration(
        path, small_model, Calibration((0.0, 0.0), Level.unchanged(11, 2), PanMatch(11), 0.28, parameters), job="1"
    )
    assert is_of(path, job="1") and not is_of(path, job="2") and not is_of(path)
    path.write_text("{}")
    assert not is_of(path, job="1")
