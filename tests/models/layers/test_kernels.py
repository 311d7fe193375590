"""The compiled kernels beside the written ones: integers in every bit, real numbers to rounding errors."""

import pytest
import torch

from bitpan.models.layers.kernels import KERNELS

GENERATOR = torch.Generator().manual_seed(0)


def reals(*shape):
    return torch.randn(shape, generator=GENERATOR)


def image():
    return reals(2, 8, 6, 6).contiguous(memory_format=torch.channels_last)


def integers(largest=1000):
    """With values beyond the formats' ends, and on them."""
    v = (image() * largest / 2).round().clamp(-largest, largest)
    v[0, 0, 0], v[0, 1, 0] = -largest, largest
    return v


def one(scale=1.0):
    """A number for each pixel."""
    return reals(2, 1, 6, 6).abs() * scale + 0.5


def moments():
    """Two numbers for each channel, and means and variances of two images."""
    return reals(8), reals(8), *(reals(2, 1, 6, 6) for _ in range(2)), one(), one()


INTEGERS = {
    "signs": lambda: (integers(), reals(1, 8, 1, 1).round()),
    "real_signs": lambda: (integers(3),),
    "rprelu_forward": lambda: (
        integers(72),
        integers(),
        reals(8).round(),
        (64 * reals(2, 8)).round(),
        (1000 * reals(2, 8)).round() + 32,
        1 / 64,
        -1024.0,
        1023.0,
    ),
    "norm_forward": lambda: (
        integers(),
        integers(),
        (100 * reals(2, 1, 6, 6)).round(),
        2.0 ** reals(2, 1, 6, 6).round(),
        (100 * reals(2, 1, 6, 6)).round(),
        1023.0,
        (64 * reals(8)).round(),
        (10 * reals(8)).round(),
        (64 * reals(8)).round(),
    ),
}
"""Arguments of kernels that compute integers."""

REALS = {
    "sign_gradients": lambda: (image(), integers(), reals(2, 8, 1, 1).abs() / 500, reals(2, 8, 1, 1)),
    "rprelu_gradients": lambda: (
        image(),
        integers(72),
        integers(1023),
        reals(8).round(),
        (64 * reals(2, 8)).round(),
        1 / 64,
        1023.0,
    ),
    "norm_gradients": lambda: (image(), integers(1023), 1023.0, image(), image(), *moments()),
    "real_norm": lambda: (image(), image(), reals(8), reals(8), reals(8), 0.1),
    "real_norm_gradients": lambda: (image(), image(), image(), *moments()),
    "channel_moments": lambda: (image(), reals(2, 8, 1, 1), reals(2, 8, 1, 1)),
    "channel_moments_gradients": lambda: (
        *(reals(2, 8, 1, 1) for _ in range(3)),
        image(),
        reals(2, 8, 1, 1),
        reals(2, 8, 1, 1),
    ),
    "quadratic": lambda: (image(), image()),
    "hyperbolic": lambda: (image(), image()),
    "real_rprelu": lambda: (image(), reals(8), reals(8), reals(8)),
    "real_rprelu_gradients": lambda: (image(), image(), reals(8), reals(8)),
}
"""Arguments of kernels that compute real numbers."""


def test_every_kernel_is_here():
    assert INTEGERS.keys() | REALS.keys() == KERNELS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", KERNELS)
def test_compiled_is_written(name):
    arguments = (INTEGERS.get(name) or REALS[name])()

    def results(function):
        copies = [a.clone(memory_format=torch.preserve_format) if torch.is_tensor(a) else a for a in arguments]
        found = function(*copies)
        assert all(torch.equal(a, b) for a, b in zip(copies, arguments, strict=True) if torch.is_tensor(a))
        return found if isinstance(found, tuple) else (found,)

    for compiled, written in zip(results(torch.compile(KERNELS[name])), results(KERNELS[name]), strict=True):
        assert torch.isfinite(written).all() and written.abs().max() > 0
        if name in INTEGERS:
            assert torch.equal(compiled, written) and torch.equal(written, written.round())
        else:
            torch.testing.assert_close(compiled, written, rtol=1e-4, atol=1e-5)
