"""What FINN asks of every operator, in a graph of some."""

from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.basic import qonnx_make_model

import bitpan.hw.operators  # noqa: F401 - registers our operators

SIZE = {"Height": 4, "Width": 6}
SPLIT = {**SIZE, "Channels": [4, 2], "inputDataType": "INT10"}
COPIES = {"numInputVectors": [1, 4, 6], "NumChannels": 4, "PE": 2, "NumOutputStreams": 2, "inputDataType": "INT10"}
HAAR = {**SIZE, "Channels": 4, "PE": 2, "Stride": 1, "inputDataType": "INT10"}
NODES = [
    ("SplitStreams_rtl", ["x"], ["a", "b"], SPLIT),
    ("DuplicateStreams_rtl", ["a"], ["c", "d"], COPIES),
    ("Haar_rtl", ["c"], ["ll", "lh", "hl", "hh"], HAAR),
]


def test_all_outputs_get_their_shapes():
    domain = {"domain": "finn.custom_op.fpgadataflow.rtl", "backend": "fpgadataflow"}
    nodes = [helper.make_node(op, given, made, op, **domain, **size) for op, given, made, size in NODES]
    nodes.append(helper.make_node("Identity", ["b"], ["y"]))
    images = [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 4, 6, 6))]
    results = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("y", "d", "ll", "lh", "hl", "hh")
    ]
    graph = ModelWrapper(qonnx_make_model(helper.make_graph(nodes, "some", images, results)))
    inferred = graph.transform(InferShapes())
    assert sorted(node.op_type for node in inferred.graph.node) == sorted(node.op_type for node in nodes)
    found = {name: inferred.get_tensor_shape(name) for name in "abcdy"}
    assert found == {name: [1, 4, 6, 2 if name in "by" else 4] for name in "abcdy"}
    assert [inferred.get_tensor_shape(name) for name in ("ll", "lh", "hl", "hh")] == [[1, 2, 3, 4]] * 4
