#!/usr/bin/env bash
# qonnx 1.0.0: cleaning a model up breaks a node that takes one tensor twice, such as the square Mul(r, r).
#
# Expected: `cleanup_model` gives tensors other names and computes what it was given.
# Seen: renaming reaches the node's first input alone; the second keeps the old name, which nothing computes any more.
# Per-pixel norms, which square features, meet this; a way round is to compute a square as Pow, or not to rename.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet qonnx==1.0.0 onnx==1.21.0 onnxruntime==1.25.1 numpy==2.4.6 protobuf==5.29.6
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnx
from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.cleanup import cleanup_model


def info(name):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4])


nodes = [helper.make_node("Relu", ["x"], ["r"]), helper.make_node("Mul", ["r", "r"], ["y"])]
graph = helper.make_graph(nodes, "square", [info("x")], [info("y")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model)
x = np.array([[1, 2, 3, -4]], np.float32)
before = execute_onnx(ModelWrapper(model).transform(InferShapes()), {"x": x})["y"]
assert np.array_equal(before, [[1, 4, 9, 0]]), before

cleaned = cleanup_model(ModelWrapper(model))
relu, mul = cleaned.graph.node
print("before the clean-up: Mul takes ['r', 'r'] and gives", before.tolist())
print("after it:            Relu gives", list(relu.output), "and Mul takes", list(mul.input))
assert mul.input[0] == relu.output[0] and mul.input[1] == "r", "qonnx renames both inputs now: this finding is over"
PYTHON
echo "as found: the second input of the square hangs in the air"
