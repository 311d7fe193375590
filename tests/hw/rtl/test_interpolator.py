"""The interpolator against the number contract: values, banks, stalls, resets, and how little input it needs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bench import lint, set_size, write_word, write_words
from bitpan.arithmetic import (
    BORDER,
    COEFFICIENT_BITS,
    TAPS,
    Integers,
    interpolate,
    keys_coefficients,
    lms_format,
    round_shift,
)
from bitpan.errors import BuildError
from bitpan.hw.packing import pack, unpack
from bitpan.hw.simulate.simulation import STALLS, Simulation
from bitpan.hw.sources import unit_sources

BASE = 100

Coefficients = tuple[Integers, Integers]


class Interpolator:
    """The unit under test, spoken to in images and coefficients."""

    def __init__(
        self, bands: int, bits: int, height: int, width: int, ratio: int = 4, clocks: int = 1, most: int = 0
    ) -> None:
        """Sizes are an image's, in MS pixels; ``most``: columns of the widest one; default: those of this one."""
        widest = (most or width) + 2 * BORDER
        parameters = {"Bands": bands, "Bits": bits, "Width": widest, "Clocks": clocks, "BaseAddress": BASE}
        self.simulation = Simulation(
            unit_sources("bp_interpolator"), "bp_interpolator", {**parameters, "StrideBits": ratio.bit_length() - 1}
        )
        self.bits, self.ratio, self.frames = bits, ratio, 0
        self.resize(bands, height, width)

    def resize(self, bands: int, height: int, width: int) -> None:
        """The size of the frames to come."""
        self.image = (bands, height, width)
        self.shape = (bands, height + 2 * BORDER, width + 2 * BORDER)
        set_size(self.simulation, height * self.ratio, width * self.ratio)

    def configure(self, bank: int, coefficients: Coefficients) -> None:
        """Write a bank, one word per clock, and other units' words, which pass on the same bus."""
        write_words(self.simulation, BASE, np.concatenate([c.ravel() for c in coefficients]), bank)
        self.simulation.run(1)

    def banks(self, frames: list[int]) -> None:
        """Say which bank each frame to come uses."""
        self.simulation.poke("bank_of_frame_i", sum(bank << (self.frames + n) % 16 for n, bank in enumerate(frames)))

    def reset(self) -> None:
        """And count the frames anew."""
        self.simulation.reset()
        self.frames = 0

    def push(self, ms: Integers) -> None:
        self.simulation.push("in0", pack(ms.transpose(1, 2, 0).reshape(-1, self.shape[0]), self.bits))

    @property
    def beats(self) -> int:
        """Pixels of an output frame."""
        return self.image[1] * self.image[2] * self.ratio**2

    def pull(self, frames: int = 1) -> Integers:
        """Wait for whole frames: ``(frames, bands, height, width)``."""
        self.simulation.run(2_000_000, until={"out0": frames * self.beats}, patience=2000)
        self.frames += frames
        pixels = unpack(self.simulation.pull("out0", frames * self.beats), self.shape[0], self.bits + 2)
        bands, height, width = self.image
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


def compare(unit: Interpolator, frames: list[Integers], rng: np.random.Generator) -> None:
    """Frames back to back, each with one of two banks, against the contract."""
    coefficients = [(keys_coefficients(unit.ratio),) * 2, keys(rng, unit.ratio)]
    for bank, pair in enumerate(coefficients):
        unit.configure(bank, pair)
    order = [int(b) for b in rng.integers(0, 2, len(frames))]
    unit.banks(order)
    for frame in frames:
        unit.push(frame)
    expected = np.stack([interpolate(f, *coefficients[b]) for f, b in zip(frames, order, strict=True)])
    np.testing.assert_array_equal(unit.pull(len(frames)), expected)


