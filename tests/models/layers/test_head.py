"""Heads with fewer weights for the MS: which weights act, which learn, and what becomes of a full one."""

import pytest
import torch
from torch.nn import functional

from bitpan.formats import Format
from bitpan.models.layers.head import TRIANGLE, FloatHead, kept_weights, nearest
from bitpan.models.layers.learned import IntegerConv

FEWER = ["split", "planes"]


@pytest.mark.parametrize(("head", "four", "eight"), [("full", 45, 81), ("split", 13, 17), ("planes", 17, 25)])
def test_products_of_an_output(head, four, eight):
    for bands, products in ((4, four), (8, eight)):
        kept = kept_weights(head, bands)
        assert kept.shape == (1, 1 + bands, 3, 3) and kept.sum() == products and kept[0, 0].all()


def test_which_taps():
    centre, upper, lower = ([[0, 0, 0], [0, 1, 0], [0, 0, 0]], *(TRIANGLE, TRIANGLE[::-1]))
    assert kept_weights("split", 2)[0, 1:].tolist() == [centre, centre]
    assert kept_weights("planes", 5)[0, 1:].tolist() == [centre, upper, centre, lower, centre]
    plane = torch.tensor([[1, dy, dx] for dy in range(3) for dx in range(3) if TRIANGLE[dy][dx]], dtype=torch.float32)
    assert torch.linalg.matrix_rank(plane) == 3


@pytest.mark.parametrize("head", FEWER)
def test_integers_are_zero_and_their_scale_is_of_the_others(head):
    """Whatever the left out weights hold, they neither act, nor widen the scale, nor learn."""
    torch.manual_seed(0)
    kept = kept_weights(head, 4)
    conv = IntegerConv(5, 6, 3, Format(12, 8), Format(10, 6), kept=kept)
    assert not (conv.conv.weight * (1 - kept)).any()
    x = torch.randint(-2048, 2048, (2, 5, 8, 8)).float()
    before = conv(x)
    conv.conv.weight.data.add_(100 * (1 - kept))
    weights, _, _ = conv.integers()
    assert not (weights * (1 - kept)).any() and weights.abs().max() >= 64
    assert torch.equal(conv(x), before)
    conv(x).sum().backward()
    assert torch.equal(conv.conv.weight.grad.any(dim=0, keepdim=True), kept > 0)


def test_eight_bands_are_exact_in_float32():
    dtypes = []
    for head in ("full", *FEWER):
        dtypes.append(IntegerConv(9, 6, 3, Format(12, 8), Format(10, 6), kept=kept_weights(head, 8)).dtype)
    assert dtypes == [torch.float64, torch.float32, torch.float32]


def test_a_split_head_in_floating_point_is_two_convolutions():
    torch.manual_seed(1)
    conv = FloatHead(4, 6, "split").double()
    conv.weight.data.add_(1 - conv.kept)
    x = torch.randn(2, 5, 8, 8).double()
    pan = functional.conv2d(x[:, :1], conv.weight[:, :1], conv.bias, padding=1)
    ms = functional.conv2d(x[:, 1:], conv.weight[:, 1:, 1:2, 1:2])
    torch.testing.assert_close(conv(x), pan + ms)


@pytest.mark.parametrize("head", ["full", *FEWER])
def test_the_nearest_weights_give_the_same_where_they_can(head):
    """Of images without structure but PAN's, whatever is kept; of slopes that bands share, planes too."""
    torch.manual_seed(2)
    weights, kept = torch.randn(6, 5, 3, 3).double(), kept_weights(head, 4).double()
    images = torch.randn(4, 5, 1, 1).double().expand(-1, -1, 12, 12).clone()
    images[:, 0] = torch.randn(4, 12, 12)
    if head != "split":
        down, across = torch.meshgrid(*2 * [torch.arange(12.0).double()], indexing="ij")
        images[:, 1:] += (torch.randn(4, 1, 1) * down + torch.randn(4, 1, 1) * across)[:, None]
    near, bias = nearest(weights, kept, images)
    assert not (near * (1 - kept)).any()
    torch.testing.assert_close(functional.conv2d(images, near, bias), functional.conv2d(images, weights))


def test_the_nearest_weights_leave_what_is_least():
    """The rest is orthogonal to what is kept, and has no mean."""
    torch.manual_seed(3)
    weights, kept, images = torch.randn(6, 5, 3, 3), kept_weights("split", 4), torch.randn(2, 5, 12, 12)
    near, bias = nearest(weights, kept, images)
    rest = functional.conv2d(images, weights) - functional.conv2d(images, near, bias)
    assert rest.std() > 0.5 and rest.mean(dim=(0, 2, 3)).abs().max() < 1e-4
    assert (rest * images[:, 3:4, 1:-1, 1:-1]).mean(dim=(0, 2, 3)).abs().max() < 1e-4
