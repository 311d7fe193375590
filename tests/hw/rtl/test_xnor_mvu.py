"""The XNOR MVU against the number contract's convolution."""

from dataclasses import dataclass

import numpy as np
import pytest

from bench import check, lint, run
from bitpan import arithmetic
from bitpan.errors import BuildError
from bitpan.hw.measure.yosys import area
from bitpan.hw.packing import literal, pack
from bitpan.hw.simulate.simulation import Simulation
from bitpan.hw.sources import unit_sources

SOURCES = unit_sources("bp_xnor_mvu")


@dataclass(frozen=True)
class Case:
    """A unit's size; ``width`` elements of a window in pixels of ``channels`` in ``groups``."""

    width: int
    height: int
    simd: int
    pe: int
    out_bits: int
    groups: int = 1
    channels: int = 0
    compare: bool = False
    memory: int = 0

    @property
    def steps(self):
        return self.width // self.groups // self.simd * (self.height // self.pe)

    def parameters(self, weights, thresholds):
        sizes = {"MatrixWidth": self.width, "MatrixHeight": self.height, "Simd": self.simd, "Pe": self.pe}
        options = {"OutBits": self.out_bits, "Compare": int(self.compare), "WeightMemory": self.memory}
        groups = {"Groups": self.groups, "Channels": self.channels or self.width}
        constants = {"Weights": literal(weights > 0, 1), "Thresholds": literal(thresholds, self.out_bits + 1)}
        return {**sizes, **options, **groups, **constants}

    def beats(self, x, weights, thresholds):
        """Input and output beats of windows ``x: (n, width)``; the reference is a 1x1 convolution of each group."""
        groups = x.reshape(len(x), -1, self.groups, (self.channels or self.width) // self.groups)
        rows = weights.reshape(self.groups, -1, weights.shape[1])
        sums = np.concatenate(
            [
                arithmetic.conv2d(groups[:, :, g].reshape(len(x), -1).T[:, :, None], rows[g][:, :, None, None])
                for g in range(self.groups)
            ]
        )
        result = (arithmetic.sign(sums, thresholds) + 1) // 2 if self.compare else sums
        packed = pack(result[:, :, 0].T.reshape(-1, self.pe), 1 if self.compare else self.out_bits)
        return pack((x > 0).reshape(-1, self.simd), 1), packed


def windows(rng, count, case, weights):
    """Random windows, and the extreme ones: all -1, all +1, each row's best and worst match."""
    random = rng.choice([-1, 1], (count, case.width))
    pixels = weights.reshape(len(weights), -1, 1, (case.channels or case.width) // case.groups)
    best = np.repeat(pixels, case.groups, axis=2).reshape(len(weights), -1)
    return np.concatenate([random, -np.ones_like(random[:1]), np.ones_like(random[:1]), best, -best])


def slow(*sizes, **options):
    return pytest.param(Case(*sizes, **options), marks=pytest.mark.slow)


@pytest.mark.parametrize(
    "case",
    [
        Case(288, 4, 288, 4, 10),  # constant weights, a window per clock
        Case(288, 8, 32, 4, 10, memory=2),  # nine beats a window, two groups of rows
        Case(45, 3, 45, 1, 8, compare=True),  # whole windows, replayed; odd sums
        Case(36, 3, 4, 3, 7, memory=1),  # several beats, not replayed
        Case(1, 2, 1, 2, 2),
        Case(72, 8, 2, 2, 8, groups=2, channels=8),  # runs of two beats, two groups of rows for each group of channels
        slow(36, 4, 1, 1, 5, groups=4, channels=4, compare=True),  # depthwise
        slow(108, 6, 4, 2, 7, groups=3, channels=12),
        slow(16, 4, 8, 1, 5, groups=2, channels=16, compare=True),  # one beat a sum
        slow(288, 16, 288, 16, 10, compare=True),
        slow(35, 6, 7, 2, 12),
        slow(36, 4, 6, 4, 9),
        slow(11, 5, 11, 5, 5),
        slow(77, 2, 1, 1, 8),
        slow(288, 32, 288, 32, 10),
    ],
)
def test_sums(case):
    rng = np.random.default_rng(case.width * case.height + case.simd)
    row_width = case.width // case.groups
    weights = rng.choice([-1, 1], (case.height, row_width))
    thresholds = rng.integers(-4, 5, case.height)
    thresholds[:2] = row_width, row_width + 1  # almost never, never
    x = windows(rng, 150, case, weights)
    x_beats, out_beats = case.beats(x, weights, thresholds)
    wrong = weights.copy()
    wrong[-1, -1] *= -1
    _, wrong_beats = case.beats(x, wrong, thresholds + 1)
    length, times = case.width // case.simd, case.height // case.pe
    with Simulation(SOURCES, "bp_xnor_mvu", case.parameters(weights, thresholds)) as simulation:
        cycles = check(simulation, {"in0": x_beats}, {"out0": out_beats})
        assert cycles <= case.steps * len(x) + length + 13, "a window takes (width/groups/simd) * (height/pe) cycles"
        simulation.set_stall("out0", "never")
        simulation.set_stall("in0", times // case.groups)  # a source just fast enough keeps the unit busy
        simulation.reset()
        assert run(simulation, {"in0": x_beats}, {"out0": out_beats}) <= case.steps * len(x) + length * times + 15
        with pytest.raises(AssertionError, match="wrong bytes"):
            run(simulation, {"in0": x_beats}, {"out0": wrong_beats})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Simd": 7}, "Simd divides"),
        ({"Pe": 2}, "Pe divides"),
        ({"OutBits": 6}, "OutBits must hold"),
        ({"Groups": 3, "Channels": 36, "Simd": 9, "Pe": 1}, "Simd divides the channels of a group"),
        ({"Groups": 3, "Channels": 24, "Simd": 4, "Pe": 1}, "Channels divides MatrixWidth"),
        ({"Groups": 3, "Channels": 12, "Simd": 4}, "Pe divides the rows of a group"),
        ({"WeightMemory": 3}, "Style is 0"),
    ],
)
def test_illegal_parameters_stop_elaboration(change, message):
    case = Case(36, 3, 12, 3, 7)
    legal = case.parameters(np.ones((3, 36)), np.zeros(3, int))
    lint(SOURCES, "bp_xnor_mvu", legal)
    with pytest.raises(BuildError, match=message):
        weights = literal(np.ones(36 * 3 // change.get("Groups", 1)), 1)
        lint(SOURCES, "bp_xnor_mvu", {**legal, "Weights": weights, **change})


def random_weights(count):
    return literal(np.random.default_rng(1).integers(0, 2, count), 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("unit", "parameters", "pe", "most"),
    [
        ("bp_xnor_core", {"SumBits": 9}, 4, 1.05),  # weights from outside, with the accumulator
        ("bp_xnor_mvu", {"MatrixWidth": 288, "MatrixHeight": 16, "OutBits": 10}, 16, 0.75),  # constant weights
        ("bp_xnor_mvu", {"MatrixWidth": 2592, "MatrixHeight": 32, "OutBits": 13, "WeightMemory": 2}, 16, 1.25),
    ],
)
def test_luts_per_binary_mac_and_cycle(unit, parameters, pe, most):
    parameters = {**parameters, "Simd": 288, "Pe": pe}
    if unit == "bp_xnor_mvu":
        parameters["Weights"] = random_weights(parameters["MatrixWidth"] * parameters["MatrixHeight"])
    cost = area(unit_sources(unit), unit, parameters)
    assert cost.lut <= most * 288 * pe
    assert cost.bram36 == (64 if "WeightMemory" in parameters else 0)


def test_operator_says_what_the_unit_computes():
    from onnx import helper
    from qonnx.custom_op.registry import getCustomOp

    import bitpan.hw.operators  # noqa: F401 - registers them

    case = Case(72, 8, 2, 2, 7, groups=2, channels=8, compare=True, memory=2)
    rng = np.random.default_rng(0)
    weights, thresholds = rng.choice([-1, 1], (8, 36)), rng.integers(-4, 5, 8)
    x = windows(rng, 10, case, weights)
    sizes = {"MW": 72, "MH": 8, "SIMD": 2, "PE": 2, "Height": 1, "Width": len(x), "Groups": 2, "Channels": 8}
    kinds = {"inputDataType": "BINARY", "weightDataType": "BINARY", "outputDataType": "BINARY", "ramStyle": "block"}
    node = helper.make_node(
        "XnorMVU_rtl", ["x", "w", "t"], ["y"], domain="finn.custom_op.fpgadataflow.rtl", **sizes, **kinds
    )
    operation = getCustomOp(node)
    constants = [(weights.T + 1) // 2, thresholds]
    expected = case.parameters(weights, thresholds)
    found = operation.parameters(constants)
    assert found == {name: str(expected[name]) for name in found}
    (y,) = operation.compute([(x.T[:, None] + 1) // 2], constants)
    assert np.array_equal(pack(y[:, 0].T.reshape(-1, 2), 1), case.beats(x, weights, thresholds)[1])
    assert operation.get_exp_cycles() == case.steps * len(x)
    assert operation.bram_estimation("") == 1
