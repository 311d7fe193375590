"""A trained network for imagery of another bit depth or another scale of counts: only formats move, no weight does."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor

from bitpan.errors import ModelError
from bitpan.models.networks.configuration import calibrated
from bitpan.models.networks.pansharpener import PanSharpener

Network = TypeVar("Network", bound=PanSharpener)


def retarget(network: Network, bits: int | None = None, gain: int = 0) -> Network:
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


@torch.no_grad()
def fitted(network: Network, bits: int, pan: Tensor, ms: Tensor, gt: Tensor) -> Network:
    """The same weights for imagery of ``bits`` bits of which these are samples ``(N, ., H, W)``.

    The gain is 0, or what brings the samples' spread to that of the training where they fuse better so. Input and
    residual move together: each by itself would make of the weights a network that nobody has trained.

    Raises:
        ModelError: no network has so many bits.
    """
    own = network.configuration
    found = calibrated(replace(own, bits=bits), pan, ms, gt)
    gain = max(found.input_fraction + found.input_shift - own.input_fraction - own.input_shift, -own.residual_gain)
    gains = {gain, 0} if own.offset <= found.fused.max else {gain}
    candidates = [retarget(network, bits, each) for each in sorted(gains, key=abs)]
    return min(candidates, key=lambda each: float((each(pan, ms) - gt).abs().mean()))
