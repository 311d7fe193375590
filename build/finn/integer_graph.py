"""The integer model as an ONNX graph in FINN's dialect: NHWC images, convolutions as Conv, all else our operators.

FINN then lowers the convolutions and infers its window and matrix-vector units from them. Tensors keep the names they
have in the model, so that each stage can be compared with it tensor by tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.basic import qonnx_make_model

from bitpan.errors import BuildError
from bitpan.hw.operators.base import datatype
from bitpan.model import IntegerModel, Node

Attribute = Any
"""A node attribute: int, str or a list of them."""

DOMAIN = "finn.custom_op.fpgadataflow"
EXACT = 1 << 24
"""Bound below which float32, the carrier of FINN's Python execution, holds every integer."""


def require_units(model: IntegerModel) -> None:
    """Raise :class:`BuildError` naming the first node that there is no hardware for yet."""
    for node in model.nodes:
        what = node.op
        if node.op == "sign" and not node.scene:
            what = "sign with constant thresholds"
        elif node.op == "rprelu" and len(node.inputs) < 2:
            what = "rprelu without a residual"
        elif hasattr(_Writer, f"_{node.op}"):
            continue
        raise BuildError(
            f"node {node.name}: there is no hardware for {what} yet; `bitpan build --model-only` writes the integer "
            f"model of {model.name} for `bitpan fuse --model` on a CPU"
        )


def integer_graph(model: IntegerModel, height: int, width: int) -> ModelWrapper:
    """The graph of ``model`` for PAN frames of ``height`` x ``width``; :class:`BuildError` where a unit is missing."""
    require_units(model)
    return _Writer(model, height, width).run()


