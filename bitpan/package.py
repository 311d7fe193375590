"""The deployment folder that ``bitpan build`` leaves: an integer model and the accelerator that computes it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from bitpan.errors import ModelError
from bitpan.intake.arrays import UNREADABLE
from bitpan.intake.documents import read_document
from bitpan.intake.sums import CHECKSUMS, check_sums
from bitpan.model import IntegerModel

DESCRIPTION = "accelerator.json"
SCHEMA = 3

TOOLS_OWN = ("vivado", ".Xil/", "open/")
"""Beginnings of the names of what Vivado and other tools leave in the folder for themselves; nothing of it is used."""

OVERLAYS = "pynq.overlays"
"""Group of the entry points by which PYNQ finds bitstreams; what :mod:`bitpan.build.deploy.wheel` writes has one."""

_CURE = "fetch all of the folder that bitpan build left, or build it again"


@dataclass(frozen=True)
class Package:
    """What a driver needs to know about an accelerator.

    Attributes:
        folder: where it was read from.
        model: the network it computes.
        frame: height and width of its frames until others are asked for, PAN pixels; none may be wider.
        signature: what its SIGNATURE register must read.
        registers: by scene parameter, the word address of its first integer.
        ip: name of the accelerator with its DMA, in the block design and as a module.
        bitstream: the bitstream's path; exists where Vivado has run.
        digest: SHA-256 of the folder's checksums, which stands for all that is in it.
        top, sources: the accelerator's RTL without and with its DMA, in order of compilation.
        clock_mhz: of the accelerator.
        memory_rate: bytes a second that the board's memory is supposed to move.
        memory_latency: nanoseconds that it is supposed to take to answer.
        cycles, period: estimated clock cycles of such a frame alone, and from frame to frame; see :meth:`clocks`.
    """

    folder: Path
    model: IntegerModel
    frame: tuple[int, int]
    signature: int
    registers: Mapping[str, int]
    ip: str
    bitstream: Path
    digest: str
    top: str
    sources: tuple[Path, ...]
    clock_mhz: float
    memory_rate: float
    memory_latency: float
    cycles: int
    period: int

    def clocks(self, height: int, width: int) -> tuple[int, int]:
        """Estimated clock cycles of a frame of this size alone, and from frame to frame."""
        rows, columns = self.frame
        period = self.period * height * width / (rows * columns)
        filling = (self.cycles - self.period) * width / columns  # lines, that the units hold
        return math.ceil(period + filling), math.ceil(period)

    @classmethod
    def load(cls, folder: Path) -> Package:
        """Read ``accelerator.json`` and the model beside it, once all of the folder is known to be as it was built.

        Raises:
            ModelError: a file is missing, damaged, malformed or one too many; it says which.
        """
        source = folder / DESCRIPTION
        sums = check_sums(folder, _CURE, TOOLS_OWN)
        document = read_document(source, SCHEMA, _CURE)
        model = IntegerModel.load(folder)
        try:
            package = cls(
                folder=folder,
                model=model,
                frame=(int(document["frame"]["height"]), int(document["frame"]["width"])),
                signature=int(document["signature"]),
                registers={name: int(entry["address"]) for name, entry in document["registers"].items()},
                ip=str(document["ip"]),
                bitstream=folder / document["bitstream"],
                digest=sums[folder / CHECKSUMS],
                top=str(document["rtl"]["top"]),
                sources=tuple(folder / name for name in document["rtl"]["sources"]),
                clock_mhz=float(document["clock_mhz"]),
                memory_rate=float(document["memory"]["bytes_per_second"]),
                memory_latency=float(document["memory"]["latency_ns"]),
                cycles=int(document["cycles_per_frame"]),
                period=int(document["cycles_per_frame_steady"]),
            )
            used = [file for file in (*package.sources, package.bitstream) if file.exists()]
            if min(*package.frame, package.cycles, package.period) < 1 or min(package.registers.values()) < 0:
                raise ValueError(f"a frame of {package.frame}, {package.cycles} cycles, {package.registers}")
            rates = package.clock_mhz, package.memory_rate
            if not (all(0 < rate < math.inf for rate in rates) and 0 <= package.memory_latency < math.inf):
                raise ValueError(f"{package.clock_mhz} MHz, {document['memory']}")
        except UNREADABLE as error:
            raise ModelError(f"{source}: malformed ({error!r}); build it again") from None
        if unsummed := next((file for file in used if file not in sums), None):
            raise ModelError(f"{source}: names {unsummed}, which no checksum covers; {_CURE}")
        missing = [parameter.name for parameter in model.scene if parameter.name not in package.registers]
        if missing:
            raise ModelError(f"{source}: no registers for scene parameter {missing[0]!r}; build it again")
        return package


def installed(name: str) -> Path | None:
    """The deployment folder of an accelerator that pip has installed under this name; None where there is none."""
    for entry in entry_points(group=OVERLAYS, name=name):
        spec = find_spec(entry.module)
        for place in (spec and spec.submodule_search_locations) or ():
            if (Path(place) / name / DESCRIPTION).is_file():
                return Path(place) / name
    return None
