"""Devices: what fuses frames. The CPU, the accelerator in simulation, the accelerator on a board."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from bitpan.arithmetic import Integers
from bitpan.errors import DeviceError
from bitpan.host.engine.engine import Engine
from bitpan.operations import Array
from bitpan.optional import require
from bitpan.package import Package
from bitpan.registers import STREAMS

Frame = tuple[Array, Array]
"""``pan (1, height, width)`` and ``ms (bands, height / ratio, width / ratio)``."""

NAMES = ("cpu", "rtl", "fpga")


class Device(Protocol):
    """Fuses frames with one scene's parameters at a time. Every device gives the same bits."""

    frame: tuple[int, int] | None
    """Height and width that each frame must have, PAN pixels; None: any multiple of the ratio."""

    def load_scene(self, scene: Mapping[str, Integers]) -> None:
        """Take a scene's parameters; they hold until the next ones."""

    def fuse(self, frames: Iterable[Frame]) -> Iterator[Array]:
        """Fused frames, ``(bands, height, width)``, in order; the next frame is taken while one is under way."""

    def close(self) -> None:
        """Give back what the device holds."""
        return None


class CpuDevice(Device):
    """The CPU engine; frames of any size."""

    frame = None

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._scene: Mapping[str, Integers] = {}

    def load_scene(self, scene: Mapping[str, Integers]) -> None:
        """See :class:`Device`."""
        self._scene = scene

    def fuse(self, frames: Iterable[Frame]) -> Iterator[Array]:
        """See :class:`Device`."""
        for pan, ms in frames:
            yield self._engine.run({"pan": pan, "ms": ms}, self._scene)


class RtlDevice:
    """The accelerator's RTL in Verilator; on all streams a pattern of ``stalls``, see :meth:`.Accelerator.stall`."""

    def __init__(self, package: Package, stalls: str | int = "never") -> None:
        self.frame: tuple[int, int] | None = package.frame
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
                check_frame(self.frame, pan)
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


def check_frame(frame: tuple[int, int] | None, pan: Array) -> None:
    """Raise :class:`DeviceError` unless a frame has the size the accelerator was built for."""
    if pan.shape[1:] != frame:
        raise DeviceError(f"the accelerator takes frames of {frame} PAN pixels, not {pan.shape[1:]}")


def open_device(name: str, package: Package | None, engine: Engine, timeout: float = 10.0) -> Device:
    """The device called ``name``: one of :data:`NAMES`; all but ``cpu``, which takes the engine, need a package."""
    if name == "cpu":
        return CpuDevice(engine)
    if package is None:
        raise DeviceError(f"device {name} needs the folder that bitpan build left: add --package DIR")
    if name == "rtl":
        return RtlDevice(package)
    from bitpan.host.device.fpga import FpgaDevice

    return FpgaDevice(package, timeout)
