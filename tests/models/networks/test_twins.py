import numpy as np
import pytest
import torch

from bitpan.formats import Format
from bitpan.models.networks.configuration import Configuration
from bitpan.models.networks.cost import cost
from bitpan.models.networks.registry import NETWORKS
from bitpan.models.networks.twins import TWINS

pytestmark = pytest.mark.usefixtures("one_thread")


def unit(name):
    """With a calibration and an activation that are not the ones training starts from."""
    torch.manual_seed(0)
    own = TWINS[name](4, "static", Format(10, 6))
    with torch.no_grad():
        for parameter in (own.srm.fc2.bias, own.rprelu.gamma, own.rprelu.zeta):
            parameter.uniform_(-0.5, 0.5)
    return own


def windows(x, padding):
    """``(N, C, H, W)`` to ``(N, H, W, C*9)``."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=padding)
    views = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return views.transpose(0, 2, 3, 1, 4, 5).reshape(*views.shape[:1], *views.shape[2:4], -1)


@pytest.mark.parametrize("name", TWINS)
def test_unit_is_its_formula(name):
    own = unit(name)
    x = torch.randn(2, 4, 6, 5)
    k, b, gamma, slope, zeta, weight = (
        value.detach().double().numpy()
        for value in (*own.srm.calibration(x), own.rprelu.gamma, own.rprelu.slope, own.rprelu.zeta, own.conv.weight)
    )
    u = k[:, :, None, None] * x.double().numpy() + b[:, :, None, None]
    weight = weight.reshape(4, -1)
    padding = 0.0
    if name == "w1a32":
        weight = np.where(weight >= 0, 1.0, -1.0) * np.abs(weight).mean(axis=1, keepdims=True)
    if name == "w32a1":
        u, padding = np.where(u >= 0, 1.0, -1.0), -1.0
    y = (windows(u, padding) @ weight.T).transpose(0, 3, 1, 2) - gamma[:, None, None]
    expected = x.numpy() + zeta[:, None, None] + np.where(y > 0, y, slope[:, None, None] * y)
    assert np.allclose(own(x).detach().numpy(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", TWINS)
def test_everything_learns(name):
    own = unit(name)
    own(torch.randn(2, 4, 6, 5)).square().mean().backward()
    for key, parameter in own.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None and float(parameter.grad.abs().max()) > 0, key


@pytest.mark.parametrize("name", TWINS)
def test_none_counts_as_binary(name):
    own = cost(NETWORKS[f"s2bnet-flat-{name}"](Configuration(blocks=2, channels=8)))
    assert own.binary_weights == own.binary_macs == 0 and own.other_macs > 2 * 9 * 8 * 8
