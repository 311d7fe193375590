import json

import numpy as np
import pytest
from onnx import numpy_helper

from bitpan.errors import BuildError, MismatchError
from bitpan.qonnx.exported import check_qonnx
from bitpan.qonnx.read import NEEDED, load_qonnx, raise_graph


@pytest.fixture(scope="module")
def model(random_model):
    return random_model(blocks=2, channels=8)


def test_raises_every_number_back(model, qonnx):
    raised = raise_graph(qonnx(model))
    assert raised.nodes == model.nodes
    assert raised.tensors == model.tensors
    assert raised.scene == model.scene
    assert raised.constants.keys() == model.constants.keys()
    for name, array in model.constants.items():
        assert np.array_equal(raised.constants[name], array), name
        assert raised.constants[name].dtype == array.dtype, name


@pytest.mark.parametrize("bits", [8, 11, 16])
def test_graph_and_integers_agree(random_model, qonnx, bits):
    proto = qonnx(random_model(blocks=1, channels=8, bits=bits), 8, 12)
    check_qonnx(proto, raise_graph(proto))


def test_a_changed_weight_is_found(model, qonnx):
    proto = qonnx(model, 8, 8)
    raised = raise_graph(proto)
    raised.constants["head.weights"][3, 1, 0, 2] ^= 1
    with pytest.raises(MismatchError, match=r"node head: .* first at \(3, "):
        check_qonnx(proto, raised)


def replaced(proto, kind, **changes):
    node = next(node for node in proto.graph.node if node.op_type == kind)
    for key, value in changes.items():
        next(a for a in node.attribute if a.name == key).ints[:] = value
    return proto


def test_foreign_operator_is_named(model, qonnx):
    proto = qonnx(model)
    floor = [node for node in proto.graph.node if node.op_type == "Floor"][-1]
    floor.op_type = "Round"
    with pytest.raises(BuildError, match=rf"{floor.name}|\(Round\)|\(Add\)|\(Clip\)"):
        raise_graph(proto)


def test_zero_padding_of_a_binary_tensor_is_refused(model, qonnx):
    proto = qonnx(model)
    pad = next(node for node in proto.graph.node if node.op_type == "Pad")
    value = next(t for t in proto.graph.initializer if t.name == pad.input[2])
    value.CopyFrom(numpy_helper.from_array(np.float32(0), value.name))
    with pytest.raises(BuildError, match=r"block0\.conv: its minus is 0, not -1"):
        raise_graph(proto)


def test_half_to_even_is_refused(model, qonnx):
    proto = qonnx(model)
    floor = next(node for node in proto.graph.node if node.op_type == "Floor" and node.input[0] != "")
    producers = {node.output[0]: node for node in proto.graph.node}
    constants = {t.name: t for t in proto.graph.initializer}
    half = constants[producers[producers[floor.input[0]].input[0]].input[1]]
    half.CopyFrom(numpy_helper.from_array(np.float64(0), half.name))
    with pytest.raises(BuildError, match="half is 0, not"):
        raise_graph(proto)


@pytest.mark.parametrize(
    ("operand", "number", "said"),
    [
        (1, 128, "weights are not all integers of int8"),
        (1, -129, "weights are not all integers of int8"),
        (1, 0.5, "weights are not all integers of int8"),
        (2, 1 << 31, "bias are not all integers of int32"),
        (2, -(1 << 31) - (1 << 8), "bias are not all integers of int32"),
        (1, 127, None),
        (1, -128, None),
    ],
)
def test_constants_that_their_type_does_not_hold_are_refused(model, qonnx, operand, number, said):
    proto = qonnx(model)
    name = next(node for node in proto.graph.node if node.op_type == "Conv").input[operand]
    held = next(tensor for tensor in proto.graph.initializer if tensor.name == name)
    array = numpy_helper.to_array(held).copy()
    array.flat[0] = number
    held.CopyFrom(numpy_helper.from_array(array, name))
    if said is None:
        assert raise_graph(proto).constants["head.weights"].flat[0] == number
        return
    with pytest.raises(BuildError, match=f"node head: its {said}"):
        raise_graph(proto)


@pytest.mark.parametrize(
    ("name", "numbers"), [("strides", [2, 2]), ("dilations", [2, 2]), ("dilations", [1, 2]), ("pads", [1, 1, 1, 0])]
)
def test_other_steps_and_margins_are_refused(model, qonnx, name, numbers):
    with pytest.raises(BuildError, match=rf"node head: its Conv has {name} \[{numbers[0]}, .*, not \["):
        raise_graph(replaced(qonnx(model), "Conv", **{name: numbers}))


def test_a_file_that_is_no_model(tmp_path):
    path = tmp_path / "scene.tif"
    path.write_bytes(b"II*\0 not a model")
    with pytest.raises(BuildError, match=r"scene\.tif"):
        load_qonnx(path)


def described(proto, text):
    """The file's metadata say this instead."""
    (entry,) = proto.metadata_props
    entry.value = text


def without(key):
    def damage(proto):
        document = json.loads(proto.metadata_props[0].value)
        del document[key]
        described(proto, json.dumps(document))

    return damage


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda proto: proto.metadata_props.pop(), "has no 'bitpan' metadata; make it with"),
        (lambda proto: described(proto, "{"), "its 'bitpan' metadata are damaged"),
        (lambda proto: described(proto, "[]"), "its 'bitpan' metadata are no object"),
        *((without(key), f"its 'bitpan' metadata have no '{key}'") for key in NEEDED),
    ],
)
def test_metadata_that_are_not_there_are_told(model, qonnx, tmp_path, damage, said):
    proto = qonnx(model)
    path = tmp_path / "a.onnx"
    path.write_bytes(proto.SerializeToString())
    assert load_qonnx(path) == proto
    damage(proto)
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(BuildError, match=rf"a\.onnx: {said}"):
        load_qonnx(path)


def test_what_a_frame_takes_is_told_to_the_byte(model, resampler, qonnx, monkeypatch):
    """Eight of every sample of every tensor, at its own stride."""
    for own in (model, resampler([("pool", "unit")])):
        proto = qonnx(own, 16, 24)
        samples = sum(tensor.channels * 16 * 24 // tensor.stride**2 for tensor in own.tensors.values())
        with monkeypatch.context() as context:
            context.setenv("BITPAN_MEMORY", "1e-6")
            with pytest.raises(BuildError, match=f"a frame of 16 x 24 PAN pixels says that it holds {8 * samples:,} "):
                raise_graph(proto)


def test_a_tensor_that_nothing_computes_is_told(model, qonnx):
    """It has a shape, but no operator."""
    proto = qonnx(model)
    proto.graph.node.pop()
    with pytest.raises(BuildError, match="the metadata describe a tensor 'fused' that the graph does not have"):
        raise_graph(proto)
