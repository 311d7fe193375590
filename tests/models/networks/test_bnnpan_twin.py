"""BNNPan's full-precision twin: equal to the paper's formulas in NumPy; arms, starts, stages, training and files."""

import math

import numpy as np
import pytest
import torch

from bitpan.cli import main
from bitpan.errors import FormatError
from bitpan.models.networks.bnnpan import BNNPan
from bitpan.models.networks.bnnpan_twin import BNNPanTwin
from bitpan.models.networks.configuration import Configuration
from bitpan.models.networks.registry import NETWORKS
from bitpan.models.training.checkpoint import load_network
from bitpan.models.training.precision import lower_precision
from bitpan.models.training.settings import Settings
from bitpan.models.training.training import Training, resume

ARMS = [
    {},
    {"head": "full"},
    {"wavelet": "none"},
    {"norm": "none"},
    {"cdc": "none"},
    {"prior": "none"},
    {"prior": "condition", "outer_skip": "add"},
    {"norm": "none", "prior": "none", "cdc": "none"},
    {"wavelet": "none", "prior": "none", "outer_skip": "add"},
    {"bits": 16, "offset": 9000, "input_fraction": 7, "residual_gain": 10, "bands": 3},
]

SMALL = {"synthetic": 2, "scene_size": 32, "blocks": 1, "channels": 8, "batch": 2, "patch": 16, "iterations": 10}
"""Stages end at 4, 6 and 10."""

pytestmark = pytest.mark.usefixtures("one_thread")


def make(**settings):
    """A twin whose parameters are all away from their neutral starts."""
    torch.manual_seed(0)
    network = NETWORKS["bnnpan-fp"](Configuration(**{"blocks": 2, "channels": 8, **settings}))
    for parameter in network.parameters():
        if parameter.ndim < 4:  # by little enough for sigmoids not to saturate
            parameter.data += 0.2 / parameter[0].numel() * torch.randn_like(parameter)
    return network


