"""Our transformations of the graph, between FINN's: bits for signs, the model's names, fused matrix-vector units.

They need QONNX alone; FINN itself is called in :mod:`bitpan.build.finn.flow`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.base import Transformation
from qonnx.transformation.general import RemoveUnusedTensors, SortGraph

from bitpan.build.finn.integer_graph import DOMAIN
from bitpan.errors import BuildError
from bitpan.hw.operators.base import datatype
from bitpan.model import IntegerModel
from bitpan.qonnx.pattern import attributes


class BipolarToXnor(Transformation):  # type: ignore[misc]
    """Binary convolutions of +1 and -1 become convolutions of bits.

    ``Pad(-1) -> Im2Col -> MatMul`` becomes Im2Col with zero padding of bits, XnorPopcountMatMul, ``2p - K``. FINN's own
    conversion would keep the separate Pad and be wrong without a word; bit 0 stands for -1, so a zero pad on bits is
    the pad of -1, and the two are exchanged together.
    """

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Convert every MatMul with bipolar weights."""
        for node in [node for node in model.graph.node if node.op_type == "MatMul"]:
            if model.get_tensor_datatype(node.input[1]).name == "BIPOLAR":
                self._convert(model, node)
        return model.transform(SortGraph()), False

    def _convert(self, model: ModelWrapper, matmul: onnx.NodeProto) -> None:
        window = _producer(model, matmul.input[0], "Im2Col")
        turned_back = _producer(model, window.input[0], "Transpose")
        pad = _producer(model, turned_back.input[0], "Pad")
        turned = _producer(model, pad.input[0], "Transpose")
        sign = _producer(model, turned.input[0], "SignThreshold")
        value, pads = model.get_initializer(pad.input[2]), model.get_initializer(pad.input[1])
        if value is None or pads is None or float(value) != -1:
            raise BuildError(f"{matmul.output[0]}: a binary tensor is padded with {value}, not with -1")
        bits = model.get_initializer(matmul.input[1])
        model.set_initializer(matmul.input[1], ((bits + 1) / 2).astype(np.float32))
        getCustomOp(sign).set_nodeattr("outputDataType", "BINARY")
        for name in (matmul.input[1], sign.output[0]):
            set_datatype(model, name, "BINARY")
        operation = getCustomOp(window)
        margins = [int(pads[i]) for i in (2, 3, 6, 7)]
        _, height, width, channels = model.get_tensor_shape(sign.output[0])
        operation.set_nodeattr("pad_amount", margins)
        operation.set_nodeattr("input_shape", f"(1,{height},{width},{channels})")
        window.input[0] = sign.output[0]
        set_datatype(model, window.output[0], "BINARY")
        matmul.op_type, matmul.domain = "XnorPopcountMatMul", "qonnx.custom_op.general"
        output, popcount = matmul.output[0], f"{matmul.input[1]}.popcount"
        add_tensor(model, popcount, model.get_tensor_shape(output), "UINT32")
        add_tensor(model, f"{popcount}.double", model.get_tensor_shape(output), "UINT32")
        matmul.output[0] = popcount
        model.set_initializer(f"{popcount}.two", np.float32(2))
        model.set_initializer(f"{popcount}.offset", np.float32(-bits.shape[0]))
        model.graph.node.extend(
            [
                helper.make_node("Mul", [popcount, f"{popcount}.two"], [f"{popcount}.double"]),
                helper.make_node("Add", [f"{popcount}.double", f"{popcount}.offset"], [output]),
            ]
        )
        for node in (turned_back, pad, turned):
            model.graph.node.remove(node)


