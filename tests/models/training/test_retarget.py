"""A network for other bit depths and scales: what moves, and what stays."""

import pytest
import torch

from bitpan.errors import ModelError
from bitpan.models.layers.resampling import bordered
from bitpan.models.training.retarget import fitted, retarget

from_training = {"offset": 300, "input_fraction": 8, "residual_gain": 5}


def test_scaled_imagery_gives_the_scaled_result(make_network, make_pair):
    """At 9 bits more headroom changes nothing, and four times the counts give four times the fused image."""
    network = make_network(bits=9, **from_training)
    network.head.bias.data.zero_()  # it would be rounded more finely
    pan, ms = make_pair(bits=9)
    ms[:] = ms[:, :, :1, :1]  # flat, so that the interpolator's own rounding plays no part
    scene = network.measure(pan, ms)
    residual = network.tensors(pan, bordered(ms), scene)["residual"]
    wider = retarget(network, 11)
    assert torch.equal(wider.tensors(pan, bordered(ms), scene)["residual"], residual)
    scaled = retarget(network, 11, gain=2)
    assert scaled.configuration.input_shift == 0
    tensors = scaled.tensors(4 * pan, bordered(4 * ms), scene)
    assert torch.equal(tensors["x2"], network.tensors(pan, bordered(ms), scene)["x2"])
    assert (tensors["residual"] / 4 - residual).abs().max() <= 0.5  # the residual itself has two bits more


def test_twelve_bits_see_the_same_features_but_for_the_rounded_bit(make_network, make_pair):
    network = make_network(bits=11, **from_training)
    other = retarget(network, 12)
    pan, ms = make_pair(bits=11)
    assert other.configuration.input.step == 2 * network.configuration.input.step
    scene = network.measure(pan, ms)
    x, y = (each.tensors(pan, bordered(ms), scene)["x0"] for each in (network, other))
    assert (x - y).abs().max() < 4


def test_weights_are_shared_and_the_original_is_untouched(make_network):
    network = make_network(**from_training)
    other = retarget(network, 16, gain=4)
    assert network.configuration.bits == 11 and other.configuration.offset == 4800
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), other.parameters(), strict=True))


def test_impossible_targets_are_refused(make_network):
    with pytest.raises(ModelError, match="leave the range"):
        retarget(make_network(**from_training), 8)
    with pytest.raises(ModelError, match="no network"):
        retarget(make_network(**from_training), 17)


def test_imagery_of_the_trainings_scale_changes_nothing(make_network, make_pair):
    """A sample's chance spread does not: what the weights gave they still give."""
    network = make_network(bits=11, **from_training)
    pan, ms = make_pair(bits=11)
    gt = network(pan, ms)
    assert fitted(network, 11, pan, ms, gt).configuration == network.configuration
    assert fitted(network, 13, pan, ms, gt).configuration == retarget(network, 13).configuration


@pytest.mark.parametrize(("scale", "gain"), [(8, 2), (1 / 8, -4)])
def test_input_and_residual_move_together_for_imagery_of_another_scale(make_network, make_pair, scale, gain):
    network = make_network(bits=11, **from_training)
    pan, ms = ((scale * image).floor() for image in make_pair(bits=9))
    moved = retarget(network, 12, gain)
    found = fitted(network, 12, pan, ms, moved(pan, ms))
    assert found.configuration == moved.configuration
    assert found.configuration.residual_gain == from_training["residual_gain"] + gain
