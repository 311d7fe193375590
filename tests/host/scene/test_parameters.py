"""Scene parameters: the integers computed once per scene."""

import numpy as np
import pytest
import torch

from bitpan.arithmetic import BORDER, affine_integers, keys_coefficients, srm_threshold
from bitpan.host.engine.engine import CompiledEngine, ReferenceEngine
from bitpan.host.engine.plan import needed_nodes
from bitpan.host.scene.parameters import (
    _read_samples,
    affine,
    compute_scene_parameters,
    srm,
)
from bitpan.host.scene.scene import array_scene
from bitpan.host.scene.tiles import sample_tiles
from bitpan.model import execute
from bitpan.models.networks.configuration import Configuration
from bitpan.models.networks.integers import to_integer_model
from bitpan.models.networks.registry import NETWORKS


def images(model, height, width, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2048, (1, height, width)), rng.integers(0, 2048, (model.bands, height // 4, width // 4))


def test_srm_follows_its_formula(small_model):
    parameter = small_model.scene_parameter("block1.threshold")
    mean = np.linspace(-300, 300, 8)
    w1, b1, w2, b2 = (
        small_model.constant(parameter, key) for key in ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")
    )
    hidden = np.maximum(w1 @ (mean / 64) + b1, 0)
    p, q = (w2 @ hidden + b2)[:8], (w2 @ hidden + b2)[8:]
    expected = srm_threshold(2 / (1 + np.exp(-p)), 64 * np.tanh(q), small_model.tensors["x1"].format)
    np.testing.assert_array_equal(srm(small_model, parameter, mean), expected)
    assert len(set(expected.tolist())) > 1


def test_each_block_is_measured_with_the_integers_before_it(small_model, small_engine):
    """A scene of one sample tile: its mean is the whole extended scene's."""
    pan, ms = images(small_model, 64, 48)
    scene = array_scene(small_model, pan, ms, shift=(-2.25, 2.5))
    found = compute_scene_parameters(small_model, scene, small_engine)
    np.testing.assert_array_equal(found["upsample.rows"], keys_coefficients(4, 1.75))
    np.testing.assert_array_equal(found["upsample.columns"], keys_coefficients(4, -1.5))
    inputs = scene.read(-16, -16, 96, 80, border=BORDER)
    inputs = {"pan": inputs.pan, "ms": inputs.ms}
    scene_so_far = {name: found[name] for name in ("upsample.rows", "upsample.columns")}
    for name, tensor in (("block0.threshold", "x0"), ("block1.threshold", "x1")):
        mean = execute(small_model, inputs, scene_so_far, tensor)[:, 16:80, 16:64].mean(axis=(1, 2))
        expected = srm(small_model, small_model.scene_parameter(name), mean)
        np.testing.assert_array_equal(found[name], expected)
        scene_so_far[name] = expected


def test_coarse_tensors_are_measured_over_whole_valid_blocks(resampler):
    """A scene of one sample tile of 30 x 42 pixels with a hole: 15 x 21 samples at stride 2, less those at the hole."""
    model = resampler((("pool", "unit"),))
    (parameter,) = (parameter for parameter in model.scene if parameter.kind == "srm")
    assert model.tensors[parameter.measures].stride == 2
    pan, ms = (np.maximum(image, 1) for image in images(model, 32, 44))
    pan, ms = pan[:, :30, :42], ms[:, :8, :11]
    pan[:, 11:14, 7:8] = 0
    scene, engine = array_scene(model, pan, ms, nodata=0), ReferenceEngine(model)
    found = compute_scene_parameters(model, scene, engine)
    halo = 16  # at least the model's, and on its grid
    patch = scene.read(-halo, -halo, 32 + 2 * halo, 44 + 2 * halo, border=BORDER)
    values = engine.run({"pan": patch.pan, "ms": patch.ms}, found, parameter.measures)
    counts = patch.valid[halo : halo + 30, halo : halo + 42].reshape(15, 2, 21, 2).all(axis=(1, 3))
    assert 0 < counts.sum() < 15 * 21
    inside = values[:, halo // 2 : halo // 2 + 15, halo // 2 : halo // 2 + 21]
    np.testing.assert_array_equal(found[parameter.name], srm(model, parameter, inside[:, counts].mean(axis=1)))


@pytest.mark.parametrize("engine", [CompiledEngine, ReferenceEngine])
def test_thresholds_follow_what_the_sign_sees(resampler, engine):
    """A depthwise convolution in front of each sign: its mean counts, not that of the residual beside it."""
    model = resampler(("gabor", "gabor"))
    scene = array_scene(model, *images(model, 64, 48))
    found = compute_scene_parameters(model, scene, engine(model))
    halo = 16  # at least the model's, and on its grid
    patch = scene.read(-halo, -halo, 64 + 2 * halo, 48 + 2 * halo, border=BORDER)
    thresholds = [parameter for parameter in model.scene if parameter.kind == "srm"]
    assert [parameter.measures.startswith("t_depthwise") for parameter in thresholds] == [True, True]
    for parameter in thresholds:
        values = execute(model, {"pan": patch.pan, "ms": patch.ms}, found, parameter.measures)
        mean = values[:, halo : halo + 64, halo : halo + 48].mean(axis=(1, 2))
        np.testing.assert_array_equal(found[parameter.name], srm(model, parameter, mean))


class Watching(ReferenceEngine):
    """Tells what is computed."""

    def __init__(self, model):
        super().__init__(model)
        self.computed = []

    def run(self, inputs, scene, until="fused"):
        self.computed.extend(node.output for node in needed_nodes(self.model, until, inputs))
        return super().run(inputs, scene, until)


@pytest.mark.parametrize(
    ("network", "settings"),
    [
        ("bnnpan", {}),
        ("bnnpan", {"outer_skip": "add"}),
        ("bnnpan", {"wavelet": "none", "norm": "none"}),
        ("s2bnet", {"blocks": 10}),
        ("s2bnet", {"blocks": 10, "gsfa": "features"}),
        ("s2bnet", {"blocks": 10, "planes": "2"}),
    ],
)
def test_each_tensor_is_computed_once(network, settings):
    """Also where a residual, a skip or the latent module's input passes by what is measured."""
    torch.manual_seed(0)
    configuration = Configuration(**{"blocks": 3, "channels": 4, "bands": 2, **settings})
    model = to_integer_model(NETWORKS[network](configuration))
    engine = Watching(model)
    compute_scene_parameters(model, array_scene(model, *images(model, 64, 48)), engine)
    assert len(engine.computed) == len(set(engine.computed)) > 10


@pytest.mark.parametrize("prior", [None, np.array([0.5, -1.0, 2.0])], ids=["alone", "after LDPC"])
def test_affine_is_that_of_all_its_samples_together(prior):
    """Statistics summed sample by sample are those of the pixels side by side, scaled and moved by the prior's."""
    torch.manual_seed(0)
    model = to_integer_model(NETWORKS["bnnpan"](Configuration(blocks=1, channels=4, bands=2, prior="none")))
    parameter = model.scene_parameter("block0.affine")
    model.constants["block0.affine.weigh.weight"] = np.random.default_rng(1).normal(size=(4, 12))
    rng, step = np.random.default_rng(0), model.tensors[parameter.measures].format.step
    samples = [rng.integers(-512, 512, (4, pixels)).astype(np.int16) for pixels in (0, 300, 1000)]
    for sample in samples:
        sample[2], sample[3] = 7, sample[3] // 100  # no spread, and little
    own, offset = np.ones(4), np.zeros(4)
    if prior is not None:
        layer = {"weight": rng.normal(size=(8, 3)), "bias": rng.normal(size=8)}
        model.constants |= {f"block0.affine.ldpc.{key}": value for key, value in layer.items()}
        own, offset = np.split(layer["weight"] @ prior + layer["bias"], 2)
    y = np.concatenate(samples, axis=1) * step * own[:, None] + offset[:, None]
    statistics = np.concatenate([np.abs(y).mean(1), y.mean(1), y.std(1)])
    weight, bias = (model.constants[f"block0.affine.weigh.{key}"] for key in ("weight", "bias"))
    gate = 1 / (1 + np.exp(-(weight @ statistics + bias)))
    expected = affine_integers(1 + gate * own, gate * offset / step, model.tensors[parameter.measures].format)
    found = affine(model, parameter, lambda work: map(work, samples), prior)
    np.testing.assert_array_equal(found, expected)
    assert len(set(found[0].tolist())) > 1


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("network", ["s2bnet-flat", "s2bnet", "bnnpan"])
def test_samples_are_measured_as_each_would_be_alone(network, threads):
    """They go through the network side by side."""
    torch.manual_seed(0)
    settings = {"s2bnet": {"blocks": 10}, "bnnpan": {"blocks": 2, "prior": "none"}}.get(network, {"blocks": 2})
    model = to_integer_model(NETWORKS[network](Configuration(channels=4, bands=2, **settings)))
    pan, ms = images(model, 280, 200)
    pan[:, 40:60, 100:130] = 0
    scene = array_scene(model, pan, ms, nodata=0, shift=(0.25, -0.5))
    found, samples = compute_scene_parameters(model, scene, CompiledEngine(model, threads)), _read_samples(model, scene)
    assert len(samples) == 6
    measured = [parameter for parameter in model.scene if parameter.measures]
    alone = [{} for _ in samples]
    for sample, tensors in zip(samples, alone, strict=True):
        execute(model, sample.images, found, watch=tensors.__setitem__)
    for parameter in measured:
        stride = model.tensors[parameter.measures].stride
        parts = []
        for sample, tensors in zip(samples, alone, strict=True):
            rows, columns = (slice(part.start // stride, part.stop // stride) for part in sample.inside)
            valid = sample.valid.reshape(sample.valid.shape[0] // stride, stride, -1, stride).all(axis=(1, 3))
            parts.append(tensors[parameter.measures][:, rows, columns][:, valid])
        if parameter.kind == "srm":
            expected = srm(model, parameter, np.concatenate(parts, axis=1).mean(axis=1))
        else:
            expected = affine(model, parameter, lambda work, own=parts: map(work, own), None)
        np.testing.assert_array_equal(found[parameter.name], expected)


def test_engines_agree_on_bnnpan():
    torch.manual_seed(0)
    model = to_integer_model(NETWORKS["bnnpan"](Configuration(blocks=2, channels=4, bands=2)))
    scene = array_scene(model, *images(model, 200, 140))
    first, second = (
        compute_scene_parameters(model, scene, engine) for engine in (CompiledEngine(model, 2), ReferenceEngine(model))
    )
    for name in second:
        np.testing.assert_array_equal(first[name], second[name])


def test_engines_agree_on_a_large_scene(small_model):
    scene = array_scene(small_model, *images(small_model, 700, 300))
    first, second = (
        compute_scene_parameters(small_model, scene, engine)
        for engine in (CompiledEngine(small_model, 2), ReferenceEngine(small_model))
    )
    assert first.keys() == second.keys() == {parameter.name for parameter in small_model.scene}
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def test_nodata_is_left_out(small_model, small_engine):
    """What lies under the nodata value does not matter, beyond the features' own reach."""
    pan, ms = images(small_model, 128, 128)
    pan[pan == 0] = 1
    ms[ms == 0] = 1
    ms[:, :, 16:] = 0
    found = []
    for value in (5, 2000):
        pan[:, :, 64:] = np.where(np.arange(64) < 32, 0, value)
        found.append(compute_scene_parameters(small_model, array_scene(small_model, pan, ms, nodata=0), small_engine))
    for name in found[0]:
        np.testing.assert_array_equal(found[0][name], found[1][name])
    everything = compute_scene_parameters(small_model, array_scene(small_model, pan, ms), small_engine)
    assert any((everything[name] != found[0][name]).any() for name in found[0])


def test_data_between_the_samples_is_found(small_model, small_engine):
    """A strip that none of the 4 x 4 sample tiles touches counts all the same."""
    pan, ms = images(small_model, 1024, 1024)
    inside = np.zeros((1024, 1024), bool)
    inside[160:176, 160:192] = True
    pan = np.where(inside, np.maximum(pan, 1), 0)
    strip = array_scene(small_model, pan, np.maximum(ms, 1), nodata=0)
    empty = array_scene(small_model, 0 * pan, np.maximum(ms, 1), nodata=0)
    found, nothing = (compute_scene_parameters(small_model, scene, small_engine) for scene in (strip, empty))
    assert any((found[name] != nothing[name]).any() for name in found)


def test_a_scene_without_data_has_parameters(small_model, small_engine):
    scene = array_scene(small_model, np.zeros((1, 40, 40), int), np.zeros((2, 10, 10), int), nodata=0)
    found = compute_scene_parameters(small_model, scene, small_engine)
    for name in ("block0.threshold", "block1.threshold"):
        expected = srm(small_model, small_model.scene_parameter(name), np.zeros(8))
        np.testing.assert_array_equal(found[name], expected)


def test_at_most_sixteen_samples_in_raster_order(small_model):
    """All those of 4 x 4; where they hold no data, of 8 x 8 the first that do."""
    height = width = 1280
    data = np.ones((1, height, width), np.uint16)
    ms = np.ones((2, height // 4, width // 4), np.uint16)

    def places(pan):
        scene = array_scene(small_model, pan, ms, nodata=0)
        return [(sample.inside, int(sample.valid.sum())) for sample in _read_samples(small_model, scene)]

    assert len(places(data)) == 16
    halo, alignment = small_model.halo(), small_model.alignment
    coarse, fine = (sample_tiles(height, width, alignment, halo, per_axis, 128) for per_axis in (4, 8))
    for tile in coarse:
        data[:, tile.top : tile.top + tile.height, tile.left : tile.left + tile.width] = 0
    counts = [
        int(data[:, tile.top : tile.top + tile.height, tile.left : tile.left + tile.width].sum()) for tile in fine
    ]
    expected = [(tile.inside, count) for tile, count in zip(fine, counts, strict=True) if count]
    assert len(expected) > 16 and places(data) == expected[:16]
