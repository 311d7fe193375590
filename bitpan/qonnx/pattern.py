"""A small matcher for operator graphs: patterns are nested operators, variables and constants.

A pattern describes the tensor it is matched against by the operators that produce it::

    Op("Clip", Op("Add", Var("lms"), Var("residual")), Const("min"), Const("max"))

Sums and products match in either order. Constants are initializers. A pattern that stands in several places of another
is the same object there, and is matched against each tensor only once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

Array = npt.NDArray[Any]
_COMMUTATIVE = ("Add", "Mul")


@dataclass(frozen=True)
class Var:
    """Any tensor that is not constant; captured by name."""

    name: str


@dataclass(frozen=True)
class Const:
    """A constant tensor; its array is captured."""

    name: str


@dataclass(frozen=True)
class Optional:
    """An operator with one input that may be missing."""

    op: str
    inner: Pattern


@dataclass(frozen=True, init=False)
class Op:
    """The output of a node of type ``op`` with these ``attributes``; it is captured as ``keep`` if that is given."""

    op: str
    inputs: tuple[Pattern, ...]
    keep: str
    attributes: Mapping[str, int]

    def __init__(self, op: str, *inputs: Pattern, keep: str = "", **attributes: int) -> None:
        object.__setattr__(self, "op", op)
        object.__setattr__(self, "inputs", inputs)
        object.__setattr__(self, "keep", keep)
        object.__setattr__(self, "attributes", attributes)


Pattern = Var | Const | Op | Optional


@dataclass
class Match:
    """What a pattern captured: tensor names, arrays and nodes."""

    tensors: dict[str, str] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)
    nodes: dict[str, onnx.NodeProto] = field(default_factory=dict)

    def merged(self, other: Match) -> Match | None:
        """Both captures together, or None where they disagree about a tensor or a constant."""
        if any(self.tensors.get(name, tensor) != tensor for name, tensor in other.tensors.items()):
            return None
        if any(not np.array_equal(self.arrays[name], other.arrays[name]) for name in self.arrays.keys() & other.arrays):
            return None
        return Match(self.tensors | other.tensors, self.arrays | other.arrays, self.nodes | other.nodes)


class Graph:
    """Producers and constants of an ONNX graph whose constants are initializers."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.producers = {output: node for node in graph.node for output in node.output}
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}

        self._matches: dict[tuple[str, int], tuple[Pattern, Match | None]] = {}

    def match(self, tensor: str, pattern: Pattern) -> Match | None:
        """Match ``pattern`` against the computation of ``tensor``; None if it is something else."""
        key = tensor, id(pattern)
        if key not in self._matches:
            self._matches[key] = (
                pattern,
                self._match(tensor, pattern),
            )  # the pattern kept, its id stays its own
        return self._matches[key][1]

    def _match(self, tensor: str, pattern: Pattern) -> Match | None:
        if isinstance(pattern, Const):
            array = self.constants.get(tensor)
            return None if array is None else Match(arrays={pattern.name: array})
        if isinstance(pattern, Var):
            return None if tensor in self.constants else Match(tensors={pattern.name: tensor})
        node = self.producers.get(tensor)
        if isinstance(pattern, Optional):
            inner = node.input[0] if node is not None and node.op_type == pattern.op else tensor
            return self.match(inner, pattern.inner)
        if node is None or node.op_type != pattern.op or len(node.input) != len(pattern.inputs):
            return None
        if pattern.attributes and not pattern.attributes.items() <= attributes(node).items():
            return None
        orders = [list(node.input)]
        if pattern.op in _COMMUTATIVE:
            orders.append(orders[0][::-1])
        for order in orders:
            found = self._match_inputs(order, pattern)
            if found is not None:
                return replace(found, nodes=found.nodes | ({pattern.keep: node} if pattern.keep else {}))
        return None

    def _match_inputs(self, tensors: list[str], pattern: Op) -> Match | None:
        found: Match | None = Match()
        for tensor, inner in zip(tensors, pattern.inputs, strict=True):
            part = self.match(tensor, inner)
            if part is None or found is None:
                return None
            found = found.merged(part)
        return found


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """A node's attributes as Python values."""
    values = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in values.items()}


def is_integral(array: Array) -> bool:
    """Whether every element is an integer."""
    return bool(np.all(np.floor(array) == array))
