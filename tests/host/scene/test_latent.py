"""The latent prior against definitions written another way: correlations, and the diffusion's posterior mean."""

import numpy as np
import pytest
from scipy.signal import correlate2d

from bitpan.errors import ModelError
from bitpan.host.scene import latent


def leaky(x):
    return np.maximum(x, 0.1 * x)


def convolved(image, weight, bias):
    """Every second row and column of the correlations, summed over channels."""
    planes = [[correlate2d(x, kernel, "same")[::2, ::2] for x, kernel in zip(image, w, strict=True)] for w in weight]
    return np.array([sum(each) + b for each, b in zip(planes, bias, strict=True)])


@pytest.mark.parametrize("size", [(8, 12), (7, 10), (9, 5)])
def test_the_encoder_is_two_strided_convolutions(size):
    rng = np.random.default_rng(0)
    shapes = {"1": (4, 3, 3, 3), "2": (5, 4, 3, 3)}
    arrays = {f"condition.conv{n}.weight": rng.normal(size=shape) for n, shape in shapes.items()}
    arrays |= {f"condition.conv{n}.bias": rng.normal(size=shape[0]) for n, shape in shapes.items()}
    expected = image = rng.normal(size=(3, *size))
    for n in shapes:
        weight, bias = (arrays[f"condition.conv{n}.{key}"] for key in ("weight", "bias"))
        expected = leaky(convolved(expected, weight, bias))
    found = latent.encode(arrays, image)
    assert found.shape[1:] == tuple(-(-side // latent.STRIDE) for side in size)
    np.testing.assert_allclose(found, expected)


@pytest.fixture
def arrays():
    rng = np.random.default_rng(1)
    shapes = {"condition.fc1": (6, 5), "condition.fc2": (4, 6), "predict1": (7, 4 + 1 + 4), "predict2": (4, 7)}
    found = {f"{name}.weight": rng.normal(0, 0.5, shape) for name, shape in shapes.items()}
    found |= {f"{name}.bias": rng.normal(size=shape[0]) for name, shape in shapes.items()}
    return found | {"noise": rng.normal(size=4), "alphas": np.array([0.95, 0.8, 0.6])}


def layer(arrays, name, x):
    return arrays[f"{name}.weight"] @ x + arrays[f"{name}.bias"]


def test_the_prior_is_the_condition_denoised_step_by_step(arrays):
    """Each step goes to the posterior's mean between where it is and what the layers predict (DDPM, eq. 7)."""
    mean = np.linspace(-1, 1, 5)
    condition = layer(arrays, "condition.fc2", leaky(layer(arrays, "condition.fc1", mean)))
    alone = {name: array for name, array in arrays.items() if name not in ("noise", "alphas")}
    np.testing.assert_allclose(latent.prior(alone, mean), condition)
    z, steps = arrays["noise"], arrays["alphas"]
    for t in (3, 2, 1):
        now, before = np.prod(steps[:t]), np.prod(steps[: t - 1])
        predicted = layer(arrays, "predict2", leaky(layer(arrays, "predict1", [*z, t / 3, *condition])))
        z = np.sqrt(before) * (1 - steps[t - 1]) * predicted + np.sqrt(steps[t - 1]) * (1 - before) * z
        z = z / (1 - now)
    np.testing.assert_allclose(latent.prior(arrays, mean), z)


def test_layers_of_an_older_version_are_refused(arrays):
    del arrays["predict1.weight"]
    with pytest.raises(ModelError, match="of an older version of bitpan; train the network again"):
        latent.prior(arrays, np.zeros(5))
