"""A binary network as a graph of operations, each one node of the integer model.

A network says once, in :meth:`BinaryNetwork.graph`, which operation makes which tensor of which. Its forward pass, its
integer model, its scene parameters and its export all follow from that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from bitpan.formats import Format
from bitpan.model import Node, SceneParameter, Tensor
from bitpan.operations import OPERATIONS

Arrays = dict[str, npt.NDArray[Any]]
Context = Mapping[str, torch.Tensor]
"""What scene parameters depend on besides the operation's own inputs, by name (BNNPan: the latent prior)."""


class Operation(nn.Module):
    """One operation of :data:`bitpan.operations.OPERATIONS` as a module.

    Learned parameters are real numbers near one, so that one learning rate suits all; :meth:`integers` makes the
    operation's integers of them on every forward pass, with straight-through gradients.

    Attributes:
        op: its name in the table.
        function: computes it in PyTorch, with the table's names in the table's order.
        target: the format of its result, where that is open.
    """

    op = ""
    function: Callable[..., Any]
    target: Format | None = None

    def integers(self) -> tuple[Any, ...]:
        """The node's constants, integers in float tensors, and its attributes, in the table's order; differentiable."""
        return ()

    def named(self) -> dict[str, Any]:
        """What :meth:`integers` gives, by the table's names."""
        entry = OPERATIONS[self.op]
        return dict(zip((*entry.constants, *entry.attributes), self.integers(), strict=False))

    def arrays(self) -> Arrays:
        """Integer constants of the node by key."""
        constants = OPERATIONS[self.op].constants
        named = {key: value.detach().cpu().numpy() for key, value in self.named().items() if key in constants}
        return {key: np.ascontiguousarray(value).astype(constants[key].dtype) for key, value in named.items()}

    def forward(self, *inputs: torch.Tensor) -> Any:  # noqa: ANN401
        """The result of the input tensors and then the scene parameters, integers in float tensors."""
        return self.function(*inputs, *self.integers(), *(() if self.target is None else (self.target,)))


class SceneOperation(Operation):
    """An operation with scene parameters."""

    def parameters_of(self, names: tuple[str, ...], inputs: tuple[str, ...], *tensors: Tensor) -> list[SceneParameter]:
        """Its scene parameters, called ``names``."""
        raise NotImplementedError

    def recipe(self) -> Arrays:
        """Float arrays from which the host computes the first of them: whatever is learned."""
        return {key: value.detach().cpu().double().numpy() for key, value in self.named_parameters()}

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
        entry, named = OPERATIONS[self.layer.op], self.layer.named()
        attributes = {key: named[key] for key in entry.attributes if key in named}
        for i, output in enumerate(self.outputs):
            name = self.name if len(self.outputs) == 1 else f"{self.name}{i}"
            which = {entry.output: i} if entry.output else {}
            yield Node(self.layer.op, name, self.inputs, output, self.scene, attributes | which)


Graph = Iterator[Step]
