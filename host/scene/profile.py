"""What a fused GeoTIFF takes over from its inputs: all that stays true of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from bitpan.rasters.pair import Pair

DROPPED = ("AREA_OR_POINT", "STATISTICS_", "TIFFTAG_SOFTWARE")
"""Beginnings of tags that are no more true of the fused image, or that GDAL sets."""


def fused_nodata(pair: Pair) -> float | None:
    """The MS's value, else the PAN's; 0 where its type cannot hold that, or masks alone tell; else NaN of reals."""
    dtype = np.result_type(*pair.ms.dtypes)
    nodata = pair.ms.nodata if pair.ms.nodata is not None else pair.pan.nodata
    if dtype.kind == "f":
        return math.nan if nodata is None else nodata
    if nodata is None:
        return 0 if pair.pan.masked or pair.ms.masked else None
    limits = np.iinfo(dtype)
    return int(nodata) if float(nodata).is_integer() and limits.min <= nodata <= limits.max else 0


def fused_profile(pair: Pair) -> dict[str, Any]:
    """By name: place and time, which are the PAN's; of the MS's bands all that they say; and the MS's tags."""
    pan, ms, (top, left) = pair.pan.dataset, pair.ms, pair.grid.pan_origin
    own = pan.transform
    a, b, c, d, e, f = own[:6]
    moved = type(own)(a, b, c + a * left + b * top, d, e, f + d * left + e * top)
    return {
        "crs": pan.crs,
        "transform": None if own.is_identity else moved,
        "gcps": _moved_gcps(pan, top, left),
        "rpcs": _moved_rpcs(pan, top, left),
        "dtype": np.result_type(*ms.dtypes).name,
        "counts": pair.counts[1],
        "imagery": pan.tags(ns="IMAGERY"),
        "tags": {key: text for key, text in ms.dataset.tags().items() if not key.startswith(DROPPED)},
        "band_tags": [_kept(tags) for tags in ms.band_tags()],
        **{what: ms.described(what) for what in ("descriptions", "colorinterp", "scales", "offsets", "units")},
    }


def _kept(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: text for key, text in tags.items() if not key.startswith(DROPPED)}


def _moved_gcps(dataset: Any, top: int, left: int) -> tuple[list[Any], Any] | None:  # noqa: ANN401
    from rasterio.control import GroundControlPoint

    points, crs = dataset.gcps
    if not points:
        return None
    moved = [GroundControlPoint(own.row - top, own.col - left, own.x, own.y, own.z, own.id, own.info) for own in points]
    return moved, crs


def _moved_rpcs(dataset: Any, top: int, left: int) -> Any:  # noqa: ANN401
    """Rational polynomials count from the image's corner, which the fused image's may not be."""
    rpcs = dataset.rpcs
    if rpcs is not None:
        rpcs.line_off, rpcs.samp_off = rpcs.line_off - top, rpcs.samp_off - left
    return rpcs
