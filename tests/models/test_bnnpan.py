"""BNNPan and the U-shaped S2BNet: forward pass equal to the integer model, arms, stages, latent module."""

import numpy as np
import pytest
import torch

from bitpan.errors import ModelError
from bitpan.formats import Format
from bitpan.host import latent as host_latent
from bitpan.host.scene_parameters import affine
from bitpan.model import IntegerModel, execute
from bitpan.models.affine import ChannelAffine
from bitpan.models.bnnpan import BNNPan
from bitpan.models.configuration import Configuration
from bitpan.models.integers import to_integer_model
from bitpan.models.latent import STEPS, schedule
from bitpan.models.s2bnet import S2BNet

ARMS = [
    {},
    {"wavelet": "none"},
    {"norm": "none"},
    {"cdc": "none"},
    {"prior": "none"},
    {"prior": "none", "cdc": "none"},
    {"prior": "condition", "outer_skip": "add"},
    {"bits": 16, "offset": 9000, "input_fraction": 7, "residual_gain": 10},
    {"channels": 32, "blocks": 4},
]


def make(kind=BNNPan, **settings):
    """A network whose parameters are all away from their neutral starts."""
    torch.manual_seed(0)
    own = {"blocks": 2 if kind is BNNPan else 10, "channels": 8, **settings}
    network = kind(Configuration(**own))
    for parameter in network.parameters():
        if parameter.requires_grad and parameter.ndim < 4:
            parameter.data += 0.2 * torch.randn_like(parameter)
    network.tail.conv.weight.data *= 5
    return network


