"""The PYNQ driver: an overlay with the accelerator and three DMAs, frames double-buffered.

It has run against a register-level stand-in for the board (``bitpan.hw.simulate.standin``); on no board yet.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import Integers
from bitpan.errors import DeviceError, DeviceTimeoutError
from bitpan.host.device.devices import Frame
from bitpan.host.device.dma import MM2S, S2MM, DmaChannel, wait
from bitpan.host.scene.tiles import largest_frame
from bitpan.operations import Array
from bitpan.optional import require
from bitpan.package import Package
from bitpan.registers import Registers

_DEFAULT_LENGTH_BITS = 14  # of an AXI DMA that the overlay does not describe


MEMORY_STATE = Path("/proc/meminfo")


def contiguous_memory() -> int:
    """Bytes of contiguous memory that are free, less an eighth for others; 0: the kernel does not say."""
    told = MEMORY_STATE.read_text() if MEMORY_STATE.exists() else ""
    found = re.search(r"^CmaFree:\s*(\d+) kB", told, re.MULTILINE)
    return int(found[1]) * 1024 * 7 // 8 if found else 0


class _Memory:
    """Physically contiguous memory for a frame's three images, as large as the largest one so far.

    Attributes:
        buffers: pynq's, flat, uint16, by stream.
        images: views of the frame that is in it, pan (H, W), ms (h, w, B), fused (H, W, B).
    """

    def __init__(self, pynq: ModuleType) -> None:
        self._pynq = pynq
        self.buffers: dict[str, Any] = {}
        self.images: dict[str, npt.NDArray[np.uint16]] = {}

    def fill(self, pan: Array, ms: Array) -> None:
        """Take a frame in.

        Raises:
            DeviceError: there is no memory for it.
        """
        _, height, width = pan.shape
        shapes = {"pan": (height, width), "ms": (*ms.shape[1:], len(ms)), "fused": (height, width, len(ms))}
        for stream, shape in shapes.items():
            size = math.prod(shape)
            if stream not in self.buffers or self.buffers[stream].size < size:
                self._allocate(stream, size)
            self.images[stream] = np.asarray(self.buffers[stream])[:size].reshape(shape)
        self.images["pan"][:], self.images["ms"][:] = pan[0], np.moveaxis(ms, 0, -1)

    def _allocate(self, stream: str, size: int) -> None:
        if stream in self.buffers:
            self.buffers.pop(stream).freebuffer()
        try:
            self.buffers[stream] = self._pynq.allocate((size,), np.uint16)
        except (RuntimeError, MemoryError) as error:
            raise DeviceError(f"no contiguous memory for a frame's {2 * size:,} bytes of {stream} ({error})") from None

    def fused(self) -> Array:
        """The result, ``(B, H, W)``."""
        return np.ascontiguousarray(np.moveaxis(self.images["fused"], -1, 0))

    def free(self) -> None:
        """Give it back."""
        while self.buffers:
            self.buffers.popitem()[1].freebuffer()


class FpgaDevice:
    """The accelerator on a board, of a package with its bitstream; a frame may take ``timeout`` seconds.

    Raises:
        MissingDependencyError: pynq is not installed.
        DeviceError: there is no board or no bitstream, or it is another accelerator's.
    """

    def __init__(self, package: Package, timeout: float = 10.0) -> None:
        self._timeout = timeout
        pynq = require("pynq")
        self._memories = _Memory(pynq), _Memory(pynq)
        overlay = _load_overlay(pynq, package)
        self._channels = {
            stream: _open_channel(pynq, overlay, package.dma[stream], offset)
            for stream, offset in (("pan", MM2S), ("ms", MM2S), ("fused", S2MM))
        }
        mmio, _ = _open(pynq, overlay, package.accelerator)
        self._registers = Registers(package, lambda address: int(mmio.read(address)), mmio.write)
        limits = {stream: channel.limit for stream, channel in self._channels.items()}
        memory = contiguous_memory() // len(self._memories)
        self.largest: tuple[int, int] | None = largest_frame(package.model, package.frame[1], limits, memory)

    def load_scene(self, scene: Mapping[str, Integers]) -> None:
        """See :class:`bitpan.host.device.devices.Device`."""
        self._registers.load_scene(scene)

    def fuse(self, frames: Iterable[Frame]) -> Iterator[Array]:
        """See :class:`bitpan.host.device.devices.Device`.

        A frame is prepared, and the last one handed out, while one runs; a frame's inputs follow the inputs of the one
        before it, so the accelerator's pipeline never drains between frames.
        """
        running: _Memory | None = None
        try:
            for number, (pan, ms) in enumerate(frames):
                if running is not None and pan.shape[1:] != self._registers.size:
                    result, running = self._last(running), None
                    yield result
                if pan.shape[1:] != self._registers.size:
                    self._registers.set_size(*pan.shape[1:])
                prepared = self._memories[number % 2]
                prepared.fill(pan, ms)
                if running is not None:
                    self._wait("pan", "ms")
                finished, running = running, prepared
                self._start(prepared, "pan", "ms")
                self._registers.start()
                if finished is not None:
                    self._receive(finished)
                self._start(prepared, "fused")
                if finished is not None:
                    yield finished.fused()
            if running is not None:
                result, running = self._last(running), None
                yield result
        finally:
            if running is not None:  # the caller gave up, or an error is on its way: leave nothing under way
                self._stop()

    def close(self) -> None:
        """See :class:`bitpan.host.device.devices.Device`."""
        for memory in self._memories:
            memory.free()

    def _start(self, memory: _Memory, *streams: str) -> None:
        for stream in streams:
            buffer = memory.buffers[stream]
            buffer.flush()  # of ``fused`` too: a dirty cache line written back later would overwrite the result
            self._channels[stream].start(buffer.physical_address, memory.images[stream].nbytes)

    def _last(self, memory: _Memory) -> Array:
        """The result of a frame that none follows."""
        self._receive(memory)
        self._wait(idle=True)
        return memory.fused()

    def _receive(self, memory: _Memory) -> None:
        """Until a frame's output is in memory."""
        self._wait("fused")
        channel, size = self._channels["fused"], memory.images["fused"].nbytes
        if channel.moved() != size:
            raise DeviceError(
                f"DMA {channel.name} moved {channel.moved()} bytes of a frame of {size}; "
                "the bitstream is of another build: build the package again"
            )
        memory.buffers["fused"].invalidate()

    def _wait(self, *streams: str, idle: bool = False) -> None:
        """Until these DMAs, or with ``idle`` the accelerator, have ended; every error flag ends it too."""

        def ended() -> bool:
            done = {stream: channel.done() for stream, channel in self._channels.items()}
            empty = self._registers.idle()
            return all(done[stream] for stream in streams) and (empty or not idle)

        if not wait(ended, self._timeout):
            states = "; ".join(channel.describe() for channel in self._channels.values())
            raise DeviceTimeoutError(
                f"a frame did not end within {self._timeout:g} s: {states}; {self._registers.describe()}; "
                "load the overlay again"
            )

    def _stop(self) -> None:
        """Let the frame under way run out where it can; the DMAs are reset either way."""
        with suppress(DeviceError):  # the first error is the one to tell
            wait(self._registers.idle, min(self._timeout, 1.0))
        for channel in self._channels.values():
            channel.reset()


