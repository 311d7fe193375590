"""The depthwise convolution against the number contract, on windows as the window unit sends them."""

import numpy as np
import pytest

from bench import check, integers, lint, run
from bitpan import arithmetic
from bitpan.errors import BuildError
from bitpan.formats import Format
from bitpan.hw.packing import literal, pack
from bitpan.hw.simulate.simulation import Simulation
from bitpan.hw.sources import unit_sources

HEIGHT, WIDTH = 5, 6


def windows(image, kernel, pe):
    """The beats ``(n, pe)`` of an image's windows: pixel by pixel, of each ``pe`` channels all taps in raster order."""
    margin = kernel // 2
    padded = np.pad(image, ((0, 0), (margin, margin), (margin, margin)))
    taps = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), axis=(1, 2))  # C, H, W, k, k
    channels, height, width = image.shape
    folds = taps.reshape(channels // pe, pe, height, width, kernel * kernel)
    return folds.transpose(2, 3, 0, 4, 1).reshape(-1, pe)


def case(seed, channels, pe, kernel, in_bits, weight_bits, shift, out_bits, **others):
    """Parameters, and beats of frames back to back: random ones, and those of each channel's extreme sums."""
    rng = np.random.default_rng(seed)
    weights = integers(rng, weight_bits, (channels, 1, kernel, kernel))
    weights[0], weights[-1] = Format(weight_bits).min, Format(weight_bits).max
    frames = [integers(rng, in_bits, (channels, HEIGHT, WIDTH)) for _ in range(3)]
    frames += [np.full((channels, HEIGHT, WIDTH), end) for end in (Format(in_bits).min, Format(in_bits).max)]
    results = [arithmetic.depthwise(frame, weights, shift, Format(out_bits)) for frame in frames]
    sizes = {"Channels": channels, "Pe": pe, "Taps": kernel * kernel, "InBits": in_bits, "WeightBits": weight_bits}
    sizes |= {"Shift": shift, "OutBits": out_bits, "Weights": literal(weights, weight_bits), **others}
    inputs = np.concatenate([windows(frame, kernel, pe) for frame in frames])
    outputs = np.concatenate([result.transpose(1, 2, 0).reshape(-1, pe) for result in results])
    return sizes, pack(inputs, in_bits), pack(outputs, out_bits)


@pytest.mark.parametrize(
    ("channels", "pe", "kernel", "in_bits", "weight_bits", "shift", "out_bits", "memory"),
    [
        (6, 2, 3, 10, 8, 6, 10, 0),  # as in the networks
        (4, 4, 3, 10, 8, 6, 10, 1),  # all channels in a beat
        (3, 1, 5, 8, 8, 6, 12, 2),
        (2, 2, 1, 4, 3, 0, 7, 0),  # a weight a channel, constant; nothing rounded, nothing cut
        (2, 1, 3, 5, 4, -1, 13, 0),
        pytest.param(32, 16, 3, 10, 8, 6, 10, 0, marks=pytest.mark.slow),
        pytest.param(32, 32, 3, 12, 8, 14, 4, 2, marks=pytest.mark.slow),
        pytest.param(1, 1, 1, 2, 2, 1, 1, 0, marks=pytest.mark.slow),
    ],
)
def test_results(channels, pe, kernel, in_bits, weight_bits, shift, out_bits, memory):
    sizes, inputs, outputs = case(channels, channels, pe, kernel, in_bits, weight_bits, shift, out_bits)
    wrong = outputs.copy()
    wrong[-1, 0] ^= 1
    with Simulation(unit_sources("bp_depthwise"), "bp_depthwise", {**sizes, "WeightMemory": memory}) as simulation:
        cycles = check(simulation, {"in0": inputs}, {"out0": outputs})
        with pytest.raises(AssertionError, match="wrong bytes"):
            run(simulation, {"in0": inputs}, {"out0": wrong})
    assert cycles <= len(inputs) + 5, "a beat a clock"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("first_q[1] ? '0 : sum_q", "sum_q"),
        ("<= last_q[1] && valid_q[1]", "<= last_q[1]"),
        ("(step/Taps*Pe+pe)*Taps", "(step/Taps+pe)*Taps"),
        (".Shift  (Shift)", ".Shift  (Shift + 1)"),
    ],
)
def test_a_planted_fault_is_found(plant, right, wrong):
    plant("bp_depthwise", right, wrong)
    with pytest.raises(AssertionError, match=r"wrong bytes|too many"):
        test_results(6, 2, 3, 10, 8, 6, 10, 0)


def test_illegal_parameters_stop_elaboration():
    for legal in ({}, {"Taps": 1}, {"InBits": 1}, {"WeightBits": 1}):
        lint(unit_sources("bp_depthwise"), "bp_depthwise", legal)
    for change, message in (({"Pe": 3}, "Pe divides"), ({"Taps": 0}, "at least 1"), ({"Channels": 0}, "at least 1")):
        with pytest.raises(BuildError, match=message):
            lint(unit_sources("bp_depthwise"), "bp_depthwise", change)
