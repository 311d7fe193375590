"""One raster file, opened by GDAL as far as it is trusted: not what leads elsewhere, or says more than it can hold."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bitpan.errors import BitpanError, SceneIOError, SizeError
from bitpan.intake.budget import require_bearable, require_held
from bitpan.optional import require
from bitpan.rasters.names import Name, is_remote, is_virtual, opened, unparsed
from bitpan.rasters.write import gdal_message

FORMATS = ("GTiff", "JP2OpenJPEG", "JPEG", "PNG", "ENVI", "NITF", "HFA")
"""GDAL's drivers that read a file by itself; others, as a VRT's, follow it to any other file or address."""

PRODUCTS = ("DIMAP", "TIL")
"""Drivers of what leads to tiles beside it; to none elsewhere, as is checked."""

VARIABLE = "BITPAN_FORMATS"
"""More of them, with commas between; ``HTTP`` among them allows web addresses within."""

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def open_dataset(name: Name) -> Any:  # noqa: ANN401
    """An open rasterio dataset of what a raster is called, see :mod:`bitpan.rasters.names`.

    Raises:
        SceneIOError: it is missing, cannot be opened, leads elsewhere, or holds complex numbers.
    """
    rasterio = require("rasterio")
    path = opened(name)
    cure = f"give a complete GeoTIFF, or name its format, if you trust it, as in {VARIABLE}=VRT"
    with reading(name, "cannot be read as a raster", cure), warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)  # a scene says it once, and better
        # rasterio.open takes one driver alone.
        dataset = rasterio.io.DatasetReader(unparsed(path), driver=_formats())
        try:
            _check_links(name, path, dataset)
            _check_numbers(name, dataset)
            _check_sizes(path, dataset)
            _ = dataset.crs, dataset.transform, dataset.descriptions  # damage that rasterio finds when asked
        except BaseException:
            dataset.close()
            raise
    return dataset


@contextlib.contextmanager
def reading(name: Name, what: str, cure: str) -> Iterator[None]:
    """Raise :class:`SceneIOError` for what rasterio raises on a damaged file, and where its sizes cannot be."""
    rasterio = require("rasterio")
    from rasterio._err import CPLE_BaseError  # GDAL's errors, which rasterio does not always make its own
    from rasterio.errors import RasterioError

    asked = "HTTP" in _formats() or is_remote(name)
    local = {} if asked else {"CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none"}
    try:
        with rasterio.Env(**local):
            yield
    except SizeError as error:
        raise SceneIOError(f"{name}: {error}") from None
    except BitpanError:
        raise
    except (RasterioError, CPLE_BaseError, OSError, ValueError) as error:
        raise SceneIOError(f"{name}: {what} ({gdal_message(error)}); {cure}") from None


def state(path: str | Path) -> list[int]:
    """Inode, size and time of change (ns) of a file; nothing where there is no such file."""
    try:
        own = os.stat(path)
    except OSError:
        return []
    return [own.st_ino, own.st_size, own.st_mtime_ns]


def _formats() -> list[str]:
    return [*FORMATS, *PRODUCTS, *filter(None, os.environ.get(VARIABLE, "").split(","))]


def _check_links(name: Name, path: str, dataset: Any) -> None:  # noqa: ANN401
    """Raise :class:`SceneIOError` where GDAL would open another file than this one and plain ones beside it."""
    if led := dataset.tags(ns="OVERVIEWS").get("OVERVIEW_FILE"):
        raise SceneIOError(f"{name}: leads to another file, {led}; take its tag OVERVIEW_FILE out (rio edit-info)")
    if dataset.driver in PRODUCTS:
        home = Path(path).parent
        away = [file for file in dataset.files if home.resolve() not in Path(file).resolve().parents]
        if away:
            raise SceneIOError(f"{name}: leads to {away[0]}, outside of its folder; copy the product as it came")
    if is_virtual(name):
        return
    for beside in (Path(f"{path}.msk"), Path(f"{path}.ovr")):
        if beside.is_file():
            with beside.open("rb") as file:
                if file.read(4) not in _TIFF:
                    raise SceneIOError(f"{beside}: GDAL reads it with {name}, and it is no TIFF; take it away")


def _check_numbers(name: Name, dataset: Any) -> None:  # noqa: ANN401
    """Raise :class:`SceneIOError` where pixels are complex, as those of a radar are."""
    if odd := [dtype for dtype in dataset.dtypes if dtype.startswith("complex")]:
        raise SceneIOError(
            f"{name}: holds numbers of type {odd[0]}; give real ones, as amplitudes: "
            f"rio convert DERIVED_SUBDATASET:AMPLITUDE:{name} OUT.tif"
        )


def _check_sizes(path: str, dataset: Any) -> None:  # noqa: ANN401
    """Raise :class:`SizeError` where the pixels cannot be in the file, or a block is too large to be unpacked."""
    widths = [
        int(dataset.tags(band, ns="IMAGE_STRUCTURE").get("NBITS", 8 * np.dtype(dtype).itemsize))
        for band, dtype in zip(dataset.indexes, dataset.dtypes, strict=True)
    ]
    if dataset.driver == "GTiff" and dataset.compression is None and Path(path).is_file():
        require_held("it", dataset.height * dataset.width * sum(widths) // 8, Path(path).stat().st_size)
    for (rows, columns), dtype in zip(dataset.block_shapes, dataset.dtypes, strict=True):
        require_bearable("a block of it", rows * columns * dataset.count * np.dtype(dtype).itemsize)