@pytest.mark.parametrize(
    ("bands", "bits", "height", "width", "ratio", "clocks"),
    [
        (4, 11, 16, 16, 4, 1),
        (1, 16, 5, 7, 4, 1),
        (3, 8, 4, 4, 2, 1),
        (2, 12, 1, 1, 4, 1),
        (4, 11, 6, 5, 4, 2),
        (4, 11, 6, 5, 4, 4),
        (4, 11, 5, 4, 2, 4),
        (3, 8, 4, 4, 2, 3),
        (2, 12, 1, 1, 2, 2),
        (8, 11, 5, 6, 4, 4),
        (8, 11, 4, 3, 2, 8),
    ],
)
def test_equals_the_contract(bands: int, bits: int, height: int, width: int, ratio: int, clocks: int) -> None:
    rng = np.random.default_rng([bands, bits, height, width])
    unit = Interpolator(bands, bits, height, width, ratio, clocks)
    for stall_in, stall_out in (("never", "never"), ("half", "never"), ("never", "bursts"), ("rarely", "half")):
        unit.reset()
        unit.simulation.set_stall("in0", stall_in, seed=3)
        unit.simulation.set_stall("out0", stall_out, seed=4)
        compare(unit, images(rng, unit.shape, bits), rng)


@pytest.mark.parametrize(("ratio", "clocks"), [(4, 1), (4, 2), (2, 2)])
def test_frames_of_other_sizes_follow(ratio: int, clocks: int) -> None:
    """Any height, any width up to the widest, changed while nothing is under way; no reset in between."""
    rng = np.random.default_rng(ratio)
    unit = Interpolator(2, 11, 3, 4, ratio, clocks, most=9)
    for height, width in ((3, 4), (1, 9), (40, 1), (1, 1), (2, 3), (7, 9), (3, 8)):
        unit.resize(2, height, width)
        compare(unit, images(rng, unit.shape, 11), rng)


@pytest.mark.parametrize("unit", ["bp_interpolator_rows", "bp_interpolator_columns"])
def test_a_planted_fault_is_seen(unit: str, plant: Callable[[str, str, str], None]) -> None:
    plant(unit, "AccBits'(1 << (Fraction - 1))", "AccBits'(0)")  # rounds down
    with pytest.raises(AssertionError, match="not equal"):
        test_equals_the_contract(3, 8, 4, 4, 2, 3)


def test_bank_travels_with_the_frame_past_sixteen() -> None:
    rng = np.random.default_rng(7)
    unit = Interpolator(1, 8, 4, 4)
    coefficients = [keys(rng), keys(rng)]
    for bank, pair in enumerate(coefficients):
        unit.configure(bank, pair)
    order = [0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1]
    unit.banks(order)
    frames = rng.integers(0, 256, (40, *unit.shape))
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
    frames = rng.integers(0, 256, (2, *unit.shape))
    unit.push(frames[0])
    unit.simulation.run(100)  # in the middle of frame 0
    assert 0 < unit.simulation.queued("out0") < unit.beats
    unit.configure(1, second)
    unit.push(frames[1])
    expected = np.stack([interpolate(frames[0], *first), interpolate(frames[1], *second)])
    np.testing.assert_array_equal(unit.pull(2), expected)


@pytest.mark.parametrize(("ratio", "clocks"), [(4, 1), (4, 2), (4, 4), (2, 1), (2, 4)])
def test_a_pixel_in_so_many_clocks_frame_after_frame(ratio: int, clocks: int) -> None:
    rng = np.random.default_rng(9)
    unit = Interpolator(4, 11, 16, 16, ratio, clocks)
    unit.configure(0, keys(rng, ratio))
    unit.banks([0])
    for _ in range(5):
        unit.push(rng.integers(0, 2048, unit.shape))
    unit.pull(5)
    first, last, count = unit.simulation.span("out0")
    assert count == 5 * unit.beats
    # From the last pixel of a frame to the first of the next one: two lines, five columns, and the pipeline.
    columns = TAPS * {2: 1, 4: 3}[ratio] * clocks + clocks + 12
    gaps = last - first - clocks * (count - 1)
    assert 0 <= gaps <= 4 * (2 * unit.shape[2] + columns)
    assert first - unit.simulation.span("in0")[0] <= TAPS * unit.shape[2] + columns


