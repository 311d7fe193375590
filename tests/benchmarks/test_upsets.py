"""Upsets: which bits there are, how they are drawn, what one does, and how damage is summed."""

import sys
from dataclasses import replace

import numpy as np
import pytest

import upsets
from bench import set_size, write_words
from bitpan.arithmetic import BORDER, interpolate, keys_coefficients, lms_format
from bitpan.hw.packing import pack, unpack
from bitpan.hw.simulate.simulation import Simulation
from bitpan.hw.sources import unit_sources
from bitpan.model import execute
from bitpan.models.quality.metrics import ergas


@pytest.fixture
def model(random_model):
    """Of one block of eight channels."""
    return random_model(blocks=1, channels=8)


def made(*damages, weight=1.0, kind="a"):
    return [upsets.Upset(upsets.Bit(upsets.Words(kind, "x", 4, 0, 9), 0, 0, weight), damage) for damage in damages]


def test_every_parameter_is_counted_in_the_bits_of_its_unit(model):
    model.constants["block0.rprelu.slope_above"][:] = 3
    model.constants["block0.rprelu.slope_below"][:] = -9
    found = {own.array: (own.kind, own.bits, own.count) for own in upsets.parameters(model)}
    integers = {name for name, values in model.constants.items() if values.dtype.kind == "i"}
    assert found.keys() == integers | {own.name for own in model.scene}
    assert found["upsample.columns"] == ("interpolation coefficients", 12, 20)
    assert found["block0.threshold"] == ("thresholds", 11, 8)
    assert found["head.weights"] == ("head weights", 8, 8 * 5 * 9)
    assert found["block0.conv.weights"] == ("binary weights", 1, 8 * 8 * 9)
    assert found["block0.rprelu.slope_above"] == found["block0.rprelu.slope_below"] == ("RPReLU slopes", 5, 8)


def test_scales_and_offsets_of_a_scene_have_words_of_their_own():
    model = upsets.IntegerModel.load(upsets.find_model("bnnpan"))
    halves = [own for own in upsets.parameters(model) if own.kind == "scales and offsets"][:2]
    formats = upsets.AFFINE_SCALE.bits, upsets.AFFINE.bits
    assert [(own.bits, own.first, own.count) for own in halves] == [(formats[0], 0, 32), (formats[1], 32, 32)]


@pytest.mark.parametrize(
    ("value", "bits", "place", "expected"), [(5, 4, 1, 7), (5, 4, 3, -3), (-1, 4, 3, 7), (-1, 1, 0, 1)]
)
def test_a_flip_is_one_bit_of_the_word_and_undone_by_another(value, bits, place, expected):
    assert upsets.flipped(value, bits, place) == expected
    assert upsets.flipped(expected, bits, place) == value


def test_the_sample_has_each_place_once_and_stands_for_all_bits(model):
    words = [*upsets.parameters(model), upsets.Words("offsets", "affine", 3, 16, 5)]
    bits = upsets.draw(words, 60, seed=3)
    assert bits == upsets.draw(words, 60, seed=3) != upsets.draw(words, 60, seed=4)
    assert len({(bit.words.array, bit.index, bit.place) for bit in bits}) == len(bits)
    assert all(bit.place < bit.words.bits and 0 <= bit.index - bit.words.first < bit.words.count for bit in bits)
    every = sum(own.bits * own.count for own in words)
    assert sum(bit.weight for bit in bits) == pytest.approx(every)
    assert len(upsets.draw(words, every * every, seed=0)) == every