def compare(network, pan, ms):
    """Every tensor of PyTorch's forward pass against the reference execution."""
    scene, model = network.measure(pan, ms), to_integer_model(network)
    integers = {name: value.numpy().astype(np.int64) for name, value in scene.items()}
    model.check_scene(integers)
    reference = {}
    execute(model, {"pan": pan[0].numpy(), "ms": ms[0].numpy()}, integers, watch=reference.__setitem__)
    with torch.no_grad():
        values, own = network.tensors(pan, ms, scene), network(pan, ms)
    assert list(values) == list(reference)
    for name, value in values.items():
        assert np.array_equal(value[0].numpy(), reference[name]), name
        fmt = model.tensors[name].format
        assert fmt.min <= reference[name].min() and reference[name].max() <= fmt.max, name
        assert value.shape[1:] == (model.tensors[name].channels, *(32 // model.tensors[name].stride,) * 2), name
    assert torch.equal(own, values["fused"])
    return values


@pytest.mark.parametrize("settings", ARMS)
def test_bnnpan_is_its_integer_model(make_pair, settings):
    network = make(**settings)
    values = compare(network, *make_pair(32, 4, network.configuration.bits))
    assert values["x2"].std() > 1


@pytest.mark.parametrize("srm", ["dynamic", "static", "none"])
def test_u_shape_is_its_integer_model(make_pair, srm):
    assert compare(make(S2BNet, srm=srm), *make_pair())["x10"].std() > 1


@pytest.mark.parametrize("value", [0, 2047])
def test_extremes(make_pair, value):
    pan, ms = make_pair()
    pan[:], ms[:] = value, 2047 - value
    compare(make(), pan, ms)


def test_a_wrong_constant_is_noticed(make_pair):
    network = make()
    network.blocks[1].units["hl"].norm.freeze()
    network.blocks[1].units["hl"].norm.frozen[0][3] += 8
    with pytest.raises(AssertionError, match=r"block1\.hl\.x"):
        compare(network, *make_pair())


def test_integer_model_survives_its_files(tmp_path):
    model = to_integer_model(make())
    model.save(tmp_path)
    again = IntegerModel.load(tmp_path)
    assert again.nodes == model.nodes and again.tensors == model.tensors and again.scene == model.scene
    assert all(np.array_equal(again.constants[name], value) for name, value in model.constants.items())


def test_depth_of_the_u_shape_is_fixed():
    with pytest.raises(ModelError, match="10 units, not 8"):
        S2BNet(Configuration(blocks=8))


@pytest.mark.parametrize("prior", ["diffusion", "condition"])
def test_stages_train_what_they_say(make_pair, prior):
    network = make(prior=prior)
    pan, ms = make_pair(samples=2)
    gt = pan.expand(-1, 4, -1, -1)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    parts = {"truth": (True, True, False), "prior": (False, False, True), "joint": (True, False, True)}
    assert network.stages == tuple(parts)
    for stage, expected in parts.items():
        network.zero_grad()
        loss, fused = network.loss(stage, pan, ms, gt)
        assert (fused is None) == (stage == "prior")
        loss.backward()
        trained = {names[id(parameter)] for parameter in network.stage_parameters(stage)}
        moved = {name for name, p in network.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
        assert moved == trained
        groups = ("head.", "latent.truth.", "latent.condition.")
        assert tuple(any(name.startswith(group) for name in trained) for group in groups) == expected


def test_without_a_prior_there_is_one_stage():
    network = make(prior="none")
    assert network.stages == ("joint",) and network.latent is None


def test_sampling_is_deterministic_and_stored(make_pair):
    network, pair = make(), make_pair()
    first = network.context(*pair)["prior"]
    torch.manual_seed(99)
    assert torch.equal(first, network.context(*pair)["prior"])
    other = make()
    other.load_state_dict(network.state_dict())
    assert torch.equal(first, other.context(*pair)["prior"])


def test_a_perfect_denoiser_brings_the_prior_back():
    """The reverse process with the true noise is the forward one undone: closed form of the deterministic chain."""
    network = make()
    alphas, products = schedule()
    assert len(alphas) == STEPS and float(1 - alphas[0]) == pytest.approx(0.1) and float(1 - alphas[-1]) == 0.99
    z, noise = torch.randn(3, 8), torch.zeros(3, 8)
    network.latent.fc2.weight.data.zero_()
    network.latent.fc2.bias.data.zero_()
    start = float(products[-1]) ** 0.5 * z + noise
    assert torch.allclose(network.latent.denoise(start, torch.zeros(3, 8)), z, atol=1e-4)


@pytest.mark.parametrize("settings", [{}, {"cdc": "none"}, {"prior": "condition"}, {"prior": "none"}])
def test_host_computes_the_same_scene_parameters(make_pair, settings):
    network = make(**settings)
    pan, ms = make_pair(64)
    model, scene = to_integer_model(network), network.measure(pan, ms)
    arrays = {name[7:]: value for name, value in model.constants.items() if name.startswith("latent.")}
    prior = None
    with torch.no_grad():
        if arrays:
            encoded = host_latent.encode(arrays, network.image(pan, ms)[0].numpy())
            prior = host_latent.prior(arrays, encoded.mean(axis=(1, 2)))
            theirs = network.context(pan, ms)["prior"][0].numpy()
            assert np.allclose(prior, theirs, atol=1e-5 * np.abs(theirs).max())
        values = network.tensors(pan, ms, scene)
    for parameter in model.scene:
        if parameter.kind == "affine":
            measured = values[parameter.measures][0].numpy().astype(np.int64).reshape(8, -1)
            ours = affine(model, parameter, [measured], prior)
            assert np.abs(ours - scene[parameter.name].numpy()).max() <= 1  # float32 there, float64 here
            assert np.ptp(ours[0]) > 0


def test_calibration_is_the_formula_and_constant_channels_have_finite_gradients():
    generator = torch.Generator().manual_seed(3)
    layer = ChannelAffine(6, Format(10, 6), prior=True, cdc=True)
    torch.nn.init.normal_(layer.weigh.weight, generator=generator)
    y = (60 * torch.randn(2, 6, 5, 7, generator=generator) + 20).round()
    y[:, 2] = 9.0
    y.requires_grad_()
    prior = torch.randn(2, 6, generator=generator)
    scale, offset = layer.calibration(y, {"prior": prior}, step=1 / 64)
    z_w, z_b = layer.ldpc(prior)[:, :, None, None].double().chunk(2, dim=1)
    shifted = y.double() / 64 * z_w + z_b
    statistics = [shifted.abs().mean((2, 3)), shifted.mean((2, 3)), shifted.std((2, 3), correction=0)]
    weight = torch.sigmoid(layer.weigh.double()(torch.cat(statistics, dim=1)))[:, :, None, None]
    torch.testing.assert_close(scale.double(), weight * z_w + 1, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(offset.double(), weight * z_b, rtol=1e-5, atol=1e-6)
    (scale.sum() + offset.sum()).backward()
    assert torch.isfinite(y.grad).all() and y.grad[:, 2].abs().max() < 1
