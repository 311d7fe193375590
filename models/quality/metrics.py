"""Quality of a fused image against its ground truth: PSNR, SSIM, SAM, ERGAS, SCC and Q2n.

Every function takes ``fused`` and ``gt`` as ``(B, H, W)`` counts and cuts ``border`` pixels from every side first (the
DLPan toolbox cuts 20 above and on the left, 21 below and on the right). The definitions are those of the field's
tables: see each function. Images beyond :data:`PIXELS` are gone through in windows, whose sums are added up; unread
ones (:mod:`bitpan.rasters.unread`) are read that way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.ndimage import correlate1d, sobel

from bitpan.errors import DataError
from bitpan.models.imagery.degrade import Float, to_counts
from bitpan.rasters.unread import Image, ImageLike, Unread, extremes, sliceable

SSIM_SIGMA = 1.5
SSIM_RADIUS = 5


INDICES = ("PSNR", "SSIM", "SAM", "ERGAS", "SCC", "Q2n")
PIXELS = 1280 * 1280
"""Of an image, or of a window of it, that is compared at once: float64 of more takes gigabytes."""

COLUMNS = 4096
"""Of such a window: of wider ones, with few rows, the margin is the most."""

OF_STRIPS = ("PSNR", "SAM", "ERGAS")
"""Those that exist of images of any width."""


def evaluate(
    fused: ImageLike, gt: ImageLike, ratio: int, border: int = 0, names: Sequence[str] = ()
) -> dict[str, float]:
    """Indices by name, all unless ``names`` are given; PSNR in dB, SAM in degrees."""
    known: dict[str, Callable[..., float]] = {"PSNR": psnr, "SSIM": ssim, "SAM": sam, "SCC": scc, "Q2n": q2n}
    known["ERGAS"] = partial(ergas, ratio=ratio)
    return {name: known[name](fused, gt, border=border) for name in names or INDICES}


Sliced = TypeVar("Sliced", npt.NDArray[Any], Unread, Image)


def cut(image: Sliced, border: int) -> Sliced:
    """``(..., H, W)`` without ``border`` pixels on every side."""
    height, width = image.shape[-2:]
    return image[..., border : height - border, border : width - border]


Slices = tuple[slice, slice]
"""Of rows and of columns."""


def windows(height: int, width: int, grid: int, margin: int = 0) -> Iterator[tuple[Slices, Slices]]:
    """An image in windows of about :data:`PIXELS` and at most :data:`COLUMNS`, with a margin to all sides.

    They are cut on multiples of ``grid``. With each comes which of its pixels are no margin.
    """
    across = _cuts(width, -(-width // COLUMNS), grid, margin)
    for rows, inner in _cuts(height, -(-height * width // (PIXELS * len(across))), grid, margin):
        yield from (((rows, columns), (inner, inside)) for columns, inside in across)


def _cuts(size: int, count: int, grid: int, margin: int) -> list[Slices]:
    """A side in so many parts, each with its margin, and without it."""
    count = min(count, max(size // grid, 1))
    cuts = []
    for first, last in pairwise([*(size * i // count // grid * grid for i in range(count)), size]):
        start, stop = max(first - margin, 0), min(last + margin, size)
        cuts.append((slice(start, stop), slice(first - start, last - start)))
    return cuts


class _Pair:
    """A fused image and its truth, without the border: whole, as they were given, and by windows in float64."""

    def __init__(self, fused: ImageLike, gt: ImageLike, border: int, least: int = 1) -> None:
        fused, gt = sliceable(fused), sliceable(gt)
        if fused.ndim != 3 or fused.shape != gt.shape:
            raise DataError(f"a fused image of shape {fused.shape} cannot be compared with a truth of shape {gt.shape}")
        if border < 0 or min(gt.shape[1:]) - 2 * border < least:
            raise DataError(f"a border of {border} pixels leaves too little of an image of shape {gt.shape}")
        self.fused, self.gt = cut(fused, border), cut(gt, border)

    def windows(self, grid: int = 1, margin: int = 0) -> Iterator[tuple[Float, Float, Slices]]:
        """Both, ``(B, rows, columns)``, and which of these are no margin."""
        _, height, width = self.gt.shape
        for part, inside in windows(height, width, grid, margin):
            fused, gt = (np.asarray(image[(slice(None), *part)]).astype(np.float64) for image in (self.fused, self.gt))
            yield fused, gt, inside


def psnr(fused: ImageLike, gt: ImageLike, peak: float | None = None, border: int = 0) -> float:
    """Peak signal-to-noise ratio over all bands in dB, infinite for equal images.

    ``peak`` is the truth's maximum unless it is given, as the published GaoFen-2 tables have it.
    """
    pair = _Pair(fused, gt, border)
    peak = extremes(pair.gt)[1] if peak is None else peak
    error = sum(float(((f - g) ** 2).sum()) for f, g, _ in pair.windows()) / pair.gt.size
    return math.inf if error == 0 else float(10 * np.log10(peak**2 / error))


def ssim(fused: ImageLike, gt: ImageLike, border: int = 0) -> float:
    """Structural similarity (Wang et al., IEEE TIP 2004), averaged over pixels and bands.

    An 11-pixel Gaussian window (sigma 1.5) wholly inside the image, k = 0.01 and 0.03, and the larger of the two
    images' ranges: the default of torchmetrics when the published tables were made; later versions add the 5-pixel
    margin, by mirroring.
    """
    pair = _Pair(fused, gt, border, least=2 * SSIM_RADIUS + 1)
    ranges = [extremes(image) for image in (pair.fused, pair.gt)]
    span = max(high - low for low, high in ranges)
    total, count = 0.0, 0
    for f, g, _ in pair.windows(2 * SSIM_RADIUS + 1, SSIM_RADIUS):  # the maps of two windows end where they meet
        similar = _similar(f, g, span)
        total, count = total + float(similar.sum()), count + similar.size
    return total / count


def _similar(fused: Float, gt: Float, span: float) -> Float:
    """SSIM's map, :data:`SSIM_RADIUS` pixels smaller on every side than the images ``(B, H, W)``."""
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    weights = np.exp(-(np.arange(-SSIM_RADIUS, SSIM_RADIUS + 1) ** 2) / (2 * SSIM_SIGMA**2))
    weights /= weights.sum()

    def local(x: Float) -> Float:
        mean = correlate1d(correlate1d(x, weights, axis=1), weights, axis=2)
        return np.asarray(mean[:, SSIM_RADIUS:-SSIM_RADIUS, SSIM_RADIUS:-SSIM_RADIUS])

    mean_f, mean_g = local(fused), local(gt)
    var_f, var_g = local(fused**2) - mean_f**2, local(gt**2) - mean_g**2
    both = local(fused * gt) - mean_f * mean_g
    similar = (2 * mean_f * mean_g + c1) * (2 * both + c2)
    total = (mean_f**2 + mean_g**2 + c1) * (var_f + var_g + c2)
    # Two constant images of the same value have no range: they are the same.
    return np.divide(similar, total, out=np.ones_like(total), where=total != 0)


