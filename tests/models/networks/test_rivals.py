"""Each rival's unit against its formula written out in NumPy."""

import numpy as np
import pytest
import torch
from torch import nn

from bitpan.models.layers.binary import set_progress
from bitpan.models.networks.backbones import UNITS
from bitpan.models.networks.configuration import Configuration
from bitpan.models.networks.rivals import RIVALS, ClippedConv2d, decay

CHANNELS = 4


def sgn(x):
    return np.where(x >= 0, 1.0, -1.0)


def per_channel(v):
    return v[None, :, None, None]


def conv(s, weights):
    """Sums of a 3x3 neighbourhood, -1 beyond the border."""
    n, channels, height, width = s.shape
    padded = np.full((n, channels, height + 2, width + 2), -1.0)
    padded[:, :, 1:-1, 1:-1] = s
    total = np.zeros((n, len(weights), height, width))
    for i in range(3):
        for j in range(3):
            total += np.einsum("nchw,oc->nohw", padded[:, :, i : i + height, j : j + width], weights[:, :, i, j])
    return total


def norm(x, p):
    mean, deviation = per_channel(p["norm.running_mean"]), np.sqrt(per_channel(p["norm.running_var"]) + 1e-5)
    return per_channel(p["norm.weight"]) * (x - mean) / deviation + per_channel(p["norm.bias"])


def rprelu(x, p):
    moved = x - per_channel(p["rprelu.gamma"])
    return np.where(moved > 0, moved, per_channel(p["rprelu.slope"]) * moved) + per_channel(p["rprelu.zeta"])


def mean_scaled(w):
    return np.stack([np.abs(row).mean() * sgn(row) for row in w])


def libra(w):
    rows = []
    for row in w:
        standard = (row - row.mean()) / row.std(ddof=1)
        rows.append(2.0 ** np.round(np.log2(np.abs(standard).mean())) * sgn(standard))
    return np.stack(rows)


def standardised(w, gain):
    rows = []
    for row, g in zip(w, gain, strict=True):
        standard = (row - row.mean()) / (row.std() + 1e-5) / np.sqrt(row.size)
        rows.append(g * np.abs(standard).mean() * sgn(standard))
    return np.stack(rows)


FORMULAS = {
    "bnn": lambda x, p: norm(conv(sgn(x), sgn(p["conv.weight"])), p),
    "reactnet": lambda x, p: rprelu(
        x + norm(conv(sgn(x + per_channel(p["shift"])), mean_scaled(p["conv.weight"])), p), p
    ),
    "bbcu": lambda x, p: x + rprelu(conv(sgn(x + per_channel(p["shift"])), mean_scaled(p["conv.weight"])), p),
    "irnet": lambda x, p: np.clip(x + norm(conv(sgn(x), libra(p["conv.weight"])), p), -1, 1),
    "btm": lambda x, p: rprelu(
        x + conv(sgn(x + per_channel(p["shift"])), standardised(p["conv.weight"], p["conv.gain"])), p
    ),
    "e2fif": lambda x, p: x + norm(conv(sgn(x), sgn(p["conv.weight"])), p),
    "bisrnet": lambda x, p: (
        x
        + rprelu(conv(sgn(per_channel(np.exp(p["kappa"])) * x + per_channel(p["b"])), mean_scaled(p["conv.weight"])), p)
    ),
}


def unsettled(name):
    """A unit in float64 with every parameter and every statistic away from its start."""
    torch.manual_seed(7)
    unit = RIVALS[name](CHANNELS).double()
    for parameter in unit.parameters():
        if parameter.ndim < 4:
            parameter.data += 0.4 * torch.randn_like(parameter)
    for module in unit.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 2)
            module.running_var.uniform_(0.5, 4)
    return unit


