"""The integer model as a graph of FINN's dialect: NHWC images, a node or a few for each operation.

Each operator class writes its own nodes through a :class:`Writer`. Tensors keep the names they have in the model, so
that each stage can be compared with it tensor by tensor; nodes have the names of Verilog modules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import qonnx_make_model

from bitpan.errors import BuildError
from bitpan.hw.operators.streams import datatype
from bitpan.model import IntegerModel, Node

DOMAIN = "finn.custom_op.fpgadataflow"
PREFIX = "node_"
"""Of the names of nodes, which become Verilog modules beside the library's ``bp_``."""

Shape = tuple[int, ...]


class Writer:
    """Writes nodes of ``model`` for PAN frames of ``height`` x ``width``.

    Attributes:
        datatypes: QONNX's name of each tensor's integers; whoever writes a tensor of bits says so here.
    """

    def __init__(self, model: IntegerModel, height: int, width: int) -> None:
        self.model, self.height, self.width = model, height, width
        self.datatypes = {name: datatype(tensor.format) for name, tensor in model.tensors.items()}
        self.nodes: list[NodeProto] = []
        self._shapes: dict[str, Shape] = {}
        self._constants: dict[str, npt.NDArray[Any]] = {}

    def shape(self, tensor: str) -> Shape:
        """``(1, height, width, channels)`` of a tensor."""
        if tensor in self._shapes:
            return self._shapes[tensor]
        channels, rows, columns = self.model.tensors[tensor].shape(self.height, self.width)
        return (1, rows, columns, channels)

    def scene_bits(self, node: Node) -> int:
        """Bits of a node's first scene parameter."""
        return self.model.scene_parameter(node.scene[0]).format.bits

    def constant(self, name: str, values: npt.ArrayLike, kind: str) -> str:
        """A constant input; returns its name.

        Raises:
            BuildError: float32, in which the graph is executed, does not hold the values.
        """
        array = np.asarray(values)
        self._constants[name] = array.astype(np.float32)
        if not np.array_equal(self._constants[name].astype(np.int64), array):
            raise BuildError(f"constant {name}: values up to {abs(array).max()} are beyond float32's integers")
        self.datatypes[name] = kind
        return name

    def add(
        self, op: str, name: str, inputs: Sequence[str], outputs: Sequence[str], attributes: Mapping[str, Any]
    ) -> None:
        """A node from and to tensors that have names."""
        common = {"domain": DOMAIN, "backend": "fpgadataflow", "name": module_name(name)}
        self.nodes.append(helper.make_node(op, inputs, outputs, **common, **attributes))

    def inner(
        self, op: str, name: str, image: str, shape: Shape, attributes: Mapping[str, Any], outputs: int = 1
    ) -> list[str]:
        """A node from ``image`` to new tensors of the same datatype; returns their names."""
        names = [f"{module_name(name)}_out{i}" for i in range(outputs)]
        self._shapes |= dict.fromkeys(names, shape)
        self.datatypes |= dict.fromkeys(names, self.datatypes[image])
        self.add(op, name, [image], names, {"inputDataType": self.datatypes[image], **attributes})
        return names

    def graph(self) -> ModelWrapper:
        """The nodes as a graph, from the images and scene parameters to the fused image."""
        shapes = {name: self.shape(name) for name in ("pan", "ms")}
        shapes |= {parameter.name: parameter.shape for parameter in self.model.scene}
        inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
        outputs = [helper.make_tensor_value_info("fused", TensorProto.FLOAT, self.shape("fused"))]
        graph = helper.make_graph(self.nodes, "accelerator", inputs, outputs)
        wrapped = ModelWrapper(qonnx_make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))
        for name, array in self._constants.items():
            wrapped.set_initializer(name, array)
        for name in (*self.model.tensors, *self._shapes):
            wrapped.set_tensor_shape(name, list(self.shape(name)))
        for name, kind in self.datatypes.items():
            wrapped.set_tensor_datatype(name, DataType[kind])
        return wrapped


def module_name(name: str) -> str:
    """The Verilog module of a node."""
    return PREFIX + name.removeprefix(PREFIX).replace(".", "_")
