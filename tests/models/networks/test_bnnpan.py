"""BNNPan and the U-shaped S2BNet: forward pass equal to the integer model, arms, stages, latent module."""

import numpy as np
import pytest
import torch

from bitpan.errors import ModelError
from bitpan.formats import Format
from bitpan.host.scene import latent as host_latent
from bitpan.host.scene.parameters import affine
from bitpan.model import IntegerModel, execute
from bitpan.models.layers.affine import ChannelAffine, channel_moments
from bitpan.models.layers.norm import channel_norm
from bitpan.models.layers.resampling import bordered
from bitpan.models.networks.bnnpan import BNNPan
from bitpan.models.networks.configuration import Configuration
from bitpan.models.networks.integers import to_integer_model
from bitpan.models.networks.latent import STEPS, schedule
from bitpan.models.networks.s2bnet import S2BNet

ARMS = [
    {},
    {"head": "full"},
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
    execute(model, {"pan": pan[0].numpy(), "ms": bordered(ms)[0].numpy()}, integers, watch=reference.__setitem__)
    with torch.no_grad():
        values, own = network.tensors(pan, bordered(ms), scene), network(pan, ms)
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


def test_a_wrong_constant_is_noticed(make_pair, monkeypatch):
    network = make()
    layer = network.blocks[1].units["hl"].norm
    gain, centre, bias = layer.integers()
    wrong = gain.detach().clone()
    wrong[3] += 8
    monkeypatch.setattr(layer, "forward", lambda x, r: channel_norm(x, r, wrong, centre, bias, layer.target))
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
    """Whatever the draw: at the last step the predicted prior is the result."""
    network = make()
    alphas, _ = schedule()
    assert len(alphas) == STEPS and float(1 - alphas[0]) == pytest.approx(0.1) and float(1 - alphas[-1]) == 0.99
    z = torch.randn(8)
    network.latent.predict2.weight.data.zero_()
    network.latent.predict2.bias.data.copy_(z)
    for start in (torch.zeros(3, 8), torch.randn(3, 8), 10 * torch.randn(3, 8)):
        assert torch.allclose(network.latent.denoise(start, torch.zeros(3, 8)), z.expand(3, 8), atol=1e-5)


def test_the_reverse_process_is_the_closed_form_of_what_is_predicted():
    """Each step is the mean of z_{t-1} given the noise that z_t and the prediction imply, in float64."""
    network = make().double()
    latent, condition = network.latent, torch.randn(3, 8, dtype=torch.float64)
    alphas, products = (value.tolist() for value in schedule())
    z = start = torch.randn(3, 8, dtype=torch.float64)
    for t in reversed(range(STEPS)):
        time = torch.full((3, 1), (t + 1) / STEPS, dtype=torch.float64)
        prior = latent.predict2(latent.act(latent.predict1(torch.cat([z, time, condition], dim=1))))
        share = (1 - alphas[t]) / (1 - products[t])
        z = ((1 - share) * z + share * products[t] ** 0.5 * prior) / alphas[t] ** 0.5
    assert torch.allclose(latent.denoise(start, condition), z, rtol=1e-12)


def test_arrays_of_an_older_latent_module_are_refused():
    model = to_integer_model(make())
    arrays = {name[7:].replace("predict", "fc"): value for name, value in model.constants.items() if "latent." in name}
    with pytest.raises(ModelError, match="older version of bitpan; train the network again"):
        host_latent.prior(arrays, np.zeros(32))


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
        values = network.tensors(pan, bordered(ms), scene)
    for parameter in model.scene:
        if parameter.kind == "affine":
            measured = values[parameter.measures][0].numpy().astype(np.int64).reshape(8, -1)
            ours = affine(model, parameter, lambda work, own=measured: [work(own)], prior)
            assert np.abs(ours - scene[parameter.name].numpy()).max() <= 1  # float32 there, float64 here
            assert np.ptp(ours[0]) > 0


def test_channel_moments_have_their_gradients():
    generator = torch.Generator().manual_seed(4)
    y, scale, offset = (torch.randn(2, 3, *size, generator=generator).double() for size in ((5, 7), (1, 1), (1, 1)))
    inputs = [value.requires_grad_() for value in (y, scale, offset)]
    assert torch.autograd.gradcheck(channel_moments, inputs, rtol=1e-6)


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
