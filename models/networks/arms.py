"""Arms for ablation: parts of the published networks that may be left out or changed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from bitpan.errors import ModelError

ARMS: dict[str, tuple[str, ...]] = {
    "head": ("planes", "split", "full"),
    "srm": ("dynamic", "static", "none"),
    "gsfa": ("filters", "initialisation", "features", "none"),
    "planes": ("1", "2"),
    "wavelet": ("haar", "none"),
    "norm": ("pixel", "none"),
    "prior": ("diffusion", "condition", "none"),
    "cdc": ("scene", "none"),
    "outer_skip": ("none", "add"),
}
"""The choices of each; the first is the default: the published network's, but for the head."""

BEFORE = {"head": "full"}
"""What files chose that are older than the arm."""


@dataclass(frozen=True, kw_only=True)
class Arms:
    """One choice of each.

    Attributes:
        head: of every network, see :mod:`bitpan.models.layers.head`.
        srm, gsfa, planes: of S2BNet's unit, see :class:`bitpan.models.networks.s2bnet.S2BConv`.
        wavelet, norm, prior, cdc, outer_skip: of BNNPan's block, see :class:`bitpan.models.networks.bnnpan.Block`.
    """

    head: str = ARMS["head"][0]
    srm: str = ARMS["srm"][0]
    gsfa: str = ARMS["gsfa"][0]
    planes: str = ARMS["planes"][0]
    wavelet: str = ARMS["wavelet"][0]
    norm: str = ARMS["norm"][0]
    prior: str = ARMS["prior"][0]
    cdc: str = ARMS["cdc"][0]
    outer_skip: str = ARMS["outer_skip"][0]

    @property
    def arms(self) -> dict[str, Any]:
        """The choices by name."""
        return {arm: getattr(self, arm) for arm in ARMS}

    def require_arms(self, known: Collection[str], name: str) -> None:
        """Raise :class:`ModelError` where another arm than those ``known`` to the network ``name`` was chosen."""
        for arm, choice in self.arms.items():
            if arm not in known and choice != ARMS[arm][0]:
                raise ModelError(f"{name} has no {arm} to be {choice!r}; leave --{arm.replace('_', '-')} out")

    def check_arms(self) -> None:
        """Raise :class:`ModelError` where there is no such choice."""
        for arm, choice in self.arms.items():
            if choice not in ARMS[arm]:
                raise ModelError(f"{arm} is one of {', '.join(ARMS[arm])}, not {choice!r}")
