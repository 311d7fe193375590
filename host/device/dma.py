"""The accelerator's DMA, driven through its registers (``hw/README.md`` has the map)."""

from __future__ import annotations

import time
from collections.abc import Callable

from bitpan.errors import DeviceError
from bitpan.registers import DMA, DMA_BUS, DMA_FINISHED, DMA_STATUS, DMA_TIMEOUT

_QUEUED, _BUSY = 1 << 6, 1 << 7
_ERRORS = {
    1: "memory refused (SLVERR)",
    2: "no memory at the address (DECERR)",
    3: "the frame ended early or late",
    4: "no beat moved until the time-out",
    5: "started while another transfer waited",
}
"""By bit of a channel's byte of STATUS."""

LARGEST = (1 << 26) - 1
"""Bytes of a transfer."""

_MOST_CLOCKS = 0xFFFFFFFF
_POLL_SECONDS = 1e-4


def wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Look for a condition until it holds or so many seconds have passed; whether it held."""
    deadline = time.monotonic() + seconds
    while not (held := condition()) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return held


class Dma:
    """Three channels, ``pan``, ``ms`` and ``fused``: each takes a transfer while another one of it is under way.

    Args:
        read, write: 32-bit words by byte address.
        clocks: without a beat, after which the DMA says that a transfer hangs.

    Raises:
        DeviceError: a transfer is under way.
    """

    def __init__(self, read: Callable[[int], int], write: Callable[[int, int], None], clocks: float) -> None:
        self._read, self._write = read, write
        self._address_bits = read(DMA_BUS) >> 8 & 0xFF
        write(DMA_TIMEOUT, int(min(clocks, _MOST_CLOCKS)))
        self.clear()

    def clear(self) -> None:
        """Forget errors, once nothing is under way.

        Raises:
            DeviceError: something still is.
        """
        if not self.idle():
            raise DeviceError(f"a transfer is still under way ({self.describe()}); load the overlay again")
        self._write(DMA_STATUS, 0xFFFFFFFF)
        self._started = self._bytes(DMA_FINISHED)

    def idle(self) -> bool:
        """No transfer is under way or waits."""
        return not any(state & (_QUEUED | _BUSY) for state in self._bytes(DMA_STATUS).values())

    def start(self, stream: str, address: int, size: int) -> None:
        """Move ``size`` bytes from or to a physical address, at once or after the transfer under way.

        Raises:
            DeviceError: the DMA does not reach so far, or moves fewer bytes at once.
        """
        if not 0 < size <= LARGEST:
            raise DeviceError(f"the DMA moves at most {LARGEST:,} bytes at once, {stream} has {size:,}")
        if address + size > 1 << self._address_bits:
            raise DeviceError(f"{stream} lies at 0x{address:x}, the DMA has {self._address_bits} address bits")
        for number, word in enumerate((address & 0xFFFFFFFF, address >> 32, size, 0, 1)):  # a single row
            self._write(DMA[stream] + 4 * number, word)
        self._started[stream] += 1

    def under_way(self, stream: str) -> int:
        """Transfers of a channel that have not finished, those that wait included.

        Raises:
            DeviceError: one of any channel has failed.
        """
        wrong = [
            f"{name}: {text}"
            for name, state in self._bytes(DMA_STATUS).items()
            for bit, text in _ERRORS.items()
            if state >> bit & 1
        ]
        if wrong:
            raise DeviceError(f"a transfer failed, {', '.join(wrong)} ({self.describe()})")
        return (self._started[stream] - self._bytes(DMA_FINISHED)[stream]) & 0xFF

    def describe(self) -> str:
        """The state, for an error message."""
        return f"DMA STATUS 0x{self._read(DMA_STATUS):06x}, FINISHED 0x{self._read(DMA_FINISHED):06x}"

    def _bytes(self, register: int) -> dict[str, int]:
        """A register's byte of each channel."""
        word = self._read(register)
        return {stream: word >> 8 * number & 0xFF for number, stream in enumerate(DMA)}
