"""The interpolator against the number contract: values, banks, stalls, resets, and how little input it needs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bench import lint, write_word
from bitpan.arithmetic import COEFFICIENT_BITS, Integers, interpolate, keys_coefficients, lms_format, round_shift
from bitpan.errors import BuildError
from bitpan.hw.packing import pack, unpack
from bitpan.hw.simulate.simulation import STALLS, Simulation
from bitpan.hw.sources import unit_sources

BASE = 100

Coefficients = tuple[Integers, Integers]


class Interpolator:
    """The unit under test, spoken to in images and coefficients."""

    def __init__(self, bands: int, bits: int, height: int, width: int, ratio: int = 4) -> None:
        parameters = {"Bands": bands, "Bits": bits, "Height": height, "Width": width, "Ratio": ratio}
        self.simulation = Simulation(
            unit_sources("bp_interpolator"), "bp_interpolator", {**parameters, "BaseAddress": BASE}
        )
        self.shape, self.bits, self.ratio = (bands, height, width), bits, ratio

    def configure(self, bank: int, coefficients: Coefficients) -> None:
        """Write a bank, one word per clock."""
        for i, word in enumerate(np.concatenate([c.ravel() for c in coefficients])):
            write_word(self.simulation, BASE + i, word, bank)
        # Other units' words pass on the same bus.
        write_word(self.simulation, BASE - 1, 77, bank)
        write_word(self.simulation, BASE + 10 * self.ratio, 77, bank)
        self.simulation.run(1)

    def banks(self, frames: list[int]) -> None:
        """Say which bank each frame uses."""
        self.simulation.poke("bank_of_frame_i", sum(bank << n for n, bank in enumerate(frames)))

    def push(self, ms: Integers) -> None:
        self.simulation.push("in0", pack(ms.transpose(1, 2, 0).reshape(-1, self.shape[0]), self.bits))

    @property
    def beats(self) -> int:
        """Pixels of an output frame."""
        return self.shape[1] * self.shape[2] * self.ratio**2

    def pull(self, frames: int = 1) -> Integers:
        """Wait for whole frames: ``(frames, bands, height, width)``."""
        self.simulation.run(2_000_000, until={"out0": frames * self.beats}, patience=2000)
        pixels = unpack(self.simulation.pull("out0", frames * self.beats), self.shape[0], self.bits + 2)
        bands, height, width = self.shape
        return pixels.reshape(frames, height * self.ratio, width * self.ratio, bands).transpose(0, 3, 1, 2)


def keys(rng: np.random.Generator, ratio: int = 4) -> Coefficients:
    """Coefficients of a random shift."""
    rows, columns = rng.uniform(-ratio / 2, ratio / 2, 2)
    return keys_coefficients(ratio, rows), keys_coefficients(ratio, columns)


def images(rng: np.random.Generator, shape: tuple[int, int, int], bits: int) -> list[Integers]:
    """Random values; all 0 and all maximum; checkerboards and stripes of 0 and maximum, whole and in pairs."""
    top = (1 << bits) - 1
    row, column = np.indices(shape[1:])
    patterns = [0 * row, 0 * row + 1, (row + column) & 1, row & 1, column & 1, (row // 2 + column // 2) & 1]
    extremes = [np.broadcast_to(p * top, shape).astype(np.int64) for p in patterns]
    return [rng.integers(0, top, shape, endpoint=True), rng.choice([0, top], shape), *extremes]


@pytest.mark.parametrize(
    ("bands", "bits", "height", "width", "ratio"),
    [(4, 11, 16, 16, 4), (1, 16, 5, 7, 4), (3, 8, 4, 4, 2), (2, 12, 1, 1, 4)],
)
def test_equals_the_contract(bands: int, bits: int, height: int, width: int, ratio: int) -> None:
    rng = np.random.default_rng([bands, bits, height, width])
    unit = Interpolator(bands, bits, height, width, ratio)
    frames = images(rng, unit.shape, bits)
    for stall_in, stall_out in (("never", "never"), ("half", "never"), ("never", "bursts"), ("rarely", "half")):
        coefficients = [(keys_coefficients(ratio),) * 2, keys(rng, ratio)]
        unit.simulation.reset()
        unit.simulation.set_stall("in0", stall_in, seed=3)
        unit.simulation.set_stall("out0", stall_out, seed=4)
        for bank, pair in enumerate(coefficients):
            unit.configure(bank, pair)
        order = list(rng.integers(0, 2, len(frames)))
        unit.banks([int(b) for b in order])
        for frame in frames:
            unit.push(frame)
        expected = np.stack([interpolate(f, *coefficients[b]) for f, b in zip(frames, order, strict=True)])
        np.testing.assert_array_equal(unit.pull(len(frames)), expected)


@pytest.mark.parametrize("unit", ["bp_interpolator_rows", "bp_interpolator_columns"])
def test_a_planted_fault_is_seen(unit: str, plant: Callable[[str, str, str], None]) -> None:
    plant(unit, "AccBits'(1 << (Fraction - 1))", "AccBits'(0)")  # rounds down
    with pytest.raises(AssertionError, match="not equal"):
        test_equals_the_contract(3, 8, 4, 4, 2)


def test_bank_travels_with_the_frame_past_sixteen() -> None:
    rng = np.random.default_rng(7)
    unit = Interpolator(1, 8, 4, 4)
    coefficients = [keys(rng), keys(rng)]
    for bank, pair in enumerate(coefficients):
        unit.configure(bank, pair)
    order = [0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1]
    unit.banks(order)
    frames = rng.integers(0, 256, (40, 1, 4, 4))
    for frame in frames:
        unit.push(frame)
    expected = np.stack([interpolate(f, *coefficients[order[n % 16]]) for n, f in enumerate(frames)])
    np.testing.assert_array_equal(unit.pull(len(frames)), expected)


def test_a_bank_is_rewritten_while_the_other_one_works() -> None:
    rng = np.random.default_rng(8)
    unit = Interpolator(1, 8, 4, 4)
    unit.banks([0, 1])
    first, second = keys(rng), keys(rng)
    unit.configure(0, first)
    frames = rng.integers(0, 256, (2, 1, 4, 4))
    unit.push(frames[0])
    unit.simulation.run(100)  # in the middle of frame 0
    assert 0 < unit.simulation.queued("out0") < unit.beats
    unit.configure(1, second)
    unit.push(frames[1])
    expected = np.stack([interpolate(frames[0], *first), interpolate(frames[1], *second)])
    np.testing.assert_array_equal(unit.pull(2), expected)


def test_one_pixel_per_clock_frame_after_frame() -> None:
    rng = np.random.default_rng(9)
    unit = Interpolator(4, 11, 16, 16)
    unit.configure(0, keys(rng))
    unit.banks([0])
    for _ in range(5):
        unit.push(rng.integers(0, 2048, unit.shape))
    unit.pull(5)
    first, last, count = unit.simulation.span("out0")
    assert (last - first + 1, count) == (5 * unit.beats, 5 * unit.beats)
    # Three lines, three columns of four clocks, and the pipeline.
    assert first - unit.simulation.span("in0")[0] <= 3 * 16 + 3 * 4 + 10


@pytest.mark.parametrize("stall", [*STALLS, 7])
def test_columns_alone_take_any_pace(stall: str | int) -> None:
    """Within the interpolator columns come in step with the pixels; alone the horizontal pass must not rely on it."""
    rng = np.random.default_rng(12)
    parameters = {"Bands": 2, "Width": 6, "OutBits": 13, "BaseAddress": 0}
    simulation = Simulation(unit_sources("bp_interpolator_columns"), "bp_interpolator_columns", parameters)
    coefficients = keys(rng)[1]
    simulation.poke("column_bank_i", 0)
    for address, word in enumerate(coefficients.ravel()):
        write_word(simulation, address, word)
    simulation.reset()
    simulation.set_stall("column", stall)
    columns = rng.integers(-500, 2500, (2, 9, 6))
    simulation.push("column", pack(columns.transpose(1, 2, 0).reshape(-1, 2), 13))
    simulation.run(100_000, until={"out0": 9 * 24}, patience=1000)
    pixels = unpack(simulation.pull("out0"), 2, 13).reshape(9, 24, 2).transpose(2, 0, 1)
    taps = columns[:, :, np.clip(np.arange(6)[:, None] + np.arange(-2, 3), 0, 5)]
    expected = np.einsum("bhwt,pt->bhwp", taps, coefficients).reshape(2, 9, 24)
    np.testing.assert_array_equal(pixels, round_shift(expected, COEFFICIENT_BITS))


def test_needs_no_more_lines_than_it_uses() -> None:
    """Lines up to i + 2 give the PAN lines of MS line i; the frame's end needs no beat of the next frame."""
    rng = np.random.default_rng(10)
    unit = Interpolator(1, 16, 5, 7)
    coefficients = keys(rng)
    unit.configure(0, coefficients)
    unit.banks([0])
    ms = rng.integers(0, 1 << 16, unit.shape)
    expected = interpolate(ms, *coefficients).reshape(-1)
    beats = pack(ms.reshape(-1, 1), 16)
    for line, lines in enumerate((0, 0, 1, 2, 5)):
        unit.simulation.push("in0", beats[line * 7 : line * 7 + 7])
        unit.simulation.run(500)
        assert unit.simulation.queued("out0") == lines * 4 * 28
    np.testing.assert_array_equal(unit.pull().reshape(-1), expected)


