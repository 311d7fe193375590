"""A binary network as a graph of operations, each one node of the integer model.

A network says once, in :meth:`BinaryNetwork.graph`, which operation makes which tensor of which. Its forward pass, its
integer model, its scene parameters and its export all follow from that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from bitpan.model import SceneParameter, Tensor

Arrays = dict[str, npt.NDArray[Any]]
Context = Mapping[str, torch.Tensor]
"""What scene parameters depend on besides the operation's own inputs, by name (BNNPan: the latent prior)."""


class Operation(nn.Module):
    """One operation of :mod:`bitpan.arithmetic` as a module; ``op`` is its name in :class:`bitpan.model.Node`.

    ``forward`` takes the input tensors, then the scene parameters, integers in float tensors.
    """

    op = ""

    def attributes(self) -> dict[str, int]:
        """Attributes of the node."""
        return {}

    def arrays(self) -> Arrays:
        """Integer constants of the node by key."""
        return {}

    def output(self, *inputs: Tensor) -> Tensor:
        """Channels, format and stride of the output."""
        return inputs[0]


class SceneOperation(Operation):
    """An operation with scene parameters."""

    def parameters_of(self, names: tuple[str, ...], inputs: tuple[str, ...], *tensors: Tensor) -> list[SceneParameter]:
        """Its scene parameters, called ``names``."""
        raise NotImplementedError

    def recipe(self) -> Arrays:
        """Float arrays from which the host computes the first of them."""
        return {}

    def measure(self, *inputs: torch.Tensor, context: Context) -> tuple[torch.Tensor, ...]:
        """The scene parameters of one scene, measured on the whole of ``inputs (1, C, H, W)``."""
        raise NotImplementedError

    def learn(self, *inputs: torch.Tensor, context: Context) -> torch.Tensor:
        """The forward pass with scene parameters measured on each image, differentiable."""
        return self(*inputs, *self.measure(*inputs, context=context))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Step:
    """One node: ``layer`` makes ``output`` of ``inputs``; ``scene`` names its scene parameters."""

    name: str
    layer: Operation
    inputs: tuple[str, ...]
    output: str
    scene: tuple[str, ...] = ()


Graph = Iterator[Step]


def integers(value: torch.Tensor, dtype: type[np.generic]) -> npt.NDArray[Any]:
    """A tensor of integers as an array."""
    return np.ascontiguousarray(value.detach().cpu().numpy()).astype(dtype)
