"""``bitpan fuse PAIR.mat``: the arrays of a file, as ``bitpan evaluate`` reads them, into a GeoTIFF without a place."""

from __future__ import annotations

import argparse
import time

import numpy as np

from bitpan.commands.fuse import open_fuser
from bitpan.errors import DataError
from bitpan.host.fuser import Fuser
from bitpan.models.imagery.readers import read
from bitpan.models.imagery.sources import parse
from bitpan.rasters import create_raster
from bitpan.shipped import DEFAULT_MODEL, member_of

UNFIT = ("report", "quicklook", "stac", "align", "scene_parameters")
"""Options that want a pair of rasters."""


def run(arguments: argparse.Namespace) -> int:
    """Fuse the one pair of a file.

    Raises:
        DataError: it holds several, or an option wants rasters.
    """
    own = arguments
    for name in UNFIT:
        if getattr(own, name) not in (None, "auto"):
            raise DataError(f"{own.pan}: holds arrays, without a place or a file each: leave --{name} out")
    found, _ = read(parse(own.pan, own.bands), ratio=1)
    pan, ms = found["pan"], found["ms"]
    if len(pan) != 1 or len(ms) != 1:
        raise DataError(f"{own.pan}: holds {len(pan)} pairs, and one is fused; evaluate judges them all")
    if not own.package:
        own.model = member_of(own.model or DEFAULT_MODEL, ms.shape[1], round(pan.shape[-1] / ms.shape[-1]))
    began = time.monotonic()
    with open_fuser(own) as fuser:
        fused = _fused(fuser, np.rint(pan[0]).astype(np.int64), np.rint(ms[0]).astype(np.int64), own)
        profile = {"count": len(fused), "height": fused.shape[1], "width": fused.shape[2], "dtype": fused.dtype}
        with create_raster(own.output, compression=own.compress, photometric="minisblack", **profile) as dataset:
            dataset.write(fused)
        seconds = time.monotonic() - began
        print(f"{own.output}: fused with {fuser.model.name} on {own.device} in {seconds:.1f} s, without a place")
    return 0


def _fused(fuser: Fuser, pan: np.ndarray, ms: np.ndarray, own: argparse.Namespace) -> np.ndarray:
    nodata = {} if own.nodata is None else {"nodata": own.nodata}
    return np.asarray(fuser.fuse(pan, ms.astype(np.uint16), shift=own.shift, tile=own.tile, **nodata))
