"""A package's accelerator in Verilator: registers over AXI-Lite, frames or a DMA's packets through its streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import Integers
from bitpan.errors import DeviceError, SimulationError
from bitpan.hw.packing import Beats, pack, unpack
from bitpan.hw.simulate.simulation import Simulation
from bitpan.package import Package
from bitpan.registers import ELEMENT_BITS, STREAMS, Registers


class Accelerator(AbstractContextManager["Accelerator"]):
    """The verilated top of a package, after its reset.

    Args:
        package: from ``bitpan build``.
        trace: write a waveform (VCD) to this file.
        pace: cycles of a :meth:`tick`.

    Attributes:
        package: what it was given.
        simulation: the running design.
        registers: of the design; ``read`` and ``write`` access single ones.
        under_way: frames started and not yet finished.
    """

    def __init__(self, package: Package, trace: Path | None = None, pace: int = 2000) -> None:
        self.package, self.under_way, self._pace = package, 0, pace
        self.simulation = Simulation(package.sources, package.top, trace=trace)
        self.read, self.write = self.simulation.read, self.simulation.write
        self.registers = Registers(package, self.read, self.write)

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the design and finish the waveform."""
        self.simulation.close()

    def reset(self) -> None:
        """Forget all frames and scene parameters."""
        self.simulation.reset()
        self.under_way, self.registers = 0, Registers(self.package, self.read, self.write)

    def stall(self, patterns: Sequence[str | int], seed: int = 0) -> None:
        """Set a stall pattern on each stream, PAN, MS and fused, see :meth:`.Simulation.set_stall`."""
        for number, (stream, pattern) in enumerate(zip(STREAMS.values(), patterns, strict=True)):
            self.simulation.set_stall(stream, pattern, seed=16 * seed + number + 1)

    def start(self, images: Mapping[str, npt.NDArray[np.generic]], bank: int | None = None) -> None:
        """Start a frame of ``pan (1, height, width)`` and ``ms`` and queue them; see :meth:`.Registers.start`.

        Raises:
            DeviceError: frames of another size are under way, or the accelerator takes none of this one.
        """
        _, height, width = images["pan"].shape
        if (height, width) != self.registers.size:
            self.registers.set_size(height, width)
        self.registers.start(bank)
        for name in ("pan", "ms"):
            self.push(name, to_beats(images[name]))
        self.under_way += 1

    def finish(self, frames: int = 1) -> list[Integers]:
        """Run until so many frames are out and return them, ``(bands, height, width)`` each, in order.

        Raises:
            SimulationError: the design is stuck, ends its frames in the wrong place, or does not count them right.
            DeviceError: it raised an error flag.
        """
        height, width = self.registers.size
        beats = height * width
        self.under_way -= frames
        patience = self.package.clocks(height, width)[0] + 10_000  # more than a frame is deep
        while self.simulation.queued(STREAMS["fused"]) < frames * beats:  # in parts, between which Ctrl-C is heard
            self.simulation.run(2 * patience, until={STREAMS["fused"]: frames * beats}, patience=patience)
        data, last = self.simulation.pull_with_last(STREAMS["fused"], frames * beats)
        if not np.array_equal(np.flatnonzero(last), np.arange(1, frames + 1) * beats - 1):
            raise SimulationError(f"tlast is set on fused pixels {np.flatnonzero(last)[:4]}, not at the ends of frames")
        if not self.under_way and not self.registers.idle():
            raise SimulationError(f"the accelerator does not count its frames right: {self.registers.describe()}")
        return [from_beats(part, height, width) for part in np.split(data, frames)]

    def push(self, stream: str, packet: Beats) -> None:
        """Queue a packet for ``pan`` or ``ms``, bytes in any shape; its last beat is marked."""
        name = STREAMS[stream]
        self.simulation.push(name, packet.reshape(-1, self.simulation.inputs[name]), last=True)

    def waiting(self, stream: str) -> int:
        """Beats of ``pan`` or ``ms`` not yet taken."""
        return self.simulation.queued(STREAMS[stream])

    def pull(self, limit: int) -> tuple[Beats, bool]:
        """Up to ``limit`` bytes of the fused stream, at most to the end of a packet; whether that end is in them."""
        name = STREAMS["fused"]
        beats, last = self.simulation.pull_with_last(name, limit // self.simulation.outputs[name])
        if last[:-1].any():
            raise DeviceError("the stand-in pulls one packet at a time; the driver started two")
        return beats.ravel(), bool(last.any())

    def tick(self) -> None:
        """Let some time pass."""
        self.simulation.run(self._pace)


def to_beats(image: npt.NDArray[np.generic]) -> Beats:
    """``(C, height, width)`` as stream beats: a pixel each, channels 16 bits wide, the first one lowest."""
    return pack(image.reshape(len(image), -1).T, ELEMENT_BITS)


def from_beats(beats: Beats, height: int, width: int) -> Integers:
    """Undo :func:`to_beats`."""
    pixels = unpack(beats, beats.shape[1] * 8 // ELEMENT_BITS, ELEMENT_BITS, signed=False)
    return pixels.T.reshape(-1, height, width)
