import json

import numpy as np
import pytest
import torch
from onnx import numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from bitpan.cli import main
from bitpan.errors import FormatError, MismatchError, ModelError
from bitpan.models import export as module
from bitpan.models.export import export, verify, written
from bitpan.models.layers.head import kept_weights
from bitpan.models.layers.resampling import bordered
from bitpan.models.networks.backbones import UNIT_NETWORKS
from bitpan.models.networks.bnnpan import BNNPan
from bitpan.models.networks.configuration import Configuration
from bitpan.models.networks.integers import to_integer_model
from bitpan.models.networks.s2bnet import S2BNet, S2BNetFlat
from bitpan.models.training.checkpoint import save_checkpoint
from bitpan.qonnx.frames import require_same_network

BLOCK = [
    "Sub",
    "BipolarQuant",
    "Pad",
    "Conv",
    "GreaterOrEqual",
    "Where",
    "Mul",
    "Where",
    "Add",
    "Add",
    "Mul",
    "Floor",
    "Add",
    "Clip",
]
AXIS = ["Gather", "Cast", "Einsum", "Reshape", "Add", "Mul", "Floor"]


@pytest.mark.parametrize(
    "settings",
    [
        {"srm": "static", "gsfa": "none"},
        {"bits": 8, "offset": 90, "input_fraction": 5, "residual_gain": 4, "bands": 3},
        {"bits": 16, "offset": 9000, "input_fraction": 7, "residual_gain": 10},
    ],
)
def test_export_is_verified_and_readable(make_network, tmp_path, settings):
    network = make_network(**settings)
    save_checkpoint(tmp_path / "net.pt", network, {"note": "untrained"})
    export(tmp_path / "net.pt", tmp_path / "net.onnx", (16, 24))
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["net.onnx", "net.pt"]
    model = ModelWrapper(str(tmp_path / "net.onnx"))
    own = network.configuration
    document = json.loads(model.get_metadata_prop("bitpan"))
    assert (document["bands"], document["bits"], document["ratio"]) == (own.bands, own.bits, own.ratio)
    assert document["provenance"]["note"] == "untrained"
    assert document["formats"]["x1"] == [10, 6, True]
    names = [entry["name"] for entry in document["scene"]]
    assert names == ["upsample.rows", "upsample.columns", "block0.threshold", "block1.threshold"]
    assert np.array(document["scene"][2]["arrays"]["fc2.weight"]).shape == (16, 8)
    assert [i.name for i in model.graph.input] == ["pan", "ms", *names]
    assert [o.name for o in model.graph.output] == ["fused"]
    assert model.get_tensor_shape("fused") == [1, own.bands, 16, 24]


@pytest.mark.parametrize("bits", [11, 16])
def test_grammar(make_network, bits):
    """The very operations, in order of the tensors they work towards, that the builder raises."""
    model = written(make_network(bits=bits), (16, 16))
    rounding = ["Add", "Mul", "Floor"]
    centre = ["Sub", *(rounding if bits > 11 else []), "Clip"]
    expected = {
        "upsample": ["Cast", *AXIS, *AXIS, "Cast"],
        "pan_centre": centre,
        "lms_centre": centre,
        "input_concat": ["Concat"],
        "head": ["Conv", *rounding, "Clip"],
        "block0.sign": ["Reshape", "Sub", "BipolarQuant"],
        "block1.conv": ["Pad", "Conv"],
        "block1.rprelu": BLOCK[4:],
        "tail": ["Conv", *rounding, "Clip"],
        "output": ["Add", "Clip"],
    }
    for name, operations in expected.items():
        found = [node.op_type for node in model.graph.node if node.name.rpartition(".")[0] == name]
        assert found == operations, name


@pytest.mark.parametrize(("kind", "parameter"), [(S2BNetFlat, "block0.threshold"), (BNNPan, "block0.affine")])
def test_qonnx_alone_gives_the_network(make_network, make_pair, monkeypatch, kind, parameter):
    """Node by node, with scene parameters other than the pair's own."""
    monkeypatch.setenv("SANITIZE_QUANT_TENSORS", "0")  # else it rounds what is nearly an integer
    network = make_network(kind=kind, blocks=1, channels=4)
    pan, ms = make_pair(16)
    scene = network.measure(pan, ms)
    scene[parameter] += 3
    model = written(network, (16, 16))
    feeds = {"pan": pan, "ms": bordered(ms), **scene}
    fused = execute_onnx(ModelWrapper(model), {name: value.numpy() for name, value in feeds.items()})["fused"]
    with torch.no_grad():
        assert np.array_equal(fused, network(pan, ms, scene).numpy())


@pytest.mark.parametrize(
    ("node", "which", "tensor"),
    [
        ("lms_centre.Sub1", 1, "lms_centred"),
        ("head.Conv1", 1, "x0"),
        ("block0.conv.Conv1", 1, "p0"),
        ("block1.rprelu.Where2", 2, "x2"),
        ("tail.Conv1", 2, "residual"),
        ("output.Clip1", 2, "fused"),
    ],
)
def test_a_planted_fault_is_found_and_named(make_network, node, which, tensor):
    model = written(network := make_network(), (16, 16))
    constant = next(entry for entry in model.graph.node if entry.name == node).input[which]
    stored = next(tensor for tensor in model.graph.initializer if tensor.name == constant)
    value = numpy_helper.to_array(stored).copy()
    value[np.unravel_index(np.abs(value).argmax(), value.shape)] *= -1
    stored.CopyFrom(numpy_helper.from_array(value, constant))
    with pytest.raises(MismatchError, match=rf"QONNX against integers, node {tensor}: .* differ, first at \("):
        verify(model, network, (16, 16))


