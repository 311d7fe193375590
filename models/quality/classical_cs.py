"""Component substitution: GSA, Brovey with haze correction (BT-H) and BDSD-PC, on inputs made by any kernels.

PAN ``(1, H, W)``, MS upsampled (``lms``) ``(B, H, W)``; what comes out is ``(B, H, W)`` float64, neither rounded nor
clipped. :mod:`classical` feeds them with the project's own kernels, the tests with those of the literature.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

Float = npt.NDArray[np.float64]

HAZE_OF_BLUE_GREEN_RED_NIR = (0.95, 0.45, 0.40, 0.05)
"""Share of a band's first percentile that is haze (Lolli et al., 2017, as the DLPan toolbox has it)."""


def gsa_inject(pan: npt.ArrayLike, ms: npt.ArrayLike, lms: npt.ArrayLike, pan_lr: npt.ArrayLike) -> Float:
    """GSA, adaptive Gram-Schmidt (Aiazzi, Baronti and Selva, IEEE TGRS 2007).

    The intensity's weights are those of the regression of the reduced PAN on the MS at its own resolution; each band
    gets PAN less intensity times ``cov(band, intensity) / var(intensity)``.

    Args:
        pan: ``(1, H, W)``.
        ms: ``(B, h, w)``.
        lms: the MS upsampled, ``(B, H, W)``.
        pan_lr: the PAN reduced to the MS's grid, ``(h, w)``.
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


def haze(lms: npt.ArrayLike) -> Float:
    """Path radiance per band, ``(B,)``: parts of the first percentiles of B, G, R, NIR; other images' band minima."""
    lms = np.asarray(lms, dtype=np.float64)
    if len(lms) == len(HAZE_OF_BLUE_GREEN_RED_NIR):
        darkest = np.percentile(lms, 1, axis=(1, 2), method="hazen")  # MATLAB's prctile
        return np.asarray(HAZE_OF_BLUE_GREEN_RED_NIR * darkest)
    return np.asarray(lms.min(axis=(1, 2)))


def bt_h_inject(pan: npt.ArrayLike, lms: npt.ArrayLike, pan_low: npt.ArrayLike) -> Float:
    """BT-H, Brovey on bands freed from haze (Lolli, Alparone, Garzelli and Vivone, IEEE GRSL 2017).

    The intensity is the sum of the bands less haze, weighted by the regression of the smooth PAN on the bands; PAN is
    matched to its mean and spread, and each band less haze is multiplied by PAN over intensity.

    Args:
        pan: ``(1, H, W)``.
        lms: the MS upsampled, ``(B, H, W)``; four bands are blue, green, red, near infrared.
        pan_low: the PAN as smooth as the MS, on its own grid, ``(H, W)``.
    """
    pan, lms, pan_low = (np.asarray(image, dtype=np.float64) for image in (pan, lms, pan_low))
    weights = np.linalg.lstsq(lms.reshape(len(lms), -1).T, pan_low.ravel(), rcond=None)[0]
    dark = haze(lms)[:, None, None]
    intensity = np.tensordot(weights, lms - dark, 1)
    spread = pan_low.std()
    matched = (pan[0] - pan_low.mean()) * (intensity.std() / spread if spread else 0.0) + intensity.mean()
    # Below this the intensity is rounding noise, and so would be its quotient.
    gain = np.divide(matched, intensity, out=np.ones_like(intensity), where=np.abs(intensity) > 1e-9)
    return np.asarray(np.maximum(lms - dark, 0) * gain + dark)


def bdsd_pc_inject(
    pan: npt.ArrayLike, lms: npt.ArrayLike, pan_lr: npt.ArrayLike, ms: npt.ArrayLike, ms_low: npt.ArrayLike
) -> Float:
    """BDSD-PC, band-dependent spatial detail with physical constraints (Vivone, IEEE TGRS 2019).

    What MS loses in one more degradation is regressed, band by band, on reduced PAN and degraded MS; PAN's
    coefficient may not be negative and the bands' may not be positive. The same sum of PAN and lms is the detail.

    Args:
        pan: ``(1, H, W)``.
        lms: the MS upsampled, ``(B, H, W)``.
        pan_lr: the PAN reduced to the MS's grid by its own MTF, ``(h, w)``.
        ms: ``(B, h, w)``.
        ms_low: the MS filtered by its bands' MTF at ``ratio``, not decimated, ``(B, h, w)``.
    """
    pan, lms, pan_lr, ms, ms_low = (np.asarray(image, dtype=np.float64) for image in (pan, lms, pan_lr, ms, ms_low))
    bands = len(ms)
    design = np.vstack([pan_lr.reshape(1, -1), -ms_low.reshape(bands, -1)]).T
    lost = (ms - ms_low).reshape(bands, -1)
    gains = np.stack([nnls(design, band)[0] for band in lost])
    return np.asarray(lms + np.tensordot(gains, np.concatenate([pan, -lms]), 1))
