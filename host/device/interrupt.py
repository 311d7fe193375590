"""How a driver waits for its core: by an interrupt of the kernel's, where there is one, or by looking again."""

from __future__ import annotations

import os
import platform
import select
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

PROCESSES, UIO, DEVICES = Path("/proc/interrupts"), Path("/sys/class/uio"), Path("/dev")

_LINES = {"armv7l": "61", "aarch64": "121"}
"""The programmable logic's first interrupt, as /proc/interrupts numbers it: of Zynq-7000 and of Zynq UltraScale+."""

_POLL_SECONDS = 1e-4
_LOOK_SECONDS = 0.1  # an interrupt that is lost costs no more than this


class Interrupt(Protocol):
    """A line that is high until what raised it is told off."""

    def wait(self, seconds: float) -> None:
        """Return once the line is high, after so many seconds at the latest."""

    def close(self) -> None:
        """Give back what it holds."""


class Polling:
    """No interrupt: the caller looks again a tenth of a millisecond later."""

    def wait(self, seconds: float) -> None:
        """See :class:`Interrupt`."""
        time.sleep(min(seconds, _POLL_SECONDS))

    def close(self) -> None:
        """See :class:`Interrupt`."""


class UioInterrupt:
    """A file of the kernel's UIO drivers: a word written enables the line, a word comes once it is high.

    Args:
        file: an open file descriptor, which is this object's from now on.
    """

    def __init__(self, file: int) -> None:
        self._file = file

    def wait(self, seconds: float) -> None:
        """See :class:`Interrupt`."""
        os.write(self._file, (1).to_bytes(4, "little"))
        if select.select([self._file], [], [], seconds)[0]:
            os.read(self._file, 4)

    def close(self) -> None:
        """See :class:`Interrupt`."""
        os.close(self._file)


def board_interrupt() -> Interrupt:
    """The logic's first interrupt where the image gives it to UIO, as PYNQ's do (``fabric``); else polling."""
    line = _LINES.get(platform.machine())
    try:
        rows = [row.split() for row in PROCESSES.read_text().splitlines()]
        names = {row[-1] for row in rows if line and len(row) > 3 and row[-3] == line}
        for device in sorted(UIO.iterdir()):
            if (device / "name").read_text().strip() in names:
                return UioInterrupt(os.open(DEVICES / device.name, os.O_RDWR))
    except OSError:  # no such files, or they are not this user's
        pass
    return Polling()


def wait(condition: Callable[[], bool], seconds: float, interrupt: Interrupt, tell_off: Callable[[], None]) -> bool:
    """Look for a condition until it holds or so many seconds have passed; whether it held.

    Args:
        tell_off: lets the line fall; what happens after it raises the line again, so nothing is missed.
    """
    deadline = time.monotonic() + seconds
    while True:
        tell_off()
        if condition():
            return True
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        interrupt.wait(min(left, _LOOK_SECONDS))