@pytest.mark.parametrize("folds", [1, 2])
@pytest.mark.parametrize("stall", [*STALLS, 7])
def test_columns_alone_take_any_pace(stall: str | int, folds: int) -> None:
    """Within the interpolator columns come in step with the pixels; alone the horizontal pass must not rely on it."""
    rng = np.random.default_rng(12)
    parameters = {"Part": 2 // folds, "Folds": folds, "OutBits": 13, "BaseAddress": 0}
    simulation = Simulation(unit_sources("bp_interpolator_columns"), "bp_interpolator_columns", parameters)
    coefficients = keys(rng)[1]
    simulation.poke("column_bank_i", 0)
    for address, word in enumerate(coefficients.ravel()):
        write_word(simulation, address, word)
    simulation.reset()
    simulation.set_stall("column", stall)
    columns = rng.integers(-500, 2500, (2, 9, 6 + 2 * BORDER))
    last = np.tile(np.arange(6 + 2 * BORDER) == 5 + 2 * BORDER, 9).repeat(folds)
    simulation.push("column", pack(columns.transpose(1, 2, 0).reshape(-1, 2 // folds), 13), last)
    simulation.run(100_000, until={"out0": 9 * 24}, patience=1000)
    pixels = unpack(simulation.pull("out0"), 2, 13).reshape(9, 24, 2).transpose(2, 0, 1)
    taps = columns[:, :, np.arange(6)[:, None] + np.arange(TAPS)]
    expected = np.einsum("bhwt,pt->bhwp", taps, coefficients).reshape(2, 9, 24)
    np.testing.assert_array_equal(pixels, round_shift(expected, COEFFICIENT_BITS))


def test_needs_no_more_lines_than_it_uses() -> None:
    """Lines up to i + 4 give the PAN lines of MS line i; the frame's end needs no beat of the next frame."""
    rng = np.random.default_rng(10)
    unit = Interpolator(1, 16, 5, 7)
    coefficients = keys(rng)
    unit.configure(0, coefficients)
    unit.banks([0])
    ms = rng.integers(0, 1 << 16, unit.shape)
    expected = interpolate(ms, *coefficients).reshape(-1)
    beats = pack(ms.reshape(-1, 1), 16)
    for line in range(5 + 2 * BORDER):
        lines = max(0, line - 2 * BORDER + 1)
        unit.simulation.push("in0", beats[line * 11 : line * 11 + 11])
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
        unit.reset()
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
    lint(unit_sources("bp_interpolator"), "bp_interpolator", {"Clocks": 4})
    for illegal, said in (
        ({"OutBits": 12}, "OutBits must be at least"),
        ({"Width": 0}, "Width.* must be at least"),
        ({"StrideBits": 0}, "StrideBits.* must be at least"),
        ({"Clocks": 3}, "Clocks .* divides Bands"),
    ):
        with pytest.raises(BuildError, match=said):
            lint(unit_sources("bp_interpolator"), "bp_interpolator", illegal)


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [2, 4])
@pytest.mark.parametrize("clocks", [1, 2, 4])
@pytest.mark.parametrize("width", [1, 2, 3, 5, 8])
def test_cross_of_shapes_and_stalls(width: int, clocks: int, ratio: int) -> None:
    rng = np.random.default_rng([clocks, width, ratio])
    unit = Interpolator(4, 11, 1, width, ratio, clocks, most=8)
    for height in (1, 2, 3, 4, 9):
        unit.resize(4, height, width)
        for stall_in in (*STALLS, ratio**2):
            for stall_out in (*STALLS, 3):
                unit.reset()
                unit.simulation.set_stall("in0", stall_in, seed=5)
                unit.simulation.set_stall("out0", stall_out, seed=6)
                compare(unit, images(rng, unit.shape, 11), rng)
