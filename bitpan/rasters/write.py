"""GeoTIFFs written beside and renamed."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bitpan.errors import BitpanError, SceneIOError
from bitpan.files import partial
from bitpan.files.compression import DEFAULT as COMPRESSION
from bitpan.files.compression import creation_options
from bitpan.optional import require

BLOCK = 256
"""Side of the blocks of the files written here."""


@contextlib.contextmanager
def create_raster(path: Path, **profile: Any) -> Iterator[Any]:  # noqa: ANN401
    """An open rasterio dataset to write; the file appears at ``path``, in place of what is there, if all went well.

    It is as :func:`new_raster` says.

    Raises:
        SceneIOError: it cannot be written, for instance because the disk is full.
    """
    with writing(path), partial(path) as new, new_raster(new, **profile) as dataset:
        yield dataset


def require_tiff(path: Path) -> None:
    """Raise :class:`SceneIOError` where a file's suffix is of another format than GeoTIFF, which is what is written."""
    with contextlib.suppress(ValueError):  # a suffix of none
        if require("rasterio.drivers").driver_from_extension(path) != "GTiff":
            cure = f"name it {path.with_suffix('.tif').name}, and convert it afterwards (rio convert)"
            raise SceneIOError(f"{path}: a GeoTIFF is written, whatever it is called; {cure}")


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the system refuses in the block becomes a :class:`SceneIOError` that names ``path``."""
    rasterio = require("rasterio")
    try:
        yield
    except (rasterio.errors.RasterioError, OSError) as error:
        if isinstance(error, BitpanError):  # the block's own, such as a device that hangs
            raise
        raise SceneIOError(
            f"{path}: cannot be written ({gdal_message(error)}); is the disk full, does the folder exist? "
            "Nothing was left behind"
        ) from None


@contextlib.contextmanager
def new_raster(path: Path, compression: str = COMPRESSION, **profile: Any) -> Iterator[Any]:  # noqa: ANN401
    """An open rasterio dataset to write, where nobody looks for it yet.

    It is a GeoTIFF, tiled and compressed, of this height, width, count, dtype and whatever else is not the default.

    Raises:
        OSError, RasterioError: it cannot be written.
    """
    rasterio = require("rasterio")
    packed = {"interleave": "pixel", "bigtiff": "if_safer", **creation_options(compression)}
    packed |= {"driver": "GTiff", "tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path, "w", **packed, **profile) as dataset:
            yield dataset
        _check_complete(rasterio, path)


def _check_complete(rasterio: Any, path: Path) -> None:  # noqa: ANN401
    """GDAL writes late and may keep silent about it: every block must lie within the file."""
    size = path.stat().st_size
    with rasterio.open(path) as dataset:
        for (row, column), _ in dataset.block_windows():
            offset, length = (
                dataset.get_tag_item(f"BLOCK_{what}_{column}_{row}", "TIFF", bidx=1) for what in ("OFFSET", "SIZE")
            )
            if not offset or int(offset) + int(length) > size:
                raise OSError("incomplete after writing")


def gdal_message(error: Exception) -> str:
    """GDAL's own words, in one line; rasterio hides them one level down."""
    said = error.__cause__ or error
    return " ".join(str(getattr(said, "errmsg", None) or said).split())
