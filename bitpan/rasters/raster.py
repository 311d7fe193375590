"""An image in raster files, read by windows or whole: one file, or several whose bands follow each other."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.errors import SceneError, SceneIOError
from bitpan.intake.budget import require_bearable
from bitpan.optional import require
from bitpan.rasters.dataset import open_dataset, reading, state
from bitpan.rasters.names import Name, archive_of, divided, listed
from bitpan.rasters.unread import Unread, by_rows
from bitpan.rasters.validity import DECLARED, Mask, Nodata, alpha_band, finite, has_mask, nodata_value

Names = Name | Sequence[Name]
"""Of an image's files."""


class _File:
    """One of the files: its open dataset, and what of it tells where there is data."""

    def __init__(self, name: str) -> None:
        self.name, self.source = name, None
        holder = str(archive_of(name) or name)
        before = state(holder)  # so that what GDAL reads first is of it too
        self.dataset = open_dataset(name)
        try:
            with reading(name, "cannot be read as a raster", "fetch it again"):
                self.alpha = alpha_band(self.dataset)
                self.mask = has_mask(self.dataset)
                self.state = {file: state(file) for file in self.dataset.files} | ({holder: before} if before else {})
        except BaseException:
            self.dataset.close()
            raise

    def read(
        self,
        bands: list[int],
        alpha: bool,
        window: Any,  # noqa: ANN401 -- rasterio's
        shape: tuple[int, int] | None = None,
    ) -> tuple[npt.NDArray[Any], Mask]:
        """A rasterio window, of every pixel or in ``shape`` of them, the nearest."""
        own = {"window": window} | ({"out_shape": (len(bands), *shape)} if shape else {})
        values = self.dataset.read(bands, **own)
        valid = np.ones(values.shape[1:], dtype=np.bool_)
        if self.mask:
            valid &= self.dataset.read_masks(bands, **own).all(axis=0)
        if alpha:
            valid &= self.dataset.read([self.alpha], **(own | ({"out_shape": (1, *shape)} if shape else {})))[0] > 0
        return values, valid & finite(values)


