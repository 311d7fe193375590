"""Networks by the name the command line and the checkpoints know them by."""

from __future__ import annotations

from bitpan.models.pansharpener import PanSharpener
from bitpan.models.s2bnet import S2BNetFlat
from bitpan.models.twins import S2BNetFlatFloat

NETWORKS: dict[str, type[PanSharpener]] = {network.name: network for network in (S2BNetFlat, S2BNetFlatFloat)}
"""Every network that can be trained."""
