"""Wald's protocol: images degraded by the ratio with filters matched to the sensor's modulation transfer function.

The filters are those of the DLPan toolbox (Vivone et al., IEEE GRSM 2021): a Gaussian frequency response of given gain
at the coarse grid's Nyquist frequency, turned into 41 taps by frequency sampling and a Kaiser window (beta 0.5), of
unit sum. They are applied as two passes along the axes: the Gaussian is separable, and the round window is, to 2e-8.

Phase: an output pixel is the weighted mean around a *centre* inside its block of ``ratio`` input pixels. The default,
``(ratio - 1) / 2``, is the block's middle: the phase of ``bitpan.arithmetic.keys_coefficients(ratio, 0)``, so that
degraded PAN, MS and ground truth are registered for training. The toolbox decimates MS at ``ratio // 2`` instead.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import correlate1d

from bitpan.errors import DataError
from bitpan.rasters.unread import Image

Counts = npt.NDArray[np.uint16]
Float = npt.NDArray[np.float64]
Kernel = tuple[Float, int]
"""Taps of one axis, and the input pixel under the first tap for output pixel 0."""

COLUMNS = 512  # filtered at a time
TAPS = 41
KAISER_BETA = 0.5


@dataclass(frozen=True)
class Sensor:
    """Gains of a sensor's modulation transfer function at its own Nyquist frequency.

    ``ms`` has one per band, in the product's band order (blue first); one value stands for any number of bands.
    """

    pan: float
    ms: tuple[float, ...]


with Path(__file__).with_name("sensors.csv").open(newline="") as _file:
    SENSORS = {name: Sensor(float(pan), tuple(map(float, ms))) for name, pan, *ms in list(csv.reader(_file))[1:]}
"""Source: the DLPan toolbox (genMTF, MTF_PAN). GaoFen-2, SPOT, Pleiades and Landsat are its generic ones."""

BLUE_GREEN_RED_NIR_OF_8 = (2, 3, 5, 7)
"""WorldView's blue, green, red and first near infrared among its eight bands, from 1."""


def nyquist_gains(sensor: str, bands: int) -> tuple[float, ...]:
    """One gain per band; four bands of an eight-band sensor are blue, green, red and the first near infrared."""
    if sensor not in SENSORS:
        raise DataError(f"no sensor {sensor!r}; choose one of {', '.join(SENSORS)}")
    gains = SENSORS[sensor].ms
    if len(gains) == 1:
        return gains * bands
    if len(gains) == 8 and bands == 4:
        return tuple(gains[band - 1] for band in BLUE_GREEN_RED_NIR_OF_8)
    if len(gains) != bands:
        raise DataError(f"sensor {sensor!r} has {len(gains)} bands, the image {bands}; use 'generic' for other images")
    return gains


def mtf_kernel(ratio: int, nyquist_gain: float, centre: float | None = None) -> Kernel:
    """Gaussian MTF filter of one axis, as the DLPan toolbox builds it, around ``centre`` (in input pixels).

    The toolbox samples ``exp(-k^2 / 2 alpha^2)`` at k = -20 ... 20 with alpha such that the gain falls to
    ``nyquist_gain`` at ``k = (TAPS - 1) / (2 ratio)``, inverts it by a TAPS-point DFT and multiplies by the window.
    """
    if not 0 < nyquist_gain < 1:
        raise DataError(f"a Nyquist gain lies between 0 and 1, not {nyquist_gain}")
    half = TAPS // 2
    k = np.arange(-half, half + 1)
    response = nyquist_gain ** ((k * ratio / half) ** 2)
    x, first = _places(half, ratio, centre)
    gaussian = np.cos(2 * np.pi * np.outer(x, k) / TAPS) @ response
    weights = gaussian * np.i0(KAISER_BETA * np.sqrt(1 - (x / half) ** 2))
    return weights / weights.sum(), first


