"""The DLPan toolbox's kernels and phase, for comparison with the literature only: training and products have their own.

Facts from the toolbox (Vivone et al., IEEE GRSM 2021; Deng et al., IEEE GRSM 2022): MS is decimated at ``ratio // 2``
of each block and upsampled to there by a 23-tap half-band filter with periodic borders; GSA reduces PAN by B-spline
wavelets; where a smooth PAN is wanted, it is the 0.3 Gaussian, a little wider than the sensors' (41/40).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import correlate1d

from bitpan.errors import DataError
from bitpan.models.imagery.degrade import (
    SENSORS,
    TAPS,
    bicubic_kernel,
    degrade,
    filter_decimate,
    filtered,
    nyquist_gains,
)
from bitpan.models.quality.injections import (
    bdsd_pc_inject,
    bt_h_inject,
    glp_fs_inject,
    glp_hpm_inject,
    glp_inject,
    gsa_inject,
)

Float = npt.NDArray[np.float64]

HALF_BAND = (0.305334091185, -0.072698593239, 0.021809577942, -0.005192756653, 0.000807762146, -0.000060081482)
"""Taps at distances 1, 3 ... 11 (Aiazzi et al., IEEE TGRS 2002); the middle is 1/2, the even ones are 0."""

METHODS = ("EXP", "GSA", "BT-H", "BDSD-PC", "MTF-GLP", "MTF-GLP-FS", "MTF-GLP-HPM")


def upsample(image: npt.ArrayLike, ratio: int) -> Float:
    """``interp23tap``: ``(B, h, w) -> (B, ratio*h, ratio*w)``, sample i at ``ratio*i + ratio // 2``.

    Raises:
        DataError: if the ratio is no power of two above 1.
    """
    if ratio < 2 or ratio & (ratio - 1):
        raise DataError(f"the 23-tap interpolation doubles: a ratio is 2, 4, 8 ..., not {ratio}")
    taps = np.zeros(23)
    taps[11] = 1.0
    taps[[12, 14, 16, 18, 20, 22]] = taps[[10, 8, 6, 4, 2, 0]] = 2 * np.array(HALF_BAND)
    fine, first = np.asarray(image, dtype=np.float64), 1
    while ratio > 1:
        bands, height, width = fine.shape
        spread = np.zeros((bands, 2 * height, 2 * width))
        spread[:, first::2, first::2] = fine
        fine = correlate1d(correlate1d(spread, taps, axis=1, mode="wrap"), taps, axis=2, mode="wrap")
        ratio, first = ratio // 2, 0
    return fine


def smooth_pan(pan: npt.ArrayLike, ratio: int) -> Float:
    """``LPfilterGauss``, ``(1, H, W) -> (H, W)``: Gaussian over 41 samples, not the MTF filters' 40."""
    return np.asarray(filtered(pan, ratio, (0.3 ** (((TAPS - 1) / TAPS) ** 2),))[0])


def spline_reduced(pan: npt.ArrayLike, ratio: int) -> Float:
    """``LPfilterPlusDec``, ``(1, H, W) -> (H/ratio, W/ratio)``: B3-spline wavelets to log2(ratio) levels and back."""
    band = np.asarray(pan, dtype=np.float64)[0]
    taps = np.array([1, 4, 6, 4, 1]) / 16
    for _ in range(2 * (ratio.bit_length() - 1)):  # once down and once back per level, without dilation
        band = correlate1d(correlate1d(band, taps, axis=0, mode="reflect"), taps, axis=1, mode="reflect")
    return np.asarray(band[ratio // 2 :: ratio, ratio // 2 :: ratio])


def bicubic_reduced(image: npt.ArrayLike, ratio: int) -> Float:
    """``imresize``: ``(B, H, W) -> (B, H/ratio, W/ratio)``, at the block's middle, half a PAN pixel from the MS."""
    kernel = bicubic_kernel(ratio)
    return np.stack([filter_decimate(band, ratio, kernel, kernel, "symmetric") for band in np.asarray(image)])


def pan_for_distortion(pan: npt.ArrayLike, ratio: int) -> Float:
    """The low-pass PAN of the toolbox's D_s, ``(1, H, W) -> (H, W)``."""
    return np.asarray(upsample(bicubic_reduced(pan, ratio), ratio)[0])


def fuse(method: str, pan: npt.ArrayLike, ms: npt.ArrayLike, ratio: int, sensor: str) -> Float:
    """A fused image as the toolbox makes it, ``(B, H, W)`` float64.

    Args:
        method: one of ``METHODS``.
        pan: ``(1, H, W)``.
        ms: ``(B, H/ratio, W/ratio)``.
        ratio: 2, 4, 8 ...
        sensor: a key of ``SENSORS``.
    """
    pan, ms = np.asarray(pan, dtype=np.float64), np.asarray(ms, dtype=np.float64)
    lms, gains, middle = upsample(ms, ratio), nyquist_gains(sensor, len(ms)), (ratio // 2, ratio // 2)
    if method == "EXP":
        return lms
    if method == "GSA":
        return gsa_inject(pan, ms, lms, spline_reduced(pan, ratio))
    if method == "BT-H":
        return bt_h_inject(pan, lms, smooth_pan(pan, ratio))
    if method == "BDSD-PC":
        coarse = bicubic_reduced(lms, ratio)
        pan_lr = degrade(pan, ratio, (SENSORS[sensor].pan,), middle)[0]
        return bdsd_pc_inject(pan, lms, pan_lr, coarse, filtered(coarse, ratio, gains))
    pan_low = upsample(degrade(np.repeat(pan, len(ms), 0), ratio, gains, middle), ratio)
    if method == "MTF-GLP":
        return glp_inject(pan, lms, pan_low, smooth_pan(pan, ratio))
    if method == "MTF-GLP-FS":
        return glp_fs_inject(pan, lms, pan_low)
    if method == "MTF-GLP-HPM":
        return glp_hpm_inject(pan, lms, pan_low, smooth_pan(pan, ratio))
    raise DataError(f"no method {method!r}; choose one of {', '.join(METHODS)}")
