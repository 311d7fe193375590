"""Networks whose parameters are all away from their neutral starts."""

import pytest


@pytest.fixture(scope="session")
def make_network():
    import torch

    from bitpan.models.networks.configuration import Configuration
    from bitpan.models.networks.s2bnet import S2BNetFlat

    def make(seed=0, kind=S2BNetFlat, **settings):
        torch.manual_seed(seed)
        network = kind(Configuration(**{"blocks": 2, "channels": 8, **settings}))
        for parameter in network.parameters():
            if parameter.requires_grad and parameter.ndim < 4:
                parameter.data += 0.2 * torch.randn_like(parameter)
        network.tail.conv.weight.data *= 5
        return network

    return make


@pytest.fixture
def make_pair():
    import torch

    def make(size=32, bands=4, bits=11, seed=0, samples=1):
        generator = torch.Generator().manual_seed(seed)
        pan = torch.randint(0, 1 << bits, (samples, 1, size, size), generator=generator).float()
        ms = torch.randint(0, 1 << bits, (samples, bands, size // 4, size // 4), generator=generator).float()
        return pan, ms

    return make


@pytest.fixture
def one_thread():
    """Sums in one order, whatever else the machine does."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
