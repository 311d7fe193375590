import math

import numpy as np
import pytest
import torch

from bitpan.models.layers.binary import BinaryConv2d, MeanScaledConv2d, clipped, identity, sign, through
from bitpan.models.layers.kernels import hyperbolic, quadratic
from bitpan.models.layers.kernels import real_signs as signs

GRID = np.linspace(-2.5, 2.5, 1001)


@pytest.mark.parametrize(
    ("surrogate", "derivative"),
    [
        (identity, np.ones_like(GRID)),
        (clipped, (np.abs(GRID) <= 1).astype(float)),
        (quadratic, np.maximum(0, 2 - np.abs(2 * GRID))),
        (hyperbolic, 1 / np.cosh(GRID) ** 2),
    ],
)
def test_gradients_of_the_sign(surrogate, derivative):
    x = torch.tensor(GRID, requires_grad=True)
    value = sign(x, surrogate)
    assert np.array_equal(value.detach().numpy(), np.where(GRID >= 0, 1.0, -1.0))
    value.backward(torch.full_like(x, 3.0))
    assert np.allclose(x.grad.numpy(), 3 * derivative, atol=1e-12)


def test_zero_has_a_sign():
    assert signs(torch.tensor([0.0, -0.0, -1e-30])).tolist() == [1.0, 1.0, -1.0]


def test_through_is_exact():
    """Adding and subtracting a smooth function would not be: 0.1 is no power of two."""
    x = torch.full((8,), 0.1, requires_grad=True)
    assert torch.equal(through(torch.full((8,), 1.0), x, identity).detach(), torch.ones(8))


def test_weights_are_signs_times_their_mean():
    torch.manual_seed(0)
    plain, scaled = BinaryConv2d(8), MeanScaledConv2d(8)
    assert set(plain.effective().detach().unique().tolist()) == {-1.0, 1.0}
    weight, effective = scaled.weight.detach().numpy(), scaled.effective().detach().numpy()
    for o in range(8):
        alpha = np.abs(weight[o]).mean()
        assert np.allclose(effective[o], np.where(weight[o] >= 0, alpha, -alpha), rtol=1e-6)
    scaled.weight.data[0, 0, 0, 0] = 1.5
    scaled.effective().sum().backward()
    assert scaled.weight.grad[0, 0, 0, 0] == 0  # clipped, and alpha has no gradient
    assert scaled.weight.grad[0, 0, 0, 1] == 1


def test_padding_is_minus_one():
    conv = BinaryConv2d(1)
    conv.weight.data.fill_(1.0)
    with torch.no_grad():
        sums = conv(torch.ones(1, 1, 3, 3))[0, 0]
    assert sums.tolist() == [[-1.0, 3.0, -1.0], [3.0, 9.0, 3.0], [-1.0, 3.0, -1.0]]


@pytest.mark.parametrize("channels", [8, 32])
def test_random_signs_give_unit_spread(channels):
    torch.manual_seed(0)
    conv = MeanScaledConv2d(channels)
    with torch.no_grad():
        spread = float(conv(signs(torch.randn(4, channels, 32, 32))).std())
    assert math.isclose(spread, 1.0, abs_tol=0.1)
