"""``bitpan fuse --stac``: a STAC item (1.1.0) of the fused image, for catalogues and for those who load by them.

It says when the PAN was taken: by what its file tells (GDAL's ``ACQUISITIONDATETIME``, which it finds in the metadata
that sensors come with), or by ``--acquired``. The time a file was written at is none of that.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bitpan import __version__
from bitpan.errors import OutputError
from bitpan.files import write_json
from bitpan.host.fuser import PARAMETERS
from bitpan.model import IntegerModel
from bitpan.rasters import RasterFile
from bitpan.rasters.meaning import meanings
from bitpan.rasters.names import Name, short
from bitpan.rasters.raster import Names

_EXTENSIONS = ("eo/v2.0.0", "processing/v1.2.0", "projection/v2.0.0")

_COMMON_NAMES = ("coastal", "blue", "green", "yellow", "red", "rededge", "nir")
"""What bands mean here and in the extension ``eo`` alike."""


def require_possible(path: Path, pan: Name, acquired: datetime | None) -> None:
    """Raise an error, before anything is computed, unless an item can be written to ``path``.

    Raises:
        OutputError: it is no ``.json`` file in a folder that exists, or nobody knows when the PAN was taken.
        SceneIOError: the PAN cannot be opened.
    """
    if path.suffix != ".json" or not path.parent.is_dir() or path.is_dir():
        raise OutputError(f"{path}: a STAC item is a .json file in a folder that exists")
    if acquired is None and _told(pan) is None:
        raise OutputError(
            f"{pan}: does not say when it was taken, and a STAC item must; say so: --acquired 2026-05-01T10:30:00Z"
        )


def moment(text: str) -> datetime:
    """A point in time as ISO 8601 has it; UTC where it names no zone."""
    found = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def write(
    path: Path,
    pan: Name,
    ms: Names,
    fused: Path,
    model: IntegerModel,
    acquired: datetime | None,
    beside: Iterable[Path],
) -> None:
    """Write the item of the image ``fused``, with the files that were written ``beside`` it, relative to ``path``."""
    taken = acquired or _told(pan)
    assert taken is not None  # it was asked for first
    with closing(RasterFile(fused)) as raster:
        place, bands = _place(raster), _bands(raster)
    assets = {"fused": _asset(path, fused, "image/tiff; application=geotiff", "data") | {"bands": bands}}
    assets["scene-parameters"] = _asset(path, fused.with_suffix(PARAMETERS), "application/json", "metadata")
    for other in beside:
        kind, role = ("text/html", "overview") if other.suffix == ".html" else ("application/json", "metadata")
        assets[other.name] = _asset(path, other, kind, role)
    properties = {
        "datetime": taken.astimezone(timezone.utc).isoformat().replace("+00:00", "Z"),
        "processing:software": {"bitpan": __version__},
        "processing:lineage": f"pan-sharpened by model {model.name} from {short(pan)} and {short(ms)}",
    }
    item = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [f"https://stac-extensions.github.io/{name}/schema.json" for name in _EXTENSIONS],
        "id": fused.stem,
        "geometry": None,
        "properties": properties | place.pop("properties"),
        "links": [],
        "assets": assets,
    }
    write_json(path, item | place)


def _told(pan: Name) -> datetime | None:
    """When the PAN was taken, as its file says."""
    with closing(RasterFile(pan)) as raster:
        text = raster.dataset.tags(ns="IMAGERY").get("ACQUISITIONDATETIME")
    try:
        return moment(text) if text else None
    except ValueError:
        return None


def _place(raster: RasterFile) -> dict[str, Any]:
    """Where it lies, on the globe and in its own projection; nothing where it has none."""
    from rasterio.warp import transform_geom

    dataset = raster.dataset
    own: dict[str, Any] = {"proj:shape": list(raster.size), "proj:transform": list(dataset.transform)[:6]}
    if not dataset.crs:
        return {"properties": own}
    code = dataset.crs.to_authority()
    own |= {"proj:code": ":".join(code)} if code else {"proj:code": None, "proj:wkt2": dataset.crs.to_wkt("WKT2_2019")}
    if dataset.crs.is_projected:
        own["gsd"] = abs(dataset.transform.a) * dataset.crs.linear_units_factor[1]
    # Edges that are straight in one projection are curves in another: four points of each, against the clock.
    (height, width), steps = raster.size, [0.0, 0.25, 0.5, 0.75]
    around = [(0.0, s) for s in steps] + [(s, 1.0) for s in steps] + [(1.0, 1 - s) for s in steps]
    around += [(1 - s, 0.0) for s in (*steps, 1.0)]
    a, b, c, d, e, f = list(dataset.transform)[:6]
    ring = [(a * x * width + b * y * height + c, d * x * width + e * y * height + f) for x, y in around]
    geometry = transform_geom(dataset.crs, "EPSG:4326", {"type": "Polygon", "coordinates": [ring]}, precision=8)
    x, y = zip(*geometry["coordinates"][0], strict=True)
    return {"geometry": geometry, "bbox": [min(x), min(y), max(x), max(y)], "properties": own}


def _bands(raster: RasterFile) -> list[dict[str, Any]]:
    found = []
    for number, meaning in zip(raster.bands, meanings(raster), strict=True):
        text = raster.dataset.descriptions[number - 1]
        band: dict[str, Any] = {"name": text or f"b{number}", "data_type": raster.dataset.dtypes[number - 1]}
        if raster.nodata is not None:
            band["nodata"] = raster.nodata
        if meaning in _COMMON_NAMES:
            band["eo:common_name"] = meaning
        found.append(band)
    return found


def _asset(item: Path, file: Path, kind: str, role: str) -> dict[str, Any]:
    href = os.path.relpath(file.absolute(), item.parent.absolute())
    return {"href": href if href.startswith(".") else f"./{href}", "type": kind, "roles": [role]}
