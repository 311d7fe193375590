"""What the integers cost before a training, where features stay within their formats: little, but something."""

import numpy as np
import pytest
import torch

from bitpan.errors import ModelError
from bitpan.model import execute
from bitpan.models.layers.resampling import bordered
from bitpan.models.networks.bnnpan import BNNPan
from bitpan.models.networks.configuration import Configuration
from bitpan.models.networks.integers import to_integer_model
from bitpan.models.networks.s2bnet import S2BNet, S2BNetFlat
from bitpan.models.quality import unrounded as module
from bitpan.models.quality.unrounded import unrounded


@pytest.mark.parametrize(
    ("kind", "blocks", "arms"),
    [
        (kind, blocks, arms)
        for kind, blocks in ((S2BNetFlat, 2), (S2BNet, 10))
        for arms in ({}, {"gsfa": "features"}, {"planes": "2"})
    ]
    + [(BNNPan, 2, {})],
)
def test_real_features_give_nearly_the_same_residual(make_pair, kind, blocks, arms):
    torch.manual_seed(0)
    network = kind(Configuration(blocks=blocks, channels=16, **arms))
    network.tail.conv.weight.data *= 5
    pan, ms = make_pair(64)
    network.scale_head(pan, ms)
    scene = {name: value.numpy().astype(np.int64) for name, value in network.measure(pan, ms).items()}
    model, inputs = to_integer_model(network), {"pan": pan[0].numpy(), "ms": bordered(ms)[0].numpy()}
    lms = execute(model, inputs, scene, until="lms")
    inside = (lms > 300) & (lms < 1700)  # where the sum is not clipped
    integers, real = ((run(model, inputs, scene) - lms)[inside] for run in (execute, unrounded))
    error = (integers - real).std() / real.std()
    assert 0 < error < 0.4  # a sign near its threshold flips here and there


@pytest.mark.parametrize(("kind", "blocks"), [(S2BNetFlat, 2), (S2BNet, 10), (BNNPan, 2)])
def test_tiles_are_those_of_the_whole(monkeypatch, make_pair, kind, blocks):
    """But for sums in another order, which may decide a rounding."""
    torch.manual_seed(1)
    network = kind(Configuration(blocks=blocks, channels=8))
    network.tail.conv.weight.data *= 5
    pan, ms = make_pair(192)
    network.scale_head(pan, ms)
    scene = {name: value.numpy().astype(np.int64) for name, value in network.measure(pan, ms).items()}
    model, inputs = to_integer_model(network), {"pan": pan[0].numpy(), "ms": bordered(ms)[0].numpy()}
    whole = unrounded(model, inputs, scene)
    sizes, frame = [], module._on_frame
    monkeypatch.setattr(module, "_on_frame", lambda *of: (sizes.append(of[1]["pan"].shape), frame(*of))[1])
    monkeypatch.setattr(module, "TILE", 64)
    parts = unrounded(model, inputs, scene)
    assert len(sizes) == 9 and sizes[0][1] < 192
    assert (parts != whole).mean() < 1e-3 and np.abs(parts - whole).max() <= 1


def test_an_operation_without_a_function_is_named(monkeypatch):
    model = to_integer_model(S2BNetFlat(Configuration(blocks=1, channels=8)))
    inputs = {"pan": np.zeros((1, 16, 16), np.int64), "ms": np.zeros((4, 8, 8), np.int64)}
    scene = {entry.name: np.zeros(entry.shape, np.int64) for entry in model.scene}
    monkeypatch.delitem(module._REAL, "rprelu")
    with pytest.raises(ModelError, match=r"no function without rounding for rprelu; add it to .*unrounded.py"):
        unrounded(model, inputs, scene)
