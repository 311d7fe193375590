"""A stand-in for the pynq package and the board under it, register for register.

    board = Board(Accelerator(package), package)
    with board.installed():          # `import pynq` now finds this board
        device = FpgaDevice(package)

The driver runs as it stands: it loads an overlay, allocates buffers, programs three AXI DMAs (Xilinx PG021, simple
mode) and the accelerator through MMIO. The DMAs move the buffers' bytes through the accelerator behind them, the
verilated design or a model of it. Time passes with each register read. Caches are modelled: what the processor has not
flushed the DMA does not see, and the reverse. None of this proves timing, clocks, or the block design.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.errors import DeviceError
from bitpan.hw.simulate.accelerator import Accelerator
from bitpan.package import Package
from bitpan.registers import STREAMS

Octets = npt.NDArray[np.uint8]

LENGTH_BITS = 26
_PAGE = 0x1000
_RAM = 0x8_8000_0000  # above 4 GiB, in the upper memory of a Zynq UltraScale+
_DMAS, _ACCELERATOR, _SPACE = 0x4040_0000, 0x43C0_0000, 0x1_0000
_RUN, _RESET = 1 << 0, 1 << 2
_HALTED, _IDLE, _INTERNAL, _DECODE, _COMPLETE = 1 << 0, 1 << 1, 1 << 4, 1 << 6, 1 << 12


class _Channel:
    """One DMA channel's registers, relative to the channel's own offset."""

    def __init__(self, board: Board, stream: str) -> None:
        self._board, self._stream = board, stream
        self.reset()

    def reset(self) -> None:
        self.control, self.status, self.address, self.length = 0, _HALTED, 0, 0
        self._busy, self._moved = False, 0

    def read(self, register: int) -> int:
        if register == 0x28:
            return self._moved if self._stream == "fused" else self.length
        return {0x00: self.control, 0x04: self.status}.get(register, 0)

    def write(self, register: int, value: int) -> None:
        if register == 0x00:
            if value & _RESET:
                self.reset()
                return
            self.control = value
            self.status = self.status & ~_HALTED if value & _RUN else self.status | _HALTED
        elif register == 0x04:
            self.status &= ~(value & _COMPLETE)
        elif register == 0x18:
            self.address = self.address >> 32 << 32 | value
        elif register == 0x1C:
            self.address = self.address & 0xFFFFFFFF | value << 32
        elif register == 0x28 and not self.status & _HALTED:
            self._start(value & ((1 << LENGTH_BITS) - 1))

    def _start(self, length: int) -> None:
        self.length, self._moved, self._busy = length, 0, True
        self.status &= ~_IDLE
        memory = self._board.memory(self.address, length)
        if memory is None:
            self._fail(_DECODE)
        elif self._stream in self._board.faults:
            self._fail(self._board.faults[self._stream])
        elif self._stream != "fused":
            self._board.accelerator.push(self._stream, memory)

    def tick(self) -> None:
        if not self._busy:
            return
        if self._stream != "fused":
            if self._board.accelerator.waiting(self._stream) == 0:
                self._complete()
            return
        data, last = self._board.accelerator.pull(self.length - self._moved)
        memory = self._board.memory(self.address + self._moved, len(data))
        if memory is not None:
            memory[:] = data
        self._moved += len(data)
        if last:
            self._complete()
        elif self._moved == self.length:
            self._fail(_INTERNAL)  # the stream goes on beyond the buffer

    def _complete(self) -> None:
        self._busy, self.status = False, self.status | _IDLE | _COMPLETE

    def _fail(self, bit: int) -> None:
        self._busy, self.status = False, self.status | bit | _HALTED


class Buffer(np.ndarray[Any, Any]):
    """Contiguous memory as the processor's cache sees it; ``ram`` is what the DMA sees."""

    physical_address: int
    ram: Octets

    def flush(self) -> None:
        """Write the cache back."""
        self.ram[:] = np.ascontiguousarray(self).view(np.uint8).ravel()

    def invalidate(self) -> None:
        """Forget the cache."""
        self[...] = self.ram.view(self.dtype).reshape(self.shape)

    def freebuffer(self) -> None:
        """Give the memory back."""
        self.ram = np.zeros(0, np.uint8)


