"""A unit against its reference: the same beats in, every stall pattern, back-to-back frames, a reset in mid-frame."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np

from bitpan.hw.packing import Beats
from bitpan.hw.simulation import Simulation

PATTERNS = ("never", "rarely", "half", "bursts", 3)


def run(simulation: Simulation, inputs: Mapping[str, Beats], outputs: Mapping[str, Beats]) -> int:
    """Push all inputs, wait for as many beats as expected, compare every bit; returns the cycles."""
    for stream, beats in inputs.items():
        simulation.push(stream, beats)
    cycles = simulation.run(10_000_000, until={stream: len(beats) for stream, beats in outputs.items()})
    simulation.run(100)  # nothing more may come
    for stream, beats in outputs.items():
        received = simulation.pull(stream)
        assert len(received) == len(beats), f"{stream}: {len(received) - len(beats)} beats too many"
        wrong = np.argwhere(received != beats)
        assert not len(wrong), f"{stream}: {len(wrong)} wrong bytes, the first (beat, byte) is {wrong[0]}"
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
