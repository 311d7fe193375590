#!/usr/bin/env bash
# qonnx 1.0.0: executing a model node by node takes time that grows with the square of the number of nodes.
#
# Expected: four times the nodes, of the same kind and size, take about four times the work.
# Seen: for every node all of the graph's value_info is looked through, several times over: of functions alone more than
# twelve times as many are called. A network of 1,200 nodes takes half a minute where its operators need three seconds. A
# way round is to execute a graph in pieces of a few nodes, each a model of its own.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet qonnx==1.0.0 onnx==1.21.0 onnxruntime==1.25.1 numpy==2.4.6 protobuf==5.29.6
"$work/venv/bin/python" - <<'PYTHON'
import cProfile
import pstats
import time

import numpy as np
import onnx
from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx


def info(name):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4])


def chain(length):
    nodes = [helper.make_node("Relu", [f"x{i}"], [f"x{i + 1}"]) for i in range(length)]
    between = [info(f"x{i}") for i in range(1, length)]
    graph = helper.make_graph(nodes, "chain", [info("x0")], [info(f"x{length}")], value_info=between)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def calls(length):
    model, x = ModelWrapper(chain(length)), {"x0": np.array([[1, 2, 3, -4]], np.float32)}
    began, profile = time.perf_counter(), cProfile.Profile()
    result = profile.runcall(execute_onnx, model, x)[f"x{length}"]
    assert np.array_equal(result, [[1, 2, 3, 0]]), result
    total = pstats.Stats(profile).total_calls
    print(f"{length} nodes: {total:,} calls of functions, {time.perf_counter() - began:.1f} s")
    return total


short, long = calls(200), calls(800)
print(f"four times the nodes take {long / short:.1f} times the calls")
assert long > 10 * short, "qonnx no longer looks through the whole graph for each node: this finding is over"
PYTHON
echo "as found: the work grows with the square of the nodes"
