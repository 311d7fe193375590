import pytest
import torch

from bitpan.errors import FormatError
from bitpan.models.layers.wavelet import haar, inverse_haar


def noise(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_haar_is_orthonormal():
    """Its matrix on the four pixels of a square is one times its transpose; order LL, LH, HL, HH."""
    matrix = torch.cat([band.reshape(1, 4) for band in haar(torch.eye(4, dtype=torch.float64).reshape(1, 4, 2, 2))])
    expected = [[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]
    assert torch.equal(matrix, torch.tensor(expected, dtype=torch.float64) / 2)
    assert torch.equal(matrix @ matrix.T, torch.eye(4, dtype=torch.float64))


def test_haar_is_inverted():
    x = noise(2, 3, 6, 10)
    bands = haar(x)
    assert all(band.shape == (2, 3, 3, 5) for band in bands)
    assert torch.allclose(inverse_haar(*bands), x, rtol=0, atol=1e-14)
    assert torch.isclose(sum((band**2).sum() for band in bands), (x**2).sum())


def test_gradients_are_those_of_the_linear_maps():
    assert torch.autograd.gradcheck(haar, noise(1, 2, 4, 6).requires_grad_())
    assert torch.autograd.gradcheck(inverse_haar, [band.requires_grad_() for band in noise(4, 1, 2, 2, 3).unbind()])


def test_channels_stay_innermost():
    x = noise(2, 3, 6, 10).contiguous(memory_format=torch.channels_last).requires_grad_()
    image = inverse_haar(*haar(x))
    image.square().sum().backward()
    assert all(v.is_contiguous(memory_format=torch.channels_last) for v in (image, x.grad, *haar(x)))


def test_odd_sizes_are_refused():
    with pytest.raises(FormatError, match="4 x 5 has no whole 2x2 blocks"):
        haar(noise(1, 2, 4, 5))