def features(seed=1, channels=CHANNELS, size=7, samples=2):
    x = torch.randn(samples, channels, size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x[:, 0, 0] = 0.0  # zeros have a sign too
    return x


def test_every_rival_has_a_formula():
    assert FORMULAS.keys() == RIVALS.keys()


@pytest.mark.parametrize("name", RIVALS)
def test_forward_is_the_formula(name):
    unit, x = unsettled(name).eval(), features()
    numbers = {key: value.numpy() for key, value in unit.state_dict().items()}
    with torch.no_grad():
        assert np.allclose(unit(x).numpy(), FORMULAS[name](x.numpy(), numbers), rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", RIVALS)
def test_every_parameter_learns(name):
    unit, x = unsettled(name), features().requires_grad_()
    unit.train()
    (unit(x) * torch.randn_like(x)).sum().backward()
    for key, parameter in unit.named_parameters():
        assert torch.isfinite(parameter.grad).all() and parameter.grad.abs().sum() > 0, key
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize("name", RIVALS)
def test_the_convolution_sees_signs_and_has_one_bit_weights(name):
    unit, seen = unsettled(name).train(), []
    binary = [module for module in unit.modules() if getattr(module, "binary", False)]
    assert [type(module) for module in binary] == [type(unit.conv)]
    unit.conv.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach()))
    unit(features())
    assert set(torch.cat(seen).unique().tolist()) == {-1.0, 1.0}
    magnitude = unit.conv.effective().detach().abs().flatten(1)
    assert torch.equal(magnitude.amin(dim=1), magnitude.amax(dim=1)) and (magnitude > 0).all()
    assert [p.shape for p in unit.parameters() if p.ndim == 4] == [(CHANNELS, CHANNELS, 3, 3)]


@pytest.mark.parametrize("channels", [8, 32])
@pytest.mark.parametrize("name", UNITS)
def test_gain_is_about_one(name, channels):
    torch.manual_seed(0)
    unit = UNITS[name](Configuration(channels=channels))
    with torch.no_grad():
        y = unit(torch.randn(4, channels, 32, 32))
    assert 0.7 < float(y.std()) < 1.5


def test_the_weights_of_bnn_stay_within_one():
    conv = ClippedConv2d(2)
    conv.weight.data.mul_(100)
    before = conv.weight.detach().clone()
    conv.eval().effective()
    assert torch.equal(conv.weight, before)
    conv.train().effective()
    assert torch.equal(conv.weight, before.clamp(-1, 1))


@pytest.mark.parametrize(
    ("progress", "k", "t"), [(0.0, 10.0, 0.1), (0.5, 1.0, 1.0), (0.75, 1.0, 10**0.5), (1.0, 1.0, 10.0)]
)
def test_error_decay(progress, k, t):
    x = torch.linspace(-3, 3, 101, dtype=torch.float64)
    expected = 3 * k * t * (1 - np.tanh(t * x.numpy()) ** 2)
    assert np.allclose(decay(torch.full_like(x, 3.0), x, progress).numpy(), expected, atol=1e-12)


def test_progress_reaches_activations_and_weights():
    gradients = []
    for progress in (0.0, 1.0):
        unit, x = unsettled("irnet").eval(), (0.3 * features()).requires_grad_()
        set_progress(nn.Sequential(unit), progress)
        assert unit.progress == progress
        unit(x).sum().backward()
        gradients.append((x.grad, unit.conv.weight.grad))
    for early, late in zip(*gradients, strict=True):
        assert not torch.allclose(early, late)


def test_gradient_of_bisrnets_sign():
    """d/dx of tanh(a*(k*x + b)), through one unit whose convolution passes one channel on."""
    torch.manual_seed(0)
    unit = RIVALS["bisrnet"](1).double()
    unit.kappa.data.fill_(0.3)
    unit.b.data.fill_(-0.2)
    unit.sharpness.data.fill_(1.7)
    unit.rprelu.slope.data.fill_(1.0)
    x = torch.tensor([[[[0.4]]]], dtype=torch.float64, requires_grad=True)
    unit(x).sum().backward()
    u = np.exp(0.3) * 0.4 - 0.2
    centre = float(unit.conv.effective().detach()[0, 0, 1, 1])
    slope = 1.7 * (1 - np.tanh(1.7 * u) ** 2)
    assert np.isclose(float(x.grad), 1 + centre * slope * np.exp(0.3))
    assert np.isclose(float(unit.sharpness.grad), centre * (1 - np.tanh(1.7 * u) ** 2) * u)
