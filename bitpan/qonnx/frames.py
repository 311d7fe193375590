"""One network's graphs for frames of two sizes: what of them may differ, so that what holds for one holds for both.

All operations but the interpolation are written without sizes: they do the same at every place, whatever the frame. The
interpolation has the places of its taps written down, a row of indices an MS sample, and the shapes of its results.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from bitpan.compare import require_equal
from bitpan.errors import MismatchError
from bitpan.model import IntegerModel
from bitpan.qonnx.exported import frame_size, infer_shapes

if TYPE_CHECKING:
    import onnx

STEP = "graph of another frame"


def require_same_network(large: onnx.ModelProto, small: onnx.ModelProto, model: IntegerModel) -> None:
    """Raise :class:`MismatchError` unless ``large`` is the graph ``small`` for a larger frame.

    Both have the same operators, attributes and arrays, but for indices, of which each row is the one before moved on
    by one sample, from the same first row, and for shapes, which merge the same axes. Every tensor of ``model`` has the
    shape that it gives for the frame.

    Raises:
        FormatError: a graph's shapes do not fit each other.
    """
    from onnx import numpy_helper

    found, known = (_but_for_sizes(proto) for proto in (large, small))
    if found != known:
        raise MismatchError(f"{STEP}: its operators, tensors or metadata are not those of the graph that was proved")
    arrays = [{each.name: numpy_helper.to_array(each) for each in proto.graph.initializer} for proto in (large, small)]
    shapes = _shapes(large), _shapes(small)
    operators = {node.input[1]: node for node in large.graph.node if node.op_type in ("Gather", "Reshape")}
    for name, expected in arrays[1].items():
        actual = arrays[0][name]
        if np.array_equal(actual, expected):
            continue
        operator = operators.get(name)
        if operator is not None and operator.op_type == "Gather" and expected.ndim == 2:
            steps = np.arange(len(actual))[:, None]
            require_equal(STEP, name, expected[:1] + steps, actual)
        elif operator is None or not _merged(operator, shapes[0]) & _merged(operator, shapes[1]):
            require_equal(STEP, name, expected, actual)
    for tensor in ["pan", "ms", *(node.output for node in model.nodes)]:
        require_equal(STEP, tensor, (1, *model.tensors[tensor].shape(*frame_size(large))), shapes[0].get(tensor, ()))


def _but_for_sizes(proto: onnx.ModelProto) -> bytes:
    """A graph without its frame: no arrays, and of its images the names alone."""
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    images = [info for info in [*copy.graph.input, *copy.graph.output] if info.name in ("pan", "ms", "fused")]
    for info in images:
        del info.type.tensor_type.shape.dim[:]
    for name in [tensor.name for tensor in copy.graph.initializer]:
        copy.graph.metadata_props.add(key="array", value=name)
    del copy.graph.initializer[:], copy.graph.value_info[:]
    return bytes(copy.SerializeToString(deterministic=True))


def _shapes(proto: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Of every tensor, as onnx infers them from the inputs."""
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    del copy.graph.value_info[:]
    infer_shapes(copy)
    known = [*copy.graph.input, *copy.graph.output, *copy.graph.value_info]
    return {info.name: tuple(dim.dim_value for dim in info.type.tensor_type.shape.dim) for info in known}


def _merged(reshape: onnx.NodeProto, shapes: Mapping[str, tuple[int, ...]]) -> set[int]:
    """Axes that become one with the next, where a Reshape does just that; there may be two of them where one is 1."""
    source, result = (shapes.get(name, ()) for name in (reshape.input[0], reshape.output[0]))
    return {
        axis
        for axis in range(len(source) - 1)
        if (*source[:axis], source[axis] * source[axis + 1], *source[axis + 2 :]) == result
    }
