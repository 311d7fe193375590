"""The CPU engine equals the reference in every bit of every tensor."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from bitpan.errors import FormatError, ModelError, SlowEngineWarning
from bitpan.formats import Format
from bitpan.host.engine.engine import CompiledEngine, ReferenceEngine, make_engine
from bitpan.host.engine.step import narrowest
from bitpan.model import Node, Tensor, execute


def assert_equal_everywhere(model, inputs, scene, threads=1):
    engine, expected = CompiledEngine(model, threads), {}
    execute(model, inputs, scene, watch=expected.__setitem__)
    for name, value in expected.items():
        np.testing.assert_array_equal(engine.run(inputs, scene, name), value, err_msg=name)


@pytest.mark.parametrize("channels", [3, 32, 48, 64])
@pytest.mark.parametrize(("height", "width"), [(4, 4), (12, 36), (44, 40), (132, 12)])
def test_equals_reference(random_model, random_inputs, channels, height, width):
    model = random_model(channels=channels, seed=channels)
    assert_equal_everywhere(model, *random_inputs(model, height, width, seed=height), threads=2)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("bands", [1, 8])
def test_equals_reference_at_every_bit_depth(random_model, random_inputs, bits, bands):
    model = random_model(channels=8, bits=bits, bands=bands)
    assert_equal_everywhere(model, *random_inputs(model, 16, 24))


@pytest.mark.parametrize("value", [0, 2047])
@pytest.mark.parametrize("weight", [-128, 127])
@pytest.mark.parametrize("constant", ["lowest", "highest"])
def test_equals_reference_at_the_extremes(random_model, random_inputs, value, weight, constant):
    model = random_model(channels=8)
    inputs, scene = random_inputs(model, 16, 16)
    inputs = {name: np.full_like(array, value) for name, array in inputs.items()}
    inputs["pan"][:, ::2] = 2047 - value
    for name, array in model.constants.items():
        if name.endswith(("head.weights", "tail.weights")):
            array[:] = weight
        if "slope" in name:
            array[:] = -512 if constant == "lowest" else 511
        if "bias_" in name:
            array[:] = -(1 << 19) if constant == "lowest" else (1 << 19) - 1
    assert_equal_everywhere(model, inputs, scene)


def test_a_kernel_without_memory_ends_the_run(random_model, random_inputs):
    model = random_model(channels=8)
    engine = CompiledEngine(model, 1)
    engine._in_bands = lambda kernels, band, end, failed: failed.fill(len(kernels))
    with pytest.raises(MemoryError, match="fused"):
        engine.run(*random_inputs(model, 16, 16))


def replace_node(model, name, **changes):
    nodes = [replace(node, **changes) if node.name == name else node for node in model.nodes]
    return replace(model, nodes=nodes)


def test_wider_numbers_leave_the_fast_path(random_model, random_inputs):
    model = random_model(channels=8)
    for key in ("slope_above", "bias_below"):
        model.constants[f"block0.rprelu.{key}"][:] = (1 << 31) - 1
    assert_equal_everywhere(model, *random_inputs(model, 8, 8))


def test_left_shift(random_model, random_inputs):
    model = random_model(channels=8)
    for name in ("tail", "block1.rprelu"):
        model = replace_node(model, name, attributes={"shift": -1})
    assert_equal_everywhere(model, *random_inputs(model, 8, 8))


@pytest.mark.parametrize("kernel", [1, 5])
def test_other_kernel_sizes(random_model, random_inputs, kernel):
    model, rng = random_model(channels=8), np.random.default_rng(0)
    model.constants["block0.conv.weights"] = rng.choice(np.array([-1, 1], np.int8), (8, 8, kernel, kernel))
    model.constants["tail.weights"] = rng.integers(-128, 128, (4, 8, kernel, kernel), dtype=np.int8)
    assert_equal_everywhere(model, *random_inputs(model, 8, 12))


@pytest.mark.parametrize("weight", [None, -128, 127])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_depthwise_convolution(resampler, random_inputs, kernel, weight):
    model, rng = resampler(("gabor", ("pool", "gabor")), channels=5), np.random.default_rng(0)
    for name in ("depthwise1", "depthwise6"):
        weights = rng.integers(-128, 128, (5, 1, kernel, kernel), dtype=np.int8)
        assert f"{name}.weights" in model.constants
        model.constants[f"{name}.weights"] = weights if weight is None else np.full_like(weights, weight)
    assert_equal_everywhere(model, *random_inputs(model, 24, 20), threads=2)


def test_shared_signs_and_foreign_residual(random_model, random_inputs):
    """Signs read twice are not fused away."""
    model = random_model(channels=8)
    model = replace_node(model, "block1.conv", inputs=("s0",))
    model = replace_node(model, "block1.rprelu", inputs=("p1", "x0"))
    model.nodes.append(Node("concat", "both", ("x1", "x2"), "both"))
    model.nodes.append(Node("concat", "again", ("both", "x0"), "again"))
    model.tensors |= {"both": Tensor(16, Format(10, 6)), "again": Tensor(24, Format(10, 6))}
    inputs, scene = random_inputs(model, 8, 8)
    expected = execute(model, inputs, scene, "again")
    np.testing.assert_array_equal(CompiledEngine(model, 1).run(inputs, scene, "again"), expected)


def test_residual_that_is_still_needed_is_not_overwritten(random_model, random_inputs):
    model = replace_node(random_model(channels=8), "block1.rprelu", inputs=("p1", "x0"))
    assert_equal_everywhere(model, *random_inputs(model, 8, 8))


@pytest.mark.parametrize("engine", [CompiledEngine, ReferenceEngine])
def test_starts_from_given_tensors_and_leaves_them_alone(random_model, random_inputs, engine):
    model = random_model(channels=8)
    inputs, scene = random_inputs(model, 8, 8)
    x1 = np.array(execute(model, inputs, scene, "x1"), np.int16)
    before = x1.copy()
    x2 = engine(model).run({"x1": x1}, scene, "x2")
    np.testing.assert_array_equal(x2, execute(model, inputs, scene, "x2"))
    np.testing.assert_array_equal(x1, before)
    with pytest.raises(ModelError, match=r"ms.* not given"):
        engine(model).run({"x1": x1}, scene)


def test_refuses_inputs_beyond_their_format(random_model, random_inputs):
    model = random_model(channels=8)
    inputs, scene = random_inputs(model, 8, 8)
    inputs["pan"][0, 0, 0] = 2048
    with pytest.raises(FormatError, match="pan holds"):
        CompiledEngine(model, 1).run(inputs, scene)


def test_without_numba_the_reference_does_the_work(random_model, monkeypatch):
    model = random_model(channels=8)
    assert isinstance(make_engine(model), CompiledEngine)
    monkeypatch.setitem(sys.modules, "bitpan.host.compiled.machine_code", None)
    with pytest.warns(SlowEngineWarning, match=r"bitpan\[numba\]"):
        assert isinstance(make_engine(model), ReferenceEngine)


def test_narrowest_type_leaves_room_for_never():
    assert [narrowest(f) for f in (Format(15), Format(16), Format(31), Format(32))] == [
        np.int16,
        np.int32,
        np.int32,
        np.int64,
    ]
