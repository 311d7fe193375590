"""Cycles per second of single units in the simulation, on one core.

    python benchmarks/simulation.py

Each unit, at the middle size of the table in ``hw/README.md`` and the binary convolution besides at the table's largest
and at a small one, is fed random beats without stalls by the harness that the tests use. The time is the processor's,
so that other work on the machine does not count. Units whose beats are no whole bytes at that size are left out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping

import numpy as np

from bitpan.hw.measure.units import UNITS, unit
from bitpan.hw.simulate.simulation import Simulation
from bitpan.hw.sources import rtl, unit_sources

LEFT_OUT = (
    "bp_integer_conv",
    "bp_interpolator",
    "bp_centre",
    "bp_concat_streams",
    "bp_split_streams",
    "bp_scene_registers",
    "bp_frame_gate",
)
MVU = [{"Simd": 32, "Pe": 8}, unit("bp_binary_conv").sizes[-1]]


def speed(name: str, size: Mapping[str, int], cycles: int) -> float:
    """Cycles per second of a unit while it works at full pace, the best of three."""
    rng = np.random.default_rng(0)
    best = 0.0
    with Simulation(unit_sources(name), name, unit(name).parameters(size)) as simulation:
        for _ in range(3):
            simulation.reset()
            if "size_i" in rtl(name).read_text():
                simulation.poke("size_i", 1 << 21 | unit(name).parameters(size)["Width"])
            for stream, octets in simulation.inputs.items():
                simulation.push(stream, rng.integers(0, 256, (cycles, octets), dtype=np.uint8))
            began = time.process_time()
            simulation.run(cycles)
            best = max(best, cycles / (time.process_time() - began))
    return best


def main() -> None:
    """Print Mcycle/s of each unit."""
    parser = argparse.ArgumentParser(description="Measure the speed of the simulation, unit by unit.")
    parser.add_argument("--cycles", type=int, default=200_000, help="measured (default: %(default)s)")
    arguments = parser.parse_args()
    cases = [(known.name, known.size()) for known in UNITS if known.name not in LEFT_OUT]
    for name, size in [*cases, *(("bp_binary_conv", unit("bp_binary_conv").size(size)) for size in MVU)]:
        shown = ", ".join(f"{parameter} {value}" for parameter, value in size.items())
        print(f"{name} ({shown}): {speed(name, size, arguments.cycles) / 1e6:.2f} Mcycle/s", flush=True)


if __name__ == "__main__":
    main()
