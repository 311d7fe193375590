"""Quality of a fused image where there is no truth: D_lambda, D_s and QNR; D_lambda_K and HQNR.

Every function takes images in counts on the PAN's grid: ``fused`` and ``lms``, the MS upsampled, ``(B, H, W)``, ``pan``
``(1, H, W)`` and ``pan_low``, the PAN reduced and upsampled again, ``(H, W)``. They are compared in distinct blocks, 32
pixels a side as in the DLPan toolbox; what does not fill a block at the right and lower border is left out of D_lambda
and D_s (the toolbox refuses such images).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from bitpan.errors import DataError
from bitpan.models.imagery.degrade import (
    TAPS,
    Float,
    bicubic_kernel,
    filter_decimate,
    filtered,
    nyquist_gains,
    require_pair,
)
from bitpan.models.quality.classical import upsample, upsample_fine
from bitpan.models.quality.metrics import block_q2n, q2n, windows
from bitpan.rasters.unread import Image, ImageLike, sliceable

BLOCK = 32
ALL = slice(None)


def evaluate(
    fused: ImageLike,
    pan: ImageLike,
    ms: ImageLike,
    ratio: int,
    sensor: str = "generic",
    shift: tuple[float, float] = (0.0, 0.0),
) -> dict[str, float]:
    """All indices by name, with the project's own kernels: what its networks and methods start from.

    Args:
        fused, pan: on one grid.
        ms: ``(B, H/ratio, W/ratio)``.
        ratio, sensor: PAN pixels per MS pixel, and a key of ``SENSORS``.
        shift: displacement (dy, dx) of the MS samples' centres against their PAN blocks, in PAN pixels.
    """
    fused, pan, ms = (sliceable(image) for image in (fused, pan, ms))
    require_pair(pan, ms, ratio)
    if fused.shape != (len(ms), *pan.shape[1:]):
        raise DataError(f"fused {fused.shape} is not of the bands of MS {ms.shape} on the grid of PAN {pan.shape}")
    gains = nyquist_gains(sensor, len(ms))
    return _of_sums(_sums(*images) for images in _prepared(fused, pan, ms, ratio, gains, shift))


def _prepared(
    fused: Image, pan: Image, ms: Image, ratio: int, gains: Sequence[float], shift: tuple[float, float]
) -> Iterator[tuple[Float, ...]]:
    """What :func:`_sums` takes, of window after window with as much margin as the filters see."""
    kernel, grid = bicubic_kernel(ratio), math.lcm(BLOCK, ratio)
    reach = TAPS + 8 * ratio + math.ceil(max(map(abs, shift)))
    for fine, inside in windows(pan.shape[1], pan.shape[2], grid, -(-reach // grid) * grid):
        coarse = tuple(slice(part.start // ratio, part.stop // ratio) for part in fine)
        parts = fused[(ALL, *fine)], pan[(ALL, *fine)], ms[(ALL, *coarse)]
        own_fused, own_pan, own_ms = (np.asarray(part).astype(np.float64) for part in parts)
        lms = upsample(np.round(own_ms), ratio, shift).astype(np.float64)
        pan_low = upsample_fine(filter_decimate(own_pan[0], ratio, kernel, kernel, "symmetric")[None], ratio)[0]
        seen = filtered(own_fused, ratio, gains)
        yield tuple(image[(..., *inside)] for image in (own_fused, lms, own_pan, pan_low, seen))


def indices(
    fused: Float, lms: Float, pan: Float, pan_low: Float, ratio: int, sensor: str = "generic"
) -> dict[str, float]:
    """All indices by name, on an MS upsampled and a PAN smoothed by any kernels.

    QNR is ``(1 - D_lambda) (1 - D_s)`` (Alparone et al., PE&RS 2008), HQNR ``(1 - D_lambda_K) (1 - D_s)`` (Aiazzi et
    al., SPIE 2014), both with exponents of 1.
    """
    seen = filtered(fused, ratio, nyquist_gains(sensor, len(fused)))
    return _of_sums([_sums(fused, lms, pan, pan_low, seen)])


def _sums(fused: Float, lms: Float, pan: Float, pan_low: Float, seen: Float) -> tuple[Float | int, ...]:
    """Sums over blocks of what the indices are made of, each followed by the number of blocks."""
    fine, coarse = np.concatenate([fused, pan]), np.concatenate([lms, pan_low[None]])
    alike = [block_likeness(images) for images in (fused, lms, fine, coarse)]
    found = [*alike, block_q2n(seen, lms, BLOCK)]
    return tuple(part for each in found for part in (each.sum(axis=0), len(each)))


def _of_sums(parts: Iterable[tuple[Float | int, ...]]) -> dict[str, float]:
    """All indices by name, of the :func:`_sums` of an image's parts."""
    totals = [sum(each) for each in zip(*parts, strict=True)]
    fused, lms, fine, coarse, khan = (total / count for total, count in zip(totals[::2], totals[1::2], strict=True))
    spectral, spatial, khan = _d_lambda(fused, lms), _d_s(fine, coarse), 1 - float(khan)
    quality = {"D_lambda": spectral, "D_s": spatial, "QNR": (1 - spectral) * (1 - spatial)}
    return quality | {"D_lambda_K": khan, "HQNR": (1 - khan) * (1 - spatial)}