def bicubic_kernel(ratio: int, centre: float | None = None) -> Kernel:
    """Keys' cubic (a = -1/2) stretched by the ratio: MATLAB's ``imresize``, the toolbox's "ideal" PAN filter."""
    x, first = _places(2 * ratio, ratio, centre)
    d = np.abs(x) / ratio
    near, far = (1.5 * d - 2.5) * d * d + 1, ((-0.5 * d + 2.5) * d - 4) * d + 2
    weights = np.where(d <= 1, near, far)
    return weights / weights.sum(), first


def gaussian_kernel(ratio: int, nyquist_gain: float, centre: float | None = None) -> Kernel:
    """The plain Gaussian of the same MTF out to four standard deviations: short, and no ripple at ratio 2."""
    deviation = ratio * math.sqrt(-2 * math.log(nyquist_gain)) / math.pi
    x, first = _places(math.ceil(4 * deviation), ratio, centre)
    weights = np.exp(-((x / deviation) ** 2) / 2)
    return weights / weights.sum(), first


def _places(radius: int, ratio: int, centre: float | None) -> tuple[Float, int]:
    """The taps' distances from the centre, and the input pixel under the first for output pixel 0."""
    centre = (ratio - 1) / 2 if centre is None else centre
    first, last = math.ceil(centre - radius), math.floor(centre + radius)
    return np.arange(first, last + 1, dtype=np.float64) - centre, first


def filter_decimate(image: npt.ArrayLike, ratio: int, rows: Kernel, columns: Kernel, edges: str = "edge") -> Float:
    """Filter and decimate one band, ``(H, W) -> (H/ratio, W/ratio)``, by kernels of the vertical and horizontal pass.

    The ratio must divide H and W; ``edges`` is the mode of ``numpy.pad`` beyond the borders.
    """
    image = np.asarray(image)
    if image.ndim != 2 or image.shape[0] % ratio or image.shape[1] % ratio:
        raise DataError(f"a band of shape {image.shape} cannot be reduced by {ratio}: crop it to a multiple")
    return _reduce_rows(_reduce_rows(image, ratio, rows, edges).T, ratio, columns, edges).T.copy()


def _reduce_rows(image: npt.NDArray[Any], ratio: int, kernel: Kernel, edges: str) -> Float:
    """By groups of columns: in float64 a whole PAN takes gigabytes."""
    groups = range(0, image.shape[1], COLUMNS)
    return np.concatenate([_reduced(image[:, i : i + COLUMNS], ratio, kernel, edges) for i in groups], axis=1)


