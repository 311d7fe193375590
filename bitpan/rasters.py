"""Rasters in files: where their pixels hold data, read by windows or whole, and written beside and renamed.

One rule says where a pixel holds data, for training, metrics, fusing and the demo alike: where, in every band that is
read,

- the value is not the nodata value that the file declares for the band,
- the value is a finite number (of files of floating-point numbers),

and where, if the file has them,

- its mask, inside it or beside it, says so,
- its alpha band is above 0.

A last band that is called alpha is such a mask and no band of the image, with two exceptions, in which it is a band
like the others and masks nothing: where its number is asked for, and where it is the fourth of four bands of 8 bits.
Such a band GDAL calls alpha whenever nobody says what it is, and then it is the near infrared, in which water is 0.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.errors import BitpanError, SceneError, SceneIOError, SizeError
from bitpan.files import partial
from bitpan.files.compression import DEFAULT as COMPRESSION
from bitpan.files.compression import creation_options
from bitpan.intake.budget import require_bearable, require_held
from bitpan.optional import require

Mask = npt.NDArray[np.bool_]

BLOCK = 256
"""Side of the blocks of the files written here."""

FORMATS = ("GTiff", "JP2OpenJPEG", "JPEG", "PNG", "ENVI", "NITF")
"""GDAL's drivers that read a file by itself; others, as a VRT's, follow it to any other file or address."""

VARIABLE = "BITPAN_FORMATS"
"""More of them, with commas between; ``HTTP`` among them allows web addresses."""

_FARTHEST = 2.0**40
"""Pixels from one image to another, and of the one in one of the other."""

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


class RasterFile:
    """A raster file, open for reading.

    Args:
        path: of the file, in one of :data:`FORMATS`, or of those that ``$BITPAN_FORMATS`` adds.
        bands: which of the file's bands to read, from 1, in this order; None: all but an alpha band.

    Attributes:
        dataset: the open rasterio dataset.
        bands: the bands read.
        alpha: number of the alpha band that tells where there is data, or None.
        size: height and width.
        state: inode, size and time of change (ns) of every file that pixels come from, by name, when it was opened.

    Raises:
        SceneIOError: the file is missing or cannot be opened.
        SceneError: it has no such band.
    """

    def __init__(self, path: Path, bands: Sequence[int] | None = None) -> None:
        self.path = path
        cure = f"give a complete GeoTIFF, or name its format, if you trust it, as in {VARIABLE}=VRT"
        with _reading(path, "cannot be read as a raster", cure):
            before = _state(path)  # so that what GDAL reads first is of it too
            self.dataset = _open(path)
            try:
                self._describe(bands)
                self.state = {name: _state(name) for name in self.dataset.files} | {str(path): before}
            except BaseException:
                self.close()
                raise

    def _describe(self, bands: Sequence[int] | None) -> None:
        """All that is asked of the file beside its pixels, so that damage to it is told now."""
        path = self.path
        _check_links(path, self.dataset)
        _check_sizes(path, self.dataset)
        known, alpha = self.dataset.indexes, _alpha(self.dataset)
        self.bands = tuple(bands or (band for band in known if band != alpha))
        if missing := set(self.bands) - set(known):
            raise SceneError(f"{path}: has no band {min(missing)}, only {len(known)}; bands count from 1")
        self.alpha = None if alpha in self.bands else alpha
        self.size: tuple[int, int] = (self.dataset.height, self.dataset.width)
        self._nodata = [_nodata(self.dataset, band) for band in self.bands]
        self._mask = _has_mask(self.dataset)
        _ = self.dataset.crs, self.dataset.transform, self.dataset.descriptions  # which rasterio reads when asked

    @property
    def masked(self) -> bool:
        """Whether a mask or an alpha band tells where there is data."""
        return self._mask or self.alpha is not None

    @property
    def nodata(self) -> float | None:
        """The bands' nodata value, the first if they differ; None if there is none that the file could hold."""
        return next((value for value in self._nodata if value is not None), None)

    def read(self, top: int, left: int, height: int, width: int) -> tuple[npt.NDArray[Any], Mask]:
        """A window: ``(bands, height, width)`` as stored, and ``(height, width)``, where it holds data.

        Raises:
            SceneIOError: the file is damaged, or the window larger than :func:`bitpan.intake.budget.limit`.
        """
        from rasterio.windows import Window

        window = Window(left, top, width, height)
        sizes = [np.dtype(self.dataset.dtypes[band - 1]).itemsize for band in self.bands]
        where = f"at rows {top} to {top + height - 1}, columns {left} to {left + width - 1}: truncated or damaged"
        with _reading(self.path, f"cannot be read {where}", "fetch it again"):
            require_bearable(f"a window of {height} x {width} pixels", height * width * sum(sizes))
            values = self.dataset.read(self.bands, window=window)
            valid = np.ones(values.shape[1:], dtype=np.bool_)
            if self._mask:
                valid &= (self.dataset.read_masks(self.bands, window=window) > 0).all(axis=0)
            if self.alpha is not None:
                valid &= self.dataset.read(self.alpha, window=window) > 0
        for band, nodata in zip(values, self._nodata, strict=True):
            if nodata is not None:
                valid &= band != nodata
        if values.dtype.kind == "f":
            valid &= np.isfinite(values).all(axis=0)
        return values, valid

    def block_bytes(self, rows: int) -> int:
        """Memory of the blocks that so many rows may lie in, of the whole width."""
        height, width = self.dataset.block_shapes[0]
        pixels = (rows // height + 2) * height * -(-self.size[1] // width) * width
        return int(pixels * sum(np.dtype(dtype).itemsize for dtype in self.dataset.dtypes))

    def require_unchanged(self) -> None:
        """Raise :class:`SceneIOError` if a file is no more as it was when it was opened: its pixels are a mixture."""
        for name, state in self.state.items():
            if _state(name) != state:
                raise SceneIOError(f"{name}: was changed while it was read; run again when it is complete")

    def close(self) -> None:
        """Close the file."""
        self.dataset.close()


@dataclass(frozen=True)
class Picture:
    """A raster as read, or a part of it.

    Attributes:
        path: the file.
        image: ``(B, H, W)`` as stored.
        valid: ``(H, W)``, where it holds data.
        crs, transform: where it lies, the transform as rasterio's (a, b, c, d, e, f); None if the file does not say.
    """

    path: Path
    image: npt.NDArray[Any]
    valid: Mask
    crs: Any
    transform: tuple[float, ...] | None

    def __str__(self) -> str:
        bands, height, width = self.image.shape
        return f"{self.path} ({bands} band{'s' * (bands > 1)} of {height}x{width} pixels)"

    def require_data(self, cure: str) -> None:
        """Raise :class:`SceneError` unless every pixel holds data; ``cure`` says what to do."""
        if not self.valid.any():
            raise SceneError(f"{self.path}: no pixel holds data, all are nodata, masked or NaN; check the file")
        if missing := int((~self.valid).sum()):
            raise SceneError(
                f"{self.path}: {missing} of {self.valid.size} pixels hold no data (nodata, masked or NaN); {cure}"
            )


def read_picture(path: Path, bands: Sequence[int] | None = None) -> Picture:
    """A whole raster; arguments and errors as of :class:`RasterFile`."""
    with contextlib.closing(RasterFile(path, bands)) as raster:
        own = raster.dataset
        transform = None if own.transform.is_identity else tuple(own.transform)[:6]
        picture = Picture(path, *raster.read(0, 0, *raster.size), own.crs, transform)
        raster.require_unchanged()
        return picture


def relative_transform(one: Sequence[float], other: Sequence[float]) -> tuple[float, ...]:
    """The affine map (a, b, c, d, e, f) from one grid's pixels to the other's: ``column' = a*column + b*row + c``.

    Both geotransforms are in rasterio's order (a, b, c, d, e, f), from own pixels to the world.

    Raises:
        SceneError: one of them gives pixels no place or no size.
    """
    own, its = np.reshape(one[:6], (2, 3)), np.reshape(other[:6], (2, 3))
    try:
        with np.errstate(all="ignore"):
            # The origins' difference first: world coordinates are so large that it would lose digits afterwards.
            linear = np.linalg.solve(its[:, :2], own[:, :2])
            origin = np.linalg.solve(its[:, :2], own[:, 2] - its[:, 2])
            found = np.column_stack([linear, origin])
            sizes = np.array([np.linalg.det(matrix[:, :2]) for matrix in (own, its)])
    except np.linalg.LinAlgError:
        found, sizes = np.full((2, 3), np.nan), np.zeros(2)
    if not (np.abs(found) < _FARTHEST).all() or not sizes.all():
        raise SceneError(
            f"the geotransforms {tuple(one[:6])} and {tuple(other[:6])} give pixels no place or no size; mend them "
            "(rio edit-info)"
        )
    return tuple(found.ravel().tolist())


@contextlib.contextmanager
def create_raster(path: Path, **profile: Any) -> Iterator[Any]:  # noqa: ANN401
    """An open rasterio dataset to write; the file appears at ``path``, in place of what is there, if all went well.

    It is as :func:`new_raster` says.

    Raises:
        SceneIOError: it cannot be written, for instance because the disk is full.
    """
    with writing(path), partial(path) as new, new_raster(new, **profile) as dataset:
        yield dataset


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
            f"{path}: cannot be written ({_gdal_message(error)}); is the disk full, does the folder exist? "
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
        for (row, column), _ in dataset.block_windows(1):
            offset, length = (
                dataset.get_tag_item(f"BLOCK_{what}_{column}_{row}", "TIFF", bidx=1) for what in ("OFFSET", "SIZE")
            )
            if not offset or int(offset) + int(length) > size:
                raise OSError("incomplete after writing")


def block_cache(size: int) -> contextlib.AbstractContextManager[Any]:
    """GDAL's cache of blocks, by default a twentieth of the memory, of ``size`` bytes, or 64 MB if that is more.

    The first cache of a process stays; one that the environment asks for, too.
    """
    if "GDAL_CACHEMAX" in os.environ:
        return contextlib.nullcontext()
    environment: contextlib.AbstractContextManager[Any] = require("rasterio").Env(GDAL_CACHEMAX=max(size, 64 << 20))
    return environment


def _open(path: Path) -> Any:  # noqa: ANN401
    rasterio = require("rasterio")
    if not path.exists():
        raise SceneIOError(f"{path}: there is no such file; check the path")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)  # a scene says it once, and better
        # rasterio.open takes one driver alone; an absolute path is no connection string, whatever the name is.
        return rasterio.io.DatasetReader(path.absolute(), driver=_formats())