def sam(fused: ImageLike, gt: ImageLike, border: int = 0) -> float:
    """Spectral angle in degrees, averaged over the pixels where neither spectrum is zero (Yuhas et al., 1992)."""
    total, count = 0.0, 0
    for f, g, _ in _Pair(fused, gt, border).windows():
        length = np.linalg.norm(f, axis=0) * np.linalg.norm(g, axis=0)
        lit = length > 0
        cosine = (f * g).sum(axis=0)[lit] / length[lit]
        total += float(np.degrees(np.arccos(np.clip(cosine, -1, 1))).sum())
        count += cosine.size
    return total / count if count else math.nan


def ergas(fused: ImageLike, gt: ImageLike, ratio: int, border: int = 0) -> float:
    """``100/ratio * sqrt(mean over bands of (RMSE / mean of the truth)^2)`` (Wald, 2000)."""
    pair = _Pair(fused, gt, border)
    sums = [np.stack([((f - g) ** 2).sum(axis=(1, 2)), g.sum(axis=(1, 2))]) for f, g, _ in pair.windows()]
    error, mean = np.asarray(sum(sums)) / math.prod(pair.gt.shape[1:])
    if (mean == 0).any():
        raise DataError("ERGAS is not defined where a band of the truth is zero everywhere")
    return float(100 / ratio * np.sqrt((error / mean**2).mean()))


