"""Patterns of operators: written as nodes of an ONNX graph, and found again in one.

A pattern describes a tensor by the operators that produce it::

    Op("Clip", Op("Add", Var("lms"), Var("residual")), Const("min"), Const("max"))

Sums and products are found in either order. Constants are initializers. A pattern that stands in several places of
another is the same object there: it is written once, and matched against each tensor only once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bitpan.operations import Array

if TYPE_CHECKING:
    import onnx

_COMMUTATIVE = ("Add", "Mul")


@dataclass(frozen=True)
class Var:
    """A tensor that is not constant, by the name it has in the pattern."""

    name: str


@dataclass(frozen=True)
class Const:
    """A constant tensor."""

    name: str


class Op:
    """The output of a node of type ``op`` with these ``attributes``, and others under the name ``keep``, if given."""

    def __init__(self, op: str, *inputs: Pattern, keep: str = "", **attributes: Any) -> None:  # noqa: ANN401
        self.op, self.inputs, self.keep, self.attributes = op, inputs, keep, attributes


Pattern = Var | Const | Op


@dataclass
class Match:
    """What a pattern captured: tensor names, arrays, and the attributes of kept operators with their types."""

    tensors: dict[str, str] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)
    kept: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)

    def merged(self, other: Match) -> Match | None:
        """Both captures together, or None where they disagree about a tensor or a constant."""
        if any(self.tensors.get(name, tensor) != tensor for name, tensor in other.tensors.items()):
            return None
        if any(not np.array_equal(self.arrays[name], other.arrays[name]) for name in self.arrays.keys() & other.arrays):
            return None
        return Match(self.tensors | other.tensors, self.arrays | other.arrays, self.kept | other.kept)


class Graph:
    """Producers and constants of an ONNX graph whose constants are initializers."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        from onnx import numpy_helper

        self.producers = {output: node for node in graph.node for output in node.output}
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self._matches: dict[tuple[str, Pattern], Match | None] = {}

    def match(self, tensor: str, pattern: Pattern) -> Match | None:
        """Match ``pattern`` against the computation of ``tensor``; None if it is something else."""
        key = tensor, pattern
        if key not in self._matches:
            self._matches[key] = self._match(tensor, pattern)
        return self._matches[key]

    def _match(self, tensor: str, pattern: Pattern) -> Match | None:
        if isinstance(pattern, Const):
            array = self.constants.get(tensor)
            return None if array is None else Match(arrays={pattern.name: array})
        if tensor in self.constants:
            return None
        if isinstance(pattern, Var):
            return Match(tensors={pattern.name: tensor})
        node = self.producers.get(tensor)
        if node is None or node.op_type != pattern.op or len(node.input) != len(pattern.inputs):
            return None
        found = attributes(node)
        if not pattern.attributes.items() <= found.items():
            return None
        orders = [list(node.input), list(node.input)[::-1]][: 2 if pattern.op in _COMMUTATIVE else 1]
        for order in orders:
            match = self._match_inputs(order, pattern)
            if match is not None:
                own = {key: value for key, value in found.items() if key not in pattern.attributes}
                kept = {pattern.keep: (pattern.op, own)} if pattern.keep else {}
                return replace(match, kept=match.kept | kept)
        return None

    def _match_inputs(self, tensors: list[str], pattern: Op) -> Match | None:
        found: Match | None = Match()
        for tensor, inner in zip(tensors, pattern.inputs, strict=True):
            part = self.match(tensor, inner)
            found = found.merged(part) if found and part else None
            if found is None:
                return None
        return found


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """A node's attributes as Python values."""
    from onnx import helper

    values = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in values.items()}
