"""Every network as a graph of operators, executed: each tensor is the integer model's."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from bitpan.build.finn.flow import check, reference, set_up, specialise
from bitpan.build.finn.integer_graph import integer_graph
from bitpan.compare import random_case
from bitpan.errors import BuildError, MismatchError
from bitpan.models.networks.bnnpan import BNNPan
from bitpan.models.networks.integers import to_integer_model
from bitpan.models.networks.s2bnet import S2BNet, S2BNetFlat

BARE = {"wavelet": "none", "norm": "none", "prior": "none", "cdc": "none"}
SUBBANDS = 4


@pytest.fixture
def bnnpan(make_network):
    return to_integer_model(make_network(kind=BNNPan, blocks=2, channels=4))


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (BNNPan, {"blocks": 2}),
        (BNNPan, {"blocks": 1, "bands": 8, "outer_skip": "add"}),
        (BNNPan, {"blocks": 2, **BARE}),
        (S2BNet, {"blocks": 10}),
        (S2BNet, {"blocks": 10, "srm": "static", "gsfa": "features"}),
        (S2BNetFlat, {"srm": "none"}),
        (S2BNetFlat, {"planes": "2"}),
    ],
)
def test_every_tensor_is_the_models_before_and_after_specialisation(make_network, tmp_path, kind, settings):
    model = to_integer_model(make_network(kind=kind, **{"channels": 4, **settings}))
    set_up(tmp_path)
    case = random_case(model, 16, 32, seed=1)
    expected = reference(model, case)
    graph = integer_graph(model, 16, 32)
    check(graph, model, case, expected, "integer graph")
    graph = specialise(graph, "xc7z020clg400-1")
    check(graph, model, case, expected, "RTL nodes")
    for name, tensor in model.tensors.items():
        channels, *sides = tensor.shape(16, 32)
        assert tuple(graph.get_tensor_shape(name)) == (1, *sides, channels), name
    consumers = Counter(name for node in graph.graph.node for name in node.input if graph.get_initializer(name) is None)
    assert max(consumers.values()) == 1


def test_a_wavelet_is_one_node_with_four_outputs(bnnpan):
    graph = integer_graph(bnnpan, 16, 16)
    wavelets = [node for node in graph.graph.node if node.op_type == "Haar"]
    assert [node.name for node in wavelets] == ["node_block0_haar0", "node_block1_haar0"]
    found = [name for node in wavelets for name in node.output]
    assert found == [node.output for node in bnnpan.nodes if node.op == "haar"]


def test_subbands_in_another_order_in_the_model_come_from_the_same_outputs(bnnpan, tmp_path):
    places = [i for i, node in enumerate(bnnpan.nodes) if node.op == "haar"][:SUBBANDS]
    for place, node in zip(places, [bnnpan.nodes[i] for i in reversed(places)], strict=True):
        bnnpan.nodes[place] = node
    set_up(tmp_path)
    case = random_case(bnnpan, 16, 16, seed=1)
    graph, expected = integer_graph(bnnpan, 16, 16), reference(bnnpan, case)
    check(graph, bnnpan, case, expected, "integer graph")
    node = next(node for node in graph.graph.node if node.op_type == "Haar")
    node.output[0], node.output[1] = node.output[1], node.output[0]
    with pytest.raises(MismatchError, match=r"integer graph, node block0\.haar"):
        check(graph, bnnpan, case, expected, "integer graph")


def test_a_wavelet_without_all_its_subbands_is_refused(bnnpan):
    place = next(i for i, node in enumerate(bnnpan.nodes) if node.op == "haar")
    bnnpan.nodes[place] = replace(bnnpan.nodes[place], attributes={"subband": 1})
    with pytest.raises(BuildError, match=r"node block0\.haar0: there is hardware only for all four subbands"):
        integer_graph(bnnpan, 16, 16)


def test_constant_thresholds_reach_their_nodes(bnnpan):
    graph = integer_graph(bnnpan, 16, 16)
    nodes = {node.name: node for node in graph.graph.node if node.op_type == "SignConstant"}
    assert len(nodes) == 2 * SUBBANDS
    for node in bnnpan.nodes:
        if node.op == "sign":
            written = nodes["node_" + node.name.replace(".", "_")]
            found = graph.get_initializer(written.input[1])
            assert np.array_equal(found, bnnpan.constant(node, "threshold")[None])


def test_the_first_two_of_three_takers_get_their_copies_at_once(make_network):
    """Both signs of two planes, which are joined beat by beat; the residual waits anyway."""
    graph = integer_graph(to_integer_model(make_network(planes="2")), 16, 16)
    signs = [graph.find_producer(f"block1.{name}") for name in ("first", "second")]
    (copies,) = {graph.find_producer(node.input[0]).name for node in signs}
    residual = next(node for node in graph.graph.node if node.name == "node_block1_rprelu").input[1]
    assert graph.find_producer(residual).name == "node_x1_copies" != copies