def test_damage_is_of_one_bit_and_leaves_none(model):
    scene = upsets.Scene(model, 16, 0, 1)
    frame, words = {"pan": scene.pan, "ms": scene.ms}, dict(scene.words)
    assert np.array_equal(scene.whole, execute(model, frame, words))
    assert scene.whole.shape == scene.truth.shape
    for array, index, place in (("head.weights", 7, 6), ("block0.conv.weights", 9, 0), ("block0.threshold", 3, 9)):
        own = next(own for own in upsets.parameters(model) if own.array == array)
        held = {name: values.copy() for name, values in {**model.constants, **words}.items()}
        held[array].flat[index] = upsets.flipped(int(held[array].flat[index]), own.bits, place)
        expected = execute(replace(model, constants=held), frame, {name: held[name] for name in words})
        assert not np.array_equal(expected, scene.whole), array
        assert scene.damage(upsets.Bit(own, index, place, 1.0)) == ergas(expected, scene.whole, model.ratio)
        assert np.array_equal(scene.fused(), scene.whole)


def test_wrong_coefficients_give_what_the_accelerator_gives():
    bits, bands, side = 11, 2, 4
    fmt, base = lms_format(bits), 100
    sizes = {"Bands": bands, "Bits": bits, "Width": side + 2 * BORDER, "Clocks": 1, "BaseAddress": base}
    random = np.random.default_rng(0)
    ms = random.choice([0, (1 << bits) - 1], (bands, side + 2 * BORDER, side + 2 * BORDER))
    right = keys_coefficients(4, 0.7)
    beyond = 0
    with Simulation(unit_sources("bp_interpolator"), "bp_interpolator", {**sizes, "StrideBits": 2}) as simulation:
        set_size(simulation, 4 * side, 4 * side)
        for axis in (0, 1):
            for place in (9, 10, 11):
                axes = [right.copy(), right.copy()]
                axes[axis].flat[12] = upsets.flipped(int(right.flat[12]), 12, place)
                write_words(simulation, base, np.concatenate([own.ravel() for own in axes]))
                simulation.run(1)
                simulation.push("in0", pack(ms.transpose(1, 2, 0).reshape(-1, bands), bits))
                simulation.run(100_000, until={"out0": 16 * side**2}, patience=2000)
                found = unpack(simulation.pull("out0", 16 * side**2), bands, fmt.bits)
                expected = upsets.interpolated(ms, *axes, fmt)
                assert np.array_equal(found.reshape(4 * side, 4 * side, bands), expected.transpose(1, 2, 0))
                beyond += not np.array_equal(expected, interpolate(ms, *axes))
    assert beyond > 1
    assert np.array_equal(upsets.interpolated(ms, right, right, fmt), interpolate(ms, right, right))


def test_the_damage_of_the_worst_bits():
    found = [*made(1, 3, weight=2), *made(6, weight=4, kind="b")]
    assert upsets.total(found) == 2 * 4 + 4 * 6
    assert upsets.total(upsets.of_kind(found, "a"), 2) == 2 * (1 + 9)
    assert upsets.worst_part(found, 0.25) == 2 * 6 / 32  # two bits of eight, of one that stands for four
    assert upsets.worst_part(found, 0.75) == (4 * 6 + 2 * 3) / 32
    assert upsets.worst_part(found, 0.5, 2) == 4 * 36 / (4 * 36 + 2 * 10)
    assert upsets.means(upsets.of_kind(found, "a")) == [2]


def test_the_table_names_each_kind_the_worst_first(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["upsets.py", "--bits", "12", "--side", "16", "--threads", "1"])
    upsets.main()
    told = capsys.readouterr().out.splitlines()
    kinds = {own.kind for own in upsets.parameters(upsets.IntegerModel.load(upsets.find_model("s2bnet-flat")))}
    rows = told[3 : 3 + len(kinds)]
    assert {row[:27].strip() for row in rows} == kinds
    parts = [float(row.split()[-2].rstrip("%")) for row in rows]
    assert parts == sorted(parts, reverse=True) and sum(parts) == pytest.approx(100, abs=0.5)
    assert [line.split(":")[0] for line in told if "the worst" in line] == [
        "the worst 1.0% of all bits",
        "the worst 3.5% of all bits",
    ]