class RestoreNames(Transformation):  # type: ignore[misc]
    """Gives tensors the names they have in the integer model, where absorbed transposes have taken them."""

    def __init__(self, source: IntegerModel) -> None:
        super().__init__()
        self.inputs = {node.name: node.inputs for node in source.nodes}

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Rename the inputs of every node that the integer model also has."""
        model = model.transform(RemoveUnusedTensors())
        for node in model.graph.node:
            for position, name in enumerate(self.inputs.get(node.name, ())):
                if node.input[position] != name:
                    model.rename_tensor(node.input[position], name)
        return model, False


class FuseMatrixVector(Transformation):  # type: ignore[misc]
    """FINN's MVAU and the scalar operators behind it become our units.

    XNOR: ``MVAU, Mul(2), Add(-K)``. Integer: ``MVAU, Add(bias), Add(half), Mul, Floor, Clip``. The outputs' formats
    come from the integer model: FINN widens them on the way.
    """

    def __init__(self, source: IntegerModel) -> None:
        super().__init__()
        self.formats = {name: tensor.format for name, tensor in source.tensors.items()}

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Fuse behind every MVAU."""
        for node in [node for node in model.graph.node if node.op_type == "MVAU"]:
            found = attributes(node)
            common = {key: found[key] for key in ("MW", "MH", "weightDataType", "inputDataType")}
            _, common["Height"], common["Width"], _ = model.get_tensor_shape(node.output[0])
            common |= {"SIMD": 1, "PE": 1, "domain": DOMAIN, "backend": "fpgadataflow"}
            if found.get("binaryXnorMode", 0):
                self._fuse_xnor(model, node, common)
            else:
                self._fuse_integer(model, node, common)
        return model.transform(SortGraph()), False

    def _fuse_xnor(self, model: ModelWrapper, node: onnx.NodeProto, common: dict[str, Any]) -> None:
        double, offset = _chain(model, node, ("Mul", "Add"))
        sums = range(-common["MW"], common["MW"] + 1)
        _require_constant(model, double, 2)
        _require_constant(model, offset, sums[0])
        fmt = self.formats[offset.output[0]]
        if fmt.min > sums[0] or fmt.max < sums[-1]:
            raise BuildError(f"{offset.output[0]}: {fmt} does not hold sums of {common['MW']} signs")
        kind = datatype(fmt)
        set_datatype(model, offset.output[0], kind)
        fused = helper.make_node("XnorMVU", node.input[:2], offset.output, outputDataType=kind, **common)
        _replace(model, [node, double, offset], fused)

    def _fuse_integer(self, model: ModelWrapper, node: onnx.NodeProto, common: dict[str, Any]) -> None:
        bias, half, scale, floor, clip = _chain(model, node, ("Add", "Add", "Mul", "Floor", "Clip"))
        factor = float(model.get_initializer(scale.input[1]))
        shift = round(-np.log2(factor))
        _require_constant(model, half, 1 << shift >> 1)
        kind = datatype(self.formats[clip.output[0]])
        set_datatype(model, clip.output[0], kind)
        inputs = [*node.input[:2], bias.input[1]]
        fused = helper.make_node("QuantMVU", inputs, clip.output, outputDataType=kind, Shift=shift, **common)
        _replace(model, [node, bias, half, scale, floor, clip], fused)


def _producer(model: ModelWrapper, tensor: str, op: str) -> onnx.NodeProto:
    node: onnx.NodeProto | None = model.find_producer(tensor)
    if node is None or node.op_type != op:
        raise BuildError(f"tensor {tensor} comes from {node.op_type if node else 'outside'}, expected {op}")
    return node


def _chain(model: ModelWrapper, node: onnx.NodeProto, ops: tuple[str, ...]) -> list[onnx.NodeProto]:
    """The sole consumers of ``node``, one after the other, which must be of these types."""
    chain = []
    for op in ops:
        consumers = model.find_consumers(node.output[0])
        if len(consumers) != 1 or consumers[0].op_type != op:
            found = ", ".join(consumer.op_type for consumer in consumers) or "nothing"
            raise BuildError(f"{node.op_type} {node.name} is followed by {found}, expected {op}")
        node = consumers[0]
        chain.append(node)
    return chain


def _require_constant(model: ModelWrapper, node: onnx.NodeProto, value: float) -> None:
    found = model.get_initializer(node.input[1])
    if found is None or found.size != 1 or float(found.reshape(())) != value:
        raise BuildError(f"{node.op_type} before {node.output[0]} has {found}, expected {value}")


def _replace(model: ModelWrapper, old: list[onnx.NodeProto], new: onnx.NodeProto) -> None:
    position = list(model.graph.node).index(old[0])
    for node in old:
        model.graph.node.remove(node)
    model.graph.node.insert(position, new)


def add_tensor(model: ModelWrapper, name: str, shape: list[int], kind: str) -> None:
    """Declare a tensor."""
    model.set_tensor_shape(name, shape)
    set_datatype(model, name, kind)


def set_datatype(model: ModelWrapper, name: str, kind: str) -> None:
    """Set a tensor's datatype by QONNX's name of it."""
    model.set_tensor_datatype(name, DataType[kind])
