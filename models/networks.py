"""Networks by the name the command line and the checkpoints know them by."""

from __future__ import annotations

from bitpan.models.backbones import UNIT_NETWORKS
from bitpan.models.bnnpan import BNNPan
from bitpan.models.bnnpan_twin import BNNPanTwin
from bitpan.models.pansharpener import PanSharpener
from bitpan.models.s2bnet import S2BNet, S2BNetFlat

_OURS: tuple[type[PanSharpener], ...] = (S2BNetFlat, S2BNet, BNNPan)

NETWORKS: dict[str, type[PanSharpener]] = {
    **{network.name: network for network in _OURS},
    **UNIT_NETWORKS,
    BNNPanTwin.name: BNNPanTwin,
}
"""Every network that can be trained."""
