"""Where a raster's pixels hold data: one rule for training, metrics, fusing and the demo alike.

A pixel holds data where, in every band that is read,

- the value is not the nodata value, the one that the file declares for the band, or the one that was given instead,
- the value is a finite number (of files of floating-point numbers),

and where, if the file has them,

- its mask, inside it or beside it, says so,
- its alpha band is above 0.

A last band that is called alpha is such a mask and no band of the image, unless its number is asked for. So is one that
is called nothing and holds 0 and its type's largest value alone. The fourth of four bands of 8 bits, which GDAL calls
alpha whenever nobody says what it is, is judged by its values too: near infrared has others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]

DECLARED = "declared"
"""As a nodata value: those that the files declare."""

Nodata = float | str | None
"""A value, None for none, or :data:`DECLARED`."""

_LOOK = 256  # side of the corners and of the middle that are looked at of a band that may be a mask


def alpha_band(dataset: Any) -> int | None:  # noqa: ANN401
    """Number of the last band, where it is a mask."""
    from rasterio.enums import ColorInterp

    count, called = dataset.count, dataset.colorinterp[-1]
    if count < 2 or called not in (ColorInterp.alpha, ColorInterp.undefined):
        return None
    guessed = count == 4 and set(dataset.dtypes) == {"uint8"}
    if called == ColorInterp.alpha and not guessed:
        return int(count)
    return int(count) if _is_binary(dataset, count) else None


def _is_binary(dataset: Any, band: int) -> bool:  # noqa: ANN401
    """Whether a band's values are 0 and the largest of its type."""
    from rasterio.windows import Window

    dtype = np.dtype(dataset.dtypes[band - 1])
    if dtype.kind != "u":
        return False
    places = ([max(0, (side - _LOOK) * part // 2) for side in dataset.shape] for part in range(3))
    windows = (Window(left, top, min(_LOOK, dataset.width), min(_LOOK, dataset.height)) for top, left in places)
    look = np.concatenate([dataset.read(band, window=window).ravel() for window in windows])
    return bool(np.isin(look, (0, np.iinfo(dtype).max)).all() and look.any())


def nodata_value(dataset: Any, band: int, given: Nodata = DECLARED) -> float | None:  # noqa: ANN401
    """The value of a band's pixels without data; None where there is none that its type could hold."""
    dtype = np.dtype(dataset.dtypes[band - 1])
    value = dataset.nodatavals[band - 1] if isinstance(given, str) else given
    if value is None or dtype.kind not in "iu":
        return None if value is None else float(value)
    limits = np.iinfo(dtype)
    return int(value) if float(value).is_integer() and limits.min <= value <= limits.max else None


def has_mask(dataset: Any) -> bool:  # noqa: ANN401
    """Whether the file has a mask inside it or beside it."""
    from rasterio.enums import MaskFlags

    return any(MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags for flags in dataset.mask_flag_enums)


def finite(values: npt.NDArray[Any]) -> Mask | bool:
    """Where all bands ``(bands, H, W)`` are numbers."""
    return np.isfinite(values).all(axis=0) if values.dtype.kind == "f" else True
