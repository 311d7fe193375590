"""Networks by the name the command line and the checkpoints know them by."""

from __future__ import annotations

from bitpan.models.networks.backbones import UNIT_NETWORKS
from bitpan.models.networks.bnnpan import BNNPan
from bitpan.models.networks.bnnpan_twin import BNNPanTwin
from bitpan.models.networks.pansharpener import PanSharpener
from bitpan.models.networks.s2bnet import S2BNet, S2BNetFlat

_OURS: tuple[type[PanSharpener], ...] = (S2BNetFlat, S2BNet, BNNPan)

NETWORKS: dict[str, type[PanSharpener]] = {
    **{network.name: network for network in _OURS},
    **UNIT_NETWORKS,
    BNNPanTwin.name: BNNPanTwin,
}
"""Every network that can be trained."""
