"""BNNPan (Hou et al., CVPR 2025): binary convolutions in the wavelet domain, a norm at each pixel, a latent prior."""

from __future__ import annotations

import torch
from torch import nn

from bitpan.arithmetic import haar_format
from bitpan.formats import Format
from bitpan.models.layers.affine import ChannelAffine
from bitpan.models.layers.learned import START, BinaryConv, ScaledRPReLU, Sign
from bitpan.models.layers.norm import ChannelNorm
from bitpan.models.layers.operation import Arrays, Graph, Step
from bitpan.models.layers.operations import Fixed
from bitpan.models.networks.binary_network import BinaryNetwork
from bitpan.models.networks.configuration import Configuration
from bitpan.models.networks.stages import LatentTraining

SUBBANDS = ("ll", "lh", "hl", "hh")

ALPHA = 0.5
"""Start of the popcounts' scale in front of the norm, which undoes it: half leaves room in the format, and steps."""


class NormalisedConv(nn.Module):
    """NBC, a binary unit: sign, binary convolution, RPReLU, per-pixel norm, residual."""

    def __init__(self, channels: int, norm: str, features: Format, seed: int) -> None:
        super().__init__()
        self.sign = Sign(channels, features)
        self.conv = BinaryConv(channels, "none", seed)
        self.rprelu = ScaledRPReLU(channels, features, START if norm == "none" else ALPHA)
        self.norm = None if norm == "none" else ChannelNorm(channels, features)

    def graph(self, name: str, x: str, output: str) -> Graph:
        """Steps of the unit called ``name`` from the tensor ``x`` to ``output``."""
        yield Step(f"{name}.sign", self.sign, (x,), (f"{name}.s",))
        yield Step(f"{name}.conv", self.conv, (f"{name}.s",), (f"{name}.p",))
        if self.norm is None:
            yield Step(f"{name}.rprelu", self.rprelu, (f"{name}.p", x), (output,))
        else:
            yield Step(f"{name}.rprelu", self.rprelu, (f"{name}.p",), (f"{name}.r",))
            yield Step(f"{name}.norm", self.norm, (f"{name}.r", x), (output,))


class Block(nn.Module):
    """PIBF: wavelet, one binary unit for each subband, inverse wavelet; then LDPC and CDC.

    Arms: ``wavelet`` none is one unit at full resolution; ``norm`` none is the plain residual unit; ``outer_skip`` adds
    the block's input behind the inverse wavelet (the paper's figure has it, its equation does not).
    """

    def __init__(self, own: Configuration, index: int) -> None:
        super().__init__()
        self.wavelet = own.wavelet == "haar"
        inner = haar_format(own.features) if self.wavelet else own.features
        names = SUBBANDS if self.wavelet else ("unit",)
        self.units = nn.ModuleDict({n: NormalisedConv(own.channels, own.norm, inner, own.seed + index) for n in names})
        self.haar = Fixed("haar")
        self.inverse = Fixed("inverse_haar", own.features, inner.fraction + 1 - own.features.fraction)
        self.skip = Fixed("add", own.features) if own.outer_skip == "add" else None
        prior, cdc = own.prior != "none", own.cdc != "none"
        self.affine = ChannelAffine(own.channels, own.features, prior, cdc) if prior or cdc else None

    def graph(self, name: str, x: str, output: str) -> Graph:
        """Steps of the block called ``name`` from the tensor ``x`` to ``output``."""
        y = output if self.skip is None and self.affine is None else f"{name}.y"
        if self.wavelet:
            subbands = tuple(f"{name}.{subband}" for subband in SUBBANDS)
            yield Step(f"{name}.haar", self.haar, (x,), subbands)
            for subband, unit in zip(subbands, self.units.values(), strict=True):
                yield from unit.graph(subband, subband, f"{subband}.x")  # type: ignore[operator]
            yield Step(f"{name}.inverse", self.inverse, tuple(f"{subband}.x" for subband in subbands), (y,))
        else:
            yield from self.units["unit"].graph(f"{name}.unit", x, y)  # type: ignore[operator]
        if self.skip is not None:
            skipped = output if self.affine is None else f"{name}.skipped"
            yield Step(f"{name}.skip", self.skip, (y, x), (skipped,))
            y = skipped
        if self.affine is not None:
            yield Step(f"{name}.affine", self.affine, (y,), (output,), (f"{name}.affine",))


class BNNPan(LatentTraining, BinaryNetwork):
    """``blocks`` PIBF blocks in series, and the latent module, trained in :class:`LatentTraining`'s three stages."""

    name = "bnnpan"
    default_blocks = 4
    head_spread = 0.5

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration)
        self.blocks = nn.ModuleList(Block(configuration, i) for i in range(configuration.blocks))
        self.add_latent()
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def body(self) -> Graph:
        """Blocks one after the other: ``x0`` to ``x<blocks>``."""
        for i, block in enumerate(self.blocks):
            yield from block.graph(f"block{i}", f"x{i}", f"x{i + 1}")  # type: ignore[operator]

    def recipe(self) -> Arrays:
        """The latent module's arrays too."""
        return super().recipe() | ({} if self.latent is None else self.latent.recipe())
