"""The per-pixel norm: integers equal to the specification, close to the norm in real numbers, and a true gradient."""

import numpy as np
import pytest
import torch

from bitpan import arithmetic
from bitpan.errors import FormatError
from bitpan.formats import Format
from bitpan.models.layers.norm import ChannelNorm, channel_norm, real_norm

FEATURES = Format(12, 7)


def images(channels, fmt, spread, seed=0):
    """Noise with flat pixels, extreme pixels and pixels of which one channel alone differs."""
    generator = torch.Generator().manual_seed(seed)
    x, r = (torch.randint(-spread - 1, spread + 1, (1, channels, 24, 24), generator=generator).float() for _ in "xr")
    x, r = x.clamp(fmt.min, fmt.max), r.clamp(fmt.min, fmt.max)
    x[..., :3], r[..., 2:5] = 7, -9
    x[..., 7], r[..., 8] = fmt.min, fmt.max
    x[:, ::2, :, 9], x[:, 1::2, :, 9] = fmt.min, fmt.max
    x[..., 10] = 0
    x[:, 0, :, 10] = 1
    return x, r


def constants(channels, seed, small):
    random = np.random.default_rng(seed)
    limits = (100, 60, 2**10) if small else (512, 2**17, 2**19)
    return [random.integers(-limit, limit, channels) for limit in limits]


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("spread", [0, 1, 8, 100, 2047])
@pytest.mark.parametrize(("channels", "bits"), [(32, 12), (8, 10), (48, 12), (64, 12), (1, 12)])
def test_forward_is_the_specification(channels, bits, spread, small):
    fmt = Format(bits, 7)
    x, r = images(channels, fmt, min(spread, fmt.max))
    given = constants(channels, spread, small)
    expected = arithmetic.channel_norm(x[0].numpy(), r[0].numpy(), *given, fmt)
    result = channel_norm(x, r, *(torch.from_numpy(v).float() for v in given), fmt)[0].numpy()
    assert np.array_equal(result, expected)
    assert fmt.min <= expected.min() and expected.max() <= fmt.max


def smooth_norm(layer, x, r):
    def variance(v):
        return (v - v.mean(dim=1, keepdim=True)).square().mean(dim=1, keepdim=True) + 0.1

    phi, eta = ((p / layer.target.step)[:, None, None] for p in (layer.phi, layer.eta))
    ratio = (variance(r) / variance(x)).sqrt()
    free = x - x.mean(dim=1, keepdim=True) - phi
    return r + layer.kappa[:, None, None] * ratio * free + r.mean(dim=1, keepdim=True) + eta


@pytest.fixture
def layer():
    torch.manual_seed(0)
    layer = ChannelNorm(8, FEATURES)
    layer.kappa.data, layer.phi.data, layer.eta.data = torch.rand(8) + 0.5, torch.randn(8) / 5, torch.randn(8) / 5
    return layer


def pair():
    generator = torch.Generator().manual_seed(1)
    return ((60 * torch.randn(2, 8, 6, 6, generator=generator)).round().requires_grad_() for _ in "xr")


def test_forward_is_close_to_the_real_norm(layer):
    x, r = pair()
    error = (layer(x, r) - smooth_norm(layer, x, r)).detach()
    assert 0 < error.square().mean().sqrt() < 0.1 * r.detach().std()


def test_gradient_is_that_of_the_real_norm(layer):
    upstream = torch.randn(2, 8, 6, 6, generator=torch.Generator().manual_seed(2))
    found = []
    for function in (layer, lambda x, r: smooth_norm(layer, x, r)):
        layer.zero_grad()
        x, r = pair()
        (function(x, r) * upstream).sum().backward()
        found.append([v.grad.clone() for v in (x, r, layer.kappa, layer.phi, layer.eta)])
    for mine, real in zip(*found, strict=True):
        assert torch.allclose(mine, real, rtol=0, atol=0.01 * float(real.abs().max()))


def test_real_norm_is_the_papers(layer):
    """In NumPy, real units, without what keeps flat pixels finite, and then with it."""
    generator = torch.Generator().manual_seed(3)
    x, r = (torch.randn(2, 8, 5, 4, generator=generator, dtype=torch.float64) for _ in "xr")
    layer.double()
    kappa, phi, eta = (p.detach().numpy()[:, None, None] for p in (layer.kappa, layer.phi, layer.eta))
    result, (b, f) = layer.real(x, r).detach().numpy(), (x.numpy(), r.numpy())
    for smallest, tolerance in ((0.0, 1e-3), (0.1 * FEATURES.step**2, 1e-12)):
        deviation = np.sqrt((f.var(axis=1) + smallest) / (b.var(axis=1) + smallest))[:, None]
        normal = deviation * (b - b.mean(axis=1, keepdims=True) - phi)
        expected = f + kappa * normal + f.mean(axis=1, keepdims=True) + eta
        assert 0 < np.abs(result - expected).max() < tolerance


def test_real_norm_has_its_gradient_and_stays_finite(layer):
    x, r = (v.detach().double() / 60 for v in pair())
    x[..., 0], r[..., 1], x[..., 2], r[..., 2] = 0.3, -0.2, 0.0, 0.0
    result = layer.double().real(x.requires_grad_(), r.requires_grad_())
    result.sum().backward()
    assert result.isfinite().all() and all(v.grad.isfinite().all() for v in (x, r, *layer.parameters()))

    inputs = [v.detach()[:1, :, :2, 2:5].clone().requires_grad_() for v in (x, r)]
    assert torch.autograd.gradcheck(real_norm, (*inputs, layer.kappa, layer.phi, layer.eta, 1e-2))


def test_saturated_results_have_no_gradient(layer):
    x, r = pair()
    r.data[:, :4], r.data[:, 4:] = FEATURES.max, FEATURES.min
    x.data = r.data.clone()
    result = layer(x, r)
    assert (result.abs() >= FEATURES.max).all()
    result.sum().backward()
    assert not x.grad.any() and not layer.kappa.grad.any()


@pytest.mark.parametrize(("channels", "bits"), [(96, 12), (32, 13)])
def test_what_float32_cannot_hold_is_refused(channels, bits):
    with pytest.raises(FormatError, match="64 channels of 12 bits"):
        ChannelNorm(channels, Format(bits, 7))