def test_reset_in_mid_frame() -> None:
    rng = np.random.default_rng(11)
    unit = Interpolator(1, 8, 4, 4)
    coefficients = keys(rng)
    unit.configure(0, coefficients)
    unit.banks([0])
    for cycles in (3, 17, 40, 77, 150):
        unit.push(rng.integers(0, 256, unit.shape))
        unit.simulation.run(cycles)
        unit.simulation.reset()
        ms = rng.integers(0, 256, unit.shape)
        unit.push(ms)
        np.testing.assert_array_equal(unit.pull()[0], interpolate(ms, *coefficients))


@pytest.mark.parametrize("bits", [8, 11, 16])
@pytest.mark.parametrize("ratio", [2, 4])
def test_format_holds_for_every_shift(bits: int, ratio: int) -> None:
    """Worst case of both passes over a fine grid of shifts, intermediate rounding included, fits lms_format."""
    top, fmt = (1 << bits) - 1, lms_format(bits)
    shifts = np.linspace(-ratio / 2, ratio / 2, 401)
    phases = np.unique(np.concatenate([keys_coefficients(ratio, s) for s in shifts]), axis=0)
    assert (phases.sum(axis=1) == 1024).all()
    assert (phases < 2048).all() and (phases >= -2048).all()
    low, high = 0, top
    for _ in range(2):  # extreme inputs of a pass meet its positive and negative taps
        positive, negative = phases.clip(min=0).sum(axis=1), phases.clip(max=0).sum(axis=1)
        low, high = (
            int((positive * low + negative * high + 512 >> 10).min()),
            int((positive * high + negative * low + 512 >> 10).max()),
        )
        assert fmt.min <= low and high <= fmt.max