class RasterFile:
    """An image in files, open for reading.

    Args:
        names: what its file is called, see :mod:`bitpan.rasters.names`, or its files, of one size.
        bands: which of their bands to read, counted from 1 through all files, in this order; None: those that the names
            choose, or all but alpha bands.
        nodata: the value of pixels without data, instead of the files' own.
        everywhere: a pixel is without data only where all of its bands that have a nodata value hold it.

    Attributes:
        name: for messages.
        bands: the bands read, counted from 1 through all files.
        everywhere: as given.
        size: height and width.
        dtypes: of the bands read.
        state: inode, size and time of change (ns) of every file that pixels come from, by name, when it was opened.

    Raises:
        SceneIOError: a file is missing or cannot be opened.
        SceneError: there is no such band, or the files do not lie over each other.
    """

    def __init__(
        self,
        names: Names,
        bands: Sequence[int] | None = None,
        nodata: Nodata = DECLARED,
        everywhere: bool = False,
    ) -> None:
        named = [divided(name) for name in listed(names)]
        self.name = ", ".join(str(name) for name in listed(names))
        self.everywhere, self._given = everywhere, nodata
        self._lock = threading.Lock()  # GDAL's datasets are a thread's at a time
        self._files: list[_File] = []
        try:
            self._files += [_File(name) for name, _ in named]
            self._require_one_grid()
            self._all, plain = self._listed([own for _, own in named])
            self.take(bands or plain)
        except BaseException:
            self.close()
            raise
        self.size: tuple[int, int] = (self.dataset.height, self.dataset.width)
        self.state = {name: own for file in self._files for name, own in file.state.items()}

    def _listed(self, named: Sequence[tuple[int, ...] | None]) -> tuple[list[tuple[_File, int]], list[int]]:
        """All bands of all files, or those that the names choose; and which, from 1, are no alpha bands."""
        everything, plain = [], []
        for file, own in zip(self._files, named, strict=True):
            for band in own or file.dataset.indexes:
                everything.append((file, band))
                if own or band != file.alpha:
                    plain.append(len(everything))
        return everything, plain

    def take(self, bands: Sequence[int]) -> None:
        """Read these bands from now on, see :class:`RasterFile`."""
        if missing := set(bands) - set(range(1, len(self._all) + 1)):
            raise SceneError(f"{self.name}: has no band {min(missing)}, only {len(self._all)}; bands count from 1")
        self.bands = tuple(bands)
        self._of = [self._all[number - 1] for number in bands]
        self.dtypes = [file.dataset.dtypes[band - 1] for file, band in self._of]
        self.declare(self._given)

    def declare(self, nodata: Nodata) -> None:
        """The value of pixels without data from now on, see :class:`RasterFile`."""
        self._given = nodata
        self._nodata = [nodata_value(file.dataset, band, nodata) for file, band in self._of]

    def _require_one_grid(self) -> None:
        _, *others = self._files
        first = self.dataset
        for file in others:
            own = file.dataset
            if own.shape != first.shape or own.transform != first.transform or own.crs != first.crs:
                raise SceneError(
                    f"{file.name}: {own.height} x {own.width} pixels that do not lie over the {first.height} x "
                    f"{first.width} of {self._files[0].name}; give bands of one grid (rio warp --like)"
                )

    @property
    def dataset(self) -> Any:  # noqa: ANN401
        """The first file's open rasterio dataset, whose grid is that of all."""
        return self._files[0].dataset

    @property
    def alpha(self) -> bool:
        """Whether an alpha band tells where there is data."""
        return any(self._masks(file) for file in self._files)

    @property
    def masked(self) -> bool:
        """Whether a mask or an alpha band tells where there is data."""
        return self.alpha or any(file.mask for file in self._files)

    @property
    def nodata(self) -> float | None:
        """The bands' nodata value, the first if they differ; None if there is none that the file could hold."""
        return next((value for value in self._nodata if value is not None), None)

    @property
    def transform(self) -> tuple[float, ...] | None:
        """The geotransform in rasterio's order (a, b, c, d, e, f); None where there is none."""
        own = self.dataset.transform
        return None if own.is_identity else tuple(own)[:6]

    def warp(self, crs: Any, transform: Any, size: tuple[int, int]) -> None:  # noqa: ANN401 -- rasterio's
        """Read from another grid, of this height and width, from now on: GDAL resamples it by cubic convolution.

        Pixels that the files do not cover hold no data. State and names stay those of the files.
        """
        from rasterio.enums import Resampling
        from rasterio.vrt import WarpedVRT

        grid = {"crs": crs, "transform": transform, "height": size[0], "width": size[1]}
        for file in self._files:
            own = file.dataset
            told = own.nodata is not None or file.alpha is not None
            file.dataset = WarpedVRT(own, **grid, resampling=Resampling.cubic, add_alpha=not told)
            file.alpha = file.alpha if told else file.dataset.count
            file.mask = False  # which the warped alpha band has taken over
            file.source = own
        self.size = size

    def described(self, what: str) -> tuple[Any, ...]:
        """What the files say of each band read: an attribute of datasets with a value a band, as ``descriptions``.

        Raises:
            SceneIOError: a file is damaged.
        """
        with reading(self.name, "cannot be read as a raster", "fetch it again"):
            return tuple(getattr(file.dataset, what)[band - 1] for file, band in self._of)

    def band_tags(self) -> list[dict[str, str]]:
        """Tags of each band read, those of GDAL's domain ``IMAGERY`` among them."""
        with reading(self.name, "cannot be read as a raster", "fetch it again"):
            return [file.dataset.tags(band) | file.dataset.tags(band, ns="IMAGERY") for file, band in self._of]

    def read(self, top: int, left: int, height: int, width: int) -> tuple[npt.NDArray[Any], Mask]:
        """A window: ``(bands, height, width)`` as stored, and ``(height, width)``, where it holds data.

        Raises:
            SceneIOError: a file is damaged, or the window larger than :func:`bitpan.intake.budget.limit`.
        """
        window = require("rasterio.windows").Window(left, top, width, height)
        where = f"at rows {top} to {top + height - 1}, columns {left} to {left + width - 1}: truncated or damaged"
        with self._lock, reading(self.name, f"cannot be read {where}", "fetch it again"):
            sizes = sum(np.dtype(dtype).itemsize for dtype in self.dtypes)
            require_bearable(f"a window of {height} x {width} pixels", height * width * sizes)
            values, valid = self._read(window)
        return values, valid & self._has_values(values)

    def reduced(
        self, top: float, left: float, height: float, width: float, shape: tuple[int, int]
    ) -> tuple[npt.NDArray[Any], Mask]:
        """A window in ``shape`` pixels, means of those that they stand for or, where these are more, between them.

        Overviews are used where the files have some. Errors as of :meth:`read`.
        """
        from rasterio.enums import Resampling
        from rasterio.windows import Window

        window, how = Window(left, top, width, height), Resampling.average if height >= shape[0] else Resampling.cubic
        with self._lock, reading(self.name, "cannot be read: truncated or damaged", "fetch it again"):
            nearest, valid = self._read(window, shape)
            values = []
            for file in self._used():
                bands = self._bands_of(file)
                out = (len(bands), *shape)
                values.append(file.dataset.read(bands, window=window, out_shape=out, resampling=how))
        return self._together(values), valid & self._has_values(nearest)

    def _read(
        self,
        window: Any,  # noqa: ANN401 -- rasterio's
        shape: tuple[int, int] | None = None,
    ) -> tuple[npt.NDArray[Any], Mask]:
        parts = [file.read(self._bands_of(file), self._masks(file), window, shape) for file in self._used()]
        values, valid = zip(*parts, strict=True)
        return self._together(values), np.logical_and.reduce(valid)

    def _bands_of(self, file: _File) -> list[int]:
        return [band for other, band in self._of if other is file]

    def _masks(self, file: _File) -> bool:
        """Whether a file has an alpha band that is no band of the image."""
        own = self._bands_of(file)
        return bool(own) and file.alpha is not None and file.alpha not in own

    def _together(self, parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """The files' bands in the order asked for."""
        if len(parts) == 1:
            return parts[0]
        following = {id(file): iter(values) for values, file in zip(parts, self._used(), strict=True)}
        return np.stack([next(following[id(file)]) for file, _ in self._of])

    def _used(self) -> list[_File]:
        return [file for file in self._files if self._bands_of(file)]

    def _has_values(self, values: npt.NDArray[Any]) -> Mask | bool:
        """Where the values are no nodata."""
        given = [band != nodata for band, nodata in zip(values, self._nodata, strict=True) if nodata is not None]
        if not given:
            return True
        return np.asarray((np.logical_or if self.everywhere else np.logical_and).reduce(given))

    def require_unchanged(self) -> None:
        """Raise :class:`SceneIOError` if a file is no more as it was when it was opened: its pixels are a mixture."""
        for name, own in self.state.items():
            if state(name) != own:
                raise SceneIOError(f"{name}: was changed while it was read; run again when it is complete")

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.dataset.close()
            if file.source is not None:
                file.source.close()


@dataclass(frozen=True)
class Picture:
    """A raster as read, or to be read, or a part of it.

    Attributes:
        path: what it is called.
        image: ``(B, H, W)`` as stored.
        valid: ``(H, W)``, where it holds data.
        crs, transform: where it lies, the transform as rasterio's (a, b, c, d, e, f); None if the file does not say.
    """

    path: Name
    image: npt.NDArray[Any] | Unread
    valid: Mask | Unread
    crs: Any
    transform: tuple[float, ...] | None

    def __str__(self) -> str:
        bands, height, width = self.image.shape
        return f"{self.path} ({bands} band{'s' * (bands > 1)} of {height}x{width} pixels)"

    def part(self, rows: slice, columns: slice) -> Picture:
        """Some of its rows and columns; where it lies stays that of the whole."""
        return replace(self, image=self.image[:, rows, columns], valid=self.valid[rows, columns])

    def require_data(self, cure: str) -> None:
        """Raise :class:`SceneError` unless every pixel holds data; ``cure`` says what to do."""
        missing = sum(int((~part).sum()) for part in by_rows(self.valid))
        if missing == self.valid.size:
            raise SceneError(f"{self.path}: no pixel holds data, all are nodata, masked or NaN; check the file")
        if missing:
            raise SceneError(
                f"{self.path}: {missing} of {self.valid.size} pixels hold no data (nodata, masked or NaN); {cure}"
            )


def unread_picture(raster: RasterFile) -> Picture:
    """All of an open raster, to be read by windows."""
    shape = (len(raster.bands), *raster.size)
    values = Unread(lambda *window: raster.read(*window)[0], shape, np.result_type(*raster.dtypes))
    valid = Unread(lambda *window: raster.read(*window)[1], raster.size, np.bool_)
    return Picture(raster.name, values, valid, raster.dataset.crs, raster.transform)


@contextlib.contextmanager
def open_picture(names: Names, bands: Sequence[int] | None = None) -> Iterator[Picture]:
    """A whole raster, to be read by windows within the block; arguments and errors as of :class:`RasterFile`."""
    with contextlib.closing(RasterFile(names, bands)) as raster:
        yield unread_picture(raster)
        raster.require_unchanged()


def read_picture(names: Names, bands: Sequence[int] | None = None) -> Picture:
    """The same, read."""
    with contextlib.closing(RasterFile(names, bands)) as raster:
        picture = Picture(raster.name, *raster.read(0, 0, *raster.size), raster.dataset.crs, raster.transform)
        raster.require_unchanged()
        return picture


def block_bytes(names: Names, rows: int) -> int:
    """Memory of the blocks of an image's files that so many rows may lie in, of the whole width."""
    total = 0
    for name in listed(names):
        with open_dataset(divided(name)[0]) as own:
            height, width = own.block_shapes[0]
            pixels = (rows // height + 2) * height * -(-own.width // width) * width
            total += pixels * sum(np.dtype(dtype).itemsize for dtype in own.dtypes)
    return int(total)


def block_cache(size: int) -> contextlib.AbstractContextManager[Any]:
    """GDAL's cache of blocks, by default a twentieth of the memory, of ``size`` bytes, or 64 MB if that is more.

    It holds as long as the context does: behind it, the default does again. One that the environment asks for stays.
    """
    if "GDAL_CACHEMAX" in os.environ:
        return contextlib.nullcontext()
    environment: contextlib.AbstractContextManager[Any] = require("rasterio").Env(GDAL_CACHEMAX=max(size, 64 << 20))
    return environment
