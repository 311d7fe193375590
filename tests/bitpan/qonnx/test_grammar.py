"""The resampling operations read back from the export grammar, one node at a time."""

import numpy as np
import pytest
from onnx import helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

from bitpan.errors import BuildError, FormatError
from bitpan.model import execute
from bitpan.qonnx.grammar import EXACT, GRAMMAR, Site
from bitpan.qonnx.pattern import Graph
from bitpan.qonnx.read import raise_graph
from bitpan.qonnx.recognise import read_node, recognise, require_filled
from bitpan.qonnx.write import to_qonnx

OPS = ("haar", "inverse_haar", "pool", "up", "add", "add_clip")


@pytest.fixture(scope="module")
def model(resampler):
    return resampler(("conv", ("pool", "conv", ("haar", "conv"))))


def read(proto, model, node, size=(16, 16)):
    """The node found for a node's output."""
    op, form, match = recognise(Graph(proto.graph), node.output, model.tensors[node.output].format)
    try:
        found, constants = read_node(op, node.name, node.output, match)
        require_filled(form, Site(found, model.tensors, constants, *size), match)
    except FormatError as error:
        raise BuildError(f"node {node.name}: {error}") from None
    assert not constants
    return found


def test_every_resampling_node_is_read_back(model, qonnx):
    proto = qonnx(model, 16, 16)
    nodes = [node for node in model.nodes if node.op in OPS]
    assert {node.op for node in nodes} == set(OPS)
    for node in nodes:
        found = read(proto, model, node)
        assert (found.op, found.attributes) == (node.op, dict(node.attributes))
        assert found.inputs == node.inputs or (found.op == "add" and found.inputs[::-1] == node.inputs)


def test_every_node_of_a_network_is_read_back_with_its_numbers(random_model, qonnx):
    model = random_model(blocks=1, channels=8)
    graph = Graph(qonnx(model, 16, 16).graph)
    for node in model.nodes:
        op, form, match = recognise(graph, node.output, model.tensors[node.output].format)
        found, constants = read_node(op, node.name, node.output, match)
        require_filled(form, Site(found, model.tensors, constants, 16, 16), match)
        assert (found.op, found.attributes) == (node.op, dict(node.attributes))
        for key, value in constants.items():
            np.testing.assert_array_equal(value, model.constant(node, key), node.name)


def test_the_grammar_computes_what_the_integers_do(model, qonnx, random_inputs):
    wrapper = ModelWrapper(qonnx(model, 16, 24)).transform(InferShapes())
    inputs, scene = random_inputs(model, 16, 24)
    integers = dict(inputs)
    execute(model, inputs, scene, watch=integers.__setitem__)
    feeds = {name: value[None].astype(np.float32) for name, value in inputs.items()}
    feeds |= {name: value.astype(np.float32) for name, value in scene.items()}
    values = execute_onnx(wrapper, feeds, return_full_exec_context=True)
    for node in model.nodes:
        assert np.array_equal(values[node.output][0], integers[node.output]), node.name


def producer(proto, tensor, *path):
    """The node that computes ``tensor``, or the one that computes its given input, and so on."""
    node = next(node for node in proto.graph.node if tensor in node.output)
    return producer(proto, node.input[path[0]], *path[1:]) if path else node


def set_ints(node, key, value):
    next(attribute for attribute in node.attribute if attribute.name == key).ints[:] = value


def set_constant(proto, name, change):
    tensor = next(tensor for tensor in proto.graph.initializer if tensor.name == name)
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor).copy()), name))


def flipped(kernel):
    kernel[1, 0, 1, 1] *= -1
    return kernel


def test_sums_reach_the_last_integer_that_float32_tells_apart(random_model):
    model = random_model(blocks=1, channels=4)
    node = next(node for node in model.nodes if node.name == "tail")
    half = 1 << (node.attributes["shift"] - 1)
    constants = {"weights": model.constant(node, "weights") * 0, "bias": model.constant(node, "bias") * 0}
    for sign in (1, -1):
        constants["bias"][2] = sign * (EXACT - half - 1)
        GRAMMAR["conv"][0].filled(Site(node, model.tensors, constants, 16, 16))
        constants["bias"][2] += sign
        with pytest.raises(FormatError, match=f"tail: sums .* exact range of float32 \\({EXACT}\\)"):
            GRAMMAR["conv"][0].filled(Site(node, model.tensors, constants, 16, 16))


DEFAULTS = {
    "Conv": {"dilations": [1, 1], "strides": [1, 1], "pads": [0] * 4, "group": 1, "auto_pad": "NOTSET"},
    "ConvTranspose": {"dilations": [1, 1], "strides": [1, 1], "pads": [0] * 4, "group": 1, "output_padding": [0, 0]},
    "AveragePool": {"pads": [0] * 4, "ceil_mode": 0, "count_include_pad": 0, "auto_pad": "NOTSET"},
    "Pad": {"mode": "constant"},
}
"""What ONNX says of attributes that are left out."""


