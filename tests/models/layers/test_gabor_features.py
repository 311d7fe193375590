"""Gabor features against the formula of the arm, the reference and the gradient of real numbers."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from bitpan import arithmetic
from bitpan.errors import FormatError
from bitpan.formats import Format
from bitpan.models.layers.gabor_features import GaborFeatures

FEATURES = Format(10, 6)
CHANNELS = 8


@pytest.fixture
def layer():
    made = GaborFeatures(CHANNELS, FEATURES, seed=3)
    made.mix.data = torch.linspace(-0.6, 0.6, CHANNELS)
    return made


IMAGES = {
    "noise": lambda random, shape: random.integers(FEATURES.min, FEATURES.max + 1, shape),
    "extremes": lambda random, shape: random.choice([FEATURES.min, FEATURES.max], shape),
    "highest": lambda random, shape: np.full(shape, FEATURES.max),
    "lowest": lambda random, shape: np.full(shape, FEATURES.min),
    "small": lambda random, shape: random.integers(-3, 4, shape),
}


def forward(layer, x):
    with torch.no_grad():
        return layer(torch.from_numpy(x).float()).numpy()


@pytest.mark.parametrize("image", IMAGES)
def test_equals_features_plus_rounded_gabor_and_the_reference(layer, image):
    """``clip(x + ((sum_k w*x + half) >> shift))`` with ``w = round(2**6 * lambda * G)``."""
    x = IMAGES[image](np.random.default_rng(0), (2, CHANNELS, 9, 12))
    w = np.floor(layer.mix.detach().numpy()[:, None, None] * layer.gabor[:, 0].numpy() * 64 + 0.5).astype(int)
    assert np.abs(w).max() > 15 and (w[:, 1, 1] + 64).max() < 128
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    total = sum(w[:, i, j, None, None] * padded[..., i : i + 9, j : j + 12] for i in range(3) for j in range(3))
    result = forward(layer, x)
    assert np.array_equal(result, np.clip(x + ((total + 32) >> 6), FEATURES.min, FEATURES.max))
    weights = layer.arrays()["weights"]
    for own, expected in zip(result, x, strict=True):
        assert np.array_equal(own, arithmetic.depthwise(expected, weights, 6, FEATURES))


@pytest.mark.parametrize("mix", [-1e4, 1e4])
@pytest.mark.parametrize("image", ["extremes", "highest", "lowest"])
def test_weights_that_ran_away_saturate_and_stay_exact(layer, image, mix):
    layer.mix.data.fill_(mix)
    weights = layer.arrays()["weights"]
    assert set(np.unique(weights)) == {-128, 127}
    x = IMAGES[image](np.random.default_rng(1), (1, CHANNELS, 8, 8))
    assert np.array_equal(forward(layer, x)[0], arithmetic.depthwise(x[0], weights, 6, FEATURES))


def test_no_share_of_gabor_leaves_the_features_alone(layer):
    layer.mix.data.zero_()
    x = IMAGES["noise"](np.random.default_rng(2), (1, CHANNELS, 8, 8))
    assert np.array_equal(forward(layer, x), x)


def test_the_bank_is_frozen_and_the_seeds_own(layer):
    assert [name for name, _ in layer.named_parameters()] == ["mix"]
    assert torch.equal(layer.gabor, GaborFeatures(CHANNELS, FEATURES, seed=3).gabor)
    assert not torch.equal(layer.gabor, GaborFeatures(CHANNELS, FEATURES, seed=4).gabor)
    torch.testing.assert_close(layer.gabor.square().sum(dim=(1, 2, 3)), torch.ones(CHANNELS))


def test_gradients_are_those_of_real_numbers_and_zero_where_saturated(layer):
    torch.manual_seed(0)
    x = torch.randint(-500, 500, (2, CHANNELS, 9, 9)).float().requires_grad_()
    upstream = torch.randn(x.shape)
    result = layer(x)
    (result * upstream).sum().backward()
    own, mix = x.detach().clone().requires_grad_(), layer.mix.detach().clone().requires_grad_()
    rounded = (layer.integers()[0].detach() - layer.identity) / 64  # the image's gradient is through the integers
    exact = own + functional.conv2d(own, rounded, padding=1, groups=CHANNELS)
    inside = (exact + 2**-7 < FEATURES.max + 0.5) & (exact >= FEATURES.min - 0.5)
    assert 0.5 < inside.float().mean() < 0.99
    (exact * upstream * inside).sum().backward()
    torch.testing.assert_close(x.grad, own.grad)
    smooth = functional.conv2d(own.detach(), mix[:, None, None, None] * layer.gabor, padding=1, groups=CHANNELS)
    (smooth * upstream * inside).sum().backward()
    torch.testing.assert_close(layer.mix.grad, mix.grad)


def test_features_too_wide_for_float32_are_refused():
    GaborFeatures(4, Format(14, 6), seed=0)
    with pytest.raises(FormatError, match="15-bit features may reach 18874400"):
        GaborFeatures(4, Format(15, 6), seed=0)