def d_lambda(fused: Float, lms: Float) -> float:
    """Spectral distortion (Alparone et al., PE&RS 2008, p = 1): how the bands' likeness to each other changed.

    The mean over all pairs of bands of ``|Q(fused_i, fused_j) - Q(lms_i, lms_j)|``; as in the toolbox it takes the MS
    upsampled, where the paper has the MS itself in smaller blocks. One band has no pairs: NaN.
    """
    return _d_lambda(likeness(fused), likeness(lms))


def _d_lambda(fused: Float, lms: Float) -> float:
    first, second = np.triu_indices(len(fused), 1)
    change = np.abs(fused - lms)[first, second]
    return float(change.mean()) if change.size else math.nan


def d_s(fused: Float, lms: Float, pan: Float, pan_low: Float) -> float:
    """Spatial distortion (Alparone et al., PE&RS 2008, q = 1): how the bands' likeness to the PAN changed.

    The mean over the bands of ``|Q(fused_i, pan) - Q(lms_i, pan_low)|``; as in the toolbox on the PAN's grid.
    """
    return _d_s(likeness(np.concatenate([fused, pan])), likeness(np.concatenate([lms, pan_low[None]])))


def _d_s(fine: Float, coarse: Float) -> float:
    return float(np.abs(fine - coarse)[-1, :-1].mean())


def d_lambda_k(fused: Float, lms: Float, ratio: int, sensor: str = "generic") -> float:
    """Spectral distortion of Khan et al. (IEEE TGRS 2009): ``1 - Q2n`` of the fused image seen by the MS sensor.

    The fused image goes through the bands' MTF and is compared with the MS upsampled, as in the toolbox.
    """
    return 1 - q2n(filtered(fused, ratio, nyquist_gains(sensor, len(fused))), lms, block=BLOCK)


def likeness(images: Float, block: int = BLOCK) -> Float:
    """Universal quality index of all pairs (Wang and Bovik, IEEE SPL 2002), mean over blocks: ``(C, C)``."""
    return np.asarray(block_likeness(images, block).mean(axis=0))


def block_likeness(images: Float, block: int = BLOCK) -> Float:
    """The same of each block, ``(blocks, C, C)``, in raster order.

    Where both blocks are flat it compares their means alone, and is 1 where these are zero, as in Wang's own program.
    """
    if images.ndim != 3 or min(images.shape[1:]) < block:
        raise DataError(f"an image of shape {images.shape} has no whole block of {block}x{block} pixels")
    count, rows, columns = images.shape[0], images.shape[1] // block, images.shape[2] // block
    parts = images[:, : rows * block, : columns * block].reshape(count, rows, block, columns, block)
    parts = np.ascontiguousarray(parts.transpose(1, 3, 0, 2, 4)).reshape(rows * columns, count, block * block)
    mean = parts.mean(axis=2)
    centred = parts - mean[..., None]
    covariance = centred @ centred.transpose(0, 2, 1)
    variance = np.diagonal(covariance, axis1=1, axis2=2)

    def ratio_of(product: Float, squares: Float) -> Float:
        total = squares[:, :, None] + squares[:, None, :]
        return np.divide(2 * product, total, out=np.ones_like(total), where=total > 0)

    bias = ratio_of(mean[:, :, None] * mean[:, None, :], mean**2)
    return ratio_of(covariance, variance) * bias