def convolution(x, weights, bias):
    margin = weights.shape[-1] // 2
    padded = np.pad(x, ((0, 0), (margin, margin), (margin, margin)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, weights.shape[2:], axis=(1, 2))
    return np.einsum("chwij,ocij->ohw", windows, weights) + bias[:, None, None]


def unit(x, weights, name, smallest):
    """RPReLU and norm as the paper has them: ``(x_b - m_b - phi) / s_b * s_f * kappa + m_f + eta + x_f``."""

    def channels(key):
        return weights[f"{name}.{key}"][:, None, None]

    y = convolution(x, weights[f"{name}.conv.weight"], -weights[f"{name}.rprelu.gamma"])
    y = np.where(y > 0, y, channels("rprelu.slope") * y) + channels("rprelu.zeta")
    if f"{name}.norm.kappa" not in weights:
        return x + y
    deviation = [np.sqrt(v.var(axis=0) + smallest) for v in (x, y)]
    normal = (y - y.mean(axis=0) - channels("norm.phi")) / deviation[1] * deviation[0]
    return x + channels("norm.kappa") * normal + x.mean(axis=0) + channels("norm.eta")


def wavelet_block(x, weights, name, smallest):
    """Each 2x2 block times the matrix of the orthonormal Haar wavelet, a unit, and back."""
    signs = {"ll": (1, 1, 1, 1), "lh": (1, 1, -1, -1), "hl": (1, -1, 1, -1), "hh": (1, -1, -1, 1)}
    corners = [(0, 0), (0, 1), (1, 0), (1, 1)]
    result = np.zeros_like(x)
    for subband, row in signs.items():
        band = sum(s * x[:, i::2, j::2] for s, (i, j) in zip(row, corners, strict=True)) / 2
        band = unit(band, weights, f"{name}.units.{subband}", smallest)
        for s, (i, j) in zip(row, corners, strict=True):
            result[:, i::2, j::2] += s * band / 2
    return result


def calibrated(y, weights, name, prior):
    """LDPC, ``Y z_w + z_b``, then CDC, ``W_c`` of it plus Y."""

    def linear(key, x):
        return weights[f"{name}.{key}.weight"] @ x + weights[f"{name}.{key}.bias"]

    modulated = y
    if f"{name}.ldpc.weight" in weights:
        scale, offset = np.split(linear("ldpc", prior)[:, None, None], 2)
        modulated = y * scale + offset
    if f"{name}.weigh.weight" not in weights:
        return modulated
    statistics = [f(modulated, axis=(1, 2)) for f in (lambda v, axis: np.abs(v).mean(axis), np.mean, np.std)]
    weight = 1 / (1 + np.exp(-linear("weigh", np.concatenate(statistics))))
    return weight[:, None, None] * modulated + y


def fused(network, pan, ms):
    """The whole network in NumPy, of one pair."""
    own = network.configuration
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    prepared = {name: value[0].numpy() for name, value in network.prepare(pan, ms).items()}
    prior = network.context(pan, ms)["prior"][0].numpy() if own.prior != "none" else None
    x = convolution(prepared["input"] * 2.0**-own.input_fraction, weights["head.weight"], weights["head.bias"])
    for i in range(own.blocks):
        name, half = f"blocks.{i}", own.wavelet == "haar"
        smallest = 0.1 * (2.0**-7 if half else 2.0**-6) ** 2
        y = wavelet_block(x, weights, name, smallest) if half else unit(x, weights, f"{name}.units.unit", smallest)
        y = y + x if own.outer_skip == "add" else y
        x = calibrated(y, weights, f"{name}.affine", prior)
    residual = convolution(x, weights["tail.weight"], weights["tail.bias"])
    return prepared["lms"], residual * 2.0**own.residual_gain


@pytest.mark.parametrize("settings", ARMS)
def test_twin_is_the_papers_formulas(make_pair, settings):
    network = make(**settings).double()
    own = network.configuration
    pan, ms = (image.double() for image in make_pair(16, own.bands, own.bits))
    with torch.no_grad():
        lms, residual = fused(network, pan, ms)
        result = network(pan, ms)[0].numpy()
    assert residual.std() > 0.1 * 2.0**own.residual_gain
    assert np.abs(result - (lms + residual).clip(0, 2**own.bits - 1)).max() < 1e-8 * np.abs(residual).max()


@pytest.mark.parametrize("settings", ARMS)
def test_every_parameter_of_every_arm_learns(make_pair, settings):
    network = make(**settings)
    pan, ms = make_pair(16, network.configuration.bands, network.configuration.bits, samples=2)
    gt = pan.expand(-1, network.configuration.bands, -1, -1)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    for stage in network.stages:
        network.zero_grad()
        loss, _ = network.loss(stage, pan, ms, gt)
        loss.backward()
        assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())
        trained = {names[id(parameter)] for parameter in network.stage_parameters(stage)}
        assert trained == {n for n, p in network.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}


def test_flat_images_have_finite_gradients(make_pair):
    """Features without any deviation among the channels: zero everywhere."""
    network, (pan, ms) = make(prior="none"), make_pair(16)
    shifts = [shift for unit in network.blocks[0].units.values() for shift in (unit.rprelu.gamma, unit.rprelu.zeta)]
    for parameter in (*network.head.parameters(), *shifts):
        parameter.data.zero_()
    network.loss("joint", pan, ms, network(pan, ms).detach() + 1)[0].backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


def test_stages_share_the_backbone_and_nothing_of_the_latent_module():
    network, binary = (kind(Configuration(blocks=2, channels=8)) for kind in (BNNPanTwin, BNNPan))
    assert network.stages == binary.stages and network.stage_shares == binary.stage_shares
    truth, prior, joint = ({id(p) for p in network.stage_parameters(stage)} for stage in network.stages)
    backbone = truth & joint
    assert not truth & prior and prior < joint and joint == backbone | prior
    latent = {id(parameter) for parameter in network.latent.parameters()}
    assert latent == (truth | prior) - backbone and not latent & backbone
    assert make(prior="none").stages == ("joint",)


