"""Devices: what fuses frames. The CPU, the accelerator in simulation, the accelerator on a board."""

from __future__ import annotations

import importlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import Integers
from bitpan.errors import DeviceError, MissingDependencyError
from bitpan.host.engine.engine import Engine
from bitpan.package import Package
from bitpan.registers import Registers

Array = npt.NDArray[Any]
Frame = tuple[Array, Array]
"""``pan (1, height, width)`` and ``ms (bands, height / ratio, width / ratio)``."""

NAMES = ("cpu", "rtl", "fpga")


class Device(Protocol):
    """Fuses frames with one scene's parameters at a time. Every device gives the same bits."""

    @property
    def frame(self) -> tuple[int, int] | None:
        """Height and width that each frame must have, PAN pixels; None: any multiple of the ratio."""

    def load_scene(self, scene: Mapping[str, Integers]) -> None:
        """Take a scene's parameters; they hold until the next ones."""

    def fuse(self, frames: Iterable[Frame]) -> Iterator[Array]:
        """Fused frames, ``(bands, height, width)``, in order; the next frame is taken while one is under way."""

    def close(self) -> None:
        """Give back what the device holds."""


class CpuDevice:
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

    def close(self) -> None:
        """See :class:`Device`."""


class RtlDevice:
    """The accelerator's RTL in Verilator.

    Args:
        package: from ``bitpan build``.
        stalls: pattern on all three streams, see :meth:`bitpan.hw.simulate.simulation.Simulation.set_stall`.

    Attributes:
        simulation: the running design.
        cycles: clock cycles spent on frames so far.
    """

    def __init__(self, package: Package, stalls: str | int = "never") -> None:
        self.frame: tuple[int, int] | None = package.frame
        self.simulation = _simulator().Simulation(package.sources, package.top)
        for seed, stream in enumerate(("s_axis_pan", "s_axis_ms", "m_axis_fused"), start=1):
            self.simulation.set_stall(stream, stalls, seed)
        self.cycles = 0
        self._registers = Registers(package, self.simulation.read, self.simulation.write)

    def load_scene(self, scene: Mapping[str, Integers]) -> None:
        """See :class:`Device`."""
        self._registers.load_scene(scene)

    def fuse(self, frames: Iterable[Frame]) -> Iterator[Array]:
        """See :class:`Device`."""
        waiting: deque[Frame] = deque()
        for pan, ms in frames:
            check_frame(self.frame, pan)
            self.simulation.push("s_axis_pan", to_beats(pan), last=True)
            self.simulation.push("s_axis_ms", to_beats(ms), last=True)
            self._registers.start()
            waiting.append((pan, ms))
            if len(waiting) == 2:  # the next frame's inputs are there before this one ends, as on the board
                yield self._finish(*waiting.popleft())
        if waiting:
            yield self._finish(*waiting.popleft())
            if not self._registers.idle():
                raise DeviceError(f"a frame is still under way after its last pixel ({self._registers.describe()})")

    def _finish(self, pan: Array, ms: Array) -> Array:
        height, width = pan.shape[1:]
        pixels = height * width
        while self.simulation.queued("m_axis_fused") < pixels:
            self.cycles += self.simulation.run(1 << 20, until={"m_axis_fused": pixels}, patience=1 << 17)
        beats, last = self.simulation.pull_with_last("m_axis_fused", pixels)
        if not last[-1] or last[:-1].any():
            raise DeviceError("the accelerator did not end its frame with the last pixel; build the package again")
        return from_beats(beats, len(ms), height, width)

    def close(self) -> None:
        """See :class:`Device`."""
        self.simulation.close()


def check_frame(frame: tuple[int, int] | None, pan: Array) -> None:
    """Raise :class:`DeviceError` unless a frame has the size the accelerator was built for."""
    if pan.shape[1:] != frame:
        raise DeviceError(f"the accelerator takes frames of {frame} PAN pixels, not {pan.shape[1:]}")


def to_beats(image: Array) -> npt.NDArray[np.uint8]:
    """``(C, H, W)`` as stream beats: a pixel each, channels 16 bits wide, the first one lowest."""
    pixels = np.ascontiguousarray(np.moveaxis(image, 0, -1), dtype="<u2")
    return pixels.view(np.uint8).reshape(-1, 2 * len(image))


def from_beats(beats: npt.NDArray[np.uint8], channels: int, height: int, width: int) -> Array:
    """Undo :func:`to_beats`."""
    pixels = np.ascontiguousarray(beats).view("<u2").reshape(height, width, channels)
    return np.moveaxis(pixels, -1, 0)


def _simulator() -> ModuleType:
    try:
        return importlib.import_module("bitpan.hw.simulate.simulation")
    except ImportError as error:
        raise MissingDependencyError(
            f'simulating the accelerator needs {error.name or "bitpan.hw"}: pip install "bitpan[fpga]"'
        ) from None


def open_device(name: str, package: Package | None, engine: Engine, timeout: float = 10.0) -> Device:
    """The device called ``name``: one of :data:`NAMES`; all but ``cpu`` need a package.

    Args:
        name: as given on the command line.
        package: from ``bitpan build``.
        engine: the CPU engine.
        timeout: seconds a board's frame may take.
    """
    if name == "cpu":
        return CpuDevice(engine)
    if package is None:
        raise DeviceError(f"device {name} needs the folder that bitpan build left: add --package DIR")
    if name == "rtl":
        return RtlDevice(package)
    from bitpan.host.device.fpga import FpgaDevice

    return FpgaDevice(package, timeout)
