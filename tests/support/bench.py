"""A unit against its reference: the same beats in, every stall pattern, back-to-back frames, a reset in mid-frame."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bitpan.formats import Format
from bitpan.hw.packing import Beats, pack, parameter_value
from bitpan.hw.simulate import verilate
from bitpan.hw.simulate.simulation import Simulation
from bitpan.hw.sources import unit_sources

PATTERNS = ("never", "rarely", "half", "bursts", 3)

compared = 0  # beats so far


def lint(sources, top, parameters=None):
    """Elaborate ``top`` with all of Verilator's warnings on; raises `BuildError` with the first of them."""
    with tempfile.TemporaryDirectory() as work:
        arguments = [f"-G{name}={parameter_value(value)}" for name, value in (parameters or {}).items()]
        arguments += ["--lint-only", "-Wall", "-Wno-UNSIGNED", "-Wno-CMPCONST", "--no-timing", "--top-module", top]
        verilate._verilator(Path(work), [Path(s).resolve() for s in sources], arguments)


def plant(file: Path, right: str, wrong: str) -> None:
    """Change the one place of a source."""
    text = file.read_text()
    assert text.count(right) == 1, f"{right!r} is not in {file.name} once"
    file.write_text(text.replace(right, wrong))


def integers(rng, bits, shape, signed=True):
    """Random integers over the whole format; one in eight is its smallest or its largest."""
    fmt = Format(bits, 0, signed)
    values = rng.integers(fmt.min, fmt.max + 1, shape)
    extreme = rng.choice([fmt.min, fmt.max], shape)
    return np.where(rng.random(shape) < 1 / 8, extreme, values)


def folded(image, pe, bits):
    """The beats of an image ``(C, H, W)``, channels fastest, ``pe`` of them a beat."""
    return pack(image.transpose(1, 2, 0).reshape(-1, pe), bits)


def write_word(simulation, address, value, bank=0):
    """A scene word over the cfg bus, in one clock: {valid, bank, address, data} as in ``bp_scene_pkg.sv``."""
    simulation.poke("cfg_i", 1 << 49 | bank << 48 | address << 32 | int(value) & 0xFFFFFFFF)
    simulation.run(1)
    simulation.poke("cfg_i", 0)


def write_words(simulation, base, words, bank=0):
    """A unit's scene words from ``base`` on, then all those of a unit of its kind on either side of it on the bus.

    The neighbours' words are other ones in every place. The bus goes to all units and none answers, so to a unit this
    is what sharing it means.
    """
    for first, found in ((base, words), (base - len(words), ~words), (base + len(words), ~words)):
        for offset, word in enumerate(found):
            write_word(simulation, first + offset, word, bank)


def set_size(simulation, rows, columns):
    """The size of the frames to come, in PAN pixels, and the clocks in which a unit takes it in."""
    simulation.poke("size_i", rows << 16 | columns)
    simulation.run(3)


class SceneUnit:
    """A unit with scene parameters, ``words`` of them from word ``base`` on, in a simulation."""

    def __init__(self, unit, sizes, words, base=40):
        self.base, self.words = base, words
        self.simulation = Simulation(unit_sources(unit), unit, {**sizes, "BaseAddress": base})

    def write(self, bank, address, value):
        write_word(self.simulation, address, value, bank)

    def configure(self, bank, parameters):
        """Write a bank, and its neighbours' words, which must change nothing."""
        assert len(parameters) == self.words
        write_words(self.simulation, self.base, np.asarray(parameters), bank)


def run(simulation: Simulation, inputs: Mapping[str, Beats], outputs: Mapping[str, Beats]) -> int:
    """Push all inputs, wait for as many beats as expected, compare every bit; returns the cycles."""
    global compared
    for stream, beats in inputs.items():
        simulation.push(stream, beats)
    cycles = simulation.run(10_000_000, until={stream: len(beats) for stream, beats in outputs.items()})
    simulation.run(100)  # nothing more may come
    for stream, beats in outputs.items():
        received = simulation.pull(stream)
        assert len(received) == len(beats), f"{stream}: {len(received) - len(beats)} beats too many"
        wrong = np.argwhere(received != beats)
        assert not len(wrong), f"{stream}: {len(wrong)} wrong bytes, the first (beat, byte) is {wrong[0]}"
        compared += len(beats)
    return cycles


def check(simulation: Simulation, inputs: Mapping[str, Beats], outputs: Mapping[str, Beats], patterns=PATTERNS) -> int:
    """`run` without stalls, after a reset in mid-frame, and under crossed stalls; returns the cycles without stalls."""
    streams = [*inputs, *outputs]
    for stream in streams:
        simulation.set_stall(stream, "never")
    simulation.reset()
    cycles = run(simulation, inputs, outputs)
    for seed, (arriving, leaving) in enumerate(itertools.product(patterns, patterns)):
        for number, stream in enumerate(streams):
            pattern = arriving if stream in inputs else leaving
            simulation.set_stall(stream, pattern, seed * 16 + number + 1)
        for stream, beats in inputs.items():
            simulation.push(stream, beats)
        simulation.run(len(next(iter(inputs.values()))) // 2 + seed)
        simulation.reset()
        run(simulation, inputs, outputs)
    return cycles
