"""The backbones of our networks around any unit, in floating point: what a unit is worth with all else equal.

A backbone is a module of features ``(N, C, H, W)`` to features, built from ``blocks`` and a function that makes units:

- ``s2bnet-flat``: units in series at full resolution;
- ``s2bnet``: U-shaped, ten units;
- ``bnnpan``: units on the four subbands of a wavelet, without BNNPan's latent module.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn
from torch.nn import functional

from bitpan.errors import ModelError
from bitpan.models.layers.wavelet import haar, inverse_haar
from bitpan.models.networks.binary_network import BinaryNetwork
from bitpan.models.networks.bnnpan import BNNPan
from bitpan.models.networks.configuration import Configuration
from bitpan.models.networks.float_network import FloatNetwork
from bitpan.models.networks.rivals import RIVALS
from bitpan.models.networks.s2bnet import S2BNet, S2BNetFlat
from bitpan.models.networks.twins import TWINS

MakeUnit = Callable[[], nn.Module]


class Subbands(nn.Module):
    """Haar, a unit of its own on each subband, inverse Haar: the wavelet block of BNNPan (Hou et al., CVPR 2025)."""

    def __init__(self, unit: MakeUnit) -> None:
        super().__init__()
        self.units = nn.ModuleList(unit() for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` of even H and W to the same."""
        _require_multiple(x, 2)
        ll, lh, hl, hh = haar(x)
        # The horizontal detail first: the order in which checkpoints have the units.
        ll, hl, lh, hh = (unit(band) for unit, band in zip(self.units, (ll, hl, lh, hh), strict=True))
        return inverse_haar(ll, lh, hl, hh)


class UShape(nn.Module):
    """Two encoder levels, bottleneck, two decoder levels, two units each, C channels throughout.

    Down by the mean of 2x2, up bilinearly (weights 9, 3, 3, 1 of 16, edges replicated), the encoder's features added.
    """

    def __init__(self, unit: MakeUnit) -> None:
        super().__init__()
        pairs = [nn.Sequential(unit(), unit()) for _ in range(5)]
        self.encoder = nn.ModuleList(pairs[:2])
        self.bottleneck = pairs[2]
        self.decoder = nn.ModuleList(pairs[3:])

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)``, H and W multiples of 4, to the same."""
        _require_multiple(x, 4)
        skips: list[Tensor] = []
        for level in self.encoder:
            skips.append(level(x))
            x = functional.avg_pool2d(skips[-1], 2)
        x = self.bottleneck(x)
        for level in self.decoder:
            up = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = level(up + skips.pop())
        return x


def _require_multiple(x: Tensor, stride: int) -> None:
    height, width = x.shape[2:]
    if height % stride or width % stride:
        raise ModelError(f"{height} x {width} pixels: this network takes multiples of {stride}; crop the pair")


BACKBONES: dict[str, Callable[[int, MakeUnit], nn.Module]] = {
    "s2bnet-flat": lambda blocks, unit: nn.Sequential(*(unit() for _ in range(blocks))),
    "s2bnet": lambda blocks, unit: UShape(unit),
    "bnnpan": lambda blocks, unit: nn.Sequential(*(Subbands(unit) for _ in range(blocks))),
}


class UnitNetwork(FloatNetwork):
    """A backbone with a rival's unit, or with a twin of our own.

    Attributes:
        backbone, unit: names in ``BACKBONES`` and ``UNITS``.
    """

    backbone = "s2bnet-flat"
    unit = "fp"

    def body(self) -> nn.Module:
        """The backbone."""
        own = self.configuration
        return BACKBONES[self.backbone](own.blocks, partial(UNITS[self.unit], own))

    def float_parts(self) -> list[nn.Module]:
        """The full-precision twin's blocks: a binary sum does not fit bf16."""
        return [self.blocks] if self.unit == "fp" else []


def _unit(name: str, own: Configuration) -> nn.Module:
    return RIVALS[name](own.channels) if name in RIVALS else TWINS[name](own.channels, own.srm, own.features)


UNITS: dict[str, Callable[[Configuration], nn.Module]] = {name: partial(_unit, name) for name in (*RIVALS, *TWINS)}
"""What makes a unit of a configuration, by name."""


def _combination(ours: type[BinaryNetwork], unit: str) -> type[UnitNetwork]:
    attributes = {
        "name": f"{ours.name}-{unit}",
        "backbone": ours.name,
        "unit": unit,
        "default_blocks": ours.default_blocks,
        "fixed_depth": ours.fixed_depth,
        "arms": frozenset({"srm"} if unit in TWINS else ()),
        "__doc__": f"The backbone {ours.name} with units {unit}.",
    }
    return type("UnitNetwork", (UnitNetwork,), attributes)


UNIT_NETWORKS: dict[str, type[UnitNetwork]] = {
    f"{ours.name}-{unit}": _combination(ours, unit)
    for ours in (S2BNetFlat, S2BNet, BNNPan)
    for unit in UNITS
    if ours is not BNNPan or unit in RIVALS  # its twin has norm and calibration too: BNNPanTwin
}
"""Every backbone with every unit that goes with it, by name."""
