"""The accelerator's ports: its streams, and its registers for identity, frames and two banks of scene parameters.

A bank travels with its frames: each unit of the accelerator switches at the frame's first beat at its own input. So
the parameters of the next scene go into the idle bank while frames of the last one may still be under way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from bitpan.arithmetic import Integers
from bitpan.errors import DeviceError

if TYPE_CHECKING:
    from bitpan.package import Package

STREAMS = {"pan": "s_axis_pan", "ms": "s_axis_ms", "fused": "m_axis_fused"}
"""Names of the AXI streams: two inputs and the output, a pixel a beat."""

ELEMENT_BITS = 16
"""Bits of an element of a beat: a uint16 in memory."""

ID, VERSION, START, STATUS, STARTED, FINISHED, SIGNATURE, SIZE = range(0x00, 0x20, 4)
BANKS = (0x8000, 0xC000)
"""First byte address of each bank's scene words."""

MOST_ROWS = 0xFFFF
"""Of a frame: what the register holds."""

BANK_WORDS = (BANKS[1] - BANKS[0]) // 4

_ID = 0x62697470  # "bitp"
_VERSION = 2
_MASK = 0xFFFFFFFF
_STATUS_BITS = (
    "PAN frame of a wrong length",
    "MS frame of a wrong length",
    "more frames started than it can track",
    "another size while frames were under way",
)


class Registers:
    """The register protocol of a package, over any way to read and write 32-bit words by byte address.

    Attributes:
        size: height and width of the frames, PAN pixels.

    Raises:
        DeviceError: what answers is not this package's accelerator, or it is not idle.
    """

    def __init__(self, package: Package, read: Callable[[int], int], write: Callable[[int, int], None]) -> None:
        self._package, self._read, self._write = package, read, write
        self._bank = 1
        self._check_identity()
        size = self._read(SIZE)
        self.size = size >> 16, size & 0xFFFF

    def load_scene(self, scene: Mapping[str, Integers]) -> None:
        """Write a scene's parameters into the idle bank; frames started from now on use it."""
        self.write_bank(1 - self._bank, scene)
        self._bank = 1 - self._bank

    def write_bank(self, bank: int, scene: Mapping[str, Integers]) -> None:
        """Write a scene's parameters into a bank, which no frame under way may use."""
        self._package.model.check_scene(scene)
        for name, first in self._package.registers.items():
            words = np.asarray(scene[name], dtype=np.int64).ravel()
            for i, word in enumerate(words.tolist()):
                self._write(BANKS[bank] + 4 * (first + i), word & _MASK)

    def set_size(self, height: int, width: int) -> None:
        """Frames of this size from now on, PAN pixels.

        Raises:
            DeviceError: a frame is under way, or the accelerator takes none of this size.
        """
        grid, (_, widest) = self._package.model.alignment, self._package.frame
        if not 0 < height <= MOST_ROWS or not 0 < width <= widest or height % grid or width % grid:
            raise DeviceError(
                f"frames of {height} x {width} PAN pixels: the accelerator takes multiples of {grid}, at most "
                f"{MOST_ROWS} high and {widest} wide"
            )
        if not self.idle():
            raise DeviceError(f"a frame is under way, so its size cannot change ({self.describe()})")
        self._write(SIZE, height << 16 | width)
        self.size = height, width

    def start(self, bank: int | None = None) -> None:
        """Let one more frame in; ``bank`` is the one last loaded unless another is named."""
        self._write(START, self._bank if bank is None else bank)

    def idle(self) -> bool:
        """Every frame started has left the accelerator; raise :class:`DeviceError` on an error flag."""
        status = self._read(STATUS)
        if status:
            flags = [text for bit, text in enumerate(_STATUS_BITS) if status >> bit & 1]
            raise DeviceError(
                f"the accelerator reports STATUS 0x{status:x} ({', '.join(flags) or 'unknown'}); load the overlay again"
            )
        return self._read(STARTED) == self._read(FINISHED)

    def describe(self) -> str:
        """The state, for an error message."""
        names = {"STATUS": STATUS, "STARTED": STARTED, "FINISHED": FINISHED}
        return "accelerator " + ", ".join(f"{name} 0x{self._read(address):x}" for name, address in names.items())

    def _check_identity(self) -> None:
        expected = {"ID": (ID, _ID), "VERSION": (VERSION, _VERSION), "SIGNATURE": (SIGNATURE, self._package.signature)}
        for name, (address, value) in expected.items():
            found = self._read(address)
            if found != value:
                raise DeviceError(
                    f"{self._package.folder}: the accelerator's {name} reads 0x{found:08x} instead of 0x{value:08x}; "
                    "the bitstream is of another build: build the package again"
                )
        if not self.idle():
            raise DeviceError(f"a frame is still under way ({self.describe()}); load the overlay again")