def test_starts_and_names_are_bnnpans(make_pair):
    """Norm, calibration and latent module have BNNPan's names, shapes and neutral starts; so has the head's spread."""
    twin, binary = (kind(Configuration(blocks=2, channels=8)) for kind in (BNNPanTwin, BNNPan))
    states = [
        {name: v for name, v in network.state_dict().items() if any(part in name for part in ("norm", "affine", "lat"))}
        for network in (twin, binary)
    ]
    assert [(name, v.shape) for name, v in states[0].items()] == [(name, v.shape) for name, v in states[1].items()]
    starts = [name for name in states[0] if "norm" in name or name.endswith("affine.weigh.bias")]
    assert len(starts) == 2 * (4 * 3 + 1) and all(torch.equal(states[0][name], states[1][name]) for name in starts)
    pair, seen = make_pair(samples=4), []
    for network in (twin, binary):
        network.scale_head(*pair)
        network.head.register_forward_hook(lambda module, inputs, output: seen.append(float(output.detach().std())))
        network(*pair)
    assert seen[0] == pytest.approx(BNNPan.head_spread, rel=1e-4)
    assert seen[1] * 2.0**-6 == pytest.approx(seen[0], rel=0.05)
    assert BNNPanTwin.default_blocks == BNNPan.default_blocks


def test_odd_sizes_are_refused():
    block = make().blocks[0]
    with pytest.raises(FormatError, match="3 x 8 has no whole 2x2 blocks"):
        block(torch.zeros(1, 8, 3, 8), {"prior": torch.zeros(1, 8)})


def test_three_stages_in_a_training(tmp_path):
    settings = Settings(**SMALL, network="bnnpan-fp", stages=(0.4, 0.2, 0.4), lr=(1e-2, 1e-2, 5e-3))
    training = Training(settings)
    for i in range(10):
        before = {name: value.clone() for name, value in training.network.named_parameters()}
        loss, quality = training.step()
        stage = ("truth", "prior", "joint")[(i >= 4) + (i >= 6)]
        assert training.stages[training.stage] == stage
        assert math.isfinite(loss) and math.isnan(quality) == (stage == "prior")
        changed = {name for name, value in training.network.named_parameters() if not torch.equal(value, before[name])}
        trained = {id(parameter) for parameter in training.network.stage_parameters(stage)}
        assert changed and changed <= {name for name, p in training.network.named_parameters() if id(p) in trained}
        if i == 4:
            training.save(tmp_path / "5.pt", resumable=True)
    again = resume(tmp_path / "5.pt")
    for _ in range(5):
        again.step()
    state = training.network.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in again.network.state_dict().items())


def test_the_twin_learns():
    training = Training(Settings(**{**SMALL, "iterations": 100}, network="bnnpan-fp", prior="none", lr=5e-3))
    losses = [training.step()[0] for _ in range(100)]
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:5])


def test_only_convolutions_learn_in_bf16(make_pair):
    network, pair = make(), make_pair(16)
    parts = network.float_parts()
    assert len(parts) == 8 and all(isinstance(part, torch.nn.Conv2d) for part in parts)
    expected, seen = network(*pair).detach(), []
    unit = network.blocks[0].units["hl"]
    forward = unit.conv.forward
    unit.conv.forward = lambda x: seen.append(result := forward(x)) or result
    unit.register_forward_hook(lambda module, inputs, output: seen.append(output))
    lower_precision(network)
    fused = network(*pair)
    assert [value.dtype for value in seen] == [torch.bfloat16, torch.float32] and fused.dtype == torch.float32
    assert 0 < float((fused.detach() - expected).abs().max()) < 2.0**network.configuration.residual_gain
    fused.mean().backward()
    assert all(p.grad is None or p.grad.dtype == torch.float32 for p in network.parameters())
    with torch.no_grad():
        assert torch.equal(network(*pair), expected)


def test_command_line(tmp_path, capsys, make_pair):
    """Trained, loaded again, refused by the export."""
    words = [f"--{name.replace('_', '-')}={value}" for name, value in {**SMALL, "iterations": 8}.items()]
    assert main(["train", *words, "--network", "bnnpan-fp", "--outer-skip", "add", "--out", str(tmp_path)]) == 0
    network, _ = load_network(tmp_path / "checkpoint.pt")
    assert type(network) is BNNPanTwin and network.configuration.outer_skip == "add"
    capsys.readouterr()
    assert main(["export", str(tmp_path / "checkpoint.pt"), "-o", str(tmp_path / "net.onnx")]) == 1
    assert "bnnpan-fp is a floating-point network and has no integer form" in capsys.readouterr().err
    assert not (tmp_path / "net.onnx").exists()
