"""Every network and arm from PyTorch through QONNX to the integer model and to a fused scene, without training."""

import json

import numpy as np
import onnx
import pytest
import rasterio
import torch
from onnx import numpy_helper

from bitpan.camera.consistency import Camera, consistent
from bitpan.cli import main
from bitpan.compare import random_case
from bitpan.errors import BuildError
from bitpan.formats import Format
from bitpan.host.scene.calibration import load_calibration
from bitpan.model import IntegerModel
from bitpan.models.export import written
from bitpan.models.networks.bnnpan import BNNPan
from bitpan.models.networks.configuration import Configuration
from bitpan.models.networks.integers import to_integer_model
from bitpan.models.networks.s2bnet import S2BNet, S2BNetFlat
from bitpan.models.training.checkpoint import save_checkpoint
from bitpan.qonnx.exported import check_qonnx
from bitpan.qonnx.pattern import Graph
from bitpan.qonnx.read import raise_graph
from bitpan.qonnx.recognise import recognise
from bitpan.rasters.grid import align

DEEP = {"bits": 16, "offset": 9000, "input_fraction": 7, "residual_gain": 10}
BARE = {"wavelet": "none", "norm": "none", "prior": "none", "cdc": "none"}
ARMS = [
    *((S2BNetFlat, arm) for arm in ({}, {"srm": "static", "gsfa": "none"}, {"srm": "none", "gsfa": "initialisation"})),
    *((S2BNet, arm) for arm in ({}, {"srm": "static", "gsfa": "none"}, {"srm": "none", "bands": 8})),
    *((kind, arm) for arm in ({"gsfa": "features"}, {"planes": "2"}) for kind in (S2BNetFlat, S2BNet)),
    *((BNNPan, {key: "none"}) for key in ("wavelet", "norm", "prior", "cdc")),
    *((BNNPan, arm) for arm in ({}, {"prior": "condition"}, {"outer_skip": "add"}, DEEP, {"channels": 6, "blocks": 2})),
    *((BNNPan, arm) for arm in (BARE, {"prior": "none", "cdc": "none"}, {**BARE, "outer_skip": "add"})),
]


def small(make_network, kind, **settings):
    blocks = {S2BNet: 10, S2BNetFlat: 2, BNNPan: 1}[kind]
    return make_network(kind=kind, **{"blocks": blocks, "channels": 4, **settings})


@pytest.mark.parametrize(("kind", "settings"), ARMS)
def test_what_is_raised_is_the_network(make_network, kind, settings):
    network = small(make_network, kind, **settings)
    proto, expected = written(network, (8, 16)), to_integer_model(network)
    model = raise_graph(proto)
    for field in ("name", "bands", "bits", "ratio", "nodes", "tensors", "scene"):
        assert getattr(model, field) == getattr(expected, field), field
    assert list(model.tensors) == list(expected.tensors)
    assert model.constants.keys() == expected.constants.keys()
    for name, value in expected.constants.items():
        assert np.array_equal(model.constants[name], value), name
        assert (model.constants[name].dtype, model.constants[name].shape) == (value.dtype, value.shape), name
    model.check_scene(random_case(model, 8, 16, seed=0)[1])
    check_qonnx(proto, model)


@pytest.fixture(scope="module")
def exported():
    """A BNNPan with everything in it, to be damaged in copies."""
    torch.manual_seed(0)
    return written(BNNPan(Configuration(blocks=1, channels=4, outer_skip="add")), (8, 8))


@pytest.fixture
def proto(exported):
    copy = onnx.ModelProto()
    copy.CopyFrom(exported)
    return copy


def nodes_of(proto, name):
    return [node for node in proto.graph.node if node.name.rpartition(".")[0] == name]


LEARNED = {
    "block0.ll.norm": ("gain", "centre", "bias"),
    "block0.ll.rprelu": ("knee", "slope_above", "slope_below", "bias_above", "bias_below"),
    "block0.ll.sign": ("threshold",),
}


@pytest.mark.parametrize("name", ["block0.ll.norm", "block0.affine", "block0.ll.rprelu", "block0.ll.sign"])
def test_every_constant_is_learned_or_checked(proto, name):
    """Whichever is changed: another network is raised, or none."""
    before = raise_graph(proto).constants
    stored = {tensor.name: tensor for tensor in proto.graph.initializer}
    constants = {key for node in nodes_of(proto, name) for key in node.input if key in stored}
    assert len(constants) >= 2
    changed, refused = set(), 0
    for key in constants:
        original = numpy_helper.to_array(stored[key]).copy()
        wrong = original.copy()
        wrong.flat[-1] += 1
        stored[key].CopyFrom(numpy_helper.from_array(wrong, key))
        try:
            after = raise_graph(proto).constants
            changed |= {entry for entry, value in after.items() if not np.array_equal(value, before[entry])}
        except BuildError as error:
            assert f"node {name}" in str(error) or f"node '{name}" in str(error)
            refused += 1
        stored[key].CopyFrom(numpy_helper.from_array(original, key))
    assert changed == {f"{name}.{key}" for key in LEARNED.get(name, ())}
    assert refused + len(changed) == len(constants)


