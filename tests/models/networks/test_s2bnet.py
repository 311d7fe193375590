import numpy as np
import pytest
import torch

from bitpan.errors import ModelError
from bitpan.model import IntegerModel, execute
from bitpan.models.layers.functional import rprelu
from bitpan.models.layers.resampling import bordered, upsample
from bitpan.models.networks.configuration import Configuration, calibrated
from bitpan.models.networks.integers import to_integer_model
from bitpan.models.networks.s2bnet import S2BNet


def check_equal(network, pan, ms, scene):
    """Every tensor of PyTorch's forward pass against the reference execution."""
    model = to_integer_model(network)
    integers = {name: value.numpy().astype(np.int64) for name, value in scene.items()}
    model.check_scene(integers)
    reference = {}
    execute(model, {"pan": pan[0].numpy(), "ms": bordered(ms)[0].numpy()}, integers, watch=reference.__setitem__)
    with torch.no_grad():
        values = network.tensors(pan, bordered(ms), scene)
    assert list(values) == list(reference)
    for name, value in values.items():
        assert np.array_equal(value[0].numpy(), reference[name]), name
        fmt = model.tensors[name].format
        assert reference[name].min() >= fmt.min and reference[name].max() <= fmt.max, name


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"head": "full"},
        {"head": "full", "bands": 8},
        {"head": "split"},
        {"srm": "static", "gsfa": "none"},
        {"srm": "none", "gsfa": "initialisation"},
        {"gsfa": "features"},
        {"srm": "static", "gsfa": "features", "channels": 32},
        {"bits": 8, "offset": 90, "input_fraction": 5, "residual_gain": 4},
        {"bits": 16, "offset": 9000, "input_fraction": 7, "residual_gain": 10},
        {"bands": 8},
        {"blocks": 8, "channels": 32},
        {"planes": "2"},
        {"planes": "2", "srm": "none", "gsfa": "features", "channels": 32},
    ],
)
def test_forward_pass_is_the_integer_model(make_network, make_pair, settings):
    network = make_network(**settings)
    own = network.configuration
    pan, ms = make_pair(32, own.bands, own.bits)
    check_equal(network, pan, ms, network.measure(pan, ms))


def test_gabor_features_in_the_u_shape(make_network, make_pair):
    network = make_network(kind=S2BNet, blocks=10, channels=4, gsfa="features")
    pan, ms = make_pair(32)
    check_equal(network, pan, ms, network.measure(pan, ms))


def test_gabor_features_are_what_the_sign_sees_and_srm_measures(make_network):
    network = make_network(gsfa="features")
    model = to_integer_model(network)
    nodes = {node.name: node for node in model.nodes}
    assert nodes["block1.gabor"].inputs == ("x1",) and nodes["block1.gabor"].output == "y1"
    assert nodes["block1.sign"].inputs == ("y1",)
    assert model.scene_parameter("block1.threshold").measures == "y1"
    assert nodes["block1.rprelu"].inputs == ("p1", "x1")
    assert {"blocks.0.gabor.gabor", "blocks.0.gabor.mix"} <= network.state_dict().keys()
    banks = [block.gabor.gabor for block in network.blocks]
    assert not torch.equal(*banks)
    again = make_network(seed=5, gsfa="features")
    assert all(torch.equal(block.gabor.gabor, bank) for block, bank in zip(again.blocks, banks, strict=True))


def test_two_planes_are_two_signs_before_the_same_weights_twice(make_network):
    network = make_network(planes="2")
    model = to_integer_model(network)
    nodes = {node.name: node for node in model.nodes}
    assert [nodes[f"block1.{sign}"].inputs for sign in ("sign", "sign2")] == [("x1",)] * 2
    assert nodes["block1.concat"].inputs == (nodes["block1.sign"].output, nodes["block1.sign2"].output)
    assert nodes["block1.conv"].inputs == (nodes["block1.concat"].output,)
    assert {node.op for node in model.nodes} == {node.op for node in to_integer_model(make_network()).nodes}
    weights = model.constant(nodes["block1.conv"], "weights")
    assert weights.shape == (8, 16, 3, 3) and np.array_equal(weights[:, :8], weights[:, 8:])
    assert network.blocks[1].rprelu.unit == make_network().blocks[1].rprelu.unit / 2