def _load_overlay(pynq: ModuleType, package: Package) -> Any:  # noqa: ANN401
    try:
        return pynq.Overlay(str(package.bitstream))
    except OSError as error:
        raise DeviceError(
            f"{package.bitstream}: cannot be loaded ({error}); finish the build where Vivado is installed"
        ) from None
    except RuntimeError as error:
        raise DeviceError(
            f"{package.bitstream}: no board takes it ({error}); run this on a PYNQ board, or use --device cpu"
        ) from None


def _open(pynq: ModuleType, overlay: Any, name: str) -> tuple[Any, dict[str, Any]]:  # noqa: ANN401
    """Registers and parameters of a block of the design."""
    if name not in overlay.ip_dict:
        raise DeviceError(f"the overlay holds no {name!r}, only {', '.join(overlay.ip_dict)}; build the package again")
    entry = overlay.ip_dict[name]
    parameters = {key.lower(): value for key, value in entry.get("parameters", {}).items()}
    return pynq.MMIO(entry["phys_addr"], entry["addr_range"]), parameters


def _open_channel(pynq: ModuleType, overlay: Any, name: str, offset: int) -> DmaChannel:  # noqa: ANN401
    mmio, parameters = _open(pynq, overlay, name)
    return DmaChannel(name, mmio, offset, int(parameters.get("c_sg_length_width", _DEFAULT_LENGTH_BITS)))
