"""How classical methods inject the PAN's detail into the bands, on inputs made by any kernels.

Component substitution (Brovey, BT-H, GSA, BDSD-PC) and multiresolution analysis by a Laplacian pyramid matched to the
MTF (MTF-GLP with three injections). All arrays are float64 in counts: ``pan (1, H, W)``, ``ms (B, h, w)``, the MS
upsampled ``lms (B, H, W)``, and the PAN reduced to the MS's grid ``pan_lr (h, w)``. What comes out is ``(B, H, W)``
float64, neither rounded nor clipped. :mod:`classical` feeds them with the project's own kernels, the tests with those
of the literature.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from bitpan.models.imagery.degrade import Float

HAZE_OF_BLUE_GREEN_RED_NIR = (0.95, 0.45, 0.40, 0.05)
"""Share of a band's first percentile that is haze (Lolli et al., 2017, as the DLPan toolbox has it)."""


def brovey_inject(pan: Float, lms: Float) -> Float:
    """Brovey: every band times PAN over intensity (Gillespie et al., RSE 1987).

    The intensity is the mean of the bands, the PAN matched to its mean and spread first.
    """
    intensity = lms.mean(axis=0)
    return lms * _over_intensity(pan, pan, intensity, intensity > 0)


def bt_h_inject(pan: Float, lms: Float, pan_low: Float) -> Float:
    """BT-H, Brovey on bands freed from haze (Lolli, Alparone, Garzelli and Vivone, IEEE GRSL 2017).

    The intensity is the sum of the bands less haze, weighted by the regression on the bands of ``pan_low (H, W)``, the
    PAN as smooth as the MS; PAN is matched to its mean and spread, and each band less haze is multiplied by PAN over
    intensity. Four bands are blue, green, red, near infrared.
    """
    weights = np.linalg.lstsq(lms.reshape(len(lms), -1).T, pan_low.ravel(), rcond=None)[0]
    dark = haze(lms)[:, None, None]
    intensity = np.tensordot(weights, lms - dark, 1)
    # Below this the intensity is rounding noise, and so would be its quotient.
    gain = _over_intensity(pan, pan_low, intensity, np.abs(intensity) > 1e-9)
    return np.asarray(np.maximum(lms - dark, 0) * gain + dark)


def haze(lms: Float) -> Float:
    """Path radiance per band, ``(B,)``: parts of the first percentiles of B, G, R, NIR; other images' band minima."""
    if len(lms) == len(HAZE_OF_BLUE_GREEN_RED_NIR):
        darkest = np.percentile(lms, 1, axis=(1, 2), method="hazen")  # MATLAB's prctile
        return np.asarray(HAZE_OF_BLUE_GREEN_RED_NIR * darkest)
    return np.asarray(lms.min(axis=(1, 2)))


def _over_intensity(pan: Float, smooth: Float, intensity: Float, where: npt.NDArray[np.bool_]) -> Float:
    """PAN, with the mean and spread that take the smooth PAN's to the intensity's, over intensity; 1 elsewhere."""
    spread = smooth.std()
    matched = (pan[0] - smooth.mean()) * (intensity.std() / spread if spread else 0.0) + intensity.mean()
    return np.asarray(np.divide(matched, intensity, out=np.ones_like(intensity), where=where))


def gsa_inject(pan: Float, ms: Float, lms: Float, pan_lr: Float) -> Float:
    """GSA, adaptive Gram-Schmidt (Aiazzi, Baronti and Selva, IEEE TGRS 2007).

    The intensity's weights are those of the regression of the reduced PAN on the MS at its own resolution; each band
    gets PAN less intensity times ``cov(band, intensity) / var(intensity)``.
    """
    bands = ms.shape[0]
    design = np.vstack([ms.reshape(bands, -1), np.ones(ms[0].size)]).T
    weights = np.linalg.lstsq(design, pan_lr.ravel(), rcond=None)[0]
    intensity = np.tensordot(weights[:-1], lms, 1)
    intensity -= intensity.mean()
    variance = (intensity**2).mean()
    centred = lms - lms.mean(axis=(1, 2), keepdims=True)
    gains = (centred * intensity).mean(axis=(1, 2)) / variance if variance else np.zeros(bands)
    detail = pan[0] - pan.mean() - intensity
    return np.asarray(lms + gains[:, None, None] * detail)


