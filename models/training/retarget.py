"""A trained network for imagery of another bit depth or another scale of counts: only formats move, no weight does."""

from __future__ import annotations

from dataclasses import replace

from bitpan.errors import ModelError
from bitpan.models.networks.binary_network import BinaryNetwork


def retarget(network: BinaryNetwork, bits: int | None = None, gain: int = 0) -> BinaryNetwork:
    """The same weights for other imagery.

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
