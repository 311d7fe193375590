"""The norm's tables, looked up as the graph does it, against the number contract."""

from dataclasses import replace

import numpy as np
import pytest
from onnx import TensorProto

from bitpan.arithmetic import NORM_MIDPOINTS, deviation_ratio
from bitpan.model import Node
from bitpan.qonnx.exported import check_qonnx
from bitpan.qonnx.norm import DOUBLE, FLOAT, INT64, LONGEST, norm_constants
from bitpan.qonnx.read import raise_graph
from bitpan.qonnx.write import to_qonnx


def lookup(v, places, table):
    return table[(v >= places).sum(axis=1, keepdims=True)]


def ratios(vf, vb, channels):
    """Two variances' ratio as the graph has it, over the channels' power of two; columns of numbers."""
    tables = norm_constants(channels)
    leading = []
    for v in (vf, vb):
        scale = lookup(v, tables["powers"].reshape(1, -1), tables["scales"])
        leading.append(np.floor(v * scale) / scale)
    return lookup(leading[0], leading[1] * tables["places"].reshape(1, -1), tables["ratios"])


@pytest.mark.parametrize("channels", [3, 4, 128])
def test_the_tables_give_the_contracts_ratio(channels):
    """Of variances of all lengths, the shortest and the longest among them, and near every midpoint of a mantissa."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, LONGEST + 1, (2, 4000))
    vf, vb = np.floor(2.0**lengths * rng.uniform(0.5, 1, lengths.shape))
    near = rng.integers(1, 1 << 12, (4, 500)) * 2.0 ** rng.integers(0, LONGEST - 14, (4, 500))
    beside = [np.floor(near * midpoint / 64) + step for midpoint in NORM_MIDPOINTS for step in (-1, 0, 1)]
    ends = np.array([0.0, 1.0, 2.0**LONGEST - 1])
    vf = np.concatenate([vf, *(each.ravel() for each in beside), ends.repeat(3)])[:, None]
    vb = np.concatenate([vb, *[near.ravel()] * len(beside), np.tile(ends, 3)])[:, None]
    mantissa, exponent = deviation_ratio(vf, vb)
    expected = np.ldexp(mantissa.astype(float), exponent - (channels - 1).bit_length())
    np.testing.assert_array_equal(ratios(vf, vb, channels), expected)


def test_types_are_onnxs():
    assert (FLOAT, INT64, DOUBLE) == (TensorProto.FLOAT, TensorProto.INT64, TensorProto.DOUBLE)


def test_the_tables_are_as_long_as_files_have_them():
    """Else a graph of another length is refused: docs/qonnx.md."""
    tables = norm_constants(64)
    np.testing.assert_array_equal(tables["powers"].ravel(), [2.0**bit for bit in range(36)])
    places = [m / 64 * 4.0**k for k in range(-19, 19) for m in NORM_MIDPOINTS]
    np.testing.assert_array_equal(tables["places"].ravel(), places)
    assert len(tables["ratios"]) == len(places) + 1


def test_a_graph_with_a_norm_is_read_back_and_agrees(random_model):
    """And all of its images keep their four axes."""
    model, rng = random_model(1, 4), np.random.default_rng(0)
    model.nodes.insert(-2, Node("norm", "block0.norm", ("x1", "x0"), "y"))
    model.nodes[-2:] = [replace(model.nodes[-2], inputs=("y",)), model.nodes[-1]]
    model.tensors = {**model.tensors, "y": model.tensors["x1"]}
    for key, limit in (("gain", 60), ("centre", 500), ("bias", 200)):
        model.constants[f"block0.norm.{key}"] = rng.integers(-limit, limit, 4, dtype=np.int32)
    proto = to_qonnx(model, 8, 12)
    raised = raise_graph(proto)
    assert raised.nodes == model.nodes
    check_qonnx(proto, model)
    axes = [len(info.type.tensor_type.shape.dim) for info in proto.graph.value_info if ".norm." in info.name]
    assert axes and set(axes) == {4}
