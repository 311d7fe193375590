"""An ONNX file before any library works on it: of the grammar's operators and plain arrays whose sizes can be.

onnx and onnxruntime believe what a file says of itself: they take memory for it, follow it into other files, and end
the process where it makes no sense.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bitpan.intake.budget import require_bearable, require_held
from bitpan.qonnx.grammar import GRAMMAR
from bitpan.qonnx.pattern import Op, Pattern

if TYPE_CHECKING:
    import onnx

_DEEPEST_TENSOR = 5
"""Axes; the grammar has no more."""

_SIZES = ("strides", "dilations", "kernel_shape", "group")
"""Attributes that libraries divide by, or take memory for."""

_LARGEST = 1 << 16
"""Number in an attribute."""


def read_plain(path: Path) -> onnx.ModelProto:
    """The model in an ONNX file, if it is plain.

    Raises:
        SizeError: it says of its sizes what cannot be, or what is above the limit.
        ValueError: it holds what no file of the export grammar does.
    """
    import onnx

    require_bearable("it", path.stat().st_size)
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(path.read_bytes())
    except Exception as error:  # protobuf's own
        raise ValueError(str(error)) from None
    graph = proto.graph
    if proto.functions or proto.training_info or graph.sparse_initializer:
        raise ValueError("it holds functions, sparse arrays or a training, and no such model does")
    for tensor in graph.initializer:
        _require_plain_array(tensor)
    for node in graph.node:
        _require_plain_node(node)
    for info in [*graph.input, *graph.output, *graph.value_info]:
        sizes = [dimension.dim_value for dimension in info.type.tensor_type.shape.dim]
        _require_plain_shape(f"its tensor {info.name!r}", sizes)
        require_bearable(f"its tensor {info.name!r}", 4 * math.prod(sizes))
    return proto


def _require_plain_shape(what: str, sizes: Sequence[int]) -> None:
    if len(sizes) > _DEEPEST_TENSOR or any(size < 0 for size in sizes):
        raise ValueError(f"{what} has the shape {list(sizes)}")


def _require_plain_array(tensor: onnx.TensorProto) -> None:
    import onnx

    kinds: dict[int, tuple[int, Sequence[float]]] = {
        onnx.TensorProto.FLOAT: (4, tensor.float_data),
        onnx.TensorProto.DOUBLE: (8, tensor.double_data),
        onnx.TensorProto.INT64: (8, tensor.int64_data),
    }
    if tensor.data_type not in kinds or tensor.data_location or tensor.external_data:
        raise ValueError(f"its array {tensor.name!r} is in another file, or of no type of the export grammar")
    _require_plain_shape(f"its array {tensor.name!r}", tensor.dims)
    size, typed = kinds[tensor.data_type]
    stored, declared = len(tensor.raw_data) + size * len(typed), size * math.prod(tensor.dims)
    require_held(f"its array {tensor.name!r}", declared, stored)
    if declared < stored:
        raise ValueError(f"its array {tensor.name!r} has more numbers than its shape {list(tensor.dims)} takes")


def _require_plain_node(node: onnx.NodeProto) -> None:
    import onnx

    plain = (onnx.AttributeProto.INT, onnx.AttributeProto.INTS, onnx.AttributeProto.FLOAT, onnx.AttributeProto.STRING)
    what = f"node {node.name!r} ({node.op_type})"
    if node.op_type not in OPERATORS:
        raise ValueError(f"{what} is no operator of the export grammar")
    for attribute in node.attribute:
        if attribute.type not in plain:
            raise ValueError(f"{what} has an attribute {attribute.name!r} of another kind")
        least = 1 if attribute.name in _SIZES else -1
        numbers = attribute.ints if attribute.type == onnx.AttributeProto.INTS else [attribute.i]
        if attribute.name in _SIZES and attribute.type not in plain[:2]:
            raise ValueError(f"{what} has no numbers in {attribute.name!r}")
        if not all(least <= number <= _LARGEST for number in numbers):
            raise ValueError(f"{what} has the {attribute.name} {list(numbers)}, which no operator has")


def _operators(pattern: Pattern) -> set[str]:
    if not isinstance(pattern, Op):
        return set()
    return {pattern.op}.union(*map(_operators, pattern.inputs))


OPERATORS = set().union(*(_operators(form.pattern) for forms in GRAMMAR.values() for form in forms))
"""Of the export grammar."""
