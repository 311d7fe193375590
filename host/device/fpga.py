"""The PYNQ driver: an overlay with the accelerator and its DMA, frames double-buffered.

It has run against the verilated IP core before a simulated memory (``bitpan.hw.simulate.system``); on no board yet.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import Integers
from bitpan.errors import DeviceError, DeviceTimeoutError
from bitpan.host.device.devices import Frame
from bitpan.host.device.dma import Dma
from bitpan.host.device.interrupt import Interrupt
from bitpan.host.device.planes import Kept, deal, interleave
from bitpan.host.scene.tiles import largest_frame
from bitpan.operations import Array
from bitpan.package import Package
from bitpan.registers import Registers

MEMORY_STATE = Path("/proc/meminfo")

_PATIENCE = 1.0  # seconds that frames have to run out, and memory to give what it owes

_ZYNQ7_REGISTERS, _SPACE = 0x4000_0000, 0x1_0000  # of the core behind a Zynq-7000's M_AXI_GP0


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

    def __init__(self, pynq: Any, kept: Kept) -> None:  # noqa: ANN401
        self._pynq, self._kept = pynq, kept
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
        self.images["pan"][:] = pan[0]
        interleave(ms, self.images["ms"])

    def _allocate(self, stream: str, size: int) -> None:
        if stream in self.buffers:
            self.buffers.pop(stream).freebuffer()
        try:
            self.buffers[stream] = self._pynq.allocate((size,), np.uint16, cacheable=True)
        except (RuntimeError, MemoryError) as error:
            raise DeviceError(f"no contiguous memory for a frame's {2 * size:,} bytes of {stream} ({error})") from None

    def fused(self) -> Array:
        """The result, ``(B, H, W)``."""
        self.buffers["fused"].invalidate()
        image = self.images["fused"]
        fused = self._kept.empty((image.shape[-1], *image.shape[:-1]))
        deal(image, fused)
        return fused

    def free(self) -> None:
        """Give it back."""
        while self.buffers:
            self.buffers.popitem()[1].freebuffer()


class FpgaDevice:
    """The accelerator on a board, of a package with its bitstream; a frame may take ``timeout`` seconds.

    Args:
        package: of the accelerator.
        pynq: the package pynq, or what has its ``Overlay``, ``MMIO`` and ``allocate``.
        timeout: seconds of a frame.
        interrupt: the core's; default: its registers are looked at again and again.

    Raises:
        DeviceError: there is no board or no bitstream, or it is another accelerator's.
    """

    def __init__(
        self,
        package: Package,
        pynq: Any,  # noqa: ANN401
        timeout: float = 10.0,
        interrupt: Interrupt | None = None,
    ) -> None:
        self._timeout, self._interrupt = timeout, interrupt
        kept = Kept()
        self._memories = _Memory(pynq, kept), _Memory(pynq, kept)
        cores = _load(pynq, package)
        if package.ip not in cores:
            raise DeviceError(f"the overlay holds no {package.ip!r}, only {', '.join(cores)}; build the package again")
        entry = cores[package.ip]
        mmio = pynq.MMIO(entry["phys_addr"], entry["addr_range"])

        def read(address: int) -> int:
            return int(mmio.read(address))

        self._registers = Registers(package, read, mmio.write)
        self._dma = Dma(read, mmio.write, timeout * package.clock_mhz * 1e6, interrupt)
        memory = contiguous_memory() // len(self._memories)
        self.largest: tuple[int, int] | None = largest_frame(package.model, package.frame[1], memory)

    def load_scene(self, scene: Mapping[str, Integers]) -> None:
        """See :class:`bitpan.host.device.devices.Device`."""
        self._registers.load_scene(scene)

    def fuse(self, frames: Iterable[Frame]) -> Iterator[Array]:
        """See :class:`bitpan.host.device.devices.Device`.

        A frame is prepared while one runs; its transfers then wait in the DMA, so that the accelerator's pipeline never
        drains between frames, and the frame before it is handed out while it runs. What hangs is reset: the error says
        what it was, and whether frames are taken again.
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
                before, running = running, prepared
                self._start(prepared)
                if before is not None:
                    self._wait(lambda: self._dma.under_way("fused") < 2)
                    yield before.fused()
            if running is not None:
                result, running = self._last(running), None
                yield result
        except DeviceError as error:
            if running is None:
                raise
            running = None
            raise type(error)(f"{error}; {self._reset()}") from None
        finally:
            if running is not None:  # the caller gave up, or an error is on its way: leave nothing under way
                self._stop()

    def close(self) -> None:
        """See :class:`bitpan.host.device.devices.Device`."""
        for memory in self._memories:
            memory.free()
        if self._interrupt is not None:
            self._interrupt.close()

    def _start(self, memory: _Memory) -> None:
        for stream, buffer in memory.buffers.items():
            buffer.flush()  # of ``fused`` too: a dirty cache line written back later would overwrite the result
            self._dma.start(stream, buffer.physical_address, memory.images[stream])
        self._registers.start()

    def _last(self, memory: _Memory) -> Array:
        """The result of a frame that none follows."""
        self._wait(lambda: not self._dma.under_way("fused") and self._registers.idle())
        return memory.fused()

    def _wait(self, ended: Callable[[], bool]) -> None:
        """Until a frame has; every error flag ends it too."""

        def looked() -> bool:
            self._registers.idle()  # raises what the accelerator has to say
            return ended()

        if not self._dma.wait(looked, self._timeout):
            raise DeviceTimeoutError(
                f"a frame did not end within {self._timeout:g} s: {self._dma.describe()}; {self._registers.describe()}"
            )

    def _stop(self) -> None:
        """Let the frames under way run out, or end them."""
        with suppress(DeviceError):  # the first error is the one to tell
            if self._dma.wait(lambda: self._registers.idle() and self._dma.idle(), min(self._timeout, _PATIENCE)):
                self._dma.clear()
                return
        self._reset()

    def _reset(self) -> str:
        """Reset what hangs; what came of it."""
        if not self._dma.reset(min(self._timeout, _PATIENCE)):
            return f"it cannot be reset ({self._dma.describe()}): load the overlay again, or switch the board off"
        self._registers.begin()
        return "the accelerator was reset and takes frames again: run it once more"


def _load(pynq: Any, package: Package) -> Mapping[str, Any]:  # noqa: ANN401
    """Load the bitstream; where its cores have their registers, by name."""
    try:
        if package.bitstream.is_file() and not package.bitstream.with_suffix(".hwh").exists():
            # As the open tools leave it: nothing says what is in it, but zynq7.v.
            pynq.Bitstream(str(package.bitstream)).download()
            pynq.Clocks.fclk0_mhz = package.clock_mhz
            return {package.ip: {"phys_addr": _ZYNQ7_REGISTERS, "addr_range": _SPACE}}
        cores: Mapping[str, Any] = pynq.Overlay(str(package.bitstream)).ip_dict
        return cores
    except OSError as error:
        raise DeviceError(
            f"{package.bitstream}: cannot be loaded ({error}); finish the build where Vivado is installed"
        ) from None
    except RuntimeError as error:
        raise DeviceError(
            f"{package.bitstream}: no board takes it ({error}); run this on a PYNQ board, or use --device cpu"
        ) from None
