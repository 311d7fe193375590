"""Devices: what fuses frames. The CPU, the accelerator in simulation, alone or with its memory, or on a board."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from bitpan.arithmetic import Integers
from bitpan.errors import DeviceError
from bitpan.host.engine.engine import Engine
from bitpan.host.scene.tiles import largest_frame
from bitpan.host.threads import at_once
from bitpan.operations import Array
from bitpan.optional import require
from bitpan.package import Package
from bitpan.registers import STREAMS

Frame = tuple[Array, Array]
"""``pan (1, height, width)``, and ``ms (bands, rows, columns)`` with its border, see :meth:`.model.Tensor.shape`."""

NAMES = ("cpu", "cuda", "rtl", "system", "fpga")

ACCELERATORS = ("rtl", "system", "fpga")
"""Those that need what ``bitpan build`` left."""


class Device(Protocol):
    """Fuses frames with one scene's parameters at a time. Every device gives the same bits."""

    largest: tuple[int, int] | None
    """Height and width of the largest frame, PAN pixels; None: any. Frames are multiples of the model's alignment."""

    def load_scene(self, scene: Mapping[str, Integers]) -> None:
        """Take a scene's parameters; they hold until the next ones."""

    def fuse(self, frames: Iterable[Frame]) -> Iterator[Array]:
        """Fused frames, ``(bands, height, width)``, in order; the next frame is taken while one is under way."""

    def close(self) -> None:
        """Give back what the device holds."""
        return None


class CpuDevice(Device):
    """An engine, on the CPU or on a graphics processor; frames of any size."""

    largest = None

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._scene: Mapping[str, Integers] = {}

    def load_scene(self, scene: Mapping[str, Integers]) -> None:
        """See :class:`Device`."""
        self._scene = scene

    def fuse(self, frames: Iterable[Frame]) -> Iterator[Array]:
        """See :class:`Device`."""
        scene = self._scene

        def run(frame: Frame) -> Array:
            pan, ms = frame
            return self._engine.run({"pan": pan, "ms": ms}, scene)

        return at_once(run, frames, self._engine.threads)


class RtlDevice:
    """The accelerator's RTL in Verilator; on all streams a pattern of ``stalls``, see :meth:`.Accelerator.stall`."""

    def __init__(self, package: Package, stalls: str | int = "never") -> None:
        self.largest: tuple[int, int] | None = largest_frame(package.model, package.frame[1])
        self._accelerator = require("bitpan.hw.simulate.accelerator").Accelerator(package)
        self._accelerator.stall([stalls] * len(STREAMS))

    def load_scene(self, scene: Mapping[str, Integers]) -> None:
        """See :class:`Device`."""
        self._accelerator.registers.load_scene(scene)

    def fuse(self, frames: Iterable[Frame]) -> Iterator[Array]:
        """See :class:`Device`."""
        accelerator = self._accelerator
        try:
            for pan, ms in frames:
                if accelerator.under_way and pan.shape[1:] != accelerator.registers.size:
                    yield from accelerator.finish()
                accelerator.start({"pan": pan, "ms": ms})
                if accelerator.under_way == 2:  # the next frame is in before this one ends, as on the board
                    yield from accelerator.finish()
            if accelerator.under_way:
                yield from accelerator.finish()
        finally:
            if accelerator.under_way:  # the caller gave up, or an error is on its way: leave nothing under way
                accelerator.finish(accelerator.under_way)

    def close(self) -> None:
        """See :class:`Device`."""
        self._accelerator.close()


def open_device(name: str, package: Package | None, engine: Engine, timeout: float = 10.0) -> Device:
    """The device called ``name``, of :data:`NAMES`: ``cpu`` and ``cuda`` take their engine, others need a package."""
    if name in ("cpu", "cuda"):
        return CpuDevice(engine)
    if package is None:
        raise DeviceError(f"device {name} needs the folder that bitpan build left: add --package DIR")
    if name == "rtl":
        return RtlDevice(package)
    if name == "system":
        from bitpan.host.device.system import SystemDevice

        return SystemDevice(package)
    from bitpan.host.device.fpga import FpgaDevice
    from bitpan.host.device.interrupt import board_interrupt

    return FpgaDevice(package, require("pynq"), timeout, board_interrupt())
