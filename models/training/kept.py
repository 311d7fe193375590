"""What a fine-tuning keeps: the weights that were best on what is held out, those it started from among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from bitpan.models.networks.pansharpener import PanSharpener


@dataclass
class Kept:
    """The best weights so far.

    Attributes:
        before: indices by name of the weights it started from.
        quality: validation PSNR of the best, dB.
        iteration: after which they were found, 0 at the start.
        weights: by name, on the CPU.
    """

    before: dict[str, float]
    quality: float
    iteration: int
    weights: dict[str, Tensor] = field(repr=False)

    @classmethod
    def start(cls, network: PanSharpener, before: Mapping[str, float], quality: float) -> Kept:
        """Nothing is better yet than what it starts from."""
        return cls(dict(before), quality, 0, _copied(network))

    @classmethod
    def restored(cls, stored: Mapping[str, Any]) -> Kept:
        """What ``vars`` gave; raises a LookupError or TypeError where it is something else."""
        return cls(dict(stored["before"]), float(stored["quality"]), int(stored["iteration"]), dict(stored["weights"]))

    def see(self, network: PanSharpener, quality: float, iteration: int) -> None:
        """Keep these weights if they are better."""
        if quality > self.quality:
            self.quality, self.iteration, self.weights = quality, iteration, _copied(network)


def _copied(network: PanSharpener) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
