"""The convolution units, windows included, against the number contract: images in, images out."""

import numpy as np
import pytest

from bench import check, folded, integers, lint, run
from bitpan import arithmetic
from bitpan.errors import BuildError
from bitpan.formats import Format
from bitpan.hw.packing import literal
from bitpan.hw.simulate.simulation import Simulation
from bitpan.hw.sources import unit_sources

ROWS, COLUMNS = 5, 6
SIZE = ROWS << 16 | COLUMNS


def equal(unit, parameters, frames, results, in_pe, in_bits, pe, out_bits):
    """The unit gives the results of the frames, back to back, in whatever stalls, and no others."""
    inputs = np.concatenate([folded(frame, in_pe, in_bits) for frame in frames])
    outputs = np.concatenate([folded(result, pe, out_bits) for result in results])
    wrong = outputs.copy()
    wrong[-1, 0] ^= 1
    with Simulation(unit_sources(unit), unit, {**parameters, "InPe": in_pe, "Pe": pe, "Width": 8}) as simulation:
        simulation.poke("size_i", SIZE)
        cycles = check(simulation, {"in0": inputs}, {"out0": outputs})
        with pytest.raises(AssertionError, match="wrong bytes"):
            run(simulation, {"in0": inputs}, {"out0": wrong})
    return cycles


