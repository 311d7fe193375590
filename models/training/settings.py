"""What determines a training, and nothing else does."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import accumulate
from typing import Any

from bitpan.errors import DataError, ModelError
from bitpan.models.networks.arms import BEFORE, Arms
from bitpan.models.networks.configuration import Configuration
from bitpan.models.networks.registry import NETWORKS
from bitpan.radiometry import MOST_BITS

VERSION = 2
"""Of stored settings. Those of bitpan 0.1.0 have none, and count bands from 0."""

LEVELS = ("scene", "none")
"""What a network sees of an image, in training and after it: its level, see :mod:`bitpan.radiometry`; its counts."""

WARM_UP = 50
"""Iterations over which the learning rate rises, at the beginning of each stage."""


@dataclass(frozen=True)
class Settings(Arms):
    """Everything that determines a training; stored in its checkpoints.

    Attributes:
        network: name in ``NETWORKS``.
        data: sources, see :func:`bitpan.models.imagery.readers.read`.
        synthetic, scene_size: number and width of synthetic scenes.
        bands, bits, ratio, sensor: of the data; bands count from 1.
        shift: displacement (dy, dx) of the pairs' MS in PAN pixels, see :func:`bitpan.models.imagery.degrade.wald`.
        reserve: fraction of each source left out altogether, for tests, see :func:`.triples.split`.
        hold_out: fraction of the rest kept for validation.
        blocks, channels: of the network; 0 blocks stands for its own depth.
        iterations, batch, patch, seed: of the training.
        level: one of :data:`LEVELS`, of a network from its beginning.
        vary_bands: give the bands of patches random gains and offsets, see :func:`.patches.varied`.
        stages: shares of the iterations, one per stage of the network; empty takes the network's own.
        lr: peak learning rate, one or one per stage.
        finetune: checkpoint whose weights were taken; only the network's last stage is trained then.
        transfer: its bands, ratio and bits may be others, see :func:`.transfer.transferred`.
        validate_every: iterations between validations.
        save_every: seconds between checkpoints.
        device, threads, compile: where and how it runs, see :func:`bitpan.models.layers.kernels.compile_kernels`.
        amp: bf16 where the network allows it, see :mod:`bitpan.models.training.precision`.
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
    shift: tuple[float, float] = (0.0, 0.0)
    reserve: float = 0.0
    hold_out: float = 0.3
    blocks: int = 0
    channels: int = 32
    iterations: int = 4000
    batch: int = 16
    patch: int = 32
    stages: tuple[float, ...] = ()
    lr: float | tuple[float, ...] = 1e-2
    seed: int = 0
    level: str = "scene"
    vary_bands: bool = False
    finetune: str = ""
    transfer: bool = False
    validate_every: int = 500
    save_every: float = 60.0
    device: str = "cpu"
    threads: int = 0
    compile: bool = False
    amp: bool = False
    command: str = ""

    def __post_init__(self) -> None:
        for name in ("iterations", "batch", "patch", "scene_size", "validate_every", "channels", "ratio"):
            if getattr(self, name) < 1:
                raise DataError(f"--{name.replace('_', '-')} {getattr(self, name)}: at least 1")
        for name in ("synthetic", "seed", "save_every", "threads"):
            if not getattr(self, name) >= 0:
                raise DataError(f"--{name.replace('_', '-')} {getattr(self, name)}: at least 0")
        if not 0 <= self.hold_out < 1 or not all(0 < rate < math.inf for rate in self.rates):
            raise DataError(f"--hold-out {self.hold_out} must lie in [0, 1) and --lr {self.lr} above 0")
        if self.level not in LEVELS:
            raise DataError(f"--level {self.level!r}: one of {', '.join(LEVELS)}")
        if not 0 <= self.reserve < 1:
            raise DataError(f"--reserve {self.reserve} must lie in [0, 1)")
        if not all(0 < share < math.inf for share in self.stages):
            raise DataError(f"--stages {','.join(map(str, self.stages))}: every share is above 0")
        if self.transfer and not self.finetune:
            raise DataError("--transfer takes over a finished network: give it with --finetune CHECKPOINT")
        if self.patch % self.ratio:
            raise DataError(f"--patch {self.patch}: take a multiple of the ratio {self.ratio}")

    @property
    def rates(self) -> tuple[float, ...]:
        """Peak learning rates: one, or one per stage."""
        return self.lr if isinstance(self.lr, tuple) else (self.lr,)

    @property
    def as_counted(self) -> bool:
        """Whether a new network is to see counts as they are."""
        return self.level == "none" and not self.finetune

    @property
    def image_bits(self) -> int:
        """Bits that the counts of ``data`` may take: any, where a level is found for each image."""
        return self.bits if self.as_counted else MOST_BITS

    def configuration(self, bands: int) -> Configuration:
        """Of the network to train, before it is calibrated; raises :class:`ModelError` where there is no such one."""
        blocks = self.blocks or NETWORKS[self.network].default_blocks
        return Configuration(bands, self.bits, self.ratio, blocks, self.channels, **self.arms, seed=self.seed)

    def to_json(self) -> dict[str, Any]:
        """As plain types, with the version."""
        return {"version": VERSION, **json.loads(json.dumps(asdict(self)))}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Settings:
        """What :meth:`to_json` gave; what older files lack is :data:`BEFORE`'s, or the default.

        Raises:
            ModelError: if they are of another version, or there is a setting that this bitpan does not know.
        """
        values: dict[str, Any] = {
            k: tuple(value) if isinstance(value, list) else value for k, value in {**BEFORE, **stored}.items()
        }
        version = values.pop("version", 1)
        if version != VERSION:
            raise ModelError(
                f"its settings are of version {version}, this bitpan's {VERSION} (version 1 counted bands from 0); "
                f"train again, with bands from 1: {stored.get('command') or 'bitpan train'}"
            )
        if unknown := values.keys() - {f.name for f in fields(cls)}:
            raise ModelError(f"unknown setting {min(unknown)!r}: use the bitpan that wrote it")
        return cls(**values)


def stage_ends(settings: Settings, stages: Sequence[str], shares: Sequence[float]) -> tuple[int, ...]:
    """The iteration at which each of ``stages`` ends; ``shares`` are the network's own.

    Raises:
        DataError: if shares or learning rates are not one per stage, or a stage would have no iteration.
    """
    shares = settings.stages or shares
    if len(shares) != len(stages) or len(settings.rates) not in (1, len(stages)):
        raise DataError(
            f"{settings.network} trains in {len(stages)} stages ({', '.join(stages)}), but --stages has {len(shares)} "
            f"and --lr {len(settings.rates)} values; give one for each"
        )
    ends = tuple(round(settings.iterations * total / sum(shares)) for total in accumulate(shares))
    if any(end <= start for start, end in zip((0, *ends), ends, strict=False)):
        raise DataError(f"--iterations {settings.iterations} leave a stage of {settings.network} none; give more")
    return ends


def learning_rate(peak: float, iteration: int, iterations: int) -> float:
    """Linear warm-up, then half a cosine down to zero, of ``iteration`` among the ``iterations`` of a stage."""
    warm = min(1.0, (iteration + 1) / WARM_UP)
    return peak * warm * 0.5 * (1 + math.cos(math.pi * iteration / iterations))
