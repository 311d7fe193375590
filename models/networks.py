"""Networks by the name the command line and the checkpoints know them by."""

from __future__ import annotations

from bitpan.models.bnnpan import BNNPan
from bitpan.models.pansharpener import PanSharpener
from bitpan.models.s2bnet import S2BNet, S2BNetFlat
from bitpan.models.twins import S2BNetFlatFloat

_ALL: tuple[type[PanSharpener], ...] = (S2BNetFlat, S2BNet, BNNPan, S2BNetFlatFloat)

NETWORKS: dict[str, type[PanSharpener]] = {network.name: network for network in _ALL}
"""Every network that can be trained."""