@contextlib.contextmanager
def _reading(path: Path, what: str, cure: str) -> Iterator[None]:
    """Raise :class:`SceneIOError` for what rasterio raises on a damaged file, and where its sizes cannot be."""
    rasterio = require("rasterio")
    from rasterio._err import CPLE_BaseError  # GDAL's errors, which rasterio does not always make its own
    from rasterio.errors import RasterioError

    local = {} if "HTTP" in _formats() else {"CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none"}
    try:
        with rasterio.Env(**local):
            yield
    except SizeError as error:
        raise SceneIOError(f"{path}: {error}") from None
    except BitpanError:
        raise
    except (RasterioError, CPLE_BaseError, OSError, ValueError) as error:
        raise SceneIOError(f"{path}: {what} ({_gdal_message(error)}); {cure}") from None


def _formats() -> list[str]:
    return [*FORMATS, *filter(None, os.environ.get(VARIABLE, "").split(","))]


def _check_links(path: Path, dataset: Any) -> None:  # noqa: ANN401
    """Raise :class:`SceneIOError` where GDAL would open another file than this one and plain ones beside it."""
    if led := dataset.tags(ns="OVERVIEWS").get("OVERVIEW_FILE"):
        raise SceneIOError(f"{path}: leads to another file, {led}; take its tag OVERVIEW_FILE out (rio edit-info)")
    for beside in (Path(f"{path}.msk"), Path(f"{path}.ovr")):
        if beside.is_file():
            with beside.open("rb") as file:
                if file.read(4) not in _TIFF:
                    raise SceneIOError(f"{beside}: GDAL reads it with {path}, and it is no TIFF; take it away")


