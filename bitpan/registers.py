"""The accelerator's ports: its streams, and its registers for identity, frames and two banks of scene parameters.

A bank travels with its frames: each unit of the accelerator switches at the frame's first beat at its own input. So
the words of the next frame go into the idle bank while the frame before it is still under way. They are written anew
for every frame: what an upset has changed in a bank is right again before a frame begins.
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

ID, VERSION, START, STATUS, STARTED, FINISHED, SIGNATURE, SIZE = (4 * number for number in range(8))
BANKS = (0x8000, 0xC000)
"""First byte address of each bank's scene words."""

DMA_STATUS, DMA_INTERRUPT, DMA_TIMEOUT, DMA_FINISHED, DMA_BUS, DMA_RESET = (0x4000 + 4 * number for number in range(6))
DMA = {"pan": 0x4020, "ms": 0x4040, "fused": 0x4060}
"""First byte address of each channel's five words: address, its high half, bytes of a row, stride, rows."""

MOST_ROWS = 0xFFFF
"""Of a frame: what the register holds."""

MOST_FRAMES = 15
"""Under way at once."""

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
        self._check_identity()
        self._words: dict[int, int] = {}
        self.begin()

    def begin(self) -> None:
        """Find the accelerator as a reset has left it; the scene that was loaded still holds."""
        self._bank = 1
        self._last = [self._read(STARTED)] * len(BANKS)  # of each bank: frames started, the bank's last one included
        size = self._read(SIZE)
        self.size = size >> 16, size & 0xFFFF

    def load_scene(self, scene: Mapping[str, Integers]) -> None:
        """Frames started from now on have a scene's parameters."""
        self._words = self._scene_words(scene)

    def write_bank(self, bank: int, scene: Mapping[str, Integers]) -> None:
        """Write a scene's parameters into a bank.

        Raises:
            DeviceError: a frame under way uses it.
        """
        self._write_words(bank, self._scene_words(scene))

    def set_size(self, height: int, width: int) -> None:
        """Frames of this size from now on, PAN pixels.

        Raises:
            DeviceError: a frame is under way, or the accelerator takes none of this size.
        """
        grid, (_, widest) = self._package.model.alignment, self._package.frame
        if not grid <= height <= MOST_ROWS or not grid <= width <= widest or height % grid or width % grid:
            raise DeviceError(
                f"frames of {height} x {width} PAN pixels: the accelerator takes multiples of {grid}, at most "
                f"{MOST_ROWS} high and {widest} wide"
            )
        if not self.idle():
            raise DeviceError(f"a frame is under way, so its size cannot change ({self.describe()})")
        self._write(SIZE, height << 16 | width)
        self.size = height, width

    def start(self, bank: int | None = None) -> None:
        """Let one more frame in, with the scene last loaded, or with what the ``bank`` holds that is named.

        The scene's words are written before, into the bank that the frame before this one does not use.

        Raises:
            DeviceError: that bank is in use too, by an earlier frame under way, or there is an error flag.
        """
        if bank is None:
            bank = 1 - self._bank
            self._write_words(bank, self._words)
        self._write(START, bank)
        self._bank, self._last[bank] = bank, self._read(STARTED)

    def idle(self) -> bool:
        """Every frame started has left the accelerator; raise :class:`DeviceError` on an error flag."""
        self._check_status()
        return self._read(STARTED) == self._read(FINISHED)

    def _scene_words(self, scene: Mapping[str, Integers]) -> dict[int, int]:
        """A scene's words by their addresses in a bank."""
        self._package.model.check_scene(scene)
        return {
            first + i: word & _MASK
            for name, first in self._package.registers.items()
            for i, word in enumerate(np.asarray(scene[name], dtype=np.int64).ravel().tolist())
        }

    def _write_words(self, bank: int, words: Mapping[int, int]) -> None:
        self._check_status()
        if 0 < self._last[bank] - self._read(FINISHED) & _MASK <= MOST_FRAMES:
            raise DeviceError(
                f"bank {bank} of the scene parameters is in use by a frame under way ({self.describe()}); "
                "take out its fused image first"
            )
        for address, word in words.items():
            self._write(BANKS[bank] + 4 * address, word)

    def _check_status(self) -> None:
        status = self._read(STATUS)
        if status:
            flags = [text for bit, text in enumerate(_STATUS_BITS) if status >> bit & 1]
            raise DeviceError(f"the accelerator reports STATUS 0x{status:x} ({', '.join(flags) or 'unknown'})")

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
