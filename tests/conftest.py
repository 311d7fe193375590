"""A small random network in integers, shared by the tests of every folder."""

import numpy as np
import pytest

from bitpan.arithmetic import keys_coefficients, lms_format
from bitpan.formats import Format
from bitpan.model import IntegerModel, Node, SceneParameter, Tensor

FEATURE = Format(10, 6)


def make_random_model(blocks=2, channels=32, bands=4, bits=11, seed=0):
    """An s2bnet-flat of random integers whose features spread over their whole format."""
    rng = np.random.default_rng(seed)
    image, lms, centred = Format(bits, 0, False), lms_format(bits), Format(12, 8)
    shift = max(0, bits - 11)
    tensors = {
        "pan": Tensor(1, image),
        "ms": Tensor(bands, image, 4),
        "lms": Tensor(bands, lms),
        "pan_centred": Tensor(1, centred),
        "lms_centred": Tensor(bands, centred),
        "input": Tensor(1 + bands, centred),
        "x0": Tensor(channels, FEATURE),
        "residual": Tensor(bands, lms),
        "fused": Tensor(bands, image),
    }
    coefficient = Format(12, 10)
    scene = [SceneParameter(f"upsample.{axis}", "interpolation", (4, 5), coefficient) for axis in ("rows", "columns")]
    offset = {"offset": 1 << (bits - 2), "shift": shift}
    nodes = [
        Node("interpolate", "upsample", ("ms",), "lms", ("upsample.rows", "upsample.columns")),
        Node("centre", "pan_centre", ("pan",), "pan_centred", attributes=offset),
        Node("centre", "lms_centre", ("lms",), "lms_centred", attributes=offset),
        Node("concat", "input_concat", ("pan_centred", "lms_centred"), "input"),
        Node("conv", "head", ("input",), "x0", attributes={"shift": 10}),
    ]
    constants = {
        "head.weights": rng.integers(-128, 128, (channels, 1 + bands, 3, 3), dtype=np.int8),
        "head.bias": rng.integers(-(2**16), 2**16, channels, dtype=np.int32),
    }
    for i in range(blocks):
        name = f"block{i}"
        tensors |= {
            f"s{i}": Tensor(channels, Format(2, 0)),
            f"p{i}": Tensor(channels, Format((9 * channels).bit_length() + 1, 0)),
            f"x{i + 1}": Tensor(channels, FEATURE),
        }
        nodes += [
            Node("sign", f"{name}.sign", (f"x{i}",), f"s{i}", (f"{name}.threshold",)),
            Node("binary_conv", f"{name}.conv", (f"s{i}",), f"p{i}"),
            Node("rprelu", f"{name}.rprelu", (f"p{i}", f"x{i}"), f"x{i + 1}", attributes={"shift": 6}),
        ]
        scene.append(SceneParameter(f"{name}.threshold", "srm", (channels,), Format(11, 6), f"x{i}"))
        constants |= {
            f"{name}.conv.weights": rng.choice(np.array([-1, 1], np.int8), (channels, channels, 3, 3)),
            f"{name}.rprelu.knee": rng.integers(-40, 40, channels, dtype=np.int32),
            f"{name}.rprelu.slope_above": rng.integers(-512, 512, channels, dtype=np.int32),
            f"{name}.rprelu.slope_below": rng.integers(-512, 512, channels, dtype=np.int32),
            f"{name}.rprelu.bias_above": rng.integers(-(2**13), 2**13, channels, dtype=np.int32),
            f"{name}.rprelu.bias_below": rng.integers(-(2**13), 2**13, channels, dtype=np.int32),
            f"{name}.threshold.fc1.weight": rng.normal(0, 0.5, (8, channels)),
            f"{name}.threshold.fc1.bias": rng.normal(0, 0.5, 8),
            f"{name}.threshold.fc2.weight": rng.normal(0, 0.5, (2 * channels, 8)),
            f"{name}.threshold.fc2.bias": rng.normal(0, 0.5, 2 * channels),
        }
    nodes += [
        Node("conv", "tail", (f"x{blocks}",), "residual", attributes={"shift": 5}),
        Node("add_clip", "output", ("lms", "residual"), "fused"),
    ]
    constants["tail.weights"] = rng.integers(-128, 128, (bands, channels, 1, 1), dtype=np.int8)
    constants["tail.bias"] = rng.integers(-(2**10), 2**10, bands, dtype=np.int32)
    return IntegerModel("random", bands, bits, 4, tensors, nodes, scene, constants)


def make_random_inputs(model, height, width, seed=0):
    """Random PAN, MS and scene parameters; the thresholds include "always" and "never"."""
    rng = np.random.default_rng(seed)
    inputs = {
        "pan": rng.integers(0, 2**model.bits, (1, height, width)),
        "ms": rng.integers(0, 2**model.bits, (model.bands, height // model.ratio, width // model.ratio)),
    }
    scene = {}
    for parameter in model.scene:
        if parameter.kind == "interpolation":
            scene[parameter.name] = keys_coefficients(model.ratio, rng.uniform(-2, 2))
        else:
            value = rng.integers(-300, 300, parameter.shape)
            value[:2] = FEATURE.min, FEATURE.max + 1
            scene[parameter.name] = value
    return inputs, scene


@pytest.fixture(scope="session")
def random_model():
    """Factory of random integer models."""
    return make_random_model


@pytest.fixture(scope="session")
def random_inputs():
    """Factory of ``(inputs, scene parameters)`` for a model."""
    return make_random_inputs