class _Writer:
    def __init__(self, model: IntegerModel, height: int, width: int) -> None:
        if height % model.alignment or width % model.alignment:
            raise BuildError(f"a frame of {height} x {width} is not made of multiples of {model.alignment} pixels")
        self.model, self.height, self.width = model, height, width
        self.nodes: list[NodeProto] = []
        self.initializers: dict[str, tuple[npt.NDArray[Any], str]] = {}
        self.datatypes: dict[str, str] = {}

    def run(self) -> ModelWrapper:
        for node in self.model.nodes:
            getattr(self, f"_{node.op}")(node)
        images = [(name, self._shape(name)) for name in ("pan", "ms")]
        scene = [(parameter.name, parameter.shape) for parameter in self.model.scene]
        inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in images + scene]
        outputs = [helper.make_tensor_value_info("fused", TensorProto.FLOAT, self._shape("fused"))]
        graph = helper.make_graph(self.nodes, "accelerator", inputs, outputs)
        wrapped = ModelWrapper(qonnx_make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))
        for name, (array, kind) in self.initializers.items():
            wrapped.set_initializer(name, array.astype(np.int64 if kind == "INT64" else np.float32))
            wrapped.set_tensor_datatype(name, DataType[kind])
        for name, tensor in self.model.tensors.items():
            wrapped.set_tensor_shape(name, list(self._shape(name)))
            wrapped.set_tensor_datatype(name, DataType[self.datatypes.get(name, datatype(tensor.format))])
        return wrapped.transform(InferShapes())

    def _shape(self, name: str) -> tuple[int, int, int, int]:
        tensor = self.model.tensors[name]
        return (1, self.height // tensor.stride, self.width // tensor.stride, tensor.channels)

    def _kind(self, name: str) -> str:
        return datatype(self.model.tensors[name].format)

    def _hardware(self, op: str, node: Node, extra: Sequence[str] = (), **attributes: Attribute) -> None:
        """A node of ours: streams, then scene parameters and constants."""
        inputs = [*node.inputs, *node.scene, *extra]
        common = {"domain": DOMAIN, "backend": "fpgadataflow", "name": node.name}
        self.nodes.append(helper.make_node(op, inputs, [node.output], **common, **attributes))

    def _pointwise(self, op: str, node: Node, extra: Sequence[str] = (), **attributes: Attribute) -> None:
        _, height, width, channels = self._shape(node.output)
        kinds = {"inputDataTypes": [self._kind(name) for name in node.inputs]}
        kinds |= {"outputDataType": attributes.pop("kind", self._kind(node.output))}
        shape = {"Height": height, "Width": width, "Channels": channels, "PE": 1}
        self._hardware(op, node, extra, **shape, **kinds, **attributes)

    def _plain(self, op: str, inputs: Sequence[str], output: str, **attributes: Attribute) -> str:
        self.nodes.append(helper.make_node(op, list(inputs), [output], **attributes))
        return output

    def _constant(self, name: str, value: npt.ArrayLike, kind: str = "FLOAT32") -> str:
        self.initializers[name] = (np.asarray(value), kind)
        return name

    def _interpolate(self, node: Node) -> None:
        _, height, width, bands = self._shape(node.inputs[0])
        rows = self.model.scene_parameter(node.scene[0])
        self._hardware(
            "Interpolator",
            node,
            Height=height,
            Width=width,
            Bands=bands,
            Ratio=self.model.ratio,
            CoefficientBits=rows.format.bits,
            inputDataType=self._kind(node.inputs[0]),
            outputDataType=self._kind(node.output),
        )

    def _centre(self, node: Node) -> None:
        self._pointwise("Centre", node, Offset=node.attributes["offset"], Shift=node.attributes["shift"])

    def _concat(self, node: Node) -> None:
        _, height, width, _ = self._shape(node.output)
        kinds = {self._kind(name) for name in node.inputs}
        if len(kinds) != 1:
            raise BuildError(f"node {node.name}: concatenates different formats, {', '.join(sorted(kinds))}")
        counts = [self.model.tensors[name].channels for name in node.inputs]
        kind = kinds.pop()
        self._hardware("ConcatStreams", node, Height=height, Width=width, Channels=counts, inputDataType=kind)

    def _conv(self, node: Node) -> None:
        weights, bias = self.model.constant(node, "weights"), self.model.constant(node, "bias")
        shift, fmt, name = node.attributes["shift"], self.model.tensors[node.output].format, node.name
        source = self.model.tensors[node.inputs[0]].format
        worst = int((np.abs(weights.astype(np.int64)).sum(axis=(1, 2, 3)) * -source.min + np.abs(bias)).max())
        if worst + (1 << shift >> 1) >= EXACT:
            raise BuildError(f"node {name}: sums may reach {worst}, beyond float32, in which the graph is checked")
        v = self._convolution(node, node.inputs[0], self._constant(f"{name}.weights", weights, "INT8"), weights.shape)
        v = self._plain("Add", [v, self._constant(f"{name}.bias", bias, "INT32")], f"{name}.biased")
        v = self._plain("Add", [v, self._constant(f"{name}.half", float(1 << shift >> 1))], f"{name}.halved")
        v = self._plain("Mul", [v, self._constant(f"{name}.scale", 2.0**-shift)], f"{name}.scaled")
        v = self._plain("Floor", [v], f"{name}.floor")
        bounds = [self._constant(f"{name}.{key}", float(limit)) for key, limit in (("min", fmt.min), ("max", fmt.max))]
        self._plain("Clip", [v, *bounds], node.output)

    def _convolution(self, node: Node, image: str, weights: str, shape: Sequence[int], pad: bool = True) -> str:
        """NHWC in and out around an NCHW Conv; returns the sums' name."""
        kernel, name = shape[-1], node.name
        turned = self._plain("Transpose", [image], f"{name}.nchw", perm=[0, 3, 1, 2])
        if not pad:
            margin = self._constant(f"{name}.pads", np.array([0, 0, kernel // 2, kernel // 2] * 2), "INT64")
            turned = self._plain("Pad", [turned, margin, self._constant(f"{name}.pad_value", -1.0)], f"{name}.padded")
        geometry = {"kernel_shape": [kernel] * 2, "strides": [1, 1], "dilations": [1, 1], "group": 1}
        pads = [kernel // 2 if pad else 0] * 4
        sums = self._plain("Conv", [turned, weights], f"{name}.conv", pads=pads, **geometry)
        output = node.output if node.op == "binary_conv" else f"{name}.sums"
        return self._plain("Transpose", [sums], output, perm=[0, 2, 3, 1])

    def _sign(self, node: Node) -> None:
        bits = self.model.scene_parameter(node.scene[0]).format.bits
        self.datatypes[node.output] = "BIPOLAR"
        self._pointwise("SignThreshold", node, kind="BIPOLAR", ThresholdBits=bits)

    def _binary_conv(self, node: Node) -> None:
        weights = self.model.constant(node, "weights")
        name = self._constant(f"{node.name}.weights", weights, "BIPOLAR")
        self._convolution(node, node.inputs[0], name, weights.shape, pad=False)

    def _rprelu(self, node: Node) -> None:
        keys = ("knee", "slope_above", "slope_below", "bias_above", "bias_below")
        table = np.stack([self.model.constant(node, key) for key in keys])
        name = self._constant(f"{node.name}.table", table, "INT32")
        self._pointwise("RPReLU", node, [name], Shift=node.attributes["shift"])

    def _add_clip(self, node: Node) -> None:
        self._pointwise("AddClip", node)
