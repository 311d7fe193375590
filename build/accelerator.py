"""A built accelerator in Verilator: scene parameters and starts over AXI-Lite, whole frames through its streams."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from bitpan.arithmetic import Integers
from bitpan.errors import ModelError, SimulationError
from bitpan.hw.packing import Beats, pack, unpack
from bitpan.hw.simulation import Simulation
from bitpan.model import IntegerModel

START, STATUS, STARTED, FINISHED, SIGNATURE = 0x08, 0x0C, 0x10, 0x14, 0x18
BANKS = (0x8000, 0xC000)
"""Byte addresses of the registers and of the two banks of scene words."""

PAN, MS, FUSED = "s_axis_pan", "s_axis_ms", "m_axis_fused"
STREAMS = (PAN, MS, FUSED)


@dataclass(frozen=True)
class Package:
    """A deployment folder: the integer model and the description in ``accelerator.json``."""

    folder: Path
    model: IntegerModel
    description: Mapping[str, Any]

    @classmethod
    def load(cls, folder: Path) -> Package:
        """Read a folder that ``bitpan build`` wrote; :class:`ModelError` if it is none."""
        path = folder / "accelerator.json"
        try:
            description = json.loads(path.read_text())
            return cls(folder, IntegerModel.load(folder), description)
        except OSError as error:
            raise ModelError(
                f"{path}: cannot be read ({error.strerror}); give a folder made by `bitpan build`"
            ) from None
        except ValueError as error:
            raise ModelError(f"{path}: not an accelerator's description ({error}); build it again") from None

    @property
    def frame(self) -> tuple[int, int]:
        """Height and width of a frame in PAN pixels."""
        return self.description["frame"]["height"], self.description["frame"]["width"]

    @property
    def sources(self) -> list[Path]:
        """Verilog files in order of compilation."""
        return [self.folder / name for name in self.description["rtl"]["sources"]]


class Accelerator:
    """The verilated top of a package.

    Args:
        package: what to simulate.
        trace: write a waveform to this file.
    """

    def __init__(self, package: Package, trace: Path | None = None) -> None:
        self.package, self.model = package, package.model
        self.simulation = Simulation(package.sources, package.description["rtl"]["top"], trace=trace)
        signature = self.simulation.read(SIGNATURE)
        if signature != package.description["signature"]:
            raise SimulationError(f"{package.folder}: signature {signature:#x} is not that of the package's model")

    def __enter__(self) -> Accelerator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.simulation.close()

    def write_scene(self, bank: int, scene: Mapping[str, Integers]) -> None:
        """Write every scene parameter into a bank; no frame under way may use it."""
        self.model.check_scene(scene)
        for name, place in self.package.description["registers"].items():
            for offset, value in enumerate(np.asarray(scene[name]).reshape(-1)):
                self.simulation.write(BANKS[bank] + 4 * (place["address"] + offset), int(value))

    def start(self, bank: int, images: Mapping[str, Integers]) -> None:
        """Start a frame and queue its images."""
        self.simulation.write(START, bank)
        for stream, name in ((PAN, "pan"), (MS, "ms")):
            self.simulation.push(stream, _beats(images[name]), last=True)

    def finish(self, frames: int, limit: int) -> list[Integers]:
        """Run until ``frames`` more fused frames are out, at most ``limit`` cycles, and return them."""
        height, width = self.package.frame
        beats = height * width
        patience = int(self.package.description["cycles_per_frame"]) + 10_000  # more than a frame is deep
        self.simulation.run(limit, until={FUSED: frames * beats}, patience=patience)
        data, last = self.simulation.pull_with_last(FUSED)
        if len(data) != frames * beats:
            raise SimulationError(f"{len(data)} of {frames * beats} fused pixels came within {limit} cycles")
        if not np.array_equal(np.flatnonzero(last), np.arange(1, frames + 1) * beats - 1):
            raise SimulationError(f"tlast is set on fused pixels {np.flatnonzero(last)[:4]}, not at the ends of frames")
        status = self.simulation.read(STATUS)
        if status:
            raise SimulationError(f"the accelerator's status is {status:#x} after {frames} frames, not 0")
        pixels = unpack(data, self.model.bands, 16, signed=False)
        return list(pixels.reshape(frames, height, width, -1).transpose(0, 3, 1, 2))


def _beats(image: Integers) -> Beats:
    """An image ``(elements, height, width)`` as beats of whole pixels, 16 bits an element."""
    return pack(image.reshape(len(image), -1).T, 16)


def stall(accelerator: Accelerator, patterns: Sequence[str], seed: int) -> None:
    """Set a stall pattern on each of the three streams."""
    for number, (stream, pattern) in enumerate(zip(STREAMS, patterns, strict=True)):
        accelerator.simulation.set_stall(stream, pattern, seed=16 * seed + number + 1)
