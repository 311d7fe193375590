"""The split head: which weights act, which learn, and what becomes of a full one."""

import torch
from torch.nn import functional

from bitpan.formats import Format
from bitpan.models.layers.head import SplitConv2d, gathered, kept_weights
from bitpan.models.layers.learned import IntegerConv

IMAGES = slice(1, None)
"""The inputs that enter at the centre alone."""


def outside(weights):
    """The weights of the central inputs outside the kernel's centre, ``(O, B, 8)``."""
    return weights[:, IMAGES].flatten(2)[:, :, [0, 1, 2, 3, 5, 6, 7, 8]]


def test_thirteen_products_of_five_inputs():
    assert kept_weights(5, 4, 3).sum() == 13 and kept_weights(5, 0, 3).sum() == 45
    assert torch.equal(outside(kept_weights(5, 4, 3)), torch.zeros(1, 4, 8))


def test_integers_are_zero_and_their_scale_is_of_the_others():
    """Whatever the left out weights hold, they neither act, nor widen the scale, nor learn."""
    torch.manual_seed(0)
    conv = IntegerConv(5, 6, 3, Format(12, 8), Format(10, 6), central=4)
    x = torch.randint(-2048, 2048, (2, 5, 8, 8)).float()
    before = conv(x)
    conv.conv.weight.data.add_(100 * (1 - conv.kept))
    weights, _, _ = conv.integers()
    assert not outside(weights).any() and weights[:, IMAGES, 1, 1].any() and weights.abs().max() >= 64
    assert torch.equal(conv(x), before)
    conv(x).sum().backward()
    gradient = conv.conv.weight.grad
    assert not outside(gradient).any() and gradient[:, IMAGES, 1, 1].any() and gradient[:, 0].any()


def test_eight_bands_are_exact_in_float32():
    full, split = (IntegerConv(9, 6, 3, Format(12, 8), Format(10, 6), central=central) for central in (0, 8))
    assert (full.dtype, split.dtype) == (torch.float64, torch.float32)


def test_in_floating_point_it_is_two_convolutions():
    torch.manual_seed(1)
    conv = SplitConv2d(5, 6, 3, central=4).double()
    conv.weight.data.add_(1 - conv.kept)
    x = torch.randn(2, 5, 8, 8).double()
    pan = functional.conv2d(x[:, :1], conv.weight[:, :1], conv.bias, padding=1)
    ms = functional.conv2d(x[:, IMAGES], conv.weight[:, IMAGES, 1:2, 1:2])
    torch.testing.assert_close(conv(x), pan + ms)


def test_a_gathered_kernel_is_the_same_to_constant_images():
    torch.manual_seed(2)
    weights, kept = torch.randn(6, 5, 3, 3).double(), kept_weights(5, 4, 3).double()
    x = torch.randn(1, 5, 1, 1).double().expand(-1, -1, 5, 5).clone()
    x[:, 0] = torch.randn(5, 5)
    moved = gathered(weights, kept)
    assert not outside(moved).any() and torch.equal(moved[:, 0], weights[:, 0])
    torch.testing.assert_close(functional.conv2d(x, moved), functional.conv2d(x, weights))