def _reduced(image: npt.NDArray[Any], ratio: int, kernel: Kernel, edges: str) -> Float:
    weights, first = kernel
    image, height = image.astype(np.float64), image.shape[0]
    before, after = max(0, -first), max(0, first + len(weights) - ratio)
    padded = np.pad(image, ((before, after), (0, 0)), mode=edges)  # type: ignore[call-overload]
    total = np.zeros((height // ratio, image.shape[1]))
    for tap, weight in enumerate(weights, start=first + before):
        total += weight * padded[tap : tap + height - ratio + 1 : ratio]
    return total


def degrade(
    image: npt.ArrayLike, ratio: int, nyquist_gains: Sequence[float], centre: tuple[float, float] | None = None
) -> Float:
    """MTF-filter and decimate an image, ``(B, H, W) -> (B, H/ratio, W/ratio)``, borders replicated.

    The gains are one per band, at the Nyquist frequency of the output grid; ``centre`` is (row, column) of output pixel
    0 in input pixels, by default the middle of its block.
    """
    bands = []
    for band, gain in _bands(image, nyquist_gains):
        rows, columns = (mtf_kernel(ratio, gain, place) for place in centre or (None, None))
        bands.append(filter_decimate(band, ratio, rows, columns))
    return np.stack(bands)


def filtered(image: npt.ArrayLike, ratio: int, nyquist_gains: Sequence[float]) -> Float:
    """MTF-filter an image without decimating it, ``(B, H, W) -> (B, H, W)``, arguments as of :func:`degrade`."""
    bands = []
    for band, gain in _bands(image, nyquist_gains):
        taps, _ = mtf_kernel(ratio, gain, centre=0)
        bands.append(
            correlate1d(correlate1d(band.astype(np.float64), taps, 0, mode="nearest"), taps, 1, mode="nearest")
        )
    return np.stack(bands)


def _bands(image: npt.ArrayLike, gains: Sequence[float]) -> Iterable[tuple[npt.NDArray[Any], float]]:
    image = np.asarray(image)
    if image.ndim != 3 or len(gains) != len(image):
        raise DataError(f"{len(gains)} Nyquist gains for an image of shape {image.shape}; give one per band")
    return zip(image, gains, strict=True)


def require_pair(pan: Image, ms: Image, ratio: int) -> None:
    """Raise :class:`DataError` unless these are ``(1, ratio*h, ratio*w)`` and ``(B, h, w)``."""
    if pan.ndim != 3 or ms.ndim != 3 or pan.shape != (1, ratio * ms.shape[1], ratio * ms.shape[2]):
        raise DataError(f"PAN of shape {pan.shape} and MS of shape {ms.shape} are no pair of ratio {ratio}")


def wald(
    pan: npt.ArrayLike,
    ms: npt.ArrayLike,
    ratio: int,
    sensor: str = "generic",
    *,
    pan_filter: str = "mtf",
    shift: tuple[float, float] = (0.0, 0.0),
) -> tuple[Float, Float, npt.NDArray[Any]]:
    """A PAN/MS pair reduced by its ratio, so that the original MS is the ground truth (Wald et al., PE&RS 1997).

    What does not fill a whole reduced MS pixel at the right and lower border is cut.

    Args:
        pan, ms, ratio: ``(1, ratio*h, ratio*w)``, ``(B, h, w)`` and PAN pixels per MS pixel.
        sensor: a key of ``SENSORS``.
        pan_filter: ``mtf`` keeps the degraded PAN as soft as the sensor's own; ``bicubic`` is the toolbox's choice,
            that of PanCollection and of the published reduced-resolution tables, and sharper.
        shift: displacement (dy, dx) of the MS samples' centres against their PAN blocks, in PAN pixels; the PAN is
            sampled there, so that the degraded PAN is registered to the ground truth.

    Returns:
        ``pan_lr (1, h, w)`` and ``ms_lr (B, h/ratio, w/ratio)``, float64, not rounded, and ``gt (B, h, w)`` as the MS
        was given.
    """
    pan, ms = np.asarray(pan), np.asarray(ms)
    require_pair(pan, ms, ratio)
    height, width = (size // ratio * ratio for size in ms.shape[1:])
    if not height or not width:
        raise DataError(f"an MS of {ms.shape[1]}x{ms.shape[2]} pixels is too small to be reduced by {ratio}")
    pan, ms = pan[:, : ratio * height, : ratio * width], ms[:, :height, :width]
    gains = nyquist_gains(sensor, ms.shape[0])
    return reduced_pan(pan, ratio, sensor, pan_filter, shift), degrade(ms, ratio, gains), ms


def reduced_pan(
    pan: npt.NDArray[Any], ratio: int, sensor: str, pan_filter: str = "mtf", shift: tuple[float, float] = (0.0, 0.0)
) -> Float:
    """The PAN of :func:`wald`, of whole blocks; arguments as there."""
    centre = ((ratio - 1) / 2 + shift[0], (ratio - 1) / 2 + shift[1])
    if pan_filter == "mtf":
        return degrade(pan, ratio, (SENSORS[sensor].pan,), centre)
    if pan_filter == "bicubic":
        rows, columns = (bicubic_kernel(ratio, place) for place in centre)
        return filter_decimate(pan[0], ratio, rows, columns, "symmetric")[None]
    raise DataError(f"no PAN filter {pan_filter!r}; choose mtf or bicubic")


def to_counts(image: npt.ArrayLike, bits: int) -> Counts:
    """Round half up and clip to unsigned ``bits``: what a sensor of that depth would deliver."""
    return np.clip(np.floor(np.asarray(image) + 0.5), 0, 2**bits - 1).astype(np.uint16)
