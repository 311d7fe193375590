"""Networks by the name the command line and the checkpoints know them by."""

from __future__ import annotations

from bitpan.models.backbones import UNIT_NETWORKS, UnitNetwork
from bitpan.models.s2bnet_flat import S2BNetFlat

NETWORKS: dict[str, type[S2BNetFlat] | type[UnitNetwork]] = {S2BNetFlat.name: S2BNetFlat, **UNIT_NETWORKS}
"""Every network that can be trained."""
