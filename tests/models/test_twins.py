import torch
from torch.nn import functional

from bitpan.models.twins import prelu


def test_prelu_is_pytorchs():
    generator = torch.Generator().manual_seed(0)
    y, slope = torch.randn(2, 3, 5, 4, generator=generator), torch.tensor([0.25, -0.5, 2.0])
    y = y.contiguous(memory_format=torch.channels_last).requires_grad_()
    slope.requires_grad_()
    upstream, found = torch.randn(2, 3, 5, 4, generator=generator), []
    for function in (prelu, functional.prelu):
        result = function(y, slope)
        found.append((result, *torch.autograd.grad(result, (y, slope), upstream)))
    assert torch.equal(found[0][0], found[1][0])
    assert all(torch.allclose(mine, theirs, rtol=1e-5, atol=1e-6) for mine, theirs in zip(*found, strict=True))
