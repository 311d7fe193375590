"""A trained network for imagery of another depth or scale of counts, or with its head split."""

from __future__ import annotations

from dataclasses import replace

import torch

from bitpan.errors import ModelError
from bitpan.models.layers.head import gathered
from bitpan.models.networks.binary_network import BinaryNetwork
from bitpan.models.networks.pansharpener import PanSharpener


def retarget(network: BinaryNetwork, bits: int | None = None, gain: int = 0) -> BinaryNetwork:
    """The same weights for other imagery: only formats move.

    Args:
        network: trained.
        bits: depth of the other imagery; None: as trained. Counts keep their meaning: what was 300 is still 300, and
            only the range in which the network sees and gives differences grows or shrinks.
        gain: the other imagery's counts are ``2**gain`` times those trained on, e.g. 2 where surface reflectance is
            scaled so that typical values are four times as large.

    Raises:
        ModelError: no network has so many bits.
    """
    own = network.configuration
    target = replace(own, bits=own.bits if bits is None else bits, residual_gain=own.residual_gain + gain)
    unit = own.input_fraction + own.input_shift + gain  # the input's unit is 2**unit counts
    target = replace(target, offset=round(own.offset * 2.0**gain), input_fraction=unit - target.input_shift)
    if target.residual_gain < 0 or target.offset > target.fused.max:
        raise ModelError(
            f"{network.name} was trained on counts around {own.offset}; with --gain {gain} and {target.bits} bits they "
            "leave the range; choose them closer to the training's"
        )
    other = type(network)(target)
    other.load_state_dict(network.state_dict())
    return other.eval()


def with_split_head(network: PanSharpener) -> PanSharpener:
    """The network with its full head split: what it saw of the MS around a pixel, it sees in the pixel itself.

    The upsampled MS is smooth, so this is where a training of the split one starts best.
    """
    other = type(network)(replace(network.configuration, head="split"))
    other.load_state_dict(network.state_dict())
    head = other.get_submodule("head")
    (weight,) = (parameter for parameter in head.parameters() if parameter.ndim == 4)
    with torch.no_grad():
        weight.copy_(gathered(weight, head.get_buffer("kept")))
    return other.train(network.training)