def test_every_operator_of_the_norm_counts(proto):
    """With its inputs exchanged, another attribute, or as another operator, it is no norm any more."""

    def is_norm():
        found = recognise(Graph(proto.graph), "block0.hh.x", Format(12, 7))
        return found is not None and found[0] == "norm"

    attributes = 0
    for node in nodes_of(proto, "block0.hh.norm"):
        inputs, kind = list(node.input), node.op_type
        if kind not in ("Add", "Mul") and len(inputs) > 1:
            node.input[:] = [inputs[1], inputs[0], *inputs[2:]]
            assert not is_norm(), node.name
            node.input[:] = inputs
        for attribute in node.attribute:
            attributes, attribute.i = attributes + 1, 1 - attribute.i
            assert not is_norm(), node.name
            attribute.i = 1 - attribute.i
        node.op_type = {"Floor": "Ceil", "Add": "Sub", "Sub": "Add"}.get(kind, "Identity")
        assert not is_norm(), node.name
        node.op_type = kind
    assert attributes >= 15 and is_norm()


def test_scale_and_offset_are_not_confused(proto):
    gathers = [node for node in nodes_of(proto, "block0.affine") if node.op_type == "Gather"]
    gathers[0].input[1], gathers[1].input[1] = gathers[1].input[1], gathers[0].input[1]
    with pytest.raises(BuildError, match=r"block0\.affine: its scale_row is 1, not 0"):
        raise_graph(proto)


def test_names_are_the_files_own(proto):
    for node in proto.graph.node:
        node.name = node.name.replace("block0.ll", "elsewhere")
    names = [node.name for node in raise_graph(proto).nodes]
    assert "elsewhere.norm" in names and "block0.hh.norm" in names
    proto.graph.node[-1].name = "Clip_77"
    with pytest.raises(BuildError, match=r"'Clip_77'.* is not named after a node"):
        raise_graph(proto)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda d: d["formats"].pop("block0.ll.r"), r"'block0\.ll\.rprelu\.Clip1'.* fits no pattern"),
        (lambda d: d["formats"].update(x0=d["formats"].pop("x0")), "takes 'x0', which the metadata list after"),
        (lambda d: d["formats"].update(y9=[10, 6, True]), "'y9' that the graph does not have"),
        (lambda d: d["formats"].pop("fused"), "no format for tensor 'fused'"),
        (lambda d: d["formats"].update(x1=[9, 6, True]), r"its min is -512, not -256"),
        (lambda d: d["scene"].pop(), r"takes 'block0\.affine', which the model's metadata do not describe"),
    ],
)
def test_metadata_that_do_not_fit_are_refused(proto, damage, said):
    (entry,) = proto.graph.metadata_props
    document = json.loads(entry.value)
    damage(document)
    entry.value = json.dumps(document)
    with pytest.raises(BuildError, match=said):
        raise_graph(proto)


@pytest.mark.parametrize("kind", [BNNPan, S2BNet])
def test_from_a_checkpoint_to_a_fused_scene(make_network, tmp_path, capsys, kind):
    """By the commands alone; what is fused is PyTorch's own forward pass with the same scene parameters."""
    network = small(make_network, kind)
    save_checkpoint(tmp_path / "net.pt", network, {})

    def bitpan(*words):
        code = main([str(word) for word in words])
        return code, capsys.readouterr().err

    assert bitpan("synth", "-o", tmp_path / "scene", "--size", "96x80")[0] == 0
    pan, ms = tmp_path / "scene" / "pan.tif", tmp_path / "scene" / "ms.tif"
    assert bitpan("export", tmp_path / "net.pt", "-o", tmp_path / "net.onnx", "--frame", "16x16")[0] == 0
    assert bitpan("build", tmp_path / "net.onnx", "--model-only", "-o", tmp_path / "model")[0] == 0
    out = tmp_path / "fused.tif"
    assert bitpan("fuse", pan, ms, "-o", out, "--model", tmp_path / "model", "--threads", 1, "--tile", 32)[0] == 0
    halo = -(-IntegerModel.load(tmp_path / "model").halo() // 16) * 16
    images = []
    for path, margin in ((pan, halo), (ms, halo // 4)):
        with rasterio.open(path) as dataset:
            image = np.pad(dataset.read().astype(np.float32), ((0, 0), (margin,) * 2, (margin,) * 2), mode="edge")
        images.append(torch.from_numpy(image[None]))
    saved = load_calibration(tmp_path / "fused.scene.json", IntegerModel.load(tmp_path / "model"))
    seen = saved.match.apply(images[0]), saved.level.apply(images[1][0])[None]
    seen = [torch.from_numpy(image.astype(np.float32)) for image in seen]
    scene = {name: torch.tensor(value, dtype=torch.float32) for name, value in saved.parameters.items()}
    with torch.no_grad():
        expected = network(*seen, scene)[0, :, halo:-halo, halo:-halo].numpy()
    with rasterio.open(out) as dataset:
        fused = dataset.read()
    with rasterio.open(ms) as dataset:
        own, grid = dataset.read(), align((96, 80), (24, 20), (0.0, 0.0), 4, saved.shift)
    assert grid.ms_origin == (0, 0)
    restored = saved.level.restored(expected.astype(int))
    expected = consistent(restored, own, np.ones((24, 20), bool), Camera(4, grid.shift, saved.gain))
    assert np.array_equal(fused, expected) and fused.std() > 10
