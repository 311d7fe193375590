"""One network's graphs for two frames: what may differ, and that nothing else may."""

from dataclasses import replace

import numpy as np
import pytest
from onnx import helper, numpy_helper

from bitpan.errors import MismatchError
from bitpan.qonnx.frames import _merged, require_same_network
from bitpan.qonnx.write import to_qonnx


def array(name, change):
    """A fault of the array of this name."""

    def plant(proto):
        stored = next(each for each in proto.graph.initializer if each.name == name)
        stored.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(stored).copy()), name))

    return plant


def moved(values, place):
    values[place] += 1
    return values


def pads(proto):
    node = next(node for node in proto.graph.node if node.op_type == "Pad")
    node.attribute[0].CopyFrom(helper.make_attribute("mode", "edge"))


@pytest.mark.parametrize("large", [(48, 64), (16, 64), (48, 16), (16, 16)])
def test_sizes_may_differ(random_model, resampler, large):
    for model in (random_model(1, 4), resampler([("pool", "unit"), ("haar", "unit")])):
        require_same_network(to_qonnx(model, *large), to_qonnx(model, 16, 16), model)


@pytest.mark.parametrize(
    "plant",
    [
        array("upsample.rows.index", lambda index: moved(index, (-1, 2))),
        array("upsample.columns.index", lambda index: index + 1),
        array("upsample.columns.index", lambda index: index[:, :-1]),
        array("upsample.columns.index", lambda index: index[:-1]),
        array("upsample.rows.shape", lambda shape: shape[[0, 1, 3, 2]]),
        array("upsample.columns.shape", lambda shape: moved(shape, 3)),
        array("head.weights", lambda weights: moved(weights, (0, 0, 1, 1))),
        lambda proto: proto.graph.node.pop(),
        pads,
        lambda proto: proto.graph.initializer.pop(),
        lambda proto: proto.graph.input.pop(),
    ],
)
def test_any_other_difference_is_found(random_model, plant):
    model = random_model(1, 4)
    large, small = to_qonnx(model, 48, 64), to_qonnx(model, 16, 16)
    plant(large)
    with pytest.raises(MismatchError, match="graph of another frame"):
        require_same_network(large, small, model)


@pytest.mark.parametrize("name", ["ms", "x0", "fused"])
def test_every_tensor_has_the_models_shape(random_model, name):
    model = random_model(1, 4)
    graphs = to_qonnx(model, 48, 64), to_qonnx(model, 16, 16)
    tensors = model.tensors | {name: replace(model.tensors[name], channels=3)}
    with pytest.raises(MismatchError, match=rf"graph of another frame.*{name}"):
        require_same_network(*graphs, replace(model, tensors=tensors))


@pytest.mark.parametrize(
    ("source", "result", "axes"),
    [
        ((2, 3, 4, 5), (2, 3, 20), {2}),
        ((2, 3, 4, 5), (2, 12, 5), {1}),
        ((2, 3, 4, 5), (6, 4, 5), {0}),
        ((1, 3, 1, 5), (1, 3, 5), {1, 2}),
        ((2, 3, 4, 5), (2, 12, 10), set()),
        ((2, 3, 4, 5), (120,), set()),
        ((), (), set()),
    ],
)
def test_axes_that_become_one(source, result, axes):
    reshape = helper.make_node("Reshape", ["a", "shape"], ["b"])
    assert _merged(reshape, {"a": source, "b": result}) == axes


@pytest.mark.parametrize(
    ("node", "one", "other"),
    [
        (helper.make_node("Gather", ["pan", "table"], ["some"], axis=2), [0, 2], [0, 1]),
        (helper.make_node("Identity", ["table"], ["some"]), [[0, 1], [1, 2]], [[0, 1], [7, 7]]),
    ],
)
def test_arrays_are_compared_whatever_takes_them(random_model, node, one, other):
    """Rows that move on are an interpolation's alone."""
    model = random_model(1, 4)
    graphs = to_qonnx(model, 48, 64), to_qonnx(model, 16, 16)
    for proto, values in zip(graphs, (one, other), strict=True):
        proto.graph.initializer.append(numpy_helper.from_array(np.array(values), "table"))
        proto.graph.node.append(node)
    with pytest.raises(MismatchError, match="table"):
        require_same_network(*graphs, model)


def test_both_merge_the_same_axes(random_model):
    """The smaller one gives its rows and columns another order."""
    model = random_model(1, 4)
    large, small = to_qonnx(model, 48, 64), to_qonnx(model, 16, 32)
    array("upsample.columns.shape", lambda shape: shape[[0, 1, 3, 2]])(small)
    with pytest.raises(MismatchError, match=r"upsample\.columns\.shape"):
        require_same_network(large, small, model)