def _check_sizes(path: Path, dataset: Any) -> None:  # noqa: ANN401
    """Raise :class:`SizeError` where the pixels cannot be in the file, or a block is too large to be unpacked."""
    widths = [
        int(dataset.tags(band, ns="IMAGE_STRUCTURE").get("NBITS", 8 * np.dtype(dtype).itemsize))
        for band, dtype in zip(dataset.indexes, dataset.dtypes, strict=True)
    ]
    if dataset.driver == "GTiff" and dataset.compression is None:
        require_held("it", dataset.height * dataset.width * sum(widths) // 8, path.stat().st_size)
    for (rows, columns), dtype in zip(dataset.block_shapes, dataset.dtypes, strict=True):
        require_bearable("a block of it", rows * columns * dataset.count * np.dtype(dtype).itemsize)


def _gdal_message(error: Exception) -> str:
    """GDAL's own words, in one line; rasterio hides them one level down."""
    said = error.__cause__ or error
    return " ".join(str(getattr(said, "errmsg", None) or said).split())


def _state(path: str | Path) -> list[int]:
    """Nothing where there is no such file."""
    try:
        own = os.stat(path)
    except OSError:
        return []
    return [own.st_ino, own.st_size, own.st_mtime_ns]


def _alpha(dataset: Any) -> int | None:  # noqa: ANN401
    """Number of the alpha band; None where there is none, or where GDAL may only have guessed it."""
    from rasterio.enums import ColorInterp

    count: int = dataset.count
    guessed = count == 4 and set(dataset.dtypes) == {"uint8"}
    return count if count > 1 and dataset.colorinterp[-1] == ColorInterp.alpha and not guessed else None


def _nodata(dataset: Any, band: int) -> float | None:  # noqa: ANN401
    value, dtype = dataset.nodatavals[band - 1], np.dtype(dataset.dtypes[band - 1])
    if value is None or dtype.kind not in "iu":
        return None if value is None else float(value)
    limits = np.iinfo(dtype)
    return int(value) if float(value).is_integer() and limits.min <= value <= limits.max else None


def _has_mask(dataset: Any) -> bool:  # noqa: ANN401
    from rasterio.enums import MaskFlags

    return any(MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags for flags in dataset.mask_flag_enums)
