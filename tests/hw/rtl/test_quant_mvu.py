"""The integer MVU against the number contract's convolution."""

import numpy as np
import pytest

from bench import check, lint, run
from bitpan import arithmetic
from bitpan.errors import BuildError
from bitpan.formats import Format
from bitpan.hw.measure.yosys import area
from bitpan.hw.packing import literal, pack
from bitpan.hw.simulate.simulation import Simulation
from bitpan.hw.sources import unit_sources

UNIT = "bp_quant_mvu"


def parameters(weights, bias, simd, pe, paired, weight_bits, in_bits, shift, out_bits):
    height, width = weights.shape
    sizes = {"MatrixWidth": width, "MatrixHeight": height, "Simd": simd, "Pe": pe, "InBits": in_bits, "Paired": paired}
    bits = {"WeightBits": weight_bits, "BiasBits": 18, "AccBits": 30, "Shift": shift, "OutBits": out_bits}
    return {**sizes, **bits, "Weights": literal(weights, weight_bits), "Biases": literal(bias, 18)}


def case(rng, width, height, simd, pe, paired, weight_bits, in_bits, shift, out_bits):
    """Parameters and beats: random windows and the two that reach each row's extreme sums."""
    top = 2 ** (weight_bits - 1) - 1
    weights = rng.integers(-top, top + 1, (height, width))
    weights[0] = -top if paired else -top - 1
    weights[-1, ::2] = top
    bias = rng.integers(-(2**17), 2**17, height)
    largest, smallest = 2 ** (in_bits - 1) - 1, -(2 ** (in_bits - 1))
    best = np.where(weights > 0, largest, smallest)
    x = np.concatenate([rng.integers(smallest, largest + 1, (150, width)), best, -1 - best])
    sums = arithmetic.conv2d(x.T[:, :, None], weights[:, :, None, None])[:, :, 0].T + bias
    result = arithmetic.requantise(sums, shift, Format(out_bits))
    pieces = np.repeat(x.reshape(len(x), 1, -1, simd), height // pe, axis=1).reshape(-1, simd)
    sizes = parameters(weights, bias, simd, pe, paired, weight_bits, in_bits, shift, out_bits)
    return sizes, pack(pieces, in_bits), pack(result.reshape(-1, pe), out_bits)


@pytest.mark.parametrize(
    ("width", "height", "simd", "pe", "paired", "weight_bits", "in_bits", "shift", "out_bits"),
    [
        (45, 4, 45, 2, 0, 8, 12, 10, 10),  # the first layer: whole windows
        (45, 4, 9, 4, 1, 8, 12, 10, 10),
        (32, 4, 8, 4, 0, 8, 10, 5, 13),  # the last layer: several pieces, one group of rows
        (5, 2, 5, 2, 1, 8, 12, 0, 24),  # constant weights, nothing rounded
        (6, 6, 3, 3, 1, 8, 13, 3, 6),  # a row without another
        (4, 4, 1, 4, 1, 3, 3, 1, 6),  # less than a slice's factor
        (6, 2, 3, 2, 1, 9, 16, 0, 28),  # nine bits overlap, the most
        pytest.param(45, 32, 45, 32, 1, 8, 12, 10, 10, marks=pytest.mark.slow),
        pytest.param(1, 1, 1, 1, 0, 8, 9, 4, 10, marks=pytest.mark.slow),
        pytest.param(12, 4, 4, 2, 1, 8, 8, -1, 22, marks=pytest.mark.slow),
    ],
)
def test_results(width, height, simd, pe, paired, weight_bits, in_bits, shift, out_bits):
    rng = np.random.default_rng(width)
    sizes, inputs, outputs = case(rng, width, height, simd, pe, paired, weight_bits, in_bits, shift, out_bits)
    wrong = outputs.copy()
    wrong[-1, 0] ^= 1
    with Simulation(unit_sources(UNIT), UNIT, sizes) as simulation:
        cycles = check(simulation, {"in0": inputs}, {"out0": outputs})
        with pytest.raises(AssertionError, match="wrong bytes"):
            run(simulation, {"in0": inputs}, {"out0": wrong})
    steps = (width // simd) * (height // pe)
    assert cycles <= steps * (150 + 2 * height) + 15


def test_illegal_parameters_stop_elaboration():
    lint(unit_sources(UNIT), UNIT)
    with pytest.raises(BuildError, match="Simd divides"):
        lint(unit_sources(UNIT), UNIT, {"Simd": 7})
    with pytest.raises(BuildError, match="Pe divides"):
        lint(unit_sources(UNIT), UNIT, {"Pe": 3})
    with pytest.raises(BuildError, match="is a weight"):
        lint(unit_sources(UNIT), UNIT, {"Paired": 1, "Weights": literal(np.full((4, 18), -128), 8)})
    with pytest.raises(BuildError, match="12 bits of weights"):
        lint(unit_sources(UNIT), UNIT, {"Paired": 1, "InBits": 18})


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("own - 1'b1", "own"),
        ("Over'(b[WeightBits-1])", "Over'(0)"),
        ("lower[i]   = {carried[i]", "lower[i]   = {wide_q[i][Offset+:Over]"),
        ("upper_sum - TreeBits'(carried_sum)", "upper_sum"),
    ],
)
def test_a_planted_fault_is_found(plant, right, wrong):
    plant(UNIT, right, wrong)
    with pytest.raises(Exception, match=r"wrong bytes|failed"):
        test_results(5, 2, 5, 2, 1, 8, 12, 0, 24)


@pytest.mark.slow
@pytest.mark.parametrize(("paired", "slices"), [(0, 144), (1, 72)])
def test_pairs_halve_the_slices_of_a_head(paired, slices):
    rng = np.random.default_rng(0)
    weights, bias = rng.integers(-127, 128, (32, 18)), rng.integers(-(2**17), 2**17, 32)
    sizes = parameters(weights, bias, 18, 8, paired, 8, 12, 7, 10)
    assert area(unit_sources(UNIT), UNIT, sizes).dsp == slices
