"""A built accelerator in Verilator: scene parameters and starts over AXI-Lite, whole frames through its streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from bitpan.arithmetic import Integers
from bitpan.errors import SimulationError
from bitpan.hw.packing import Beats, pack, unpack
from bitpan.hw.simulate.simulation import Simulation
from bitpan.package import Package
from bitpan.registers import Registers

PAN, MS, FUSED = "s_axis_pan", "s_axis_ms", "m_axis_fused"
STREAMS = (PAN, MS, FUSED)


class Accelerator:
    """The verilated top of a package.

    Args:
        package: what to simulate.
        trace: write a waveform to this file.
    """

    def __init__(self, package: Package, trace: Path | None = None) -> None:
        self.package, self.model = package, package.model
        self.simulation = Simulation(package.sources, package.top, trace=trace)
        self.registers = Registers(package, self.simulation.read, self.simulation.write)

    def __enter__(self) -> Accelerator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.simulation.close()

    def start(self, bank: int, images: Mapping[str, Integers]) -> None:
        """Start a frame and queue its images."""
        self.registers.start(bank)
        for stream, name in ((PAN, "pan"), (MS, "ms")):
            self.simulation.push(stream, _beats(images[name]), last=True)

    def finish(self, frames: int, limit: int) -> list[Integers]:
        """Run until ``frames`` more fused frames are out, at most ``limit`` cycles, and return them."""
        height, width = self.package.frame
        beats = height * width
        patience = self.package.cycles + 10_000  # more than a frame is deep
        self.simulation.run(limit, until={FUSED: frames * beats}, patience=patience)
        data, last = self.simulation.pull_with_last(FUSED)
        if len(data) != frames * beats:
            raise SimulationError(f"{len(data)} of {frames * beats} fused pixels came within {limit} cycles")
        if not np.array_equal(np.flatnonzero(last), np.arange(1, frames + 1) * beats - 1):
            raise SimulationError(f"tlast is set on fused pixels {np.flatnonzero(last)[:4]}, not at the ends of frames")
        if not self.registers.idle():
            raise SimulationError(f"the accelerator does not count its frames right: {self.registers.describe()}")
        pixels = unpack(data, self.model.bands, 16, signed=False)
        return list(pixels.reshape(frames, height, width, -1).transpose(0, 3, 1, 2))


def _beats(image: Integers) -> Beats:
    """An image ``(elements, height, width)`` as beats of whole pixels, 16 bits an element."""
    return pack(image.reshape(len(image), -1).T, 16)


def stall(accelerator: Accelerator, patterns: Sequence[str], seed: int) -> None:
    """Set a stall pattern on each of the three streams."""
    for number, (stream, pattern) in enumerate(zip(STREAMS, patterns, strict=True)):
        accelerator.simulation.set_stall(stream, pattern, seed=16 * seed + number + 1)
