"""A finished network for other bands, another ratio and another depth: what it keeps, and what it begins with."""

import pytest
import torch

from bitpan.errors import ModelError
from bitpan.models.layers.resampling import bordered
from bitpan.models.networks.configuration import Configuration
from bitpan.models.networks.registry import NETWORKS
from bitpan.models.training.transfer import transferred

from_training = {"offset": 300, "input_fraction": 8, "residual_gain": 5, "balance": (0.5, 1.0, 1.0, 2.0)}


@pytest.mark.parametrize("network", ["s2bnet-flat", "s2bnet", "bnnpan", "s2bnet-flat-bbcu", "bnnpan-fp"])
@pytest.mark.parametrize("head", ["full", "planes"])
def test_bands_that_are_doubled_give_doubled_bands(network, head):
    """With every band twice and a head that sees all, the features are what they were."""
    torch.manual_seed(0)
    own = Configuration(bands=4, channels=8, blocks=NETWORKS[network].default_blocks, head=head, **from_training)
    old = NETWORKS[network](own).eval()
    for parameter in old.parameters():
        parameter.data += 0.01 * torch.randn_like(parameter)
    new = transferred(old, 8, 4, 11)
    given, found = old.state_dict(), new.state_dict()
    changed = {name for name in given if given[name].shape != found[name].shape}
    assert all(torch.equal(found[name], given[name]) for name in given.keys() - changed)
    for name in changed:
        (axis,) = (a for a, (x, y) in enumerate(zip(given[name].shape, found[name].shape, strict=True)) if x != y)
        (pan, *bands), (same, *doubled) = (each[name].movedim(axis, 0) for each in (given, found))
        if given[name].shape[axis] == 4:
            bands, doubled = [pan, *bands], [same, *doubled]
        else:
            assert torch.equal(same, pan)
        for i, band in enumerate(doubled):
            assert torch.equal(band, bands[i // 2] * (0.5 if axis else 1))
    assert new.configuration.bands == 8 and old.configuration.bands == 4
    assert new.configuration.balance == (0.5, 0.5, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0)


def test_fewer_bands_take_those_that_lie_alike_and_the_ratio_changes_no_weight(make_network):
    old = make_network(**from_training)
    new = transferred(old, 2, 2, 11)
    assert new.configuration.ratio == new.interpolator.ratio == 2
    assert torch.equal(new.tail.conv.weight, old.tail.conv.weight[[0, 3]])
    assert torch.equal(new.head.conv.weight[:, 1:], 2 * old.head.conv.weight[:, [1, 4]])
    assert transferred(old, 1, 4, 11).configuration.bands == 1
    same = transferred(old, 4, 2, 11)
    assert all(torch.equal(a, b) for a, b in zip(old.parameters(), same.parameters(), strict=True))


def test_ratios_of_no_network_are_refused(make_network):
    with pytest.raises(ModelError, match="ratio 3"):
        transferred(make_network(**from_training), 4, 3, 11)


def test_counts_of_more_bits_mean_the_same_share_of_the_range(make_network, make_pair):
    old = make_network(bits=11, **from_training)
    new = transferred(old, 4, 4, 16)
    own = new.configuration
    assert own.offset == 32 * 300 and own.input == old.configuration.input and own.residual_gain == 10
    pan, ms = make_pair(bits=11)
    scene = old.measure(pan, ms)
    x, y = old.tensors(pan, bordered(ms), scene), new.tensors(32 * pan, bordered(32 * ms), scene)
    assert torch.equal(x["x0"], y["x0"]) or (x["x0"] - y["x0"]).abs().max() <= 4  # lms is rounded more finely
    assert transferred(new, 4, 4, 11).configuration == old.configuration