def test_two_planes_begin_either_side_of_zero():
    network = S2BNet(Configuration(blocks=10, channels=4, planes="2"))
    x = torch.zeros(1, 4, 4, 4)
    low, high = (sign.measure(x, context={})[0] for sign in (network.blocks[3].srm, network.blocks[3].second))
    assert torch.equal(low, torch.full((4,), -32.0)) and torch.equal(high, torch.full((4,), 33.0))


@pytest.mark.parametrize("arms", [{}, {"gsfa": "features"}, {"planes": "2"}], ids=str)
@pytest.mark.parametrize("value", [0, 2047])
def test_forward_pass_at_the_extremes(make_network, make_pair, value, arms):
    network = make_network(**arms)
    pan, ms = make_pair()
    pan[:], ms[:] = value, 2047 - value
    scene = network.measure(pan, ms)
    for name in (name for name in scene if "threshold" in name):
        scene[name] = torch.full((8,), -512.0 if name in ("block0.threshold", "block1.threshold2") else 512.0)
    check_equal(network, pan, ms, scene)


def test_a_wrong_constant_is_noticed(make_network, make_pair, monkeypatch):
    network = make_network()
    pan, ms = make_pair()
    scene = network.measure(pan, ms)
    layer = network.blocks[1].rprelu
    knee, slopes, biases = layer.branches()
    wrong = biases.detach().clone()
    wrong[0, 3] += 64
    monkeypatch.setattr(layer, "forward", lambda p, x: rprelu(p, x, knee, slopes, wrong, 6, layer.target))
    with pytest.raises(AssertionError, match="x2"):
        check_equal(network, pan, ms, scene)


@pytest.mark.parametrize("arms", [{}, {"gsfa": "features"}, {"planes": "2"}], ids=str)
def test_training_forward_measures_what_measure_says(make_network, make_pair, arms):
    network = make_network(**arms)
    pan, ms = make_pair(samples=2)
    with torch.no_grad():
        batch = network(pan, ms)
        for i in range(2):
            scene = network.measure(pan[i : i + 1], ms[i : i + 1])
            assert torch.equal(batch[i : i + 1], network(pan[i : i + 1], ms[i : i + 1], scene))


@pytest.mark.parametrize("arms", [{}, {"gsfa": "features"}, {"planes": "2"}], ids=str)
def test_every_parameter_learns(make_network, make_pair, arms):
    network = make_network(**arms)
    pan, ms = make_pair(samples=2)
    (network(pan, ms) - pan).abs().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_integer_model_survives_its_files(make_network, tmp_path):
    model = to_integer_model(make_network())
    model.save(tmp_path)
    again = IntegerModel.load(tmp_path)
    assert again.nodes == model.nodes and again.tensors == model.tensors and again.scene == model.scene
    for name, value in model.constants.items():
        assert np.array_equal(again.constants[name], value)


def test_calibration_gives_unit_spread(make_network):
    random = np.random.default_rng(0)
    ms = torch.from_numpy(random.normal(900, 120, (4, 4, 16, 16)).round()).float().clip(0, 2047)
    lms = upsample(ms, 4)
    gt = (lms + torch.from_numpy(random.normal(0, 33, lms.shape))).round()
    own = calibrated(Configuration(), lms[:, :1], ms, gt)
    assert 880 < own.offset < 920
    assert own.input_fraction in (6, 7)
    assert own.residual_gain == 5
    network = make_network()
    network.scale_head(lms[:, :1], ms)
    with torch.no_grad():
        assert 0.8 < float(network.tensors(lms[:, :1], bordered(ms))["x0"].std()) / 64 < 1.25


def test_impossible_configurations():
    with pytest.raises(ModelError, match="srm"):
        Configuration(srm="magic")
    with pytest.raises(ModelError, match="20 bits"):
        Configuration(bits=20)
