"""bf16 stays where a network computes in floating point."""

import pytest
import torch

from bitpan.errors import BitpanWarning
from bitpan.models.layers.resampling import bordered
from bitpan.models.networks.backbones import UNIT_NETWORKS
from bitpan.models.networks.configuration import Configuration
from bitpan.models.training.precision import lower_precision
from bitpan.models.training.settings import Settings
from bitpan.models.training.training import Training

SMALL = {"synthetic": 2, "scene_size": 32, "blocks": 2, "channels": 32, "batch": 2, "patch": 16, "iterations": 6}


@pytest.fixture
def twin():
    torch.manual_seed(0)
    return UNIT_NETWORKS["s2bnet-flat-fp"](Configuration(blocks=2, channels=8))


def test_integers_are_equal_with_and_without_amp(make_pair):
    plain = Training(Settings(**SMALL))
    with pytest.warns(BitpanWarning, match="s2bnet-flat has no part whose numbers fit bf16"):
        amp = Training(Settings(**SMALL, amp=True))
    for _ in range(3):
        assert plain.step() == amp.step()
    pan, ms = make_pair()
    one, other = (training.network.tensors(pan, bordered(ms)) for training in (plain, amp))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_plain_autocast_would_break_the_integers(make_network, make_pair):
    """So the test above can fail."""
    network = make_network(channels=32)
    expected = network(*make_pair())
    with torch.autocast("cpu", torch.bfloat16):
        assert not torch.equal(network(*make_pair()), expected)


def test_the_twins_blocks_learn_in_bf16_and_are_judged_in_float32(twin, make_pair):
    expected = twin(*make_pair()).detach()
    seen = []
    twin.blocks[0].conv.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    twin.head.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    lower_precision(twin)
    fused = twin(*make_pair())
    assert seen == [torch.float32, torch.bfloat16] and fused.dtype == torch.float32
    assert 0 < float((fused.detach() - expected).abs().max()) < 2.0**twin.configuration.residual_gain
    fused.mean().backward()
    assert all(parameter.grad.dtype == torch.float32 for parameter in twin.blocks.parameters())
    with torch.no_grad():
        assert torch.equal(twin(*make_pair()), expected)


def test_the_twin_learns_with_amp():
    training = Training(Settings(**{**SMALL, "network": "s2bnet-flat-fp", "lr": 1e-2, "iterations": 100}, amp=True))
    losses = [training.step()[0] for _ in range(100)]
    assert sum(losses[-20:]) / 20 < 0.9 * sum(losses[:5]) / 5
