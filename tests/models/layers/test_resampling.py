"""Wavelet, pool, bilinear and skip in PyTorch against :mod:`bitpan.arithmetic`, and their gradients."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from bitpan import arithmetic
from bitpan.errors import FormatError
from bitpan.formats import Format
from bitpan.models.layers import resampling

FEATURES = Format(10, 6)
SUBBAND = arithmetic.haar_format(FEATURES)

OPERATIONS = {
    "haar": (resampling.haar, arithmetic.haar, [FEATURES]),
    "inverse_haar": (
        lambda *bands: resampling.inverse_haar(*bands, 2, FEATURES),
        lambda *bands: arithmetic.inverse_haar(*bands, 2, FEATURES),
        [SUBBAND] * 4,
    ),
    "inverse_haar, one bit": (
        lambda *bands: resampling.inverse_haar(*bands, 1, Format(14)),
        lambda *bands: arithmetic.inverse_haar(*bands, 1, Format(14)),
        [SUBBAND] * 4,
    ),
    "average_pool": (resampling.average_pool, arithmetic.average_pool, [FEATURES]),
    "bilinear_up": (resampling.bilinear_up, arithmetic.bilinear_up, [FEATURES]),
    "wide bilinear_up": (resampling.bilinear_up, arithmetic.bilinear_up, [Format(20)]),
    "add": (
        lambda a, b: resampling.add(a, b, FEATURES),
        lambda a, b: arithmetic.add(a, b, FEATURES),
        [FEATURES] * 2,
    ),
    "unsigned add": (
        lambda a, b: resampling.add(a, b, Format(11, 0, signed=False)),
        lambda a, b: arithmetic.add(a, b, Format(11, 0, signed=False)),
        [Format(12, 0)] * 2,
    ),
}
CHANNELS_LAST, PLAIN = torch.channels_last, torch.contiguous_format


def stimuli(formats, shape, kind, seed=0):
    """Random integers of the formats, or their extremes at random, or one extreme everywhere."""
    rng = np.random.default_rng(seed)
    if kind == "random":
        return [rng.integers(fmt.min, fmt.max + 1, shape) for fmt in formats]
    if kind == "extreme":
        return [rng.choice([fmt.min, fmt.max], shape) for fmt in formats]
    return [np.full(shape, getattr(fmt, kind)) for fmt in formats]


def as_tuple(value):
    return value if isinstance(value, tuple) else (value,)


def floats(array):
    return torch.from_numpy(np.asarray(array)).float()


@pytest.mark.parametrize("kind", ["random", "extreme", "min", "max"])
@pytest.mark.parametrize("layout", [CHANNELS_LAST, PLAIN])
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("size", [(2, 2), (6, 10), (16, 8)])
def test_equals_arithmetic(name, kind, layout, size):
    function, reference, formats = OPERATIONS[name]
    images = stimuli(formats, (2, 3, *size), kind, seed=size[0])
    results = as_tuple(function(*(floats(image).contiguous(memory_format=layout) for image in images)))
    for i in range(2):
        expected = as_tuple(reference(*(image[i] for image in images)))
        assert len(expected) == len(results)
        for result, value in zip(results, expected, strict=True):
            assert np.array_equal(result[i].numpy(), value)


@pytest.mark.parametrize("layout", [CHANNELS_LAST, PLAIN])
def test_the_layout_is_kept(layout):
    x = torch.zeros(2, 3, 8, 8).contiguous(memory_format=layout)
    bands = resampling.haar(x)
    results = (*bands, resampling.inverse_haar(*bands, 2, FEATURES), resampling.average_pool(x))
    for result in (*results, resampling.bilinear_up(x), resampling.add(x, x, FEATURES)):
        assert result.is_contiguous(memory_format=layout)


def plain_haar(x):
    a, b, c, d = (x[..., i::2, j::2] for i in (0, 1) for j in (0, 1))
    return a + b + c + d, a + b - c - d, a - b + c - d, a - b - c + d


def plain_inverse(ll, lh, hl, hh):
    rows = [torch.stack([ll + lh + s * (hl + hh) for s in (1, -1)], -1).flatten(-2)]
    rows.append(torch.stack([ll - lh + s * (hl - hh) for s in (1, -1)], -1).flatten(-2))
    return torch.stack(rows, -2).flatten(-3, -2) / 4


def plain_up(x):
    return functional.interpolate(x, scale_factor=2, mode="bilinear")


@pytest.mark.parametrize("layout", [CHANNELS_LAST, PLAIN])
@pytest.mark.parametrize(
    ("function", "plain", "inputs"),
    [
        (resampling.haar, plain_haar, 1),
        (lambda *bands: resampling.inverse_haar(*bands, 2, Format(20)), plain_inverse, 4),
        (resampling.average_pool, lambda x: functional.avg_pool2d(x, 2), 1),
        (resampling.bilinear_up, plain_up, 1),
        (lambda a, b: resampling.add(a, b, Format(20)), torch.add, 2),
    ],
)
def test_gradient_is_that_of_the_linear_map(function, plain, inputs, layout):
    torch.manual_seed(0)
    images = [torch.randint(-500, 500, (2, 3, 6, 8)).double().contiguous(memory_format=layout) for _ in range(inputs)]
    gradients = []
    for tried in (function, plain):
        own = [image.clone().requires_grad_() for image in images]
        results = as_tuple(tried(*own))
        torch.manual_seed(1)
        sum((result * torch.randn(result.shape, dtype=torch.float64)).sum() for result in results).backward()
        gradients.append([image.grad for image in own])
    for got, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(got, expected)


def test_no_gradient_where_saturated():
    a = torch.tensor([[[[500.0, 500.0, -500.0, 3.0]]]], requires_grad=True)
    b = torch.tensor([[[[500.0, -9.0, -500.0, 4.0]]]], requires_grad=True)
    resampling.add(a, b, FEATURES).sum().backward()
    assert a.grad.tolist() == b.grad.tolist() == [[[[0, 1, 0, 1]]]]
    ll = torch.tensor([[[[2047.0, 400.0, -2048.0]]]], requires_grad=True)
    rest = torch.tensor([[[[2047.0, 0.0, 0.0]]]])
    resampling.inverse_haar(ll, rest, rest, rest, 2, FEATURES).sum().backward()
    # 2047 * 4 / 4 saturates in one pixel, the other three are 0; 100 four times; -512 lies on the end four times.
    assert ll.grad.tolist() == [[[[0.75, 1, 0]]]]


@pytest.mark.parametrize("function", [resampling.haar, resampling.average_pool])
def test_odd_sizes_are_refused(function):
    with pytest.raises(FormatError, match="5 x 4"):
        function(torch.zeros(1, 2, 5, 4))


def test_an_inverse_without_rounding_is_refused():
    with pytest.raises(FormatError, match="at least one bit"):
        resampling.inverse_haar(*[torch.zeros(1, 2, 4, 4)] * 4, 0, FEATURES)
