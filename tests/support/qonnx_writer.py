"""Integer models written as QONNX in the export grammar, so that the builder is tested without the trainer."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

BORDER = 2
"""MS samples beyond the image."""

SUBBANDS = (((1, 1), (1, 1)), ((1, 1), (-1, -1)), ((1, -1), (1, -1)), ((1, -1), (-1, 1)))


class QonnxWriter:
    """One operator after the other."""

    def __init__(self):
        self.nodes, self.initializers, self.count, self.owner = [], [], 0, ""

    def const(self, value, dtype=np.float32):
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def op(self, kind, *inputs, output=None, domain="", **attributes):
        self.count += 1
        output = output or f"t{self.count}"
        self.nodes.append(
            helper.make_node(
                kind, list(inputs), [output], f"{self.owner}.{kind}{self.count}", domain=domain, **attributes
            )
        )
        return output

    def rounded(self, v, shift, dtype=np.float32, output=None):
        v = self.op("Mul", self.op("Add", v, self.const(2.0 ** (shift - 1), dtype)), self.const(2.0**-shift, dtype))
        return self.op("Floor", v, output=output)

    def depthwise(self, kind, x, kernel, channels, pad=0, output=None):
        size = len(kernel)
        weights = self.const(np.broadcast_to(kernel, (channels, 1, size, size)))
        return self.op(kind, x, weights, kernel_shape=[size] * 2, pads=[pad] * 4, strides=[2, 2], dilations=[1, 1],
                       group=channels, output=output)  # fmt: skip

    def clipped(self, v, fmt, output):
        return self.op("Clip", v, self.const(fmt.min), self.const(fmt.max), output=output)

    def per_channel(self, v):
        return self.const(np.asarray(v).reshape(1, -1, 1, 1))


def write_node(w, model, node, height, width):
    w.owner = node.name
    fmt, channels = model.tensors[node.output].format, model.tensors[node.output].channels
    c = {key: model.constant(node, key) for key in ("weights", "bias") if f"{node.name}.{key}" in model.constants}
    if node.op == "interpolate":
        image = w.op("Cast", "ms", to=TensorProto.DOUBLE)
        h = height // model.ratio
        for axis, size, name, rule, shape in (
            (2, h, node.scene[0], "bchtw,pt->bchpw", [1, model.bands, height, width // model.ratio + 2 * BORDER]),
            (3, width // model.ratio, node.scene[1], "bchwt,pt->bchwp", [1, model.bands, height, width]),
        ):
            index = np.arange(size)[:, None] + np.arange(2 * BORDER + 1)
            taps = w.op("Gather", image, w.const(index, np.int64), axis=axis)
            image = w.op("Einsum", taps, w.op("Cast", name, to=TensorProto.DOUBLE), equation=rule)
            image = w.rounded(w.op("Reshape", image, w.const(shape, np.int64)), 10, np.float64)
        w.op("Cast", image, to=TensorProto.FLOAT, output=node.output)
    elif node.op == "centre":
        v = w.op("Sub", node.inputs[0], w.const(node.attributes["offset"]))
        v = w.rounded(v, node.attributes["shift"]) if node.attributes["shift"] else v
        w.clipped(v, fmt, node.output)
    elif node.op == "concat":
        w.op("Concat", *node.inputs, axis=1, output=node.output)
    elif node.op == "conv":
        k = c["weights"].shape[-1]
        shape = {"kernel_shape": [k, k], "pads": [k // 2] * 4, "strides": [1, 1], "dilations": [1, 1], "group": 1}
        v = w.op("Conv", node.inputs[0], w.const(c["weights"]), w.const(c["bias"]), **shape)
        w.clipped(w.rounded(v, node.attributes["shift"]), fmt, node.output)
    elif node.op == "sign":
        threshold = w.op("Reshape", node.scene[0], w.const([1, -1, 1, 1], np.int64))
        v = w.op("Sub", node.inputs[0], threshold)
        w.op("BipolarQuant", v, w.const(1.0), domain="qonnx.custom_op.general", output=node.output)
    elif node.op == "binary_conv":
        v = w.op("Pad", node.inputs[0], w.const([0, 0, 1, 1] * 2, np.int64), w.const(-1.0), mode="constant")
        shape = {"kernel_shape": [3, 3], "pads": [0] * 4, "strides": [1, 1], "dilations": [1, 1], "group": 1}
        w.op("Conv", v, w.const(c["weights"]), **shape, output=node.output)
    elif node.op == "rprelu":
        p, x = node.inputs
        knee, *branches = (
            w.per_channel(model.constant(node, key))
            for key in ("knee", "slope_above", "slope_below", "bias_above", "bias_below")
        )
        above = w.op("GreaterOrEqual", p, knee)
        v = w.op("Mul", w.op("Where", above, *branches[:2]), p)
        v = w.rounded(w.op("Add", v, w.op("Where", above, *branches[2:])), node.attributes["shift"])
        w.clipped(w.op("Add", v, x), fmt, node.output)
    elif node.op == "haar":
        w.depthwise("Conv", node.inputs[0], SUBBANDS[node.attributes["subband"]], channels, output=node.output)
    elif node.op == "inverse_haar":
        pairs = zip(node.inputs, SUBBANDS, strict=True)
        ll, lh, hl, hh = (w.depthwise("ConvTranspose", band, kernel, channels) for band, kernel in pairs)
        total = w.op("Add", w.op("Add", ll, lh), w.op("Add", hl, hh))
        w.clipped(w.rounded(total, node.attributes["shift"]), fmt, node.output)
    elif node.op == "pool":
        mean = w.op("AveragePool", node.inputs[0], kernel_shape=[2, 2], strides=[2, 2], pads=[0] * 4)
        w.op("Floor", w.op("Add", mean, w.const(0.5)), output=node.output)
    elif node.op == "up":
        padded = w.op("Pad", node.inputs[0], w.const([0, 0, 1, 1] * 2, np.int64), mode="edge")
        kernel = np.outer([1, 3, 3, 1], [1, 3, 3, 1])
        w.rounded(w.depthwise("ConvTranspose", padded, kernel, channels, pad=3), 4, output=node.output)
    elif node.op in ("add", "add_clip"):
        w.clipped(w.op("Add", *node.inputs), fmt, node.output)


def write_qonnx(model, height=16, width=16):
    """``model`` as a QONNX graph for frames of one size."""
    w = QonnxWriter()
    for node in model.nodes:
        write_node(w, model, node, height, width)

    def info(name, shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    inputs = [
        info("pan", (1, 1, height, width)),
        info("ms", (1, *model.tensors["ms"].shape(height, width))),
        *(info(parameter.name, parameter.shape) for parameter in model.scene),
    ]
    outputs = [info("fused", (1, model.bands, height, width))]
    graph = helper.make_graph(w.nodes, model.name, inputs, outputs, w.initializers)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("qonnx.custom_op.general", 1)]
    proto = helper.make_model(graph, opset_imports=opsets, ir_version=9)

    def numbers(fmt):
        return [fmt.bits, fmt.fraction, fmt.signed]

    order = ["pan", "ms", *(node.output for node in model.nodes)]
    scene = []
    for p in model.scene:
        prefix = p.name + "."
        arrays = {key[len(prefix) :]: v.tolist() for key, v in model.constants.items() if key.startswith(prefix)}
        scene.append({"name": p.name, "kind": p.kind, "shape": list(p.shape), "format": numbers(p.format),
                      "measures": p.measures, "arrays": arrays})  # fmt: skip
    metadata = {"name": model.name, "bands": model.bands, "bits": model.bits, "ratio": model.ratio, "scene": scene,
                "formats": {name: numbers(model.tensors[name].format) for name in order}}  # fmt: skip
    helper.set_model_props(proto, {"bitpan": json.dumps(metadata)})
    onnx.checker.check_model(proto)
    return proto


@pytest.fixture(scope="session")
def qonnx():
    """Writer of integer models in the export grammar."""
    return write_qonnx