def test_lint_and_illegal_parameters() -> None:
    lint(unit_sources("bp_interpolator"), "bp_interpolator")
    for illegal, name in (({"OutBits": 12}, "OutBits"), ({"Height": 0}, "Height"), ({"Ratio": 1}, "Ratio")):
        with pytest.raises(BuildError, match=f"{name}.* must be at least"):
            lint(unit_sources("bp_interpolator"), "bp_interpolator", illegal)


@pytest.mark.slow
@pytest.mark.parametrize("height", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("width", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("ratio", [2, 4])
def test_cross_of_shapes_and_stalls(height: int, width: int, ratio: int) -> None:
    rng = np.random.default_rng([height, width, ratio])
    unit = Interpolator(2, 11, height, width, ratio)
    frames = images(rng, unit.shape, 11)
    coefficients = [keys(rng, ratio), keys(rng, ratio)]
    for bank, pair in enumerate(coefficients):
        unit.configure(bank, pair)
    for stall_in in (*STALLS, ratio**2):
        for stall_out in (*STALLS, 3):
            unit.simulation.reset()
            unit.simulation.set_stall("in0", stall_in, seed=5)
            unit.simulation.set_stall("out0", stall_out, seed=6)
            order = [int(b) for b in rng.integers(0, 2, len(frames))]
            unit.banks(order)
            for frame in frames:
                unit.push(frame)
            expected = np.stack([interpolate(f, *coefficients[b]) for f, b in zip(frames, order, strict=True)])
            np.testing.assert_array_equal(unit.pull(len(frames)), expected)
