"""Classical pan-sharpening to measure the networks against: EXP, Brovey and GSA.

Each takes ``pan (1, H, W)`` and ``ms (B, H/ratio, W/ratio)`` in counts of ``bits`` and gives ``(B, H, W)`` uint16. All
start from the MS upsampled by ``bitpan.arithmetic.interpolate``, the networks' own interpolator (Keys' cubic,
block-aligned, in integers), so that the tables compare methods and not kernels; the DLPan toolbox has a 23-tap kernel,
half a PAN pixel away, instead.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import add_clip, interpolate, keys_coefficients
from bitpan.errors import DataError
from bitpan.models.degrade import SENSORS, filter_decimate, mtf_kernel, to_counts

Counts = npt.NDArray[np.uint16]
Float = npt.NDArray[np.float64]


def upsample(ms: npt.ArrayLike, ratio: int) -> npt.NDArray[np.int64]:
    """The integer interpolator without a shift, ``(B, h, w) -> (B, ratio*h, ratio*w)``, not clipped."""
    coefficients = keys_coefficients(ratio)
    return interpolate(ms, coefficients, coefficients)


def exp(pan: npt.ArrayLike, ms: npt.ArrayLike, ratio: int, bits: int) -> Counts:
    """EXP: the upsampled MS alone, what fusion must beat."""
    _check(pan, ms, ratio)
    return add_clip(upsample(ms, ratio), 0, bits).astype(np.uint16)


def brovey(pan: npt.ArrayLike, ms: npt.ArrayLike, ratio: int, bits: int) -> Counts:
    """Brovey: every band times PAN over intensity (Gillespie et al., RSE 1987).

    The intensity is the mean of the bands, the PAN matched to its mean and spread first.
    """
    pan, ms = _check(pan, ms, ratio)
    lms = upsample(ms, ratio).astype(np.float64)
    intensity = lms.mean(axis=0)
    spread = pan.std()
    matched = (pan[0] - pan.mean()) * (intensity.std() / spread if spread else 0.0) + intensity.mean()
    gain = np.divide(matched, intensity, out=np.ones_like(intensity), where=intensity > 0)
    return to_counts(lms * gain, bits)


def gsa(pan: npt.ArrayLike, ms: npt.ArrayLike, ratio: int, bits: int) -> Counts:
    """GSA: adaptive Gram-Schmidt (Aiazzi, Baronti and Selva, IEEE TGRS 2007).

    The PAN is reduced by the generic MS filter of :mod:`bitpan.models.degrade`, block-aligned as the MS is.
    """
    pan, ms = _check(pan, ms, ratio)
    smooth = mtf_kernel(ratio, SENSORS["generic"].ms[0])
    pan_lr = filter_decimate(pan[0], ratio, smooth, smooth)
    return to_counts(gsa_inject(pan, ms, upsample(ms, ratio), pan_lr), bits)


def gsa_inject(pan: npt.ArrayLike, ms: npt.ArrayLike, lms: npt.ArrayLike, pan_lr: npt.ArrayLike) -> Float:
    """GSA on an MS upsampled, and a PAN reduced, by any kernel.

    The intensity's weights are those of the regression of the reduced PAN on the MS at its own resolution; each band
    gets PAN less intensity times ``cov(band, intensity) / var(intensity)``.

    Args:
        pan: ``(1, H, W)``.
        ms: ``(B, h, w)``.
        lms: the MS upsampled, ``(B, H, W)``.
        pan_lr: the PAN reduced to the MS's grid, ``(h, w)``.

    Returns:
        ``(B, H, W)`` float64, neither rounded nor clipped.
    """
    pan, ms, lms = (np.asarray(image, dtype=np.float64) for image in (pan, ms, lms))
    bands = ms.shape[0]
    design = np.vstack([ms.reshape(bands, -1), np.ones(ms[0].size)]).T
    weights = np.linalg.lstsq(design, np.asarray(pan_lr, dtype=np.float64).ravel(), rcond=None)[0]
    intensity = np.tensordot(weights[:-1], lms, 1)
    intensity -= intensity.mean()
    variance = (intensity**2).mean()
    centred = lms - lms.mean(axis=(1, 2), keepdims=True)
    gains = (centred * intensity).mean(axis=(1, 2)) / variance if variance else np.zeros(bands)
    detail = pan[0] - pan.mean() - intensity
    return np.asarray(lms + gains[:, None, None] * detail)


METHODS: dict[str, Callable[[npt.ArrayLike, npt.ArrayLike, int, int], Counts]] = {
    "EXP": exp,
    "Brovey": brovey,
    "GSA": gsa,
}
"""By the names of the published tables."""


def _check(pan: npt.ArrayLike, ms: npt.ArrayLike, ratio: int) -> tuple[Float, Float]:
    pan, ms = np.asarray(pan, dtype=np.float64), np.asarray(ms, dtype=np.float64)
    if pan.ndim != 3 or ms.ndim != 3 or pan.shape != (1, ratio * ms.shape[1], ratio * ms.shape[2]):
        raise DataError(f"PAN of shape {pan.shape} and MS of shape {ms.shape} are no pair of ratio {ratio}")
    return pan, ms