@pytest.mark.parametrize("written", [False, True])
def test_what_has_a_default_may_be_written_or_left_out(model, random_model, written):
    for each in (model, random_model(blocks=1, channels=8)):
        proto = to_qonnx(each, 16, 16)
        for node in proto.graph.node:
            defaults = DEFAULTS.get(node.op_type, {})
            plain = {name: helper.make_attribute(name, value) for name, value in defaults.items()}
            kept = {own.name: own for own in node.attribute if own != plain.get(own.name)}
            del node.attribute[:]
            node.attribute.extend(({**plain, **kept} if written else kept).values())
        assert raise_graph(proto).nodes == each.nodes


def test_a_sums_and_a_products_inputs_come_in_any_order(random_model):
    model = random_model(blocks=1, channels=8)
    proto = to_qonnx(model, 16, 16)
    for node in proto.graph.node:
        if node.op_type in ("Add", "Mul"):
            node.input[:] = node.input[::-1]
    found = raise_graph(proto)
    assert [(node.op, node.output, node.attributes) for node in found.nodes] == [
        (node.op, node.output, node.attributes) for node in model.nodes
    ]


@pytest.mark.parametrize("value", [128, -129, 0.5])
def test_weights_that_eight_bits_do_not_hold_are_refused(random_model, qonnx, value):
    model = random_model(blocks=1, channels=8, bands=3)
    proto = qonnx(model, 16, 16)
    (name,) = (tensor.name for tensor in proto.graph.initializer if tuple(tensor.dims) == (3, 8, 1, 1))
    set_constant(proto, name, lambda weights: np.where(weights == weights.max(), np.float32(value), weights))
    node = next(node for node in model.nodes if node.name == "tail")
    _, _, match = recognise(Graph(proto.graph), node.output, model.tensors[node.output].format)
    with pytest.raises(FormatError, match="its weights are not all integers of int8"):
        read_node("conv", "tail", node.output, match)


@pytest.mark.parametrize("shape", [(4, 4, 1, 3), (4, 4, 3, 1), (4, 4, 2, 2)])
def test_kernels_are_odd_and_square(random_model, shape):
    model = random_model(blocks=1, channels=4)
    node = next(node for node in model.nodes if node.name == "tail")
    constants = {"weights": np.ones(shape, np.int8), "bias": model.constant(node, "bias")}
    with pytest.raises(FormatError, match=r"a kernel of shape .* is not odd and square"):
        GRAMMAR["conv"][0].filled(Site(node, model.tensors, constants, 16, 16))


def test_a_single_number_may_have_any_shape(model, qonnx):
    node = next(node for node in model.nodes if node.op == "pool")
    proto = qonnx(model, 16, 16)
    set_constant(proto, producer(proto, node.output, 0).input[1], lambda half: half.reshape(1, 1, 1))
    assert read(proto, model, node).op == "pool"


@pytest.mark.parametrize(
    ("op", "path", "damage", "said"),
    [
        ("haar", (), lambda proto, node: set_ints(node, "strides", [1, 1]), "Conv.* has (strides|pads)"),
        ("haar", (), lambda proto, node: set_constant(proto, node.input[1], flipped), "no wavelet's subband"),
        ("inverse_haar", (0, 0, 0, 0, 0, 1), lambda proto, node: set_constant(proto, node.input[1], flipped), "kernel"),
        ("inverse_haar", (0, 0, 0, 0), lambda proto, node: node.input.reverse(), "kernel"),
        ("inverse_haar", (), lambda proto, node: set_constant(proto, node.input[1], lambda low: low + 1), "its min is"),
        ("pool", (0,), lambda proto, node: set_constant(proto, node.input[1], lambda half: half * 0), "its half is 0"),
        ("pool", (0, 0), lambda proto, node: set_ints(node, "strides", [1, 1]), "AveragePool has strides"),
        ("up", (0, 0, 0), lambda proto, node: set_ints(node, "pads", [2] * 4), "Conv.* has (strides|pads)"),
        ("up", (0, 0, 0), lambda proto, node: set_constant(proto, node.input[1], flipped), "kernel"),
        (
            "up",
            (0, 0, 0, 0),
            lambda proto, node: set_constant(proto, node.input[1], lambda pads: 2 * pads),
            "its pads of shape",
        ),
        ("add", (), lambda proto, node: set_constant(proto, node.input[1], lambda low: low + 1), "its min is"),
    ],
)
def test_what_is_written_otherwise_is_refused(model, qonnx, op, path, damage, said):
    node = next(node for node in model.nodes if node.op == op)
    proto = qonnx(model)
    damage(proto, producer(proto, node.output, *path))
    with pytest.raises(BuildError, match=f"node {node.name}: .*{said}"):
        read(proto, model, node)
