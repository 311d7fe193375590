"""BNNPan's norm over the channels of each pixel against the number contract, and the ratio of deviations alone."""

import numpy as np
import pytest

from bench import check, folded, integers, lint, run
from bitpan import arithmetic
from bitpan.errors import BuildError
from bitpan.formats import Format
from bitpan.hw.packing import literal
from bitpan.hw.simulate.simulation import Simulation
from bitpan.hw.sources import unit_sources


def variances(rng, bits, count):
    """Pairs ``(count, 2)``: of every size, powers of two and their neighbours, zeros, both sides of every midpoint."""
    sizes = rng.integers(0, bits + 1, (count, 2))
    random = (rng.random((count, 2)) * 2.0**sizes).astype(np.int64)
    powers = 1 << rng.integers(0, bits, (count, 2))
    powers += rng.integers(-1, 2, (count, 2))
    vb = rng.integers(1 << min(bits, 12) - 1, 1 << min(bits, 12), count)
    midpoints = rng.choice(arithmetic.NORM_MIDPOINTS, count)
    vf = (midpoints * vb + 63) // 64 - rng.integers(0, 2, count)  # a reaches b's midpoint, or misses it by one
    close = np.stack([vf, vb], axis=1) >> rng.integers(0, 2, (count, 1)) * (vf >> bits > 0)[:, None]
    ends = rng.choice([0, 1, 2, (1 << bits) - 1, 1 << bits - 1], (count, 2))
    return np.clip(np.concatenate([random, powers, close, ends]), 0, (1 << bits) - 1)


def ratios(simulation, pairs, bits, interval):
    """What the unit makes of variances: mantissas, exponents and tags, in the order of its answers."""
    answers = []

    def clock():
        simulation.run(1)
        if simulation.peek("valid_o"):
            answers.append([simulation.peek(f"{name}_o") for name in ("mantissa", "exponent", "tag")])

    for number, (vf, vb) in enumerate(pairs.tolist()):
        words = [vb << bits | vf] if interval == 1 else [vf, vb, *[0] * (interval - 2)]
        for step, word in enumerate(words):
            simulation.poke("v_i", word)
            simulation.poke("tag_i", number % 256)
            simulation.poke("valid_i", int(step == min(1, interval - 1)))
            clock()
    simulation.poke("valid_i", 0)
    for _ in range(40):
        clock()
    return np.array(answers).T


@pytest.mark.parametrize(("bits", "interval"), [(32, 1), (35, 4), (9, 2)])
def test_deviation_ratio(bits, interval):
    rng = np.random.default_rng(bits)
    pairs = variances(rng, bits, 400)
    mantissa, exponent = arithmetic.deviation_ratio(*pairs.T)
    assert set(mantissa) == {0, 4, 5, 6, 7, 8}
    sizes = {"Bits": bits, "Interval": interval, "TagBits": 8}
    with Simulation(unit_sources("bp_deviation_ratio"), "bp_deviation_ratio", sizes) as simulation:
        found = ratios(simulation, pairs, bits, interval)
    exponent_bits = (max(bits, 12) - 1).bit_length() + 1
    some = mantissa > 0  # of a flat pixel the exponent says nothing
    assert np.array_equal(found[0], mantissa)
    assert np.array_equal(found[1][some], exponent[some] & (1 << exponent_bits) - 1)
    assert np.array_equal(found[2], np.arange(len(pairs)) % 256)


def pixels(rng, channels, bits, count):
    """Features ``(C, 1, count)`` of every size and kind: random, flat, one channel off by one, extreme."""
    fmt = Format(bits)
    amplitude = 2.0 ** rng.integers(0, bits, count)
    x = rng.integers(fmt.min, fmt.max + 1, count) + (rng.standard_normal((channels, count)) * amplitude).astype(int)
    kind = rng.integers(0, 12, count)
    x[:, kind == 0] = x[:1, kind == 0]
    x[:, kind == 1] = x[:1, kind == 1]
    x[0, kind == 1] += 1
    x[:, kind == 2] = np.where(np.arange(channels) % 2, fmt.min, fmt.max)[:, None]
    x[:, kind == 3] = fmt.min
    x[:, kind == 4] = integers(rng, bits, (channels, int((kind == 4).sum())))
    return arithmetic.saturate(x, fmt)[:, None]


def unit(rng, channels, pe, bits):
    """Constants of a unit in the whole range of their formats, every other channel's small, and the parameters."""
    constants, sizes = [], {"Channels": channels, "Pe": pe, "Bits": bits}
    for name, plural, width in (("Gain", "Gains", 10), ("Centre", "Centres", 18), ("Bias", "Biases", 18)):
        values = integers(rng, width, channels)
        values[1::2] >>= width // 3
        constants.append(values)
        sizes |= {f"{name}Bits": width, plural: literal(values, width)}
    return constants, sizes


@pytest.mark.parametrize(
    ("channels", "pe", "bits"),
    [
        (8, 2, 12),
        (6, 3, 12),  # not a power of two, two beats a pixel
        (8, 8, 10),  # a pixel a clock
        pytest.param(32, 4, 12, marks=pytest.mark.slow),
        pytest.param(48, 16, 12, marks=pytest.mark.slow),  # three beats a pixel
        pytest.param(64, 1, 12, marks=pytest.mark.slow),
        pytest.param(5, 1, 6, marks=pytest.mark.slow),
        pytest.param(2, 1, 12, marks=pytest.mark.slow),
    ],
)
def test_channel_norm(channels, pe, bits):
    rng = np.random.default_rng(channels)
    constants, sizes = unit(rng, channels, pe, bits)
    x, residual = (pixels(rng, channels, bits, 400) for _ in range(2))
    fmt = Format(bits)
    x[:, 0, 0], residual[:, 0, 0] = np.eye(1, channels)[0], np.resize([fmt.min, fmt.max], channels)
    x[:, 0, 1], residual[:, 0, 1] = residual[:, 0, 0], x[:, 0, 0]  # the largest ratio, then the smallest
    result = arithmetic.channel_norm(x, residual, *constants, fmt)
    assert len(np.unique(result)) > 200 >> max(0, 10 - bits)
    inputs = {"in0": folded(x, pe, bits), "in1": folded(residual, pe, bits)}
    outputs = {"out0": folded(result, pe, bits)}
    with Simulation(unit_sources("bp_channel_norm"), "bp_channel_norm", sizes) as simulation:
        cycles = check(simulation, inputs, outputs)
        assert cycles <= len(inputs["in0"]) + channels // pe + 40, "a beat per clock, and the latency"
        # One residual off by one is seen.
        other = residual.copy()
        other[0] ^= 1
        moved = (arithmetic.channel_norm(x, other, *constants, fmt) != result).any(axis=(0, 1))
        residual[0, 0, moved.argmax()] ^= 1
        with pytest.raises(AssertionError, match="wrong bytes"):
            run(simulation, {**inputs, "in1": folded(residual, pe, bits)}, outputs)


def test_illegal_parameters_stop_elaboration():
    for sizes in ({}, {"Pe": 8}, {"Channels": 6, "Pe": 3}):
        lint(unit_sources("bp_channel_norm"), "bp_channel_norm", sizes)
    with pytest.raises(BuildError, match="Pe divides"):
        lint(unit_sources("bp_channel_norm"), "bp_channel_norm", {"Channels": 6, "Pe": 4})
    with pytest.raises(BuildError, match="at most 64 channels"):
        lint(unit_sources("bp_channel_norm"), "bp_channel_norm", {"Channels": 66, "Pe": 6})
