"""Cycles per second of single units in the simulation, on one core.

    python benchmarks/simulation.py

Each unit is fed random beats without stalls by the harness that the tests use. The time is the processor's, so that
other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping

import numpy as np

from bitpan.hw.packing import literal
from bitpan.hw.simulation import Simulation, unit_sources

# Beats of whole bytes, so that any bytes will do.
UNITS: list[tuple[str, dict[str, int | str]]] = [
    ("stream_fifo", {"Width": 32, "Depth": 512}),
    ("rprelu", {"Channels": 32, "Pe": 8, "PBits": 10, "XBits": 10, "OutBits": 10, "Shift": 6}),
    ("xnor_mvu", {"MatrixWidth": 288, "MatrixHeight": 32, "Simd": 32, "Pe": 8, "OutBits": 10}),
    ("xnor_mvu", {"MatrixWidth": 288, "MatrixHeight": 32, "Simd": 288, "Pe": 16, "OutBits": 10}),
]


def speed(unit: str, parameters: Mapping[str, int | str], cycles: int) -> float:
    """Cycles per second of ``unit`` while it works at full pace."""
    rng = np.random.default_rng(0)
    with Simulation(unit_sources(unit), unit, parameters) as simulation:
        for stream, octets in simulation.inputs.items():
            simulation.push(stream, rng.integers(0, 256, (cycles, octets), dtype=np.uint8))
        began = time.process_time()
        simulation.run(cycles)
        return cycles / (time.process_time() - began)


def main() -> None:
    """Print Mcycle/s of each unit."""
    parser = argparse.ArgumentParser(description="Measure the speed of the simulation, unit by unit.")
    parser.add_argument("--cycles", type=int, default=200_000, help="measured (default: %(default)s)")
    arguments = parser.parse_args()
    for unit, parameters in UNITS:
        size = ", ".join(f"{name} {value}" for name, value in parameters.items())
        fixed = {"Weights": weights(parameters)} if unit == "xnor_mvu" else {}
        fastest = max(speed(unit, {**parameters, **fixed}, arguments.cycles) for _ in range(3))
        print(f"{unit} ({size}): {fastest / 1e6:.2f} Mcycle/s")


def weights(parameters: Mapping[str, int | str]) -> str:
    """Random weights of a matrix-vector unit."""
    count = int(parameters["MatrixWidth"]) * int(parameters["MatrixHeight"])
    return literal(np.random.default_rng(1).integers(0, 2, count), 1)


if __name__ == "__main__":
    main()
