"""The XNOR MVU against the number contract's convolution."""

import numpy as np
import pytest

from bench import check, run
from bitpan import arithmetic
from bitpan.errors import BuildError
from bitpan.hw.packing import literal, pack
from bitpan.hw.simulation import Simulation, rtl
from bitpan.hw.verilate import lint

SOURCES = [rtl(name) for name in ("xnor_mvu", "mvu_front", "replay_buffer", "popcount")]


def parameters(weights, simd, pe, out_bits):
    height, width = weights.shape
    sizes = {"MatrixWidth": width, "MatrixHeight": height, "Simd": simd, "Pe": pe, "OutBits": out_bits}
    return {**sizes, "Weights": literal(weights > 0, 1)}


def beats(x, weights, simd, pe, out_bits):
    """Input and output beats of windows ``x: (n, width)``; the reference is a 1x1 convolution."""
    sums = arithmetic.conv2d(x.T[:, :, None], weights[:, :, None, None])[:, :, 0].T
    return pack((x > 0).reshape(-1, simd), 1), pack(sums.reshape(-1, pe), out_bits)


def windows(rng, count, weights):
    """Random windows, and the extreme ones: all -1, all +1, each row's best and worst match."""
    random = rng.choice([-1, 1], (count, weights.shape[1]))
    return np.concatenate([random, -np.ones_like(weights[:1]), np.ones_like(weights[:1]), weights, -weights])


@pytest.mark.parametrize(
    ("width", "height", "simd", "pe", "out_bits"),
    [
        (288, 4, 288, 4, 10),  # constant weights, a window per clock
        (288, 8, 32, 4, 10),  # nine beats a window, two groups of rows
        (45, 3, 45, 1, 8),  # whole windows, replayed; odd sums
        (36, 3, 4, 3, 7),  # several beats, not replayed
        (1, 2, 1, 2, 2),
        pytest.param(35, 6, 7, 2, 12, marks=pytest.mark.slow),
        pytest.param(36, 4, 6, 4, 9, marks=pytest.mark.slow),
        pytest.param(11, 5, 11, 5, 5, marks=pytest.mark.slow),
        pytest.param(77, 2, 1, 1, 8, marks=pytest.mark.slow),
        pytest.param(288, 32, 288, 32, 10, marks=pytest.mark.slow),
    ],
)
def test_sums(width, height, simd, pe, out_bits):
    rng = np.random.default_rng(width * height + simd)
    weights = rng.choice([-1, 1], (height, width))
    x = windows(rng, 150, weights)
    x_beats, sum_beats = beats(x, weights, simd, pe, out_bits)
    steps, times = (width // simd) * (height // pe), height // pe
    one_wrong = weights.copy()
    one_wrong[-1, -1] *= -1
    _, wrong_beats = beats(x, one_wrong, simd, pe, out_bits)
    with Simulation(SOURCES, "xnor_mvu", parameters(weights, simd, pe, out_bits)) as simulation:
        cycles = check(simulation, {"in0": x_beats}, {"out0": sum_beats})
        assert cycles <= steps * len(x) + width // simd + 12, "a window takes (width/simd) * (height/pe) cycles"
        simulation.set_stall("out0", "never")
        simulation.set_stall("in0", times)  # a source just fast enough keeps the unit busy
        simulation.reset()
        assert run(simulation, {"in0": x_beats}, {"out0": sum_beats}) <= steps * (len(x) + 1) + 14
        with pytest.raises(AssertionError, match="wrong bytes"):
            run(simulation, {"in0": x_beats}, {"out0": wrong_beats})


@pytest.mark.parametrize(
    ("change", "message"),
    [({"Simd": 7}, "Simd divides"), ({"Pe": 2}, "Pe divides"), ({"OutBits": 6}, "OutBits must hold")],
)
def test_illegal_parameters_stop_elaboration(change, message):
    legal = parameters(np.ones((3, 36)), 12, 3, 7)
    lint(SOURCES, "xnor_mvu", legal)
    with pytest.raises(BuildError, match=message):
        lint(SOURCES, "xnor_mvu", {**legal, **change})
