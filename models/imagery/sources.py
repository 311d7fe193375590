"""A source of images as one word: its files, and what of its sensor differs from the command's settings.

``SOURCE[:key=value[;key=value]]``, as in ``imgWV2.mat:sensor=wv2;bands=2,3,5,7`` or
``QB-PAN.tif,QB-MS.tif:sensor=qb;shift=-2.25,2.5``.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bitpan.errors import DataError
from bitpan.rasters import band_numbers

SOURCE_HELP = "PAN.tif,MS.tif or a .mat, .npz, .h5 file; may end in ':key=value[;...]' of sensor, bands, bits, shift"
HELD_OUT_HELP = "fraction of the columns, at the right, of each source, or of its images, the last ones"
"""For the command lines."""


@dataclass(frozen=True)
class Source:
    """Files and how to read them.

    Attributes:
        files: ``PAN.tif,MS.tif`` or one .mat, .npz, .h5 or .hdf5 file, see :func:`bitpan.models.imagery.readers.read`.
        bands: MS bands to take, from 1, in this order; None takes all.
        bits: unsigned bits of the imagery.
        sensor: whose MTF it has, a key of :data:`bitpan.models.imagery.degrade.SENSORS`.
        shift: displacement (dy, dx) of the MS samples' centres against their PAN blocks, in PAN pixels.
        depth_stated: the source has bits of its own.
    """

    files: str
    bands: tuple[int, ...] | None = None
    bits: int = 11
    sensor: str = "generic"
    shift: tuple[float, float] = (0.0, 0.0)
    depth_stated: bool = False

    @property
    def name(self) -> str:
        """The first file's, without folder and suffix."""
        return Path(self.files.partition(",")[0]).stem


def parse(
    text: str,
    bands: tuple[int, ...] | None = None,
    bits: int = 11,
    sensor: str = "generic",
    shift: tuple[float, float] = (0.0, 0.0),
) -> Source:
    """The source that ``text`` describes; what it does not say is as given.

    Raises:
        DataError: an unknown key, a value that is none, or more bits than ``bits``, which is the networks' depth.
    """
    files, options = _divide(text)
    source = Source(files, bands, bits, sensor, shift)
    for option in filter(None, options.split(";")):
        key, _, value = option.partition("=")
        if key not in _READERS:
            raise DataError(f"{text}: {key!r} is no setting of a source; it has {', '.join(_READERS)}")
        try:
            stated = source.depth_stated or key == "bits"
            source = replace(source, **{key: _READERS[key](value)}, depth_stated=stated)
        except DataError as error:
            raise DataError(f"{text}: {error}") from None
        except ValueError:
            raise DataError(f"{text}: {key}={value} cannot be read; write {key}={_EXAMPLES[key]}") from None
    if not 8 <= source.bits <= bits:
        raise DataError(f"{text}: {source.bits} bits are not 8 to {bits}, the depth of all; set --bits")
    return source


def relocated(text: str, root: Path) -> str:
    """``text`` with its files under ``root``."""
    files, options = _divide(text)
    moved = ",".join(str(root / file) for file in files.split(","))
    return f"{moved}:{options}" if options else moved


def argument(key: str) -> Callable[[str], Any]:
    """What reads the setting ``key`` of all sources on a command line."""

    def read(text: str) -> Any:  # noqa: ANN401
        try:
            return _READERS[key](text)
        except DataError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} cannot be read; write {_EXAMPLES[key]}") from None

    return read


def _divide(text: str) -> tuple[str, str]:
    """Files and options; a colon without an ``=`` after it belongs to the file."""
    files, colon, options = text.rpartition(":")
    return (files, options) if colon and "=" in options else (text, "")


def _shift(text: str) -> tuple[float, float]:
    dy, dx = (float(part) for part in text.split(","))
    if not math.isfinite(dy + dx):
        raise ValueError
    return dy, dx


_READERS: dict[str, Callable[[str], Any]] = {"sensor": str, "bands": band_numbers, "bits": int, "shift": _shift}
_EXAMPLES = {"bits": "10", "shift": "DY,DX in PAN pixels, as in -2.25,2.5"}
