"""Every operation by itself: what is written computes what the table's function does, and is read back."""

import json

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper

from bitpan.arithmetic import BORDER, haar_format
from bitpan.errors import FormatError
from bitpan.formats import Format
from bitpan.model import IntegerModel, Node, SceneParameter, Tensor, execute
from bitpan.operations import OPERATIONS, SCENE_KINDS
from bitpan.qonnx.exported import DOMAIN, METADATA, OPSET, Exported
from bitpan.qonnx.grammar import GRAMMAR, Site
from bitpan.qonnx.pattern import Graph
from bitpan.qonnx.read import raise_graph
from bitpan.qonnx.recognise import read_node, recognise, require_filled
from bitpan.qonnx.write import _Writer, to_qonnx

FEATURE, IMAGE, LMS = Format(10, 6), Format(11, 0, signed=False), Format(13)
SUBBAND = haar_format(FEATURE)
CHANNELS, SIDE = 3, 8

CASES = {  # operation: formats of the inputs, of the output, stride of both, attributes, scene parameters by kind
    "interpolate": ([IMAGE], LMS, (4, 1), {}, ("interpolation", "interpolation")),
    "centre": ([IMAGE], Format(12, 8), (1, 1), {"offset": 512, "shift": 0}, ()),
    "centre, rounded": ([Format(16, 0, signed=False)], Format(12, 8), (1, 1), {"offset": 9000, "shift": 5}, ()),
    "concat": ([FEATURE, FEATURE], FEATURE, (1, 1), {}, ()),
    "conv": ([FEATURE], FEATURE, (1, 1), {"shift": 7}, ()),
    "sign": ([FEATURE], Format(2), (1, 1), {}, ("srm",)),
    "sign, constant": ([FEATURE], Format(2), (1, 1), {}, ()),
    "binary_conv": ([Format(2)], Format(6), (1, 1), {}, ()),
    "depthwise": ([FEATURE], FEATURE, (1, 1), {"shift": 6}, ()),
    "rprelu": ([Format(10), FEATURE], FEATURE, (1, 1), {"shift": 6}, ()),
    "rprelu, alone": ([Format(10)], FEATURE, (1, 1), {"shift": 6}, ()),
    "norm": ([Format(12, 7)] * 2, Format(12, 7), (1, 1), {}, ()),
    "affine": ([FEATURE], FEATURE, (1, 1), {}, ("affine",)),
    **{f"haar, {i}": ([FEATURE], SUBBAND, (1, 2), {"subband": i}, ()) for i in range(4)},
    "inverse_haar": ([SUBBAND] * 4, FEATURE, (2, 1), {"shift": 2}, ()),
    "pool": ([FEATURE], FEATURE, (1, 2), {}, ()),
    "up": ([FEATURE], FEATURE, (2, 1), {}, ()),
    "up, wide": ([Format(20)], Format(20), (2, 1), {}, ()),
    "add": ([FEATURE] * 2, FEATURE, (1, 1), {}, ()),
    "add_clip": ([LMS] * 2, IMAGE, (1, 1), {}, ()),
}


def one_node(case, rng):
    """A model of one node, its constants drawn at random, extremes among them."""
    op = case.partition(",")[0]
    inputs, fmt, (coarse, fine), attributes, kinds = CASES[case]
    names = [f"in{i}" for i in range(len(inputs))]
    border = BORDER if op == "interpolate" else 0
    tensors = {name: Tensor(CHANNELS, each, coarse, border) for name, each in zip(names, inputs, strict=True)}
    tensors["out"] = Tensor(CHANNELS * (1 + (op == "concat")), fmt, fine)
    shapes = {"interpolation": (4, 5), "srm": (CHANNELS,), "affine": (2, CHANNELS)}
    scene = [SceneParameter(f"s{i}", kind, shapes[kind], Format(24), "in0") for i, kind in enumerate(kinds)]
    node = Node(op, "node", tuple(names), "out", tuple(each.name for each in scene), attributes)
    sizes = {"C": CHANNELS, "O": CHANNELS, "I": CHANNELS, "k": 3, "1": 1}
    constants = {}
    for key in OPERATIONS[op].needed(node.scene):
        expected = OPERATIONS[op].constants[key]
        shape = tuple(sizes[axis] for axis in expected.axes)
        limit = 128 if expected.dtype == np.int8 else 500
        value = rng.integers(-limit, limit, shape)
        value.flat[0], value.flat[-1] = -limit, limit - 1
        constants[f"node.{key}"] = (np.where(value < 0, -1, 1) if op == "binary_conv" else value).astype(expected.dtype)
    return IntegerModel("one", CHANNELS, 11, 4, tensors, [node], scene, constants)


