"""An integer model as a QONNX graph, by the forms of the grammar.

The graph holds standard ONNX operations and QONNX's BipolarQuant, float32 tensors that carry integers, and one static
frame. Its inputs are ``pan``, ``ms`` and the scene parameters; its output is ``fused``; tensors keep the names of the
integer model, operators are called ``<node>.<operator><number>``. The metadata property ``bitpan`` (JSON) says what the
graph cannot: formats and scene parameters.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, astuple
from typing import TYPE_CHECKING, Any

import numpy as np

from bitpan.errors import FormatError
from bitpan.model import IntegerModel, Node, SceneParameter
from bitpan.operations import OPERATIONS, Array
from bitpan.qonnx.exported import DOMAIN, IR_VERSION, METADATA, OPSET, infer_shapes
from bitpan.qonnx.grammar import GRAMMAR, Site
from bitpan.qonnx.pattern import Const, Pattern, Var

if TYPE_CHECKING:
    import onnx


def to_qonnx(model: IntegerModel, height: int, width: int) -> onnx.ModelProto:
    """``model`` for frames of ``height`` x ``width`` PAN pixels.

    Raises:
        FormatError: the frame has no whole samples of every tensor, or a sum leaves float32's integers.
    """
    from onnx import StringStringEntryProto, TensorProto, helper, numpy_helper

    grid = model.alignment
    if min(height, width) < grid or height % grid or width % grid:
        raise FormatError(
            f"a frame of {height}x{width} is not made of whole pixels of every tensor; take multiples of {grid}"
        )
    writer = _Writer(model, height, width)
    for node in model.nodes:
        writer.write(node)

    def image(name: str) -> onnx.ValueInfoProto:
        tensor = model.tensors[name]
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, *tensor.shape(height, width)))

    inputs = [image(name) for name in ("pan", "ms")]
    inputs += [helper.make_tensor_value_info(each.name, TensorProto.FLOAT, each.shape) for each in model.scene]
    constants = [numpy_helper.from_array(array, name) for name, array in writer.constants.items()]
    graph = helper.make_graph(writer.nodes, model.name, inputs, [image("fused")], constants)
    graph.quantization_annotation.extend(_annotations(model))
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)]
    proto = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    infer_shapes(proto)
    proto.graph.metadata_props.append(StringStringEntryProto(key=METADATA, value=json.dumps(_description(model))))
    return proto


class _Writer:
    """Nodes and constants of a graph, growing."""

    def __init__(self, model: IntegerModel, height: int, width: int) -> None:
        self.model, self.size = model, (height, width)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}

    def write(self, node: Node) -> None:
        """Add what computes a node's output; a pattern that stands in several places of its form is written once."""
        from onnx import helper

        operation = OPERATIONS[node.op]
        own = {key: self.model.constant(node, key) for key in operation.needed(node.scene)}
        form = next(form for form in GRAMMAR[node.op] if form.fits(node))
        constants, kept = form.filled(Site(node, self.model.tensors, own, *self.size))
        names = dict(zip(operation.inputs, node.inputs, strict=False))
        names |= dict(zip(operation.scene, node.scene, strict=False))
        written: dict[Pattern, str] = {}
        count: Counter[str] = Counter()

        def put(pattern: Pattern, output: str = "") -> str:
            """The name of the tensor that ``pattern`` describes, ``output`` if given, written if it is not yet."""
            if isinstance(pattern, Var):
                return names[pattern.name]
            if isinstance(pattern, Const):
                name = f"{node.name}.{pattern.name}"
                self.constants[name] = constants[pattern.name]
                return name
            if pattern not in written:
                inputs = [put(inner) for inner in pattern.inputs]
                count[pattern.op] += 1
                name = f"{node.name}.{pattern.op}{count[pattern.op]}"
                attributes = {**pattern.attributes, **kept.get(pattern.keep, {})}
                domain = DOMAIN if pattern.op == "BipolarQuant" else ""
                written[pattern] = output or f"{name}.out"
                made = helper.make_node(pattern.op, inputs, [written[pattern]], name, domain=domain, **attributes)
                self.nodes.append(made)
            return written[pattern]

        put(form.pattern, node.output)


def _annotations(model: IntegerModel) -> list[onnx.TensorAnnotation]:
    """Datatypes as QONNX knows them."""
    import onnx

    kinds = {name: tensor.format.datatype for name, tensor in model.tensors.items()}
    kinds |= {node.output: "BIPOLAR" for node in model.nodes if node.op == "sign"}
    kinds |= {parameter.name: parameter.format.datatype for parameter in model.scene}
    entries = {name: [onnx.StringStringEntryProto(key="finn_datatype", value=kind)] for name, kind in kinds.items()}
    return [onnx.TensorAnnotation(tensor_name=name, quant_parameter_tensor_names=entries[name]) for name in entries]


def _description(model: IntegerModel) -> dict[str, Any]:
    """What the graph cannot say, see ``docs/qonnx.md``; the formats are in order of computation."""
    order = ["pan", "ms", *(node.output for node in model.nodes)]
    names = [*(node.name for node in model.nodes), *(parameter.name for parameter in model.scene)]
    owners = tuple(f"{name}." for name in names)
    free = {key: value for key, value in model.constants.items() if not key.startswith(owners)}
    return {
        **model.header(),
        "formats": {name: astuple(model.tensors[name].format) for name in order},
        "scene": [_parameter(model, parameter) for parameter in model.scene],
        "arrays": {key: value.tolist() for key, value in free.items()},
        "provenance": model.provenance,
    }


def _parameter(model: IntegerModel, parameter: SceneParameter) -> dict[str, Any]:
    prefix = f"{parameter.name}."
    arrays = {key.removeprefix(prefix): value for key, value in model.constants.items() if key.startswith(prefix)}
    return {
        **asdict(parameter),
        "format": astuple(parameter.format),
        "arrays": {key: value.astype(np.float64).tolist() for key, value in arrays.items()},
    }
