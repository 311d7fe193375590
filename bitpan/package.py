"""The deployment folder that ``bitpan build`` leaves: an integer model and the accelerator that computes it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bitpan.errors import ModelError
from bitpan.files import read_json
from bitpan.model import IntegerModel
from bitpan.registers import STREAMS

DESCRIPTION = "accelerator.json"
CHECKSUMS = "checksums.sha256"
SCHEMA = 2


@dataclass(frozen=True)
class Package:
    """What a driver needs to know about an accelerator.

    Attributes:
        folder: where it was read from.
        model: the network it computes.
        frame: height and width of its frames until others are asked for, PAN pixels; none may be wider.
        signature: what its SIGNATURE register must read.
        registers: by scene parameter, the word address of its first integer.
        dma: names of the DMAs in the block design, by stream: ``pan``, ``ms``, ``fused``.
        accelerator: name of the accelerator in the block design.
        bitstream: the bitstream's path; exists where Vivado has run.
        top, sources: the accelerator's RTL, in order of compilation.
        cycles, period: estimated clock cycles of such a frame alone, and from frame to frame; see :meth:`clocks`.
    """

    folder: Path
    model: IntegerModel
    frame: tuple[int, int]
    signature: int
    registers: Mapping[str, int]
    dma: Mapping[str, str]
    accelerator: str
    bitstream: Path
    top: str
    sources: tuple[Path, ...]
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
        """Read ``accelerator.json`` and the model beside it; raise :class:`ModelError` naming what is wrong."""
        source = folder / DESCRIPTION
        document = read_json(source, SCHEMA, "build it again, or give the folder that bitpan build left")
        _check_sums(folder)
        model = IntegerModel.load(folder)
        try:
            package = cls(
                folder=folder,
                model=model,
                frame=(int(document["frame"]["height"]), int(document["frame"]["width"])),
                signature=int(document["signature"]) & 0xFFFFFFFF,
                registers={name: int(entry["address"]) for name, entry in document["registers"].items()},
                dma={stream: str(document["dma"][stream]) for stream in STREAMS},
                accelerator=str(document["accelerator"]),
                bitstream=folder / document["bitstream"],
                top=str(document["rtl"]["top"]),
                sources=tuple(folder / name for name in document["rtl"]["sources"]),
                cycles=int(document["cycles_per_frame"]),
                period=int(document["cycles_per_frame_steady"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"{source}: malformed ({error!r}); build it again") from None
        missing = [parameter.name for parameter in model.scene if parameter.name not in package.registers]
        if missing:
            raise ModelError(f"{source}: no registers for scene parameter {missing[0]!r}; build it again")
        return package


def _check_sums(folder: Path) -> None:
    """Refuse a description or model that is not the one the build summed up; a missing file is told elsewhere."""
    try:
        lines = (folder / CHECKSUMS).read_text().splitlines()
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder / CHECKSUMS}: cannot be read ({error}); build it again") from None
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    for name in (DESCRIPTION, "model.json", "model.npz"):
        file = folder / name
        if name in sums and file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() != sums[name]:
            raise ModelError(f"{file}: damaged or changed since the build ({CHECKSUMS}); fetch or build it again")
