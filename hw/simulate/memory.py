"""A memory behind a design's AXI4 ports: it answers late, in any order, refuses, and knows AXI's rules.

    memory = Memory(simulation, Behaviour(latency=40, jitter=20, pauses=64, reorder=True))
    image = np.zeros(1 << 20, np.uint8)
    memory.map(0x8_0000_0000, image)

The ports are ``m_axi_read_*`` and ``m_axi_write_*``; `memory.hpp` says what is a fault. What is mapped nowhere is
answered with DECERR.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt

from bitpan.hw.simulate.simulation import Simulation

_READ = [
    "araddr",
    "arlen",
    "arsize",
    "arburst",
    "arid",
    "arvalid",
    "arready",
    "rdata",
    "rresp",
    "rlast",
    "rid",
    "rvalid",
    "rready",
]
_WRITE = [
    "awaddr",
    "awlen",
    "awsize",
    "awburst",
    "awvalid",
    "awready",
    "wdata",
    "wstrb",
    "wlast",
    "wvalid",
    "wready",
    "bresp",
    "bvalid",
    "bready",
]

SLVERR, DECERR = 2, 3
ANY, DATA_AFTER_ADDRESS, ADDRESS_AFTER_DATA = range(3)
"""When write data and its address are taken."""


@dataclass(frozen=True)
class Behaviour:
    """Of a memory, in the order of ``Memory::Behaviour``.

    Attributes:
        latency: clocks from an address to its first data, and from the last data written to the answer, at least.
        jitter: clocks more, at most, at random.
        rate: data beats in 1024 clocks, both ways together.
        pauses: of 256 clocks, in how many each handshake pauses.
        reorder: data of different IDs overtakes.
        order: :data:`ANY`, :data:`DATA_AFTER_ADDRESS` or :data:`ADDRESS_AFTER_DATA`.
        most: bursts that wait, each way.
        seed: of all that is random.
    """

    latency: int = 0
    jitter: int = 0
    rate: int = 4096
    pauses: int = 0
    reorder: bool = False
    order: int = ANY
    most: int = 8
    seed: int = 1


class Memory:
    """The memory of a simulation; one at a time, a new one replaces how it behaves.

    Attributes:
        mapped: what lies where.
    """

    def __init__(self, simulation: Simulation, behaviour: Behaviour | None = None) -> None:
        self._simulation = simulation
        self.mapped: dict[int, npt.NDArray[np.uint8]] = {}
        names = [f"m_axi_read_{name}" for name in _READ] + [f"m_axi_write_{name}" for name in _WRITE]
        ports = np.array([simulation.port(name) for name in names], np.int32)
        simulation.call("add_memory", ports, np.array(astuple(behaviour or Behaviour()), np.int64))

    def map(self, base: int, data: npt.NDArray[np.uint8], response: int = 0) -> None:
        """Let bytes lie at an address; accesses do nothing where ``response`` is an error."""
        self.mapped[base] = data
        self._simulation.call("map", base, data.nbytes, data, response)

    def unmap(self, base: int) -> None:
        """Let nothing lie at an address where something was."""
        self._simulation.call("map", base, 0, self.mapped.pop(base), 0)

    @property
    def moved(self) -> tuple[int, int]:
        """Beats read and written since the reset."""
        read, written, _ = self._state()
        return read, written

    @property
    def idle(self) -> bool:
        """Nothing is under way at either port."""
        return bool(self._state()[2])

    def _state(self) -> list[int]:
        out = np.zeros(3, np.int64)
        self._simulation.call("memory_state", out)
        return [int(each) for each in out]