def test_refused_exports_leave_nothing(make_network, tmp_path, capsys):
    twin = UNIT_NETWORKS["s2bnet-flat-reactnet"](Configuration(blocks=1, channels=8))
    save_checkpoint(tmp_path / "twin.pt", twin, {})
    out = tmp_path / "out.onnx"
    with pytest.raises(ModelError, match="no integer form"):
        export(tmp_path / "twin.pt", out)
    save_checkpoint(tmp_path / "net.pt", make_network(), {})
    with pytest.raises(FormatError, match="multiples of 4"):
        export(tmp_path / "net.pt", out, (30, 32))
    assert main(["export", str(tmp_path / "none.pt"), "-o", str(out)]) == 1
    assert "there is no such checkpoint" in capsys.readouterr().err
    assert not out.exists()


def test_sums_beyond_float32_are_refused(make_network):
    network = make_network(bands=8, head="full")
    network.head.conv.weight.data = network.head.conv.weight.data.sign()
    to_integer_model(network)  # PyTorch and the integer model can: they have float64 and int64
    with pytest.raises(FormatError, match="head"):
        written(network, (16, 16))


def test_the_u_shape_is_exported(make_network, tmp_path):
    """Pools, bilinear steps and skips in QONNX, every tensor equal."""
    network = make_network(kind=S2BNet, blocks=10, channels=4)
    verify(written(network, (16, 16)), network, (16, 16))
    with pytest.raises(FormatError, match="multiples of 4"):
        written(network, (18, 16))


@pytest.mark.parametrize(("kind", "blocks"), [(S2BNetFlat, 2), (S2BNet, 10)])
def test_gabor_features_are_exported(make_network, kind, blocks):
    """A grouped convolution and its rounding; equal on noise and on the extremes, and not with one weight changed."""
    network = make_network(kind=kind, blocks=blocks, channels=4, gsfa="features")
    model = written(network, (16, 16))
    verify(model, network, (16, 16))
    nodes = [node for node in model.graph.node if node.name.startswith("block1.gabor.")]
    assert [node.op_type for node in nodes] == ["Conv", "Add", "Mul", "Floor", "Clip"]
    stored = next(each for each in model.graph.initializer if each.name == nodes[0].input[1])
    weights = numpy_helper.to_array(stored).copy()
    assert weights.shape == (4, 1, 3, 3)
    weights[2, 0, 0, 1] += 1
    stored.CopyFrom(numpy_helper.from_array(weights, stored.name))
    with pytest.raises(MismatchError, match="QONNX against integers, node y1"):
        verify(model, network, (16, 16))


@pytest.mark.parametrize("settings", [{}, {"prior": "condition", "outer_skip": "add"}, {"norm": "none"}])
def test_bnnpan_is_exported(make_network, settings):
    """Wavelet, per-pixel norm and scene affine in QONNX, every tensor equal: some 300 nodes a block."""
    network = make_network(kind=BNNPan, blocks=1, channels=8, **settings)
    verify(written(network, (16, 24)), network, (16, 24))


@pytest.mark.parametrize(
    ("head", "kind", "blocks"), [("split", S2BNetFlat, 1), ("planes", S2BNet, 10), ("planes", BNNPan, 1)]
)
def test_a_head_of_fewer_weights_is_exported(make_network, head, kind, blocks):
    """One convolution as ever, with zeros for what it leaves out; a weight there is noticed."""
    network = make_network(kind=kind, blocks=blocks, channels=8, head=head)
    model = written(network, (16, 16))
    verify(model, network, (16, 16))
    (conv,) = (node for node in model.graph.node if node.name == "head.Conv1")
    stored = next(each for each in model.graph.initializer if each.name == conv.input[1])
    weights = numpy_helper.to_array(stored).copy()
    assert np.array_equal(weights.any(axis=0), kept_weights(head, 4)[0].numpy() > 0)
    weights[2, 3, 0, 0] = 1
    stored.CopyFrom(numpy_helper.from_array(weights, stored.name))
    with pytest.raises(MismatchError, match="QONNX against integers, node x0"):
        verify(model, network, (16, 16))


@pytest.mark.parametrize(("kind", "blocks"), [(S2BNetFlat, 2), (S2BNet, 10), (BNNPan, 1)])
def test_graphs_of_two_frames_differ_in_sizes_alone(make_network, kind, blocks):
    """And what the smaller one proves of the larger one is so."""
    network = make_network(kind=kind, blocks=blocks, channels=4)
    large = written(network, (48, 64))
    require_same_network(large, written(network, (16, 16)), to_integer_model(network))
    verify(large, network, (48, 64))


def test_a_large_frame_is_proved_by_a_smaller_one(make_network, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "PROVED", 27)
    seen = []
    monkeypatch.setattr(module, "verify", lambda exported, network, frame: seen.append(frame))
    network = make_network()
    save_checkpoint(tmp_path / "net.pt", network, {})
    exported, proved = export(tmp_path / "net.pt", tmp_path / "net.onnx", (16, 2000))
    assert seen == [proved] == [(16, 24)]
    assert exported == written(network, (16, 2000), json.loads(exported.graph.metadata_props[0].value)["provenance"])
    assert main(["export", str(tmp_path / "net.pt"), "--frame", "64x64", "-o", str(tmp_path / "net.onnx")]) == 0
    assert "of frames of 24x24 pixels" in capsys.readouterr().out


def test_the_frame_that_proves_has_pixels_far_from_every_edge(make_network, monkeypatch):
    monkeypatch.setattr(module, "PROVED", 8)
    model = to_integer_model(make_network(kind=S2BNet, blocks=10, channels=4))
    height, width = module.proved_frame(model, (512, 512))
    assert height == width > 2 * model.halo()
