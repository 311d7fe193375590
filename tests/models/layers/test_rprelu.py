import torch
from torch.nn import functional

from bitpan.models.layers.rprelu import RPReLU


def test_values():
    rprelu = RPReLU(2)
    rprelu.gamma.data, rprelu.zeta.data = torch.tensor([1.0, -0.5]), torch.tensor([0.25, 2.0])
    rprelu.slope.data = torch.tensor([0.5, 0.1])
    x = torch.stack([torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, -1.5]])])[None]
    with torch.no_grad():
        assert torch.allclose(rprelu(x), torch.tensor([[[[2.25, -0.25]], [[2.5, 1.9]]]]))


def test_gradients_are_those_of_pytorchs_prelu():
    generator = torch.Generator().manual_seed(0)
    x, rprelu = torch.randn(2, 3, 5, 4, generator=generator), RPReLU(3)
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    rprelu.slope.data, rprelu.gamma.data = torch.tensor([0.25, -0.5, 2.0]), torch.tensor([0.1, -0.3, 0.0])
    upstream, found = torch.randn(2, 3, 5, 4, generator=generator), []

    def plain(x):
        return functional.prelu(x - rprelu.gamma[:, None, None], rprelu.slope) + rprelu.zeta[:, None, None]

    for function in (rprelu, plain):
        result = function(x)
        found.append((result, *torch.autograd.grad(result, (x, *rprelu.parameters()), upstream)))
    assert torch.equal(found[0][0], found[1][0])
    assert all(torch.allclose(mine, theirs, rtol=1e-5, atol=1e-6) for mine, theirs in zip(*found, strict=True))
