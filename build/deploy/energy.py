"""What an accelerator takes at work, from its resources, clock and published figures: an estimate, never measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bitpan.build.boards import Board

SOURCES = {
    "Shang": "Shang, Kaviani, Bathala: Dynamic Power Consumption in Virtex-II FPGA Family, FPGA 2002",
    "Horowitz": "Horowitz: Computing's Energy Problem (and what we can do about it), ISSCC 2014",
}
"""The papers that the figures are from."""


@dataclass(frozen=True)
class Figure:
    """A published energy.

    Attributes:
        picojoules: of one resource in one clock.
        nm, volts: the silicon it was published for.
        basis: how it follows from what was published, with a name of :data:`SOURCES`.
    """

    picojoules: float
    nm: int
    volts: float
    basis: str


FIGURES = {
    "LUT": Figure(5.9 / 8, 150, 1.5, "5.9 pJ a clock of a block of 8 LUTs, its registers, wires and clock (Shang)"),
    "DSP": Figure(3.1 * 25 * 18 / 32**2 + 0.15, 45, 0.9, "a product of 25 x 18 bits and a sum of 48 (Horowitz)"),
    "BRAM36": Figure(2 * 10 * 72 / 64, 45, 0.9, "72 bits of 8 KB read and 72 written (Horowitz)"),
    "URAM": Figure(2 * 20 * 72 / 64, 45, 0.9, "72 bits of 32 KB read and 72 written (Horowitz)"),
}
"""By resource; each is taken to work in every clock."""

DRAM_PICOJOULES = 2000 / 8
"""Of a byte to or from the board's memory: the middle of 1.3 to 2.6 nJ for 64 bits (Horowitz)."""

SILICON = {"7": (28, 1.0), "mpsoc": (16, 0.85)}
"""Nanometres and volts of the boards' devices: energy goes with the first, and with the square of the second."""


@dataclass(frozen=True)
class Share:
    """What one kind of resource takes.

    Attributes:
        name: of the resource.
        count: how many, or MB a second of memory.
        picojoules: of each, in a clock or for a byte, on this device.
        milliwatts: of all.
        basis: where the figure is from.
    """

    name: str
    count: float
    picojoules: float
    milliwatts: float
    basis: str


def shares(used: Mapping[str, float], board: Board, traffic: float) -> list[Share]:
    """Of the resources by the names of :data:`FIGURES`, and of ``traffic`` bytes a second with the board's memory."""
    nm, volts = SILICON[board.zynq]
    found = []
    for name, figure in FIGURES.items():
        each = figure.picojoules * nm / figure.nm * (volts / figure.volts) ** 2
        watts = used.get(name, 0) * each * 1e-12 * board.clock_mhz * 1e6
        found.append(Share(name, used.get(name, 0), each, 1e3 * watts, figure.basis))
    basis = "64 bits take 1.3 to 2.6 nJ (Horowitz)"
    memory = Share("memory, MB/s", traffic / 1e6, DRAM_PICOJOULES, 1e-9 * traffic * DRAM_PICOJOULES, basis)
    return [share for share in [*found, memory] if share.count]