class Board:
    """The board, as the driver sees it through pynq.

    Args:
        accelerator: what the DMAs feed, or what has its read, write, push, waiting, pull and tick.
        package: names the DMAs and the accelerator in the block design.

    Attributes:
        faults: by stream, an error bit of DMASR that its next transfer ends with.
        hung: nothing moves any more.
        overlays: the paths of the bitstreams that were loaded.
    """

    def __init__(self, accelerator: Accelerator, package: Package) -> None:
        self.accelerator = accelerator
        self.faults: dict[str, int] = {}
        self.hung = False
        self.overlays: list[str] = []
        self.buffers: list[Buffer] = []
        self._free = _RAM
        self._channels = [_Channel(self, stream) for stream in STREAMS]
        self._targets: dict[int, tuple[Any, range]] = {_ACCELERATOR: (accelerator, range(_SPACE))}
        self.ip_dict = {package.accelerator: {"phys_addr": _ACCELERATOR, "addr_range": _SPACE, "parameters": {}}}
        lengths = {"C_SG_LENGTH_WIDTH": str(LENGTH_BITS), "C_INCLUDE_SG": "0"}
        for i, (stream, channel) in enumerate(zip(STREAMS, self._channels, strict=True)):
            base, first = _DMAS + _SPACE * i, 0x30 if stream == "fused" else 0x00
            self._targets[base] = channel, range(first, first + 0x30)
            self.ip_dict[package.dma[stream]] = {"phys_addr": base, "addr_range": _SPACE, "parameters": dict(lengths)}

    @contextmanager
    def installed(self) -> Iterator[types.ModuleType]:
        """Let ``import pynq`` find this board."""
        module = types.ModuleType("pynq")
        vars(module).update(Overlay=self._overlay, MMIO=self._mmio, allocate=self._allocate)
        before = sys.modules.get("pynq")
        sys.modules["pynq"] = module
        try:
            yield module
        finally:
            del sys.modules["pynq"]
            if before is not None:
                sys.modules["pynq"] = before

    def memory(self, address: int, size: int) -> Octets | None:
        """RAM as the DMA sees it; None where no buffer lies."""
        for buffer in self.buffers:
            start = address - buffer.physical_address
            if start >= 0 and start + size <= len(buffer.ram):
                return buffer.ram[start : start + size]
        return None

    def access(self, address: int, value: int | None = None) -> int:
        """One register access of the processor; a read lets time pass."""
        if value is None and not self.hung:
            self.accelerator.tick()
            for channel in self._channels:
                channel.tick()
        offset = address % _SPACE
        if address - offset not in self._targets:
            raise DeviceError(f"bus error at 0x{address:x}")
        target, registers = self._targets[address - offset]
        if offset not in registers:
            return 0  # the channel this DMA was built without
        if value is None:
            return int(target.read(offset - registers.start))
        target.write(offset - registers.start, value & 0xFFFFFFFF)
        return 0

    def _overlay(self, bitstream: str) -> Any:  # noqa: ANN401
        self.overlays.append(bitstream)
        return types.SimpleNamespace(ip_dict=self.ip_dict, bitfile_name=bitstream)

    def _mmio(self, base: int, length: int) -> Any:  # noqa: ANN401
        def check(offset: int) -> int:
            if not 0 <= offset < length or offset % 4:
                raise MemoryError(f"MMIO offset 0x{offset:x} is not a word within 0x{length:x} bytes")
            return base + offset

        return types.SimpleNamespace(
            read=lambda offset=0: self.access(check(offset)),
            write=lambda offset, value: self.access(check(offset), value),
        )

    def _allocate(self, shape: tuple[int, ...], dtype: npt.DTypeLike = np.uint32) -> Buffer:
        noise = np.random.default_rng(len(self.buffers))  # fresh memory holds anything
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        buffer = noise.integers(0, 256, size, np.uint8).view(dtype).reshape(shape).view(Buffer)
        buffer.ram = noise.integers(0, 256, size, np.uint8)
        buffer.physical_address = self._free
        self._free += -(-size // _PAGE) * _PAGE
        self.buffers.append(buffer)
        return buffer
