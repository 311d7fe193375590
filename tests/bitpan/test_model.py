"""The integer model's file and its reference executor."""

import json

import numpy as np
import pytest

from bitpan import arithmetic
from bitpan.errors import FormatError, ModelError
from bitpan.model import IntegerModel, execute


def test_saved_model_is_the_same_model(random_model, tmp_path):
    model = random_model(blocks=2)
    model.save(tmp_path)
    loaded = IntegerModel.load(tmp_path)
    assert loaded.nodes == model.nodes and loaded.tensors == model.tensors and loaded.scene == model.scene
    assert loaded.constants.keys() == model.constants.keys()
    assert all(np.array_equal(loaded.constants[name], value) for name, value in model.constants.items())
    assert not list(tmp_path.glob("*.partial"))


def halve(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "model.json").unlink(), "cannot be read"),
        (lambda folder: (folder / "model.json").write_text("{"), "not JSON"),
        (lambda folder: (folder / "model.json").write_text('{"schema": 99}'), "schema 99"),
        (lambda folder: (folder / "model.npz").write_bytes(b"PK"), "not a bitpan integer model"),
        (lambda folder: (folder / "model.json").write_text("[1]"), "schema None"),
        (lambda folder: halve(folder / "model.npz"), "not a bitpan integer model"),
        (lambda folder: np.savez(folder / "model.npz"), "no constant"),
        (lambda folder: (folder / "model.npz").unlink(), "not a bitpan integer model"),
    ],
)
def test_damaged_model_is_refused_with_its_file(random_model, tmp_path, damage, said):
    random_model(blocks=1).save(tmp_path)
    damage(tmp_path)
    with pytest.raises(ModelError, match=said) as error:
        IntegerModel.load(tmp_path)
    assert str(tmp_path) in str(error.value)


def test_model_json_is_readable_by_people(random_model, tmp_path):
    random_model(blocks=1).save(tmp_path)
    document = json.loads((tmp_path / "model.json").read_text())
    assert [node["op"] for node in document["nodes"]][-1] == "add_clip"


def test_execute_follows_the_equations(random_model, random_inputs):
    model = random_model(blocks=1)
    inputs, scene = random_inputs(model, height=16, width=24, seed=3)
    values = {}
    fused = execute(model, inputs, scene, watch=lambda name, value: values.update({name: value}))
    lms = arithmetic.interpolate(inputs["ms"], scene["upsample.rows"], scene["upsample.columns"])
    assert np.array_equal(values["lms"], lms)
    assert np.array_equal(values["s0"], np.where(values["x0"] >= scene["block0.threshold"][:, None, None], 1, -1))
    assert np.array_equal(fused, np.clip(lms + values["residual"], 0, 2**model.bits - 1))
    assert all(
        model.tensors[name].format.min <= value.min() and value.max() <= model.tensors[name].format.max
        for name, value in values.items()
    )


def test_execute_can_start_and_stop_anywhere(random_model, random_inputs):
    model = random_model(blocks=2)
    inputs, scene = random_inputs(model, height=16, width=16, seed=4)
    x1 = execute(model, inputs, scene, until="x1")
    assert np.array_equal(execute(model, {**inputs, "x1": x1}, scene), execute(model, inputs, scene))
    with pytest.raises(ModelError, match="no tensor 'x9'"):
        execute(model, inputs, scene, until="x9")


@pytest.mark.parametrize("blocks", [1, 2, 8])
def test_halo_is_what_a_pixel_depends_on(random_model, random_inputs, blocks):
    model = random_model(blocks=blocks)
    assert model.halo() == blocks + 1 + 2 * 4 + 3


def test_scene_parameters_are_checked(random_model, random_inputs):
    model = random_model(blocks=1)
    _, scene = random_inputs(model, height=16, width=16, seed=5)
    model.check_scene(scene)
    with pytest.raises(FormatError, match=r"block0\.threshold' is missing"):
        model.check_scene({name: value for name, value in scene.items() if name != "block0.threshold"})
    with pytest.raises(FormatError, match="has shape"):
        model.check_scene({**scene, "block0.threshold": np.zeros(3, dtype=np.int64)})
    with pytest.raises(FormatError, match="leaves"):
        model.check_scene({**scene, "block0.threshold": np.full_like(scene["block0.threshold"], 5000)})