def scc(fused: ImageLike, gt: ImageLike, border: int = 0) -> float:
    """Spatial correlation: cosine between the Sobel gradient magnitudes of all bands, as in the DLPan toolbox."""
    pair = _Pair(fused, gt, border, least=4)
    pair = _Pair(pair.fused, pair.gt, 1)  # the toolbox cuts one pixel, then pads with zeros
    sums = np.zeros(3)
    for f, g, inside in pair.windows(grid=2, margin=1):
        a, b = (_edges(image)[(..., *inside)] for image in (f, g))
        sums += (a**2).sum(), (b**2).sum(), (a * b).sum()
    length = np.sqrt(sums[0] * sums[1])
    return float(sums[2] / length) if length else math.nan


def _edges(x: Float) -> Float:
    """Band by band: sobel() smooths along every other axis, so a whole image would be blurred across its bands."""
    return np.stack([np.hypot(*(sobel(band, axis, mode="constant") for axis in (0, 1))) for band in x])


def q2n(fused: ImageLike, gt: ImageLike, border: int = 0, block: int = 32) -> float:
    """Hypercomplex quality index (Garzelli and Nencini, IEEE GRSL 2009): 1 for equal images.

    A pixel's spectrum is one hypercomplex number. In each block both images are scaled band by band to the truth's
    mean and spread there; the index is ``2 |cov| / (var_f + var_g)`` times ``2 |m_f| |m_g| / (|m_f|^2 + |m_g|^2)``,
    averaged over the blocks. The last blocks are filled up by mirroring, the values turned to unsigned 16-bit integers,
    as in the DLPan toolbox.
    """
    pair = _Pair(fused, gt, border)
    total, count = 0.0, 0
    for f, g, _ in pair.windows(grid=block):
        found = block_q2n(f, g, block)
        total, count = total + float(found.sum()), count + len(found)
    return total / count


def block_q2n(fused: Float, gt: Float, block: int) -> Float:
    """:func:`q2n` of each block of images ``(B, H, W)``, in raster order."""
    f, g = (_blocks(to_counts(image, 16).astype(np.float64), block) for image in (fused, gt))
    mean = g.mean(axis=1, keepdims=True)
    spread = g.std(axis=1, ddof=1, keepdims=True)
    spread[spread == 0] = 1.0
    f, g = (f - mean) / spread + 1, (g - mean) / spread + 1
    f[..., 1:] *= -1  # the conjugate
    mean_f, mean_g = f.mean(axis=1), g.mean(axis=1)
    size_f, size_g = np.linalg.norm(mean_f, axis=1), np.linalg.norm(mean_g, axis=1)
    variance = (f**2).sum(axis=2).mean(axis=1) - size_f**2 + (g**2).sum(axis=2).mean(axis=1) - size_g**2
    # The product is bilinear, so its mean is that of the components' products, combined by the multiplication table.
    unit = np.eye(f.shape[-1])
    moments = g.transpose(0, 2, 1) @ f / f.shape[1] - mean_g[:, :, None] * mean_f[:, None, :]
    covariance = np.linalg.norm(np.einsum("nij,ijk->nk", moments, _product(unit[:, None], unit[None])), axis=1)
    bias = 2 * size_f * size_g / (size_f**2 + size_g**2)
    contrast = np.divide(2 * covariance, variance, out=np.ones_like(variance), where=variance > 1e-12)
    return np.asarray(bias * contrast)


def _blocks(image: Float, block: int) -> Float:
    """``(B, H, W)`` to ``(blocks, block*block, 2**n)``: mirrored to whole blocks, padded with bands of zeros."""
    bands, height, width = image.shape
    units = 1 << (bands - 1).bit_length()
    fill = ((0, 0), (0, -height % block), (0, -width % block))
    image = np.pad(np.pad(image, fill, mode="symmetric"), ((0, units - bands), (0, 0), (0, 0)))
    rows, columns = image.shape[1] // block, image.shape[2] // block
    parts = image.reshape(units, rows, block, columns, block).transpose(1, 3, 2, 4, 0)
    return np.ascontiguousarray(parts.reshape(rows * columns, block * block, units))


def _product(x: Float, y: Float) -> Float:
    """Cayley-Dickson product along the last axis: ``(a, b)(c, d) = (ac - d*b, da + bc*)``."""
    if x.shape[-1] == 1:
        return x * y
    half = x.shape[-1] // 2
    a, b, c, d = x[..., :half], x[..., half:], y[..., :half], y[..., half:]
    first = _product(a, c) - _product(_conjugate(d), b)
    return np.concatenate([first, _product(d, a) + _product(b, _conjugate(c))], axis=-1)


def _conjugate(x: Float) -> Float:
    return np.concatenate([x[..., :1], -x[..., 1:]], axis=-1)
