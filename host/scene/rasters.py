"""Rasters read by windows: GeoTIFFs through rasterio, and arrays; pixels without data are filled and told by a mask."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import Integers
from bitpan.errors import MissingDependencyError, SceneError, SceneIOError

Mask = npt.NDArray[np.bool_]


class Raster(Protocol):
    """What a scene reads from."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in own pixels."""

    def read(self, top: int, left: int, height: int, width: int) -> tuple[Integers, Mask]:
        """A window within the raster: ``(bands, height, width)`` and, ``(height, width)``, where it is valid."""


def read_extended(raster: Raster, top: int, left: int, height: int, width: int) -> tuple[Integers, Mask]:
    """A window that may lie partly or wholly outside the raster, which replicated edges extend without end."""
    rows = np.clip(np.arange(top, top + height), 0, raster.size[0] - 1)
    columns = np.clip(np.arange(left, left + width), 0, raster.size[1] - 1)
    first_row, first_column = int(rows[0]), int(columns[0])
    values, valid = raster.read(
        first_row, first_column, int(rows[-1]) - first_row + 1, int(columns[-1]) - first_column + 1
    )
    rows, columns = rows - first_row, columns - first_column
    return values[:, rows[:, None], columns], valid[rows[:, None], columns]


def _fill(
    values: Integers, seen: Mask | None, nodata: int | None, fill: int, bits: int, name: str
) -> tuple[Integers, Mask]:
    """Replace pixels without data by ``fill``; refuse values that need more than ``bits`` bits.

    A pixel has data where ``seen`` says so, if it is given, and no band is ``nodata``.
    """
    valid = np.ones(values.shape[1:], dtype=np.bool_) if seen is None else seen
    if nodata is not None:
        valid = valid & (values != nodata).all(axis=0)
    if not valid.all():
        values = np.where(valid, values, fill)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high >= 1 << bits:
        wrong = low if low < 0 else high
        raise SceneError(
            f"{name}: holds the value {wrong}; the model was made for {bits} bits (0 to {(1 << bits) - 1}): "
            "rescale the image, declare its nodata value, or give a model of its bit depth"
        )
    return values, valid


class ArrayRaster:
    """An image in memory.

    Args:
        values: ``(bands, height, width)`` unsigned integers.
        bits: bit depth they must fit.
        nodata: value of pixels without data, or None.
        fill: what the network sees instead of them.
        name: for error messages.
    """

    def __init__(
        self, values: npt.ArrayLike, bits: int, nodata: int | None = None, fill: int = 0, name: str = "the array"
    ) -> None:
        self._values = np.asarray(values)
        self._check = (nodata, fill, bits, name)
        self.size: tuple[int, int] = (self._values.shape[1], self._values.shape[2])

    def read(self, top: int, left: int, height: int, width: int) -> tuple[Integers, Mask]:
        """See :class:`Raster`."""
        window = self._values[:, top : top + height, left : left + width]
        return _fill(window.astype(np.int64), None, *self._check)


class TiffRaster:
    """A raster file of integers.

    Args:
        path: of the file, in any format GDAL reads.
        bits: bit depth its values must fit.
        fill: what the network sees instead of nodata.
        bands: which of the file's bands to read, from 1, in this order; None: all.

    Attributes:
        dataset: the open rasterio dataset.
        bands: the bands read.
        masked: whether the file has a mask that tells where there is data.
        nodata: the nodata value, or None if there is none that the file's integers could hold.

    Raises:
        SceneIOError: the file cannot be opened.
    """

    def __init__(self, path: Path, bits: int, fill: int = 0, bands: Sequence[int] | None = None) -> None:
        self.path = path
        self.dataset = _open(path)
        self.bands = tuple(self.dataset.indexes if bands is None else bands)
        missing = set(self.bands) - set(self.dataset.indexes)
        if missing:
            raise SceneError(f"{path}: has no band {min(missing)}, only {self.dataset.count}; choose among them")
        self.size: tuple[int, int] = (self.dataset.height, self.dataset.width)
        self.nodata = _integer_nodata(self.dataset)
        self.masked = _masked(self.dataset)
        self._check = (self.nodata, fill, bits, str(path))

    def require(self, bands: int, role: str) -> None:
        """Raise :class:`SceneError` unless the file has ``bands`` bands of integers."""
        if len(self.bands) != bands:
            raise SceneError(
                f"{self.path}: has {len(self.bands)} bands where the {role} must have {bands}: give the files "
                "in the order PAN MS, choose MS bands with --bands, or give a model made for these bands"
            )
        for dtype in set(self.dataset.dtypes):
            if np.dtype(dtype).kind not in "iu":
                raise SceneError(
                    f"{self.path}: holds {dtype}; the model takes integer counts: give the imagery as delivered, or "
                    "convert it (gdal_translate -ot UInt16 -scale)"
                )

    def read(self, top: int, left: int, height: int, width: int) -> tuple[Integers, Mask]:
        """See :class:`Raster`; a damaged file raises :class:`SceneIOError`."""
        from rasterio.errors import RasterioError
        from rasterio.windows import Window

        try:
            window = Window(left, top, width, height)
            values = self.dataset.read(self.bands, window=window)
            seen = (self.dataset.read_masks(self.bands, window=window) > 0).all(axis=0) if self.masked else None
        except (RasterioError, OSError) as error:
            raise SceneIOError(
                f"{self.path}: cannot be read at rows {top} to {top + height - 1}, columns {left} to "
                f"{left + width - 1}: truncated or damaged ({gdal_message(error)}); fetch it again"
            ) from None
        return _fill(values.astype(np.int64), seen, *self._check)

    def close(self) -> None:
        """Close the file."""
        self.dataset.close()


def import_rasterio() -> Any:  # noqa: ANN401 -- a module without types
    """Rasterio, or the error that says how to install it."""
    try:
        import rasterio
    except ImportError:
        raise MissingDependencyError("reading GeoTIFFs needs rasterio: pip install rasterio") from None
    return rasterio


def _open(path: Path) -> Any:  # noqa: ANN401
    rasterio = import_rasterio()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)  # the scene says it once, and better
        try:
            return rasterio.open(path)
        except (rasterio.errors.RasterioError, OSError) as error:
            raise SceneIOError(
                f"{path}: cannot be opened as a raster ({gdal_message(error)}); give a complete GeoTIFF"
            ) from None


def gdal_message(error: Exception) -> str:
    """GDAL's own words, in one line; rasterio hides them one level down."""
    said = error.__cause__ or error
    return " ".join(str(getattr(said, "errmsg", None) or said).split())


def _masked(dataset: Any) -> bool:  # noqa: ANN401
    """Alpha does not count: the fourth of four bands of 8 bits, the near infrared, is easily called that."""
    from rasterio.enums import MaskFlags

    return any(MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags for flags in dataset.mask_flag_enums)


def _integer_nodata(dataset: Any) -> int | None:  # noqa: ANN401
    nodata = dataset.nodata
    dtype = np.dtype(dataset.dtypes[0])
    if nodata is None or dtype.kind not in "iu" or not float(nodata).is_integer():
        return None
    limits = np.iinfo(dtype)
    return int(nodata) if limits.min <= nodata <= limits.max else None