def graph_of(model):
    writer = _Writer(model, SIDE, SIDE)
    writer.write(model.nodes[0])

    def info(name):
        tensor = model.tensors[name]
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, *tensor.shape(SIDE, SIDE)))

    inputs = [info(name) for name in model.nodes[0].inputs]
    inputs += [helper.make_tensor_value_info(each.name, TensorProto.FLOAT, each.shape) for each in model.scene]
    stored = [numpy_helper.from_array(array, name) for name, array in writer.constants.items()]
    graph = helper.make_graph(writer.nodes, "one", inputs, [info("out")], stored)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def images(model, kind, rng):
    """Random, extremes at random, one extreme everywhere, or flat."""
    drawn = {}
    for name in model.nodes[0].inputs:
        tensor = model.tensors[name]
        fmt, shape = tensor.format, tensor.shape(SIDE, SIDE)
        if model.nodes[0].op == "binary_conv":
            drawn[name] = rng.choice([-1, 1], shape)
        elif kind == "random":
            drawn[name] = rng.integers(fmt.min, fmt.max + 1, shape)
        elif kind == "extremes":
            drawn[name] = rng.choice([fmt.min, fmt.max], shape)
        elif kind == "near":  # small differences between channels, and none
            drawn[name] = rng.integers(-1, 2, (1, *shape[1:])) + rng.integers(0, 2, shape) * (
                rng.random(shape[1:]) < 0.5
            )
            drawn[name] = np.clip(drawn[name], fmt.min, fmt.max)
        else:
            drawn[name] = np.full(shape, getattr(fmt, kind))
    return drawn


@pytest.mark.parametrize("case", CASES)
def test_what_is_written_computes_what_the_table_says(case):
    rng = np.random.default_rng(0)
    model = one_node(case, rng)
    session = Exported(graph_of(model), ["out"])
    values = set()
    for kind in ("random", "extremes", "near", "min", "max"):
        inputs = images(model, kind, rng)
        source = model.tensors["in0"].format
        scene = {s.name: SCENE_KINDS[s.kind].draw(rng, s.shape, source, 4) for s in model.scene}
        found = session.run({**{name: value[None] for name, value in inputs.items()}, **scene})["out"][0]
        expected = execute(model, inputs, scene, until="out")
        assert found.shape == expected.shape and np.array_equal(found, expected), kind
        values |= set(expected.flat)
    assert len(values) > 1


@pytest.mark.parametrize("case", CASES)
def test_what_is_written_is_read_back(case):
    model = one_node(case, np.random.default_rng(1))
    op, form, match = recognise(Graph(graph_of(model).graph), "out", model.tensors["out"].format)
    node, constants = read_node(op, "node", "out", match)
    require_filled(form, Site(node, model.tensors, constants, SIDE, SIDE), match)
    assert node == model.nodes[0]
    assert constants.keys() == {name.partition(".")[2] for name in model.constants}
    for key, array in constants.items():
        written = model.constants[f"node.{key}"]
        assert array.dtype == written.dtype and np.array_equal(array, written), key


def test_every_operation_is_tried():
    assert {case.partition(",")[0] for case in CASES} == set(OPERATIONS) == set(GRAMMAR)


def test_sums_beyond_float32_are_refused():
    model = one_node("conv", np.random.default_rng(0))
    model.tensors["in0"] = Tensor(CHANNELS, Format(24))
    with pytest.raises(FormatError, match=r"node: sums of these weights may leave"):
        graph_of(model)


def test_the_smallest_frame_is_one_pixel_of_the_coarsest_tensor(random_model):
    model = random_model(blocks=1, channels=4)
    proto = to_qonnx(model, 4, 4)
    assert [(own.domain, own.version) for own in proto.opset_import] == [("", OPSET), (DOMAIN, 1)]
    assert [each.dim_value for each in proto.graph.input[1].type.tensor_type.shape.dim] == [1, 4, 5, 5]
    for side in (0, -4, 6):
        with pytest.raises(FormatError, match=f"a frame of {side}x4 is not made of whole pixels .* multiples of 4"):
            to_qonnx(model, side, 4)


@pytest.mark.parametrize("scale", [0.0, -0.5])
def test_a_scale_that_no_shift_has_is_refused(scale):
    model = one_node("conv", np.random.default_rng(0))
    proto = graph_of(model)
    stored = next(each for each in proto.graph.initializer if each.name == "node.scale")
    stored.CopyFrom(numpy_helper.from_array(np.float32(scale), stored.name))
    op, form, match = recognise(Graph(proto.graph), "out", model.tensors["out"].format)
    node, constants = read_node(op, "node", "out", match)
    with pytest.raises(FormatError, match=r"its half is 64, not 0\.5$"):
        require_filled(form, Site(node, model.tensors, constants, SIDE, SIDE), match)


def test_datatypes_are_annotated_for_qonnx(random_model):
    model = random_model(blocks=1, channels=4)
    wrapper = ModelWrapper(to_qonnx(model, 8, 8))
    found = {name: wrapper.get_tensor_datatype(name).name for name in model.tensors}
    assert found == {name: tensor.format.datatype for name, tensor in model.tensors.items()} | {"s0": "BIPOLAR"}
    for parameter in model.scene:
        assert wrapper.get_tensor_datatype(parameter.name).name == parameter.format.datatype


def test_metadata_hold_what_the_graph_does_not(random_model):
    """Arrays of no node among them; each once."""
    model = random_model(blocks=1, channels=4)
    model.constants["own"] = np.array([0.5, 2.0])
    proto = to_qonnx(model, 8, 8)
    assert [entry.key for entry in proto.graph.metadata_props] == [METADATA]
    document = json.loads(proto.graph.metadata_props[0].value)
    assert document["arrays"] == {"own": [0.5, 2.0]} and document["formats"].keys() == model.tensors.keys()
    recipe = {f"{own['name']}.{key}" for own in document["scene"] for key in own["arrays"]}
    assert recipe == {key for key in model.constants if key.startswith("block0.threshold.")}
    assert raise_graph(proto).constants["own"].tolist() == [0.5, 2.0]
