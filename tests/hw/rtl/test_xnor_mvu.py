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
    """A unit's size; ``width`` elements that a row sees."""

    width: int
    height: int
    simd: int
    pe: int
    out_bits: int
    compare: bool = False
    memory: int = 0

    @property
    def steps(self):
        return self.width // self.simd * (self.height // self.pe)

    def parameters(self, weights, thresholds):
        sizes = {"MatrixWidth": self.width, "MatrixHeight": self.height, "Simd": self.simd, "Pe": self.pe}
        options = {"OutBits": self.out_bits, "Compare": int(self.compare), "WeightMemory": self.memory}
        constants = {"Weights": literal(weights > 0, 1), "Thresholds": literal(thresholds, self.out_bits + 1)}
        return {**sizes, **options, **constants}

    def beats(self, x, weights, thresholds):
        """Input and output beats of windows ``x: (n, width)``; the reference is a 1x1 convolution."""
        sums = arithmetic.conv2d(x.T[:, :, None], weights[:, :, None, None])
        result = (arithmetic.sign(sums, thresholds) + 1) // 2 if self.compare else sums
        packed = pack(result[:, :, 0].T.reshape(-1, self.pe), 1 if self.compare else self.out_bits)
        pieces = np.repeat((x > 0).reshape(len(x), 1, -1, self.simd), self.height // self.pe, axis=1)
        return pack(pieces.reshape(-1, self.simd), 1), packed


def windows(rng, count, case, weights):
    """Random windows, and the extreme ones: all -1, all +1, each row's best and worst match."""
    random = rng.choice([-1, 1], (count, case.width))
    return np.concatenate([random, -np.ones_like(random[:1]), np.ones_like(random[:1]), weights, -weights])


def slow(*sizes, **options):
    return pytest.param(Case(*sizes, **options), marks=pytest.mark.slow)


@pytest.mark.parametrize(
    "case",
    [
        Case(288, 4, 288, 4, 10),  # constant weights, a window per clock
        Case(288, 8, 32, 4, 10, memory=2),  # nine pieces, two groups of rows
        Case(45, 3, 45, 1, 8, compare=True),  # whole windows; odd sums
        Case(36, 3, 4, 3, 7, memory=1),  # several pieces, one group of rows
        Case(1, 2, 1, 2, 2),
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
    weights = rng.choice([-1, 1], (case.height, case.width))
    thresholds = rng.integers(-4, 5, case.height)
    thresholds[:2] = case.width, case.width + 1  # almost never, never
    x = windows(rng, 150, case, weights)
    x_beats, out_beats = case.beats(x, weights, thresholds)
    wrong = weights.copy()
    wrong[-1, -1] *= -1
    _, wrong_beats = case.beats(x, wrong, thresholds + 1)
    with Simulation(SOURCES, "bp_xnor_mvu", case.parameters(weights, thresholds)) as simulation:
        cycles = check(simulation, {"in0": x_beats}, {"out0": out_beats})
        assert cycles <= case.steps * len(x) + 13, "a piece a clock"
        with pytest.raises(AssertionError, match="wrong bytes"):
            run(simulation, {"in0": x_beats}, {"out0": wrong_beats})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Simd": 7}, "Simd divides"),
        ({"Pe": 2}, "Pe divides"),
        ({"OutBits": 6}, "OutBits must hold"),
        ({"WeightMemory": 3}, "Style is 0"),
    ],
)
def test_illegal_parameters_stop_elaboration(change, message):
    case = Case(36, 3, 12, 3, 7)
    legal = case.parameters(np.ones((3, 36)), np.zeros(3, int))
    lint(SOURCES, "bp_xnor_mvu", legal)
    with pytest.raises(BuildError, match=message):
        lint(SOURCES, "bp_xnor_mvu", {**legal, **change})


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
