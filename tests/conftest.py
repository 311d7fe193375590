"""A small random network in integers, shared by the tests of every folder."""

import os

import numpy as np
import pytest

from bitpan.arithmetic import BORDER, haar_format, keys_coefficients, lms_format
from bitpan.formats import Format
from bitpan.model import IntegerModel, Node, SceneParameter, Tensor

# Processes beside each other whose PyTorch has a thread for each core wait for one another: twice the time.
os.environ.setdefault("OMP_NUM_THREADS", "1")

pytest_plugins = ["networks", "qonnx_writer", "scene_files", "scene_lists"]  # of support/

FEATURE = Format(10, 6)


def pytest_terminal_summary(terminalreporter):
    """Tell how many beats of simulated units were compared with the arithmetic (``hw/conftest.py`` counts them)."""
    passed = terminalreporter.stats.get("passed", [])
    beats = sum(count for report in passed for name, count in report.user_properties if name == "beats")
    if beats:
        terminalreporter.write_line(f"{beats:,} beats of simulated units equal the arithmetic in every bit")


def make_random_model(blocks=2, channels=32, bands=4, bits=11, seed=0):
    """An s2bnet-flat of random integers whose features spread over their whole format."""
    rng = np.random.default_rng(seed)
    image, lms, centred = Format(bits, 0, False), lms_format(bits), Format(12, 8)
    shift = max(0, bits - 11)
    tensors = {
        "pan": Tensor(1, image),
        "ms": Tensor(bands, image, 4, BORDER),
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
    offsets = {name: {"offset": share << (bits - 4), "shift": shift} for name, share in (("pan", 4), ("lms", 5))}
    nodes = [
        Node("interpolate", "upsample", ("ms",), "lms", ("upsample.rows", "upsample.columns")),
        Node("centre", "pan_centre", ("pan",), "pan_centred", attributes=offsets["pan"]),
        Node("centre", "lms_centre", ("lms",), "lms_centred", attributes=offsets["lms"]),
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
    """Random PAN, MS and scene parameters; a channel's threshold is "always", another's "never", others in each block.

    So no scene word equals the one that follows the last of its unit.
    """
    rng = np.random.default_rng(seed)
    shapes = {name: model.tensors[name].shape(height, width) for name in ("pan", "ms")}
    inputs = {name: rng.integers(0, 2**model.bits, shape) for name, shape in shapes.items()}
    scene = {}
    for parameter in model.scene:
        if parameter.kind == "interpolation":
            scene[parameter.name] = keys_coefficients(model.ratio, rng.uniform(-2, 2))
        else:
            value = rng.integers(-300, 300, parameter.shape)
            value[rng.choice(len(value), 2, replace=False)] = FEATURE.min, FEATURE.max + 1
            scene[parameter.name] = value
    return inputs, scene


class Resampler:
    """Grows a model of random integers around a body of units, pools, bilinears, skips and wavelets.

    Args:
        body: the structure between head and tail, nested: ``"unit"``, ``"gabor"`` (a unit whose sign sees a depthwise
            convolution of the features), ``"conv"``, ``("pool", *body)`` with its skip,
            ``("haar", *body of LL)`` whose other subbands pass one unit each.
        channels, bands: of features and imagery.
    """

    def __init__(self, body, channels=4, bands=2, seed=0):
        self.rng, self.channels, self.count = np.random.default_rng(seed), channels, 0
        frame = make_random_model(0, channels, bands, seed=seed)
        self.tensors, self.scene, self.constants = frame.tensors, frame.scene, frame.constants
        tail, output = frame.nodes[-2:]
        self.nodes = frame.nodes[:-2]
        last = self.grow(body, "x0")
        tail = Node("conv", "tail", (last,), "residual", attributes={"shift": 9})
        self.model = IntegerModel(
            "resampler", bands, 11, 4, self.tensors, [*self.nodes, tail, output], self.scene, self.constants
        )

    def node(self, op, inputs, fmt, stride, scene=(), **attributes):
        """One more node with its tensor, whose name it returns."""
        self.count += 1
        name = f"{op}{self.count}"
        self.tensors[f"t_{name}"] = Tensor(self.channels, fmt, stride)
        self.nodes.append(Node(op, name, tuple(inputs), f"t_{name}", scene, attributes))
        return f"t_{name}"

    def grow(self, body, x):
        for part in body:
            x = getattr(self, part)(x) if isinstance(part, str) else getattr(self, part[0])(x, part[1:])
        return x

    def gabor(self, x):
        y = self.node("depthwise", [x], self.tensors[x].format, self.tensors[x].stride, shift=6)
        weights = self.rng.integers(-128, 128, (self.channels, 1, 3, 3), dtype=np.int8)
        self.constants[f"depthwise{self.count}.weights"] = weights
        return self.unit(x, y)

    def unit(self, x, seen=None):
        """The residual is x, the sign sees ``seen``."""
        seen = seen or x
        fmt, stride, c = self.tensors[x].format, self.tensors[x].stride, self.channels
        threshold = f"threshold{self.count}"
        self.scene.append(SceneParameter(threshold, "srm", (c,), Format(fmt.bits + 1, fmt.fraction), seen))
        for key, shape in (
            ("fc1.weight", (2, c)),
            ("fc1.bias", (2,)),
            ("fc2.weight", (2 * c, 2)),
            ("fc2.bias", (2 * c,)),
        ):
            self.constants[f"{threshold}.{key}"] = self.rng.normal(0, 0.5, shape)
        s = self.node("sign", [seen], Format(2, 0), stride, (threshold,))
        p = self.node("binary_conv", [s], Format((9 * c).bit_length() + 1, 0), stride)
        weights = self.rng.choice(np.array([-1, 1], np.int8), (c, c, 3, 3))
        self.constants[f"binary_conv{self.count}.weights"] = weights
        y = self.node("rprelu", [p, x], fmt, stride, shift=6)
        low = {"knee": 9, "slope_above": 512, "slope_below": 512, "bias_above": 4096, "bias_below": 4096}
        for key, limit in low.items():
            self.constants[f"rprelu{self.count}.{key}"] = self.rng.integers(-limit, limit, c, dtype=np.int32)
        return y

    def conv(self, x):
        y = self.node("conv", [x], self.tensors[x].format, self.tensors[x].stride, shift=7)
        weights = self.rng.integers(-60, 60, (self.channels, self.channels, 3, 3), dtype=np.int8)
        self.constants[f"conv{self.count}.weights"] = weights
        self.constants[f"conv{self.count}.bias"] = self.rng.integers(-4096, 4096, self.channels, dtype=np.int32)
        return y

    def pool(self, x, body):
        fmt, stride = self.tensors[x].format, self.tensors[x].stride
        low = self.grow(body, self.node("pool", [x], fmt, 2 * stride))
        return self.node("add", [x, self.node("up", [low], fmt, stride)], fmt, stride)

    def haar(self, x, body):
        fmt, stride = self.tensors[x].format, self.tensors[x].stride
        bands = [self.node("haar", [x], haar_format(fmt), 2 * stride, subband=i) for i in range(4)]
        bands = [self.grow(body, bands[0]), *(self.unit(band) for band in bands[1:])]
        return self.node("inverse_haar", bands, fmt, stride, shift=2)


def make_resampler(body, **settings):
    return Resampler(body, **settings).model


@pytest.fixture(scope="session")
def resampler():
    """Factory of models that change resolution, see :class:`Resampler`."""
    return make_resampler


@pytest.fixture(scope="session")
def random_model():
    """Factory of random integer models."""
    return make_random_model


@pytest.fixture(scope="session")
def random_inputs():
    """Factory of ``(inputs, scene parameters)`` for a model."""
    return make_random_inputs
