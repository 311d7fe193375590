"""S2BNet (arXiv 2509.23321): binary S2B-Convs, in series at full resolution or in the published U shape."""

from __future__ import annotations

import torch
from torch import nn

from bitpan.formats import Format
from bitpan.models.layers.gabor_features import GaborFeatures
from bitpan.models.layers.learned import BinaryConv, ScaledRPReLU, SecondSign, SpectralRedistribution
from bitpan.models.layers.operation import Graph, Step
from bitpan.models.layers.operations import Fixed
from bitpan.models.networks.binary_network import BinaryNetwork
from bitpan.models.networks.configuration import Configuration

SPREAD = 0.55
"""Start of two planes' thresholds, either side of zero, before the hyperbolic tangent: half the features' spread."""


class S2BConv(nn.Module):
    """One binary unit: SRM, sign, binary convolution with GSFA, scale, RPReLU, residual (S2BNet).

    GSFA's arm ``features`` stands in front of SRM, which then measures what it gives; the residual passes it by. The
    others belong to the binary convolution's weights.

    With two ``planes`` there is a second sign with another threshold, and the convolution takes both with the same
    weights: their sum is that of -1, 0 and +1, twice.
    """

    def __init__(self, channels: int, srm: str, gsfa: str, planes: int, features: Format, seed: int) -> None:
        super().__init__()
        self.gabor = GaborFeatures(channels, features, seed) if gsfa == "features" else None
        self.srm = SpectralRedistribution(channels, srm, features, start=0.0 if planes == 1 else SPREAD)
        self.second = None if planes == 1 else SecondSign(self.srm, -2 * SPREAD)
        self.joined = Fixed("concat")
        self.conv = BinaryConv(channels, gsfa, seed, planes)
        self.rprelu = ScaledRPReLU(channels, features, planes=planes)

    def graph(self, i: int, x: str) -> Graph:
        """Steps of unit number ``i`` from the tensor ``x`` to ``x<i + 1>``."""
        name, seen = f"block{i}", x
        if self.gabor is not None:
            seen = f"y{i}"
            yield Step(f"{name}.gabor", self.gabor, (x,), (seen,))
        signs = f"s{i}" if self.second is None else f"{name}.first"
        yield Step(f"{name}.sign", self.srm, (seen,), (signs,), (f"{name}.threshold",))
        if self.second is not None:
            yield Step(f"{name}.sign2", self.second, (seen,), (f"{name}.second",), (f"{name}.threshold2",))
            yield Step(f"{name}.concat", self.joined, (signs, f"{name}.second"), (f"s{i}",))
        yield Step(f"{name}.conv", self.conv, (f"s{i}",), (f"p{i}",))
        yield Step(f"{name}.rprelu", self.rprelu, (f"p{i}", x), (f"x{i + 1}",))


class S2BNetFlat(BinaryNetwork):
    """``blocks`` binary units in series at full resolution: the simplest accelerator."""

    name = "s2bnet-flat"
    arms = frozenset({"srm", "gsfa", "planes"})

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration)
        own = configuration
        self.blocks = nn.ModuleList(
            S2BConv(own.channels, own.srm, own.gsfa, int(own.planes), own.features, own.seed + i)
            for i in range(own.blocks)
        )
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def body(self) -> Graph:
        """Units one after the other: ``x0`` to ``x<blocks>``."""
        for i, block in enumerate(self.blocks):
            assert isinstance(block, S2BConv)
            yield from block.graph(i, f"x{i}")


class S2BNet(S2BNetFlat):
    """The U shape: two encoder levels, a bottleneck and two decoder levels of two units each, skips added.

    Down by average pooling, up bilinearly; ``channels`` throughout. Its depth is fixed.
    """

    name = "s2bnet"
    default_blocks = 10
    fixed_depth = True

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration)
        self.pool, self.up, self.add = Fixed("pool"), Fixed("up"), Fixed("add", configuration.features)

    def body(self) -> Graph:
        """Two levels down, the bottleneck, two levels up."""
        units = iter(range(len(self.blocks)))

        def level(x: str) -> Graph:
            for i in (next(units), next(units)):
                block = self.blocks[i]
                assert isinstance(block, S2BConv)
                yield from block.graph(i, x)
                x = f"x{i + 1}"

        yield from level("x0")
        yield Step("pool0", self.pool, ("x2",), ("down0",))
        yield from level("down0")
        yield Step("pool1", self.pool, ("x4",), ("down1",))
        yield from level("down1")
        yield Step("up1", self.up, ("x6",), ("up1",))
        yield Step("skip1", self.add, ("up1", "x4"), ("joined1",))
        yield from level("joined1")
        yield Step("up0", self.up, ("x8",), ("up0",))
        yield Step("skip0", self.add, ("up0", "x2"), ("joined0",))
        yield from level("joined0")