def bdsd_pc_inject(pan: Float, lms: Float, pan_lr: Float, ms: Float, ms_low: Float) -> Float:
    """BDSD-PC, band-dependent spatial detail with physical constraints (Vivone, IEEE TGRS 2019).

    What MS loses in one more degradation, to ``ms_low (B, h, w)``, filtered by its bands' MTF at the ratio and not
    decimated, is regressed, band by band, on ``ms_low`` and the PAN reduced by its own MTF; PAN's coefficient may not
    be negative and the bands' may not be positive. The same sum of PAN and lms is the detail.
    """
    bands = len(ms)
    design = np.vstack([pan_lr.reshape(1, -1), -ms_low.reshape(bands, -1)]).T
    lost = (ms - ms_low).reshape(bands, -1)
    gains = np.stack([nnls(design, band)[0] for band in lost])
    return np.asarray(lms + np.tensordot(gains, np.concatenate([pan, -lms]), 1))


def glp_inject(pan: Float, lms: Float, pan_low: Float, pan_smooth: Float | None = None) -> Float:
    """MTF-GLP (Aiazzi et al., PE&RS 2006): each band gets PAN less low-pass PAN, PAN matched to the band.

    Args:
        pan, lms: as everywhere.
        pan_low: the PAN through each band's MTF filter, decimated, and upsampled as the MS was, ``(B, H, W)``.
        pan_smooth: the PAN whose spread is matched to the band's, ``(H, W)``; default ``pan_low``.
    """
    matched, matched_low = _matched(pan, lms, pan_low, pan_smooth)
    return lms + matched - matched_low


def glp_hpm_inject(pan: Float, lms: Float, pan_low: Float, pan_smooth: Float | None = None) -> Float:
    """MTF-GLP-HPM, high-pass modulation (Aiazzi et al., URBAN 2003): band times matched PAN over its low-pass.

    Arguments as for :func:`glp_inject`.
    """
    matched, matched_low = _matched(pan, lms, pan_low, pan_smooth)
    gain = np.divide(matched, matched_low, out=np.ones_like(lms), where=np.abs(matched_low) > 1e-9)
    return np.asarray(lms * gain)


def glp_fs_inject(pan: Float, lms: Float, pan_low: Float) -> Float:
    """MTF-GLP-FS, regression at full scale (Vivone, Restaino and Chanussot, IEEE TIP 2018).

    Each band gets PAN less low-pass PAN times ``cov(band, PAN) / cov(low-pass PAN, PAN)``.
    """
    centred = pan[0] - pan.mean()
    below, above = (pan_low * centred).mean(axis=(1, 2)), (lms * centred).mean(axis=(1, 2))
    gains = np.divide(above, below, out=np.zeros_like(below), where=below != 0)
    return np.asarray(lms + gains[:, None, None] * (pan - pan_low))


def _matched(pan: Float, lms: Float, pan_low: Float, pan_smooth: Float | None) -> tuple[Float, Float]:
    """PAN and low-pass PAN with each band's mean and spread, both ``(B, H, W)``; a flat PAN has no detail to give."""
    mean, deviation = lms.mean(axis=(1, 2), keepdims=True), lms.std(axis=(1, 2), keepdims=True)
    spread = (pan_low if pan_smooth is None else pan_smooth[None]).std(axis=(1, 2), keepdims=True)
    gain = np.divide(deviation, spread, out=np.zeros_like(deviation), where=spread > 1e-9)
    return gain * (pan - pan.mean()) + mean, gain * (pan_low - pan.mean()) + mean
