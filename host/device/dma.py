"""The accelerator's DMA, driven through its registers (``hw/README.md`` has the map)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from bitpan.errors import DeviceError, DeviceTimeoutError
from bitpan.host.device.interrupt import Interrupt, Polling, wait
from bitpan.registers import (
    DMA,
    DMA_BUS,
    DMA_FINISHED,
    DMA_INTERRUPT,
    DMA_RESET,
    DMA_STATUS,
    DMA_TIMEOUT,
    MOST_ROWS,
)

_QUEUED, _BUSY = 1 << 6, 1 << 7
_TIMED_OUT = 4
_ERRORS = {
    1: "memory refused (SLVERR)",
    2: "no memory at the address (DECERR)",
    3: "the frame ended early or late",
    _TIMED_OUT: "no beat moved until the time-out",
    5: "started while another transfer waited",
}
"""By bit of a channel's byte of STATUS."""

_RAISES, _FINISHED = 0x3F3E3E, 0x010000
"""STATUS bits that raise the interrupt: every channel's errors, and that a fused image is there."""

_RESETTING = 1
_OWES = {1: "memory has not given all data that was asked for", 2: "memory has not answered to all writes"}
_STREAMS = {"pan": 8, "ms": 10, "fused": 12}
_HANDSHAKE = "nothing offered, not ready", "ready, nothing offered", "offered, not taken", "moving"
"""Of RESET: its bits, each stream's ready with valid above it, and what both say together."""

LARGEST = (1 << 26) - 1
"""Bytes of a row, and from one to the next; a contiguous image is moved as a single row."""

_MOST_CLOCKS = 0xFFFFFFFF


class Dma:
    """Three channels, ``pan``, ``ms`` and ``fused``: each takes a transfer while another one of it is under way.

    Args:
        read, write: 32-bit words by byte address.
        clocks: without a beat, after which the DMA says that a transfer hangs.
        interrupt: what is waited by; default: looking again and again.

    Raises:
        DeviceError: a transfer is under way.
    """

    def __init__(
        self,
        read: Callable[[int], int],
        write: Callable[[int, int], None],
        clocks: float,
        interrupt: Interrupt | None = None,
    ) -> None:
        self._read, self._write = read, write
        self._interrupt = interrupt or Polling()
        bus = read(DMA_BUS)
        self._bus_bytes, self._address_bits = bus & 0xFF, bus >> 8 & 0xFF
        write(DMA_TIMEOUT, int(min(clocks, _MOST_CLOCKS)))
        write(DMA_INTERRUPT, _RAISES)
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

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until a condition holds, at most so many seconds; whether it held.

        It has to hold, or to raise its error, after a fused image was written or a transfer failed, or by itself.
        """
        return wait(condition, seconds, self._interrupt, lambda: self._write(DMA_STATUS, _FINISHED))

    def reset(self, seconds: float) -> bool:
        """Reset all but the DMA's registers, the accelerator too; whether memory gave what it owed in time for it.

        What was under way is forgotten, and errors are.
        """
        self._write(DMA_RESET, _RESETTING)
        wait(lambda: not self._read(DMA_RESET) & _RESETTING, seconds, Polling(), lambda: None)
        if self._read(DMA_RESET) & _RESETTING or not self.idle():
            return False
        self.clear()
        return True

    def idle(self) -> bool:
        """No transfer is under way or waits."""
        return not any(state & (_QUEUED | _BUSY) for state in self._bytes(DMA_STATUS).values())

    def start(self, stream: str, address: int, image: npt.NDArray[np.uint16]) -> None:
        """Move an image from or to memory, at once or after the transfer under way.

        Args:
            address: of the image's first byte, physical.
            image: ``(H, W)`` or ``(H, W, B)``, contiguous or part of a wider one; its shape and strides alone matter.

        Raises:
            DeviceError: the DMA does not reach so far, moves fewer bytes, or no image that lies like this.
        """
        rows, row, stride = (1, image.nbytes, 0) if image.flags.c_contiguous else _rows(image)
        step = math.gcd(math.prod(image.shape[2:]) * image.itemsize, self._bus_bytes)
        if not 0 < row <= LARGEST or stride > LARGEST or rows > MOST_ROWS:
            raise DeviceError(
                f"the DMA moves at most {MOST_ROWS:,} rows of {LARGEST:,} bytes, {stream} has {rows:,} of {row:,}, one "
                f"every {stride:,}"
            )
        if address % step or stride % step:
            raise DeviceError(
                f"{stream} lies at 0x{address:x}, its rows {stride:,} bytes apart: the DMA moves multiples of {step}; "
                "lay it into a buffer of whole pixels"
            )
        if address + (rows - 1) * stride + row > 1 << self._address_bits:
            raise DeviceError(f"{stream} lies at 0x{address:x}, the DMA has {self._address_bits} address bits")
        for number, word in enumerate((address & 0xFFFFFFFF, address >> 32, row, stride, rows)):
            self._write(DMA[stream] + 4 * number, word)
        self._started[stream] += 1

    def under_way(self, stream: str) -> int:
        """Transfers of a channel that have not finished, those that wait included.

        Raises:
            DeviceError: one of any channel has failed.
            DeviceTimeoutError: one hangs.
        """
        found = [
            (bit, f"{name}: {text}")
            for name, state in self._bytes(DMA_STATUS).items()
            for bit, text in _ERRORS.items()
            if state >> bit & 1
        ]
        if found:
            kind = DeviceTimeoutError if _TIMED_OUT in dict(found) else DeviceError
            raise kind(f"a transfer failed, {', '.join(text for _, text in found)} ({self.describe()})")
        return (self._started[stream] - self._bytes(DMA_FINISHED)[stream]) & 0xFF

    def describe(self) -> str:
        """The state, for an error message."""
        state = self._read(DMA_RESET)
        told = [f"{stream} {_HANDSHAKE[state >> bit & 3]}" for stream, bit in _STREAMS.items()]
        told += [text for bit, text in _OWES.items() if state >> bit & 1]
        registers = {"STATUS": DMA_STATUS, "FINISHED": DMA_FINISHED, "RESET": DMA_RESET}
        words = ", ".join(f"{name} 0x{self._read(address):06x}" for name, address in registers.items())
        return f"DMA {words}: {', '.join(told)}"

    def _bytes(self, register: int) -> dict[str, int]:
        """A register's byte of each channel."""
        word = self._read(register)
        return {stream: word >> 8 * number & 0xFF for number, stream in enumerate(DMA)}


def _rows(image: npt.NDArray[np.uint16]) -> tuple[int, int, int]:
    """Of a part of a wider image: rows, bytes of a row, bytes from one to the next."""
    if not image[:1].flags.c_contiguous or image.strides[0] < 0:
        raise DeviceError(f"the DMA moves rows of adjacent pixels, each below the last, not strides of {image.strides}")
    return len(image), image[:1].nbytes, image.strides[0]
