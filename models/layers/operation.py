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

from bitpan.model import Node, SceneParameter, Tensor

Arrays = dict[str, npt.NDArray[Any]]
Context = Mapping[str, torch.Tensor]
"""What scene parameters depend on besides the operation's own inputs, by name (BNNPan: the latent prior)."""


class Operation(nn.Module):
    """One operation of :mod:`bitpan.arithmetic` as a module; ``op`` is its name in :class:`bitpan.model.Node`.

    ``forward`` takes the input tensors, then the scene parameters, integers in float tensors.
    """

    op = ""

    def attributes(self, output: int = 0) -> dict[str, int]:
        """Attributes of the node that makes this output."""
        return {}

    def arrays(self) -> Arrays:
        """Integer constants of the node by key."""
        return {}

    def output(self, *inputs: Tensor) -> Tensor:
        """Channels, format and stride of each output."""
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
    """``layer`` makes ``outputs`` of ``inputs``; ``scene`` names its scene parameters.

    It is one node of the integer model, or as many as it has outputs.
    """

    name: str
    layer: Operation
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    scene: tuple[str, ...] = ()

    def keep(self, result: Any, values: dict[str, torch.Tensor]) -> None:  # noqa: ANN401
        """Put what ``layer`` gave among the tensors, by name."""
        values |= dict(zip(self.outputs, result if isinstance(result, tuple) else (result,), strict=True))

    def nodes(self) -> Iterator[Node]:
        """The step in the integer model."""
        for i, output in enumerate(self.outputs):
            name = self.name if len(self.outputs) == 1 else f"{self.name}{i}"
            yield Node(self.layer.op, name, self.inputs, output, self.scene, self.layer.attributes(i))


Graph = Iterator[Step]


def integers(value: torch.Tensor, dtype: type[np.generic]) -> npt.NDArray[Any]:
    """A tensor of integers as an array."""
    return np.ascontiguousarray(value.detach().cpu().numpy()).astype(dtype)
