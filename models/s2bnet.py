"""S2BNet (arXiv 2509.23321): binary S2B-Convs, in series at full resolution or in the published U shape."""

from __future__ import annotations

import torch
from torch import nn

from bitpan.models.configuration import Configuration
from bitpan.models.layers import S2BConv
from bitpan.models.network import BinaryNetwork
from bitpan.models.operation import Graph


class S2BNetFlat(BinaryNetwork):
    """``blocks`` binary units in series at full resolution: the simplest accelerator."""

    name = "s2bnet-flat"

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration)
        own = configuration
        self.blocks = nn.ModuleList(
            S2BConv(own.channels, own.srm, own.gsfa, own.features, own.seed + i) for i in range(own.blocks)
        )
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def body(self) -> Graph:
        """Units one after the other: ``x0`` to ``x<blocks>``."""
        for i, block in enumerate(self.blocks):
            assert isinstance(block, S2BConv)
            yield from block.graph(f"block{i}", f"x{i}", f"s{i}", f"p{i}", f"x{i + 1}")
