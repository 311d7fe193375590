"""Random models are of use where no part of them is like another, so that no two can be mistaken for each other."""

from itertools import combinations, pairwise

import numpy as np


def test_no_two_blocks_and_no_two_channels_are_alike(random_model, random_inputs):
    model = random_model(blocks=3, channels=8)
    _, scene = random_inputs(model, 8, 8)
    keys = [name.removeprefix("block0.") for name in model.constants if name.startswith("block0.")]
    assert len(keys) == 10
    for one, other in combinations(range(3), 2):
        for key in keys:
            assert not np.array_equal(model.constants[f"block{one}.{key}"], model.constants[f"block{other}.{key}"])
        assert (scene[f"block{one}.threshold"] != scene[f"block{other}.threshold"]).any()
    for block in range(3):
        channels = [scene[f"block{block}.threshold"], *(model.constants[f"block{block}.rprelu.{key}"]
                    for key in ("knee", "slope_above", "slope_below", "bias_above", "bias_below"))]  # fmt: skip
        assert len({*zip(*(values.tolist() for values in channels), strict=True)}) == 8


def test_the_scene_word_after_a_units_last_is_seldom_its_first(random_model, random_inputs):
    """So that a unit that takes one word too many of the bus for its first is seen: in some seeds two are extremes."""
    model, seen = random_model(blocks=3, channels=8), 0
    for seed in range(10):
        _, scene = random_inputs(model, 8, 8, seed)
        first = [scene[node.scene[0]].flat[0] for node in model.nodes if node.scene]
        assert len(first) == 4
        seen += all(own != following for own, following in pairwise(first))
    assert seen >= 8


def test_pan_and_ms_are_centred_by_different_offsets(random_model):
    offsets = [node.attributes["offset"] for node in random_model().nodes if node.op == "centre"]
    assert len(offsets) == len(set(offsets)) == 2
