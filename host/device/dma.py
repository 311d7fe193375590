"""One channel of a Xilinx AXI DMA in simple mode, driven through its registers (PG021, register space).

PYNQ's own DMA class hides the error bits behind a bare exception and cannot time out, hence this one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bitpan.errors import DeviceError, DeviceTimeoutError

MM2S, S2MM = 0x00, 0x30
"""Offsets of the two channels: memory to stream and stream to memory."""

CONTROL, STATUS, ADDRESS, ADDRESS_HIGH, LENGTH = 0x00, 0x04, 0x18, 0x1C, 0x28
RUN, RESET = 1 << 0, 1 << 2
HALTED, IDLE, SCATTER_GATHER = 1 << 0, 1 << 1, 1 << 3
COMPLETE = 1 << 12  # write 1 to clear
ERRORS = {4: "internal error: the stream ended early or late", 5: "memory refused", 6: "address not decoded"}

_RESET_SECONDS = 1.0
_POLL_SECONDS = 1e-4


def wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Look for a condition until it holds or so many seconds have passed; whether it held."""
    deadline = time.monotonic() + seconds
    while not (held := condition()) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return held


class DmaChannel:
    """A channel, after its reset.

    Args:
        name: of the DMA in the block design, for error messages.
        mmio: PYNQ's MMIO over its registers.
        offset: :data:`MM2S` or :data:`S2MM`.
        length_bits: width of the length register: transfers are shorter than ``2**length_bits`` bytes.
    """

    def __init__(self, name: str, mmio: Any, offset: int, length_bits: int) -> None:  # noqa: ANN401
        self.name = name
        self.limit = (1 << length_bits) - 1
        self._mmio, self._offset = mmio, offset
        if self._read(STATUS) & SCATTER_GATHER:
            raise DeviceError(f"DMA {name} is built for scatter-gather; build the package's own block design")
        self.reset()

    def reset(self) -> None:
        """Stop whatever runs, clear errors, and run again."""
        self._write(CONTROL, RESET)
        self._await(lambda: not self._read(CONTROL) & RESET, "does not end its reset")
        self._write(CONTROL, RUN)
        self._await(lambda: not self._read(STATUS) & HALTED, "stays halted")

    def start(self, address: int, size: int) -> None:
        """Begin a transfer of ``size`` bytes at a physical address."""
        if not 0 < size <= self.limit:
            raise DeviceError(
                f"DMA {self.name} moves at most {self.limit} bytes at once, the frame has {size}: "
                "widen its length register or build for smaller frames"
            )
        self._write(STATUS, COMPLETE)
        self._write(ADDRESS, address & 0xFFFFFFFF)
        self._write(ADDRESS_HIGH, address >> 32)
        self._write(LENGTH, size)

    def done(self) -> bool:
        """The transfer has ended; raise :class:`DeviceError` if it failed."""
        status = self._read(STATUS)
        wrong = [text for bit, text in ERRORS.items() if status >> bit & 1]
        if wrong:
            raise DeviceError(f"DMA {self.name} failed, DMASR 0x{status:08x}: {', '.join(wrong)}")
        return bool(status & COMPLETE)

    def moved(self) -> int:
        """Bytes the last transfer moved, where the channel receives."""
        return self._read(LENGTH)

    def describe(self) -> str:
        """The state, for an error message."""
        return f"DMA {self.name} DMACR 0x{self._read(CONTROL):08x} DMASR 0x{self._read(STATUS):08x}"

    def _await(self, condition: Callable[[], bool], complaint: str) -> None:
        if not wait(condition, _RESET_SECONDS):
            raise DeviceTimeoutError(f"{self.describe()} {complaint}; load the overlay again")

    def _read(self, register: int) -> int:
        return int(self._mmio.read(self._offset + register))

    def _write(self, register: int, value: int) -> None:
        self._mmio.write(self._offset + register, value)
