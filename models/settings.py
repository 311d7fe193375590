"""What determines a training, and nothing else does."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from bitpan.errors import DataError

WARM_UP = 50
"""Iterations over which the learning rate rises."""


@dataclass(frozen=True)
class Settings:
    """Everything that determines a training; stored in its checkpoints.

    Attributes:
        network: name in ``NETWORKS``.
        data: sources, see :func:`bitpan.models.readers.read`.
        synthetic, scene_size: number and width of synthetic scenes.
        bands, bits, ratio, sensor: of the data.
        reserve: fraction of the columns at the right of each source left out altogether, for tests.
        hold_out: fraction of the other columns of each source kept for validation.
        blocks, channels: of the network; 0 blocks stands for its own depth.
        srm, gsfa, wavelet, norm, prior, cdc, outer_skip: arms, see :class:`bitpan.models.configuration.Configuration`.
        iterations, batch, patch, lr, seed: of the training.
        validate_every: iterations between validations and checkpoints.
        device, threads, compile: where and how it runs, see :func:`bitpan.models.kernels.compile_kernels`.
        command: how it was started.
    """

    network: str = "s2bnet-flat"
    data: tuple[str, ...] = ()
    synthetic: int = 0
    scene_size: int = 256
    bands: tuple[int, ...] | None = None
    bits: int = 11
    ratio: int = 4
    sensor: str = "generic"
    reserve: float = 0.0
    hold_out: float = 0.3
    blocks: int = 0
    channels: int = 32
    srm: str = "dynamic"
    gsfa: str = "filters"
    wavelet: str = "haar"
    norm: str = "pixel"
    prior: str = "diffusion"
    cdc: str = "scene"
    outer_skip: str = "none"
    iterations: int = 4000
    batch: int = 16
    patch: int = 32
    lr: float = 1e-2
    seed: int = 0
    validate_every: int = 500
    device: str = "cpu"
    threads: int = 0
    compile: bool = False
    command: str = ""

    def __post_init__(self) -> None:
        for name in ("iterations", "batch", "patch", "scene_size", "validate_every", "channels"):
            if getattr(self, name) < 1:
                raise DataError(f"--{name.replace('_', '-')} {getattr(self, name)}: at least 1")
        if not 0 <= self.hold_out < 1 or not self.lr > 0:
            raise DataError(f"--hold-out {self.hold_out} must lie in [0, 1) and --lr {self.lr} above 0")
        if not 0 <= self.reserve < 1:
            raise DataError(f"--reserve {self.reserve} must lie in [0, 1)")
        if self.patch % self.ratio:
            raise DataError(f"--patch {self.patch}: take a multiple of the ratio {self.ratio}")

    def to_json(self) -> dict[str, Any]:
        """As plain types."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


def learning_rate(settings: Settings, iteration: int) -> float:
    """Linear warm-up, then half a cosine down to zero."""
    warm = min(1.0, (iteration + 1) / WARM_UP)
    return settings.lr * warm * 0.5 * (1 + math.cos(math.pi * iteration / settings.iterations))
