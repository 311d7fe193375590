"""The integer MVU against the number contract's convolution."""

import numpy as np
import pytest

from bench import check, lint, run
from bitpan import arithmetic
from bitpan.errors import BuildError
from bitpan.formats import Format
from bitpan.hw.packing import literal, pack
from bitpan.hw.simulate.simulation import Simulation
from bitpan.hw.sources import unit_sources

SOURCES = unit_sources("bp_quant_mvu")


def parameters(weights, bias, simd, pe, in_bits, shift, out_bits):
    height, width = weights.shape
    sizes = {"MatrixWidth": width, "MatrixHeight": height, "Simd": simd, "Pe": pe, "InBits": in_bits}
    bits = {"WeightBits": 8, "BiasBits": 18, "AccBits": 30, "Shift": shift, "OutBits": out_bits}
    return {**sizes, **bits, "Weights": literal(weights, 8), "Biases": literal(bias, 18)}


def case(rng, width, height, simd, pe, in_bits, shift, out_bits):
    """Parameters and beats: random windows and the two that reach each row's extreme sums."""
    weights = rng.integers(-128, 128, (height, width))
    weights[0] = -128
    bias = rng.integers(-(2**17), 2**17, height)
    largest, smallest = 2 ** (in_bits - 1) - 1, -(2 ** (in_bits - 1))
    best = np.where(weights > 0, largest, smallest)
    x = np.concatenate([rng.integers(smallest, largest + 1, (150, width)), best, -1 - best])
    sums = arithmetic.conv2d(x.T[:, :, None], weights[:, :, None, None])[:, :, 0].T + bias
    result = arithmetic.requantise(sums, shift, Format(out_bits))
    pieces = np.repeat(x.reshape(len(x), 1, -1, simd), height // pe, axis=1).reshape(-1, simd)
    sizes = parameters(weights, bias, simd, pe, in_bits, shift, out_bits)
    return sizes, pack(pieces, in_bits), pack(result.reshape(-1, pe), out_bits)


@pytest.mark.parametrize(
    ("width", "height", "simd", "pe", "in_bits", "shift", "out_bits"),
    [
        (45, 4, 45, 2, 12, 10, 10),  # the first layer: whole windows
        (32, 4, 8, 4, 10, 5, 13),  # the last layer: several pieces, one group of rows
        (5, 2, 5, 2, 12, 0, 24),  # constant weights, nothing rounded
        (6, 6, 3, 1, 4, 3, 6),
        pytest.param(45, 32, 45, 32, 12, 10, 10, marks=pytest.mark.slow),
        pytest.param(1, 1, 1, 1, 9, 4, 10, marks=pytest.mark.slow),
        pytest.param(12, 4, 4, 2, 8, -1, 22, marks=pytest.mark.slow),
    ],
)
def test_results(width, height, simd, pe, in_bits, shift, out_bits):
    rng = np.random.default_rng(width)
    sizes, inputs, outputs = case(rng, width, height, simd, pe, in_bits, shift, out_bits)
    wrong = outputs.copy()
    wrong[-1, 0] ^= 1
    with Simulation(SOURCES, "bp_quant_mvu", sizes) as simulation:
        cycles = check(simulation, {"in0": inputs}, {"out0": outputs})
        with pytest.raises(AssertionError, match="wrong bytes"):
            run(simulation, {"in0": inputs}, {"out0": wrong})
    steps = (width // simd) * (height // pe)
    assert cycles <= steps * (150 + 2 * height) + 14


def test_illegal_parameters_stop_elaboration():
    lint(SOURCES, "bp_quant_mvu")
    with pytest.raises(BuildError, match="Simd divides"):
        lint(SOURCES, "bp_quant_mvu", {"Simd": 7})
    with pytest.raises(BuildError, match="Pe divides"):
        lint(SOURCES, "bp_quant_mvu", {"Pe": 3})
