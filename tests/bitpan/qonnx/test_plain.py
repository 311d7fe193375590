"""ONNX files that no library should see."""

import onnx
import pytest
from onnx import TensorProto, helper

from bitpan.errors import BuildError, SizeError
from bitpan.qonnx.plain import OPERATORS, read_plain
from bitpan.qonnx.read import load_qonnx, raise_graph


@pytest.fixture
def proto(random_model, qonnx):
    return qonnx(random_model(blocks=1, channels=4), 8, 8)


def function(proto):
    proto.functions.append(helper.make_function("a", "F", ["x"], ["y"], [], []))


def subgraph(proto):
    graph = helper.make_graph([], "inner", [], [])
    proto.graph.node[0].attribute.append(helper.make_attribute("body", graph))


def external(proto):
    tensor = proto.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def attribute(proto, name, values):
    found = next(each for node in proto.graph.node for each in node.attribute if each.name == name)
    found.ints[:] = values


def shape_of(proto, dims):
    proto.graph.initializer[0].dims[:] = dims


def frame_of(proto, height, width):
    for entry, size in zip(proto.graph.input[0].type.tensor_type.shape.dim[2:], (height, width), strict=True):
        entry.dim_value = size


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (function, "it holds functions"),
        (subgraph, "has an attribute 'body' of another kind"),
        (external, "its array 'c0' is in another file"),
        (
            lambda proto: shape_of(proto, [1 << 40]),
            "its array 'c0' says that it holds 8,796,093,022,208 bytes, but only",
        ),
        (lambda proto: shape_of(proto, [-1]), "has the shape"),
        (lambda proto: shape_of(proto, [1]), "has more numbers than its shape"),
        (lambda proto: shape_of(proto, [1] * 6), "has the shape"),
        (lambda proto: setattr(proto.graph.node[0], "op_type", "Loop"), "Loop. is no operator of the export grammar"),
        (
            lambda proto: frame_of(proto, 1 << 20, 1 << 20),
            "its tensor 'pan' says that it holds 4,398,046,511,104 bytes",
        ),
        (lambda proto: frame_of(proto, -8, 8), "its tensor 'pan' has the shape"),
    ],
)
def test_it_is_refused_as_it_is_read(proto, tmp_path, damage, said):
    damage(proto)
    (tmp_path / "a.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(BuildError, match=rf"a\.onnx: cannot be read as ONNX \(.*{said}"):
        load_qonnx(tmp_path / "a.onnx")


def test_a_file_of_another_kind(tmp_path):
    for content in (b"\xff" * 100, b"II*\0" * 9):
        (tmp_path / "a.onnx").write_bytes(content)
        with pytest.raises(BuildError, match=r"a\.onnx: cannot be read as ONNX"):
            load_qonnx(tmp_path / "a.onnx")
    with pytest.raises(BuildError, match=r"b\.onnx: cannot be read \(No such file"):
        load_qonnx(tmp_path / "b.onnx")


@pytest.mark.parametrize(
    "damage",
    [
        lambda proto: proto.opset_import.pop(0),
        lambda proto: proto.graph.node[-1].input.__setitem__(0, "nothing"),
        lambda proto: proto.graph.input.pop(0),
    ],
)
def test_a_graph_that_makes_no_sense_is_refused(proto, damage):
    damage(proto)
    with pytest.raises(BuildError, match=r"export (it|the model) again"):
        raise_graph(proto)


def test_a_frame_larger_than_memory_is_refused(proto, monkeypatch):
    raise_graph(proto)
    monkeypatch.setenv("BITPAN_MEMORY", "1e-6")
    with pytest.raises(BuildError, match="a frame of 8 x 8 PAN pixels says that it holds"):
        raise_graph(proto)


def test_operators_are_those_of_the_shipped_graph(proto):
    assert {node.op_type for node in proto.graph.node} < OPERATORS
    onnx.checker.check_model(proto)


def tensor(kind=TensorProto.FLOAT, dims=(), **content):
    return TensorProto(name="a", data_type=kind, dims=dims, **content)


def of_array(array):
    return helper.make_graph([], "g", [], [], [array])


def of_axes(*sizes):
    return helper.make_graph([], "g", [], [helper.make_tensor_value_info("a", TensorProto.FLOAT, sizes)])


def of_attribute(name, value):
    return helper.make_graph([helper.make_node("Conv", ["x"], ["y"], "n", **{name: value})], "g", [], [])


def sparse():
    graph = of_axes(1)
    graph.sparse_initializer.add()
    return graph


ARRAY, FOREIGN = "its array 'a' ", "is in another file, or of no type of the export grammar"


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (of_axes(1, 2, 3, 4, 5), None),
        (of_axes(1, 2, 3, 4, 5, 6), r"its tensor 'a' has the shape \[1, 2, 3, 4, 5, 6\]"),
        (of_axes(3, 0), None),
        (of_axes(0, -1), r"its tensor 'a' has the shape \[0, -1\]"),
        (of_axes(1 << 38), "its tensor 'a' says that it holds 1,099,511,627,776 bytes"),
        (of_array(tensor()), "its array 'a' says that it holds 4 bytes"),
        (of_array(tensor(dims=[1, 1, 1, 1, 2], raw_data=bytes(8))), None),
        (of_array(tensor(dims=[1, 1, 1, 1, 1, 2], raw_data=bytes(8))), ARRAY + "has the shape"),
        (of_array(tensor(dims=[0])), None),
        (of_array(tensor(dims=[-1])), ARRAY + "has the shape"),
        (of_array(tensor(dims=[2], raw_data=bytes(9))), ARRAY + "has more numbers"),
        (of_array(tensor(dims=[2], raw_data=bytes(7))), ARRAY + "says that it holds 8 bytes"),
        (of_array(tensor(dims=[2], float_data=[1, 2])), None),
        (of_array(tensor(dims=[2], float_data=[1])), ARRAY + "says that it holds 8 bytes"),
        (of_array(tensor(dims=[2], float_data=[1, 2, 3])), ARRAY + "has more numbers"),
        (of_array(tensor(TensorProto.DOUBLE, [2], double_data=[1, 2])), None),
        (of_array(tensor(TensorProto.DOUBLE, [2], raw_data=bytes(15))), ARRAY + "says that it holds 16 bytes"),
        (of_array(tensor(TensorProto.INT64, [2], int64_data=[1, 2])), None),
        (of_array(tensor(TensorProto.INT64, [2], raw_data=bytes(17))), ARRAY + "has more numbers"),
        (of_array(tensor(TensorProto.INT32, [1], int32_data=[1])), ARRAY + FOREIGN),
        (of_array(tensor(dims=[1], raw_data=bytes(4), data_location=TensorProto.EXTERNAL)), ARRAY + FOREIGN),
        (of_array(tensor(dims=[1], raw_data=bytes(4), external_data=[{"key": "location"}])), ARRAY + FOREIGN),
        (of_attribute("strides", [1, 1 << 16]), None),
        (of_attribute("strides", [1, 0]), r"has the strides \[1, 0\]"),
        (of_attribute("strides", [1, (1 << 16) + 1]), "has the strides"),
        (of_attribute("strides", 1.5), "has no numbers in 'strides'"),
        (of_attribute("group", 1), None),
        (of_attribute("group", 0), "has the group"),
        (of_attribute("axis", -1), None),
        (of_attribute("axis", -2), r"has the axis \[-2\]"),
        (of_attribute("pads", [-1, 0]), None),
        (of_attribute("pads", [-2, 0]), r"has the pads \[-2, 0\]"),
        (of_attribute("mode", "edge"), None),
        (sparse(), "it holds functions, sparse arrays or a training"),
    ],
)
def test_where_it_begins_to_be_refused(tmp_path, graph, said):
    """Each by itself; what is beside it is plain."""
    path = tmp_path / "a.onnx"
    path.write_bytes(onnx.ModelProto(graph=graph).SerializeToString())
    if said is None:
        assert read_plain(path).graph == graph
        return
    with pytest.raises((ValueError, SizeError), match=said):
        read_plain(path)


def test_a_training_is_refused(tmp_path, proto):
    proto.training_info.add()
    (tmp_path / "a.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(ValueError, match="it holds functions, sparse arrays or a training"):
        read_plain(tmp_path / "a.onnx")