def frame(kernel, folds, steps):
    """Clocks of a frame: its lines, and the first ones, which come in before a result."""
    margin = 2 * (kernel // 2)
    return ROWS * max(COLUMNS * steps + margin, COLUMNS * folds) + margin * (COLUMNS * folds + margin)


def slow(*case, **options):
    return pytest.param(*case, marks=pytest.mark.slow, **options)


@pytest.mark.parametrize(
    ("kernel", "channels", "out_channels", "in_pe", "simd", "pe", "groups", "compare"),
    [
        (3, 8, 4, 8, 72, 4, 1, False),  # a pixel a clock
        (3, 8, 8, 2, 24, 4, 1, True),  # three pieces, two groups of rows
        (1, 8, 6, 4, 8, 2, 1, False),
        (3, 8, 4, 4, 12, 1, 2, False),
        slow(3, 4, 4, 1, 9, 1, 4, True),  # depthwise
        slow(5, 3, 6, 3, 25, 3, 1, False),
        slow(3, 32, 32, 8, 288, 8, 1, False),
        slow(3, 32, 32, 32, 32, 32, 1, False),
    ],
)
def test_binary(kernel, channels, out_channels, in_pe, simd, pe, groups, compare):
    rng = np.random.default_rng(channels)
    weights = rng.choice([-1, 1], (out_channels, channels // groups, kernel, kernel))
    width = weights[0].size
    thresholds = rng.integers(-4, 5, out_channels)
    thresholds[:2] = width, width + 1  # almost never, never
    out_bits = width.bit_length() + 1
    frames = [rng.choice([-1, 1], (channels, ROWS, COLUMNS)) for _ in range(3)]
    frames += [np.full((channels, ROWS, COLUMNS), sign) for sign in (-1, 1)]
    results = []
    for image in frames:
        parts = zip(np.split(image, groups), np.split(weights, groups), strict=True)
        sums = np.concatenate([arithmetic.conv2d(part, rows, pad_value=-1) for part, rows in parts])
        results.append((arithmetic.sign(sums, thresholds) + 1) // 2 if compare else sums)
    sizes = {"Kernel": kernel, "Channels": channels, "OutChannels": out_channels, "Simd": simd, "Groups": groups}
    sizes |= {"OutBits": out_bits, "Compare": int(compare), "Thresholds": literal(thresholds, out_bits + 1)}
    sizes |= {"Weights": literal(weights.transpose(0, 2, 3, 1) > 0, 1)}
    bits = [(image + 1) // 2 for image in frames]
    cycles = equal("bp_binary_conv", sizes, bits, results, in_pe, 1, pe, 1 if compare else out_bits)
    assert cycles <= 5 * frame(kernel, channels // in_pe, width // simd * (out_channels // pe)) + 40


@pytest.mark.parametrize(
    ("kernel", "channels", "out_channels", "in_pe", "simd", "pe", "in_bits", "split"),
    [
        (3, 3, 4, 3, 27, 2, 12, 0),
        (3, 5, 4, 5, 13, 4, 12, 4),  # the split head: of the last four channels the centre alone; a pixel a clock
        (3, 5, 8, 1, 13, 2, 12, 4),
        (1, 8, 4, 4, 4, 4, 10, 0),  # the last layer
        (3, 2, 2, 2, 1, 1, 4, 2),
        slow(5, 2, 4, 1, 10, 2, 6, 0),
        slow(3, 5, 32, 5, 13, 8, 12, 4),
    ],
)
def test_integer(kernel, channels, out_channels, in_pe, simd, pe, in_bits, split):
    rng = np.random.default_rng(channels)
    weights = rng.integers(-127, 128, (out_channels, channels, kernel, kernel))
    weights[0] = -127
    keep = np.ones((channels, kernel, kernel), bool)
    keep[channels - split :] = False
    keep[:, kernel // 2, kernel // 2] = True
    weights *= keep
    bias = rng.integers(-(2**17), 2**17, out_channels)
    fmt, shift = Format(10), 7
    frames = [integers(rng, in_bits, (channels, ROWS, COLUMNS)) for _ in range(3)]
    frames += [np.full((channels, ROWS, COLUMNS), end) for end in (Format(in_bits).min, Format(in_bits).max)]
    results = [
        arithmetic.requantise(arithmetic.conv2d(frame, weights) + bias[:, None, None], shift, fmt) for frame in frames
    ]
    rows = weights.transpose(0, 2, 3, 1)[:, keep.transpose(1, 2, 0)]
    sizes = {"Kernel": kernel, "Channels": channels, "OutChannels": out_channels, "Simd": simd, "InBits": in_bits}
    sizes |= {"BiasBits": 18, "AccBits": 30, "Shift": shift, "Keep": literal(keep.transpose(1, 2, 0), 1)}
    sizes |= {"Weights": literal(rows, 8), "Biases": literal(bias, 18)}
    cycles = equal("bp_integer_conv", sizes, frames, results, in_pe, in_bits, pe, 10)
    assert cycles <= 5 * frame(kernel, channels // in_pe, rows.shape[1] // simd * (out_channels // pe)) + 40


@pytest.mark.parametrize(
    ("kernel", "channels", "in_pe", "pe"), [(3, 6, 3, 2), (3, 4, 4, 4), (1, 3, 1, 1), slow(5, 2, 1, 1)]
)
def test_depthwise(kernel, channels, in_pe, pe):
    rng = np.random.default_rng(channels)
    weights = integers(rng, 8, (channels, 1, kernel, kernel))
    frames = [integers(rng, 10, (channels, ROWS, COLUMNS)) for _ in range(4)]
    results = [arithmetic.depthwise(frame, weights, 6, Format(10)) for frame in frames]
    sizes = {"Kernel": kernel, "Channels": channels, "Weights": literal(weights, 8)}
    equal("bp_depthwise_conv", sizes, frames, results, in_pe, 10, pe, 10)


@pytest.mark.parametrize(
    ("unit", "right", "wrong"),
    [
        ("bp_binary_conv", ".Times     (OutChannels / Pe)", ".Times     (2 * OutChannels / Pe)"),
        ("bp_binary_conv", ".StrideBits(StrideBits)", ".StrideBits(StrideBits + 1)"),
        ("bp_window", "rank++;", "rank += 2 - 1 * 2;"),
    ],
)
def test_a_planted_fault_is_found(plant, unit, right, wrong):
    plant(unit, right, wrong)
    with pytest.raises(Exception, match=r"wrong bytes|too many|no beat moved|failed"):
        test_binary(3, 8, 4, 4, 12, 1, 2, False)


@pytest.mark.parametrize("unit", ["bp_binary_conv", "bp_integer_conv", "bp_depthwise_conv"])
def test_illegal_parameters_stop_elaboration(unit):
    lint(unit_sources(unit), unit)
    for change, message in (({"InPe": 3}, "InPe divides"), ({"Pe": 3}, r"(Pe|Groups|Simd) divides")):
        with pytest.raises(BuildError, match=message):
            lint(unit_sources(unit), unit, change)
