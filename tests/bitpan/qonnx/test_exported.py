"""The whole-graph run against qonnx's own execution, node by node."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

from bitpan.errors import FormatError
from bitpan.qonnx.exported import DOMAIN, OPSET, Exported, check_qonnx, frame_size, infer_shapes, standard


def graph(*nodes, shape=(1, 2, 3, 4)):
    nodes = [helper.make_node(kind, list(inputs), [output], domain=domain) for kind, inputs, output, domain in nodes]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "ab"]
    scale = helper.make_tensor("scale", TensorProto.FLOAT, [], [0.25])
    outputs = [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)]
    return helper.make_model(
        helper.make_graph(nodes, "g", inputs, outputs, [scale]), opset_imports=opsets, ir_version=7
    )


@pytest.fixture
def quantiser():
    return graph(
        ("Sub", "ab", "difference", ""),
        ("BipolarQuant", ("difference", "scale"), "sign", DOMAIN),
        ("Mul", ("sign", "a"), "out", ""),
    )


def test_bipolar_quant_is_qonnxs(quantiser):
    a = np.array([0, -0.0, 1, -1, 1e-30, -1e-30, 3, -7] * 3, np.float32).reshape(1, 2, 3, 4)
    feeds = {"a": a, "b": np.zeros_like(a)}
    found = Exported(quantiser, ["sign", "difference"]).run(feeds)
    expected = execute_onnx(ModelWrapper(quantiser).transform(InferShapes()), feeds, return_full_exec_context=True)
    assert list(found) == ["sign", "difference"] and set(found["sign"].flat) == {0.25, -0.25}
    for name, value in found.items():
        assert value.dtype == np.float32 and np.array_equal(value, expected[name]), name


def test_its_function_is_of_the_operators_version_that_files_have(quantiser):
    (function,) = standard(quantiser).functions
    assert [own.version for own in function.opset_import] == [OPSET] == [quantiser.opset_import[0].version]
    assert (quantiser.ir_version, standard(quantiser).ir_version) == (7, 8), "the first that has functions"


def test_shapes_are_inferred_through_it(quantiser):
    infer_shapes(quantiser)
    wrapper = ModelWrapper(quantiser)
    assert {info.name for info in quantiser.graph.value_info} >= {"difference", "sign"}
    assert wrapper.get_tensor_shape("sign") == wrapper.get_tensor_shape("difference") == [1, 2, 3, 4]
    assert not quantiser.functions and quantiser.ir_version == 7


def test_a_files_frame_is_its_pans(random_model, qonnx):
    assert frame_size(qonnx(random_model(blocks=1, channels=4), 8, 12)) == (8, 12)


def test_one_random_frame_is_tried_beside_the_extremes(random_model, qonnx):
    model = random_model(blocks=1, channels=4)
    found = check_qonnx(qonnx(model, 8, 12), model)
    assert (found.frames, found.tensors) == (1 + 3, len(model.nodes))


def test_a_graph_that_cannot_run_is_refused_in_one_line(capfd):
    with pytest.raises(FormatError, match=r"onnxruntime does not take .*Nonsense.*export the model again$") as refused:
        Exported(graph(("Nonsense", "ab", "out", "")), ["out"])
    assert "\n" not in str(refused.value) and capfd.readouterr() == ("", "")


def test_a_run_that_fails_is_refused_in_one_line(capfd):
    """Beside which onnxruntime writes nothing of its own."""
    nodes = [
        helper.make_node("Cast", ["b"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["a", "index"], ["out"], axis=0),
    ]
    images = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in ("a", "b", "out")}
    proto = helper.make_graph(nodes, "g", [images["a"], images["b"]], [images["out"]])
    model = Exported(helper.make_model(proto, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8), ["out"])
    assert model.run({"a": np.array([3, 4]), "b": np.array([1, 0])})["out"].tolist() == [4, 3]
    with pytest.raises(FormatError, match=r"idx=9 must be within .*export the model again$") as refused:
        model.run({"a": np.array([3, 4]), "b": np.array([9, 0])})
    assert "\n" not in str(refused.value) and capfd.readouterr() == ("", "")
