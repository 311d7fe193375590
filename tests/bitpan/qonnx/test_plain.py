"""ONNX files that no library should see."""

import onnx
import pytest
from onnx import TensorProto, helper

from bitpan.errors import BuildError
from bitpan.qonnx.plain import OPERATORS
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
