"""QONNX to integers: read an exported network back as an :class:`~bitpan.model.IntegerModel`.

The exporter writes a closed grammar (``docs/qonnx.md``): each operation of the number contract is a fixed arrangement
of standard operators. Here each arrangement is a pattern; the weights, shifts and offsets are read from the graph
itself, formats and the recipe of the scene parameters from the file's metadata. What fits no pattern stops the build.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from bitpan.build.grammar import INPUTS, READERS, Found, recognise
from bitpan.build.pattern import Array, Graph, Match
from bitpan.errors import BuildError
from bitpan.formats import Format
from bitpan.model import IntegerModel, Node, SceneParameter, Tensor

METADATA = "bitpan"
"""Key of the file's metadata that holds formats and scene parameters."""

QUANTISERS = ("Quant", "BipolarQuant")
"""The operators that are not standard ONNX."""


@dataclass
class Raised:
    """An integer model and, for each of its tensors, the name it has in the QONNX graph."""

    model: IntegerModel
    names: dict[str, str]


def load_qonnx(path: Path) -> onnx.ModelProto:
    """Read a QONNX file; :class:`BuildError` if it is none or was not written by ``bitpan export``."""
    try:
        proto = onnx.load(str(path))
    except Exception as error:  # protobuf raises several unrelated types
        raise BuildError(f"{path}: cannot be read as ONNX ({error}); make it with `bitpan export`") from None
    properties = _properties(proto)
    if METADATA not in properties:
        raise BuildError(f"{path}: has no {METADATA!r} metadata; make it with `bitpan export`")
    try:
        json.loads(properties[METADATA])
    except ValueError as error:
        raise BuildError(f"{path}: its {METADATA!r} metadata are damaged ({error}); export it again") from None
    return proto


def _properties(proto: onnx.ModelProto) -> dict[str, str]:
    """Metadata of the file and of its graph, where QONNX keeps them."""
    return {entry.key: entry.value for entry in [*proto.metadata_props, *proto.graph.metadata_props]}


def raise_graph(proto: onnx.ModelProto) -> Raised:
    """The integer model of a QONNX graph.

    Raises:
        BuildError: an operator fits no pattern of the export grammar, or a number in it is not what it must be.
    """
    return _Raiser(_folded(proto), json.loads(_properties(proto)[METADATA])).run()


def _folded(proto: onnx.ModelProto) -> onnx.GraphProto:
    """The graph with everything that depends on constants alone made an initializer."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.fold_constants import FoldConstants
    from qonnx.transformation.infer_shapes import InferShapes

    for node in proto.graph.node:
        if node.domain and node.op_type not in QUANTISERS:
            raise BuildError(
                f"node {node.name!r} ({node.op_type}) is no operator of the export grammar; export it again"
            )
    model = ModelWrapper(proto, make_deepcopy=True).transform(InferShapes())
    graph: onnx.GraphProto = model.transform(FoldConstants(exclude_op_types=[])).graph
    return graph


@dataclass
class _Raiser:
    onnx_graph: onnx.GraphProto
    metadata: dict[str, Any]
    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # tensor of the model by tensor of the graph

    def run(self) -> Raised:
        self.graph = Graph(self.onnx_graph)
        for info in self.onnx_graph.input:
            if info.name not in self.graph.constants:
                self.names[info.name] = info.name
        self._raise(self.onnx_graph.output[0].name)
        self._check_covered()
        model = IntegerModel(
            name=self.metadata["name"],
            bands=self.metadata["bands"],
            bits=self.metadata["bits"],
            ratio=self.metadata["ratio"],
            tensors={name: self._tensor(name) for name in ["pan", "ms", *(node.output for node in self.nodes)]},
            nodes=self.nodes,
            scene=[self._scene_parameter(entry) for entry in self.metadata["scene"]],
            constants=self.constants,
            provenance=self.metadata.get("provenance", {}),
        )
        return Raised(model, {ours: theirs for theirs, ours in self.names.items()})

    def _raise(self, tensor: str) -> str:
        """Raise what computes ``tensor`` and return the tensor's name in the model."""
        if tensor in self.names:
            return self.names[tensor]
        found = recognise(self.graph, tensor)
        if found is not None:
            return self._node(found[0], tensor, found[1])
        node = self.graph.producers.get(tensor)
        what = f"node {node.name!r} ({node.op_type})" if node is not None else f"tensor {tensor!r}"
        raise BuildError(f"{what} fits no pattern of the export grammar; export the model again with this bitpan")

    def _node(self, op: str, tensor: str, match: Match) -> str:
        inputs = {
            key: self._raise(match.tensors[key]) for key in INPUTS[op] if key not in ("rows", "columns", "threshold")
        }
        scene = tuple(match.tensors[key] for key in INPUTS[op] if key not in inputs)
        name, output = self._name(op, inputs)
        fmt = self._format(output)
        found, arrays = READERS[op](Found(name, match, fmt))
        self.names[tensor] = output
        self.nodes.append(Node(op, name, tuple(inputs.values()), output, scene, found))
        self.constants |= {f"{name}.{key}": value for key, value in arrays.items()}
        return output

    def _name(self, op: str, inputs: dict[str, str]) -> tuple[str, str]:
        """Names of node and output: the network's structure gives them, whatever the exporter called its tensors."""
        block = sum(node.op == "rprelu" for node in self.nodes)
        first = next(iter(inputs.values()))
        return {
            "interpolate": ("upsample", "lms"),
            "centre": (f"{first}_centre", f"{first}_centred"),
            "concat": ("input_concat", "input"),
            "conv": ("head", "x0") if first == "input" else ("tail", "residual"),
            "sign": (f"block{block}.sign", f"s{block}"),
            "binary_conv": (f"block{block}.conv", f"p{block}"),
            "rprelu": (f"block{block}.rprelu", f"x{block + 1}"),
            "add_clip": ("output", "fused"),
        }[op]

    def _format(self, tensor: str) -> Format:
        try:
            bits, fraction, signed = self.metadata["formats"][tensor]
        except (KeyError, ValueError):
            raise BuildError(f"the model's metadata give no format for tensor {tensor!r}; export it again") from None
        return Format(bits, fraction, bool(signed))

    def _tensor(self, name: str) -> Tensor:
        channels, height = self._shape(name)
        return Tensor(channels, self._format(name), self._shape("pan")[1] // height)

    def _shape(self, name: str) -> tuple[int, int]:
        """Channels and height of the model's tensor ``name`` in the graph."""
        theirs = next(theirs for theirs, ours in self.names.items() if ours == name)
        infos = [*self.onnx_graph.input, *self.onnx_graph.value_info, *self.onnx_graph.output]
        shape = next(info.type.tensor_type.shape for info in infos if info.name == theirs)
        return shape.dim[1].dim_value, shape.dim[2].dim_value

    def _scene_parameter(self, entry: dict[str, Any]) -> SceneParameter:
        bits, fraction, signed = entry["format"]
        for key, value in entry.get("arrays", {}).items():
            self.constants[f"{entry['name']}.{key}"] = np.asarray(value, dtype=np.float64)
        fmt = Format(bits, fraction, bool(signed))
        return SceneParameter(entry["name"], entry["kind"], tuple(entry["shape"]), fmt, entry.get("measures", ""))

    def _check_covered(self) -> None:
        """Every scene parameter of a node must be described by the metadata."""
        described = {entry["name"] for entry in self.metadata["scene"]}
        for node in self.nodes:
            for name in node.scene:
                if name not in described:
                    raise BuildError(f"node {node.name}: scene parameter {name!r} is not in the model's metadata")
