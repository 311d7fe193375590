"""An exported network as it stands: its whole QONNX graph run by onnxruntime, which is what proves it.

qonnx executes a graph node by node, with a session for each. Here one session runs all of it, each operator as it is
written: onnxruntime's rewriting of graphs is off. BipolarQuant, the one operator that standard ONNX does not have,
becomes a function of the model with qonnx's definition.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from bitpan.compare import Compared, cases, require_equal_stages
from bitpan.errors import FormatError
from bitpan.model import IntegerModel
from bitpan.operations import Array

if TYPE_CHECKING:
    import onnx

DOMAIN = "qonnx.custom_op.general"
"""Domain of QONNX's operators."""

METADATA = "bitpan"
"""Key of the file's metadata that holds what the graph cannot say."""

OPSET = 17
"""Version of the standard operators that an exported graph is made of."""

IR_VERSION = 8
"""First version of ONNX's format whose models hold functions."""

PIECE = 32
"""Nodes of a graph that qonnx gets at a time: for each it looks through all tensors of what it gets."""


def standard(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in standard ONNX: BipolarQuant is ``scale`` where ``x >= 0``, else ``-scale``."""
    import onnx
    from onnx import helper

    nodes = [
        *(helper.make_node("Constant", [], [name], value_float=value) for name, value in (("one", 1.0), ("zero", 0.0))),
        helper.make_node("Neg", ["one"], ["minus"]),
        helper.make_node("GreaterOrEqual", ["x", "zero"], ["positive"]),
        helper.make_node("Where", ["positive", "one", "minus"], ["sign"]),
        helper.make_node("Mul", ["sign", "scale"], ["y"]),
    ]
    opset = [helper.make_opsetid("", OPSET)]
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    copy.functions.append(helper.make_function(DOMAIN, "BipolarQuant", ["x", "scale"], ["y"], nodes, opset))
    copy.ir_version = max(copy.ir_version, IR_VERSION)
    return copy


def infer_shapes(proto: onnx.ModelProto) -> None:
    """Note the shape of every tensor of the graph in ``proto``; :class:`FormatError` where there are none."""
    from onnx import shape_inference

    try:
        inferred = shape_inference.infer_shapes(standard(proto)).graph.value_info
    except Exception as error:
        raise _refused("onnx", error) from None
    known = {info.name for info in [*proto.graph.input, *proto.graph.output]}
    del proto.graph.value_info[:]
    proto.graph.value_info.extend(info for info in inferred if info.name not in known)


class Exported:
    """A QONNX graph, ready to run.

    Args:
        proto: the graph.
        tensors: names of those that :meth:`run` returns.

    Raises:
        FormatError: onnxruntime does not take the graph.
    """

    def __init__(self, proto: onnx.ModelProto, tensors: Iterable[str]) -> None:
        import onnx
        import onnxruntime

        model, self.tensors = standard(proto), list(tensors)
        del model.graph.output[:]
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in self.tensors)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4  # what is wrong is raised
        try:
            self._session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        except Exception as error:  # the libraries raise types of their own, which share no base
            raise _refused("onnxruntime", error) from None

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """The tensors by name, from images ``(1, C, H, W)`` and scene parameters."""
        try:
            values = self._session.run(self.tensors, {name: value.astype(np.float32) for name, value in feeds.items()})
        except Exception as error:
            raise _refused("onnxruntime", error) from None
        return dict(zip(self.tensors, values, strict=True))


def _refused(library: str, error: Exception) -> FormatError:
    line = " ".join(str(error).split())
    return FormatError(f"{library} does not take the graph ({line}); export the model again")


def frame_size(proto: onnx.ModelProto) -> tuple[int, int]:
    """Height and width of the graph's PAN input."""
    _, _, height, width = next(info for info in proto.graph.input if info.name == "pan").type.tensor_type.shape.dim
    return height.dim_value, width.dim_value


def check_qonnx(proto: onnx.ModelProto, model: IntegerModel, random: int = 1) -> Compared:
    """Raise :class:`~bitpan.errors.MismatchError` at the first tensor that differs, on random and extreme inputs."""
    names = {node.output: node.name for node in model.nodes}
    stages = {"raising QONNX to integers": Exported(proto, names).run}
    frames = list(cases(model, *frame_size(proto), random))
    for case in frames:
        require_equal_stages(model, case, stages, names)
    return Compared("QONNX against integers", len(names), len(frames))


def node_by_node(proto: onnx.ModelProto, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """Every tensor by name, computed by qonnx, which runs each operator by itself."""
    # Else qonnx rounds what is nearly an integer, which would hide a difference.
    os.environ["SANITIZE_QUANT_TENSORS"] = "0"
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx

    values: dict[str, Array] = {name: np.asarray(value, np.float32) for name, value in feeds.items()}
    for piece in _pieces(proto):
        inputs = {info.name: values[info.name] for info in piece.graph.input}
        values |= execute_onnx(ModelWrapper(piece), inputs, return_full_exec_context=True)
    return values


def _pieces(proto: onnx.ModelProto) -> Iterator[onnx.ModelProto]:
    """The graph in models of a few nodes each, whose inputs are the graph's or outputs of those before."""
    from onnx import helper

    graph = proto.graph
    known = {info.name: info for info in [*graph.input, *graph.output, *graph.value_info]}
    constants = {constant.name: constant for constant in graph.initializer}
    for first in range(0, len(graph.node), PIECE):
        nodes = graph.node[first : first + PIECE]
        made = [name for node in nodes for name in node.output]
        taken = dict.fromkeys(name for node in nodes for name in node.input if name not in made)
        inputs, outputs = ([known[name] for name in names if name in known] for names in (taken, made))
        own = [constants[name] for name in taken if name in constants]
        piece = helper.make_graph(nodes, graph.name, inputs, outputs, own)
        yield helper.make_model(piece, opset_imports=proto.opset_import, ir_version=proto.ir_version)
