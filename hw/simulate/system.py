"""The whole system in simulation: a package's IP core, verilated, and a board's memory, as a driver sees it by pynq.

    system = System(package)
    device = FpgaDevice(package, system)  # the board's driver, as it stands

The driver loads an overlay, allocates buffers and accesses registers; the core moves the buffers' bytes over AXI as it
will on a board. Time passes with each register access alone: so many clocks, whatever the processor does meanwhile.
Caches are modelled: what the processor has not flushed the core does not see, and the reverse. The memory's rate and
latency are assumptions (``build/boards.py``). None of this proves timing or the block design.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.errors import DeviceError
from bitpan.hw.simulate.memory import Behaviour, Memory
from bitpan.hw.simulate.simulation import Simulation
from bitpan.package import Package

Octets = npt.NDArray[np.uint8]

PACE = 100
"""Clocks of a register access: half a microsecond or one. Python on a board takes longer, and keeps nothing waiting."""

_PATIENCE = 1_000_000  # clocks of a wait for the interrupt
_PAGE = 0x1000
_REGISTERS, _SPACE = 0xA000_0000, 0x1_0000
_RAM = {32: 0x1000_0000, 40: 0x8_0000_0000}
"""First address of the buffers, by the core's address bits: a Zynq UltraScale+ has upper memory."""


def memory_of(package: Package, bus_bytes: int) -> Behaviour:
    """How a package's board's memory is supposed to behave at the core's clock."""
    beats = package.memory_rate / (1e6 * package.clock_mhz) / bus_bytes
    return Behaviour(latency=round(package.memory_latency * package.clock_mhz / 1000), rate=round(1024 * beats))


class Buffer(np.ndarray[Any, Any]):
    """Contiguous memory as the processor's cache sees it; ``ram`` is what the core sees."""

    physical_address: int
    ram: Octets
    system: System

    def flush(self) -> None:
        """Write the cache back."""
        self.ram[:] = np.ascontiguousarray(self).view(np.uint8).ravel()

    def invalidate(self) -> None:
        """Forget the cache."""
        self[...] = self.ram.view(self.dtype).reshape(self.shape)

    def freebuffer(self) -> None:
        """Give the memory back: whatever reads or writes it then is answered with an error."""
        self.system.memory.unmap(self.physical_address)


@dataclass(frozen=True)
class Line:
    """The core's interrupt, looked at every ``pace`` clocks, for a million at most."""

    simulation: Simulation
    pace: int

    def wait(self, seconds: float) -> None:
        """Let time pass until it is high; the wall's has nothing to do with it."""
        for _ in range(_PATIENCE // self.pace):
            if self.simulation.peek("irq"):
                return
            self.simulation.run(self.pace)

    def close(self) -> None:
        """Nothing is held."""


class System(AbstractContextManager["System"]):
    """A board, as the driver sees it through pynq.

    Args:
        package: what ``bitpan build`` left.
        behaviour: of the memory; default: the board's.
        pace: clocks of a register access.
        trace: write a waveform (VCD) to this file.
        around: sources and name of a top with the core in it and the core's ports; default: the core alone.

    Attributes:
        simulation: the running design.
        memory: behind its ports.
        buffers: all that were allocated.
        overlays: the paths of the bitstreams that were loaded.
        ip_dict: of the overlay.
    """

    def __init__(
        self,
        package: Package,
        behaviour: Behaviour | None = None,
        *,
        pace: int = PACE,
        trace: Path | None = None,
        around: tuple[Sequence[Path], str] | None = None,
    ) -> None:
        sources, top = around or (package.sources, package.ip)
        self.simulation = Simulation(sources, top, trace=trace)
        self._pace = pace
        bits = {name: self.simulation.bits(f"m_axi_read_{name}") for name in ("rdata", "araddr")}
        self.behaviour = behaviour or memory_of(package, bits["rdata"] // 8)
        self.memory = Memory(self.simulation, self.behaviour)
        self.buffers: list[Buffer] = []
        self.overlays: list[str] = []
        self.ip_dict = {package.ip: {"phys_addr": _REGISTERS, "addr_range": _SPACE, "parameters": {}}}
        self._free = _RAM[bits["araddr"]]

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the design and finish the waveform."""
        self.simulation.close()

    def read(self, address: int) -> int:
        """Read a register by its byte address; time passes before."""
        self.simulation.run(self._pace)
        return self.simulation.read(address)

    def write(self, address: int, value: int) -> None:
        """Write a register."""
        self.simulation.write(address, value)

    @property
    def interrupt(self) -> Line:
        """The core's interrupt."""
        return Line(self.simulation, self._pace)

    def Overlay(self, bitstream: str) -> Any:  # noqa: ANN401, N802 -- pynq's
        """Load a bitstream, whether there is one or not."""
        self.overlays.append(bitstream)
        return types.SimpleNamespace(ip_dict=self.ip_dict, bitfile_name=bitstream)

    def MMIO(self, base: int, length: int) -> Any:  # noqa: ANN401, N802 -- pynq's
        """Access to registers."""

        def within(offset: int) -> int:
            if base != _REGISTERS:
                raise DeviceError(f"bus error at 0x{base + offset:x}")
            if not 0 <= offset < length or offset % 4:
                raise MemoryError(f"MMIO offset 0x{offset:x} is not a word within 0x{length:x} bytes")
            return offset

        return types.SimpleNamespace(
            read=lambda offset=0: self.read(within(offset)),
            write=lambda offset, value: self.write(within(offset), value & 0xFFFFFFFF),
        )

    def allocate(self, shape: tuple[int, ...], dtype: npt.DTypeLike = np.uint32, cacheable: bool = False) -> Buffer:
        """Contiguous memory, which holds anything; one without a cache would be another class, and is refused."""
        if not cacheable:
            raise DeviceError("uncached buffers are not modelled: allocate with cacheable=True")
        noise = np.random.default_rng(len(self.buffers))
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        buffer = noise.integers(0, 256, size, np.uint8).view(dtype).reshape(shape).view(Buffer)
        room = -(-size // _PAGE) * _PAGE  # the core reads whole words, beyond the last byte too
        pages = noise.integers(0, 256, room, np.uint8)
        buffer.ram, buffer.physical_address, buffer.system = pages[:size], self._free, self
        self.memory.map(self._free, pages)
        self._free += room
        self.buffers.append(buffer)
        return buffer
