"""Parts follow each other by what they read, and keep what is still read."""

from bitpan.host.engine.kernels import KERNELS
from bitpan.host.engine.plan import make_plan
from bitpan.models.networks.configuration import Configuration
from bitpan.models.networks.integers import to_integer_model
from bitpan.models.networks.registry import NETWORKS

BAND = 32


def plan_of(name, until="fused", given=("pan", "ms"), **settings):
    network = NETWORKS[name](Configuration(channels=4, **settings))
    model = to_integer_model(network)
    return model, make_plan(model, KERNELS, until, given, BAND)


def test_a_block_is_a_part_and_a_line_behind_the_one_before():
    _, plan = plan_of("s2bnet-flat", blocks=3)
    blocks = [part for part in plan.parts if len(part.nodes) == 3]
    assert [[node.op for node in part.nodes] for part in blocks] == [["sign", "binary_conv", "rprelu"]] * 3
    first = blocks[0].lag
    assert [part.lag for part in blocks] == [first, first + 1, first + 2]
    assert all(part.spare == {*part.reads} for part in blocks)  # each may lie on the one before


def test_what_lies_on_each_other_is_kept_until_the_last_is_read():
    _, plan = plan_of("s2bnet-flat", blocks=3)
    outputs = [part.nodes[-1].output for part in plan.parts if len(part.nodes) == 3]
    assert [plan.kept[name] for name in outputs] == [BAND + 3, BAND + 2, BAND]  # the tail looks no further
    assert plan.kept["x0"] == BAND + 4  # from a line behind the first rows to five behind


def test_subbands_are_one_part_and_rows_whole_samples():
    model, plan = plan_of("bnnpan", blocks=1)
    (haar,) = (part for part in plan.parts if part.nodes[0].op == "haar")
    assert len(haar.nodes) == len(haar.results) == 4
    assert all(part.lag % model.tensors[part.nodes[-1].output].stride == 0 for part in plan.parts)


def test_subbands_become_the_next_blocks_without_an_image_between():
    _, plan = plan_of("bnnpan", blocks=2)
    (part,) = (part for part in plan.parts if len(part.nodes) == 6)
    assert [node.op for node in part.nodes] == ["inverse_haar", "affine", *["haar"] * 4]
    assert [node.output for node in part.results] == [f"block1.{name}" for name in ("ll", "lh", "hl", "hh")]
    assert not plan.kept.keys() & {"block0.y", "x1"}
    _, plan = plan_of("bnnpan", "x1", blocks=2)
    assert [node.op for node in plan.parts[-1].nodes] == ["inverse_haar", "affine"]


def test_the_result_and_what_is_given_are_whole():
    _, plan = plan_of("bnnpan", "x1", ("x0",), blocks=1)
    assert "x1" not in plan.kept
    assert not any("x0" in part.spare for part in plan.parts)
    _, plan = plan_of("bnnpan", "block0.lh", ("x0",), blocks=1)
    assert not plan.kept.keys() & {"block0.lh", "block0.ll"}
