"""What is saved beside a fused scene, and read again."""

import json
import re

import numpy as np
import pytest

from bitpan.errors import SceneError, SceneIOError
from bitpan.host.scene.calibration import Calibration, load_calibration, save_calibration
from bitpan.radiometry import PanMatch


def test_saved_and_loaded(small_model, random_model, random_inputs, tmp_path):
    _, parameters = random_inputs(small_model, 8, 8)
    path = tmp_path / "out.scene.json"
    save_calibration(path, small_model, Calibration((-2.25, 2.5), PanMatch(11, 9000, -77, 0.9), parameters))
    loaded = load_calibration(path, small_model)
    assert (loaded.shift, loaded.match) == ((-2.25, 2.5), PanMatch(11, 9000, -77, 0.9))
    for name in parameters:
        np.testing.assert_array_equal(loaded.parameters[name], parameters[name])
    assert [file.name for file in tmp_path.iterdir()] == ["out.scene.json"]
    with pytest.raises(SceneError, match="made for model"):
        load_calibration(path, random_model(blocks=2, channels=8, bands=2, seed=1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text[:40], "not a file of scene parameters"),
        (lambda text: "[]", "not a file of scene parameters"),
        (lambda text: text.replace('"gain"', '"grain"'), "not a file of scene parameters"),
        (lambda text: text.replace('"shift"', '"drift"'), "not a file of scene parameters"),
        (lambda text: text.replace('"block1.threshold"', '"other"'), "missing"),
        (lambda text: text.replace('"schema": 2', '"schema": 1'), "schema 1, not for"),
        (
            lambda text: re.sub('("fingerprint": ")[^"]*', r"\g<1>ab", text),
            r"model random ab, .*; fuse the scene without it",
        ),
    ],
)
def test_bad_files(small_model, random_inputs, tmp_path, change, said):
    path = tmp_path / "out.scene.json"
    save_calibration(path, small_model, Calibration((0.0, 0.0), PanMatch(11), random_inputs(small_model, 8, 8)[1]))
    path.write_text(change(path.read_text()))
    with pytest.raises(SceneError, match=said):
        load_calibration(path, small_model)
    path.unlink()
    with pytest.raises(SceneIOError, match="cannot be read"):
        load_calibration(path, small_model)


def test_out_of_range_is_named(small_model, random_inputs, tmp_path):
    path = tmp_path / "out.scene.json"
    save_calibration(path, small_model, Calibration((0.0, 0.0), PanMatch(11), random_inputs(small_model, 8, 8)[1]))
    document = json.loads(path.read_text())
    document["parameters"]["block0.threshold"][0] = 5000
    path.write_text(json.dumps(document))
    with pytest.raises(SceneError, match=r"block0\.threshold.*leaves"):
        load_calibration(path, small_model)
