"""A finished network as the start of one for other bands, another ratio or another depth."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import torch

from bitpan.models.networks.pansharpener import PanSharpener

Network = TypeVar("Network", bound=PanSharpener)


def transferred(network: Network, bands: int, ratio: int, bits: int) -> Network:
    """A start for training on ``bands`` bands of ``bits`` bits at another ``ratio``: what is between them is kept.

    A band has the weights of the old one that lies where it lies among its own: 8 bands, in order of their wavelengths,
    those of each of 4 twice, by half. The interpolator alone knows the ratio; counts are the same share of the range.

    Raises:
        ModelError: no network has so many bands or bits, or this ratio.
    """
    own = network.configuration
    more = bits - own.bits
    target = replace(own, ratio=ratio, bits=bits, residual_gain=max(0, own.residual_gain + more))
    unit = own.input_fraction + own.input_shift + more  # the input's unit is 2**unit counts
    offset = round(own.offset * 2.0**more)
    like = [round(i * (own.bands - 1) / max(1, bands - 1)) for i in range(bands)]
    balance = tuple(own.balance[i] * 2.0**more for i in like) if own.balance else ()
    target = replace(target, bands=bands, offset=offset, input_fraction=unit - target.input_shift, balance=balance)
    other = type(network)(target)
    state, given = other.state_dict(), network.state_dict()
    for name, value in state.items():
        old = given[name]
        axes = [axis for axis, (new, size) in enumerate(zip(value.shape, old.shape, strict=True)) if new != size]
        for axis in axes:
            before = old.shape[axis] - own.bands  # PAN, where it is an input beside the bands
            old = old.index_select(axis, torch.tensor([*range(before), *(before + band for band in like)]))
            if axis:
                old[:, before:] *= own.bands / bands
        state[name] = old
    other.load_state_dict(state)
    return other.eval()
