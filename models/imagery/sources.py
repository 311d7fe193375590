"""A source of images as one word: its files, and what of its sensor differs from the command's settings.

``SOURCE[:key=value[;key=value]]``, as in ``imgWV2.mat:sensor=wv2;bands=2,3,5,7`` or
``QB-PAN.tif,QB-MS.tif:sensor=qb;shift=-2.25,2.5``.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bitpan import values
from bitpan.errors import DataError, SceneError, SceneIOError, naming
from bitpan.rasters.validity import DECLARED, Nodata

Bands = tuple[int, ...] | None
Shift = tuple[float, float]


@dataclass(frozen=True)
class Source:
    """Files and how to read them.

    Attributes:
        files: ``PAN.tif,MS.tif[,MS2.tif...]``, a product, folders, or one .mat, .npz, .h5 or .hdf5 file, see
            :func:`bitpan.models.imagery.readers.read`.
        bands: MS bands to take, from 1, in this order; None takes all.
        bits: unsigned bits of the imagery.
        sensor: whose MTF it has, a key of :data:`bitpan.models.imagery.degrade.SENSORS`.
        shift: displacement (dy, dx) of the MS samples' centres against their PAN blocks, in PAN pixels.
        depth_stated: the source has bits of its own.
        nodata, align: as of :class:`bitpan.rasters.pair.Handling`.
    """

    files: str
    bands: Bands = None
    bits: int = 11
    sensor: str = "generic"
    shift: Shift = (0.0, 0.0)
    depth_stated: bool = False
    nodata: tuple[Nodata, Nodata] = (DECLARED, DECLARED)
    align: str = "auto"

    @property
    def name(self) -> str:
        """The first file's, without folder and suffix."""
        return Path(self.files.partition(",")[0]).stem


def parse(text: str, bands: Bands = None, bits: int = 11, sensor: str = "generic", shift: Shift = (0.0, 0.0)) -> Source:
    """The source that ``text`` describes; what it does not say is as given.

    Raises:
        DataError: an unknown key, a value that is none, or more bits than ``bits``, which is the networks' depth.
    """
    files, options = _divide(text)
    given: dict[str, Any] = {}
    for option in filter(None, options.split(";")):
        key, _, value = option.partition("=")
        if key not in _READERS:
            raise DataError(f"{text}: {key!r} is no setting of a source; it has {', '.join(_READERS)}")
        with naming(text):
            given[key] = _READERS[key](value)
    source = Source(files, bands, bits, sensor, shift, depth_stated="bits" in given)
    source = replace(source, **given)
    if not 8 <= source.bits <= bits:
        raise DataError(f"{text}: {source.bits} bits are not 8 to {bits}, the depth of all; set --bits")
    return source


def relocated(text: str, root: Path) -> str:
    """``text`` with its files under ``root``."""
    files, options = _divide(text)
    moved = ",".join(str(root / file) for file in files.split(","))
    return f"{moved}:{options}" if options else moved


@contextmanager
def advised() -> Iterator[None]:
    """What errors and warnings of the block advise, options of ``bitpan fuse``, is said in the keys of a source.

    Raises:
        DataError: in place of :class:`SceneError` and :class:`SceneIOError`.
    """
    told: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            yield
    except (SceneError, SceneIOError) as error:
        raise DataError(_by_keys(error)) from None
    finally:
        for each in told:
            warnings.warn(_by_keys(each.message), each.category, stacklevel=3)


def _by_keys(said: object) -> str:
    return re.sub(r"--(nodata|align|shift)[ =](?=\S)", r":\1=", str(said))


def _divide(text: str) -> tuple[str, str]:
    """Files and options; a colon without an ``=`` after it belongs to the file."""
    files, colon, options = text.rpartition(":")
    return (files, options) if colon and "=" in options else (text, "")


_READERS: dict[str, Callable[[str], Any]] = {
    "sensor": str,
    "bands": values.band_numbers,
    "bits": values.bits,
    "shift": values.shift,
    "nodata": values.nodata,
    "align": str,
}
