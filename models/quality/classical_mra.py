"""Multiresolution analysis: the MTF-matched Laplacian pyramid with three injections, on inputs made by any kernels.

Each takes ``pan (1, H, W)``, the MS upsampled (``lms``) ``(B, H, W)`` and ``pan_low (B, H, W)``: the PAN through each
band's MTF filter, decimated, and upsampled as the MS was. What comes out is ``(B, H, W)`` float64, neither rounded nor
clipped. :mod:`classical` feeds them with the project's own kernels, the tests with those of the literature.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]


def glp_inject(
    pan: npt.ArrayLike, lms: npt.ArrayLike, pan_low: npt.ArrayLike, pan_smooth: npt.ArrayLike | None = None
) -> Float:
    """MTF-GLP (Aiazzi et al., PE&RS 2006): each band gets PAN less low-pass PAN, PAN matched to the band.

    Args:
        pan: ``(1, H, W)``.
        lms: ``(B, H, W)``.
        pan_low: ``(B, H, W)``.
        pan_smooth: the PAN whose spread is matched to the band's, ``(H, W)``; default ``pan_low``.
    """
    lms = np.asarray(lms, dtype=np.float64)
    matched, matched_low = _matched(pan, lms, pan_low, pan_smooth)
    return lms + matched - matched_low


def glp_hpm_inject(
    pan: npt.ArrayLike, lms: npt.ArrayLike, pan_low: npt.ArrayLike, pan_smooth: npt.ArrayLike | None = None
) -> Float:
    """MTF-GLP-HPM, high-pass modulation (Aiazzi et al., URBAN 2003): band times matched PAN over its low-pass.

    Arguments as for :func:`glp_inject`.
    """
    lms = np.asarray(lms, dtype=np.float64)
    matched, matched_low = _matched(pan, lms, pan_low, pan_smooth)
    return np.asarray(lms * np.divide(matched, matched_low, out=np.ones_like(lms), where=np.abs(matched_low) > 1e-9))


def glp_fs_inject(pan: npt.ArrayLike, lms: npt.ArrayLike, pan_low: npt.ArrayLike) -> Float:
    """MTF-GLP-FS, regression at full scale (Vivone, Restaino and Chanussot, IEEE TIP 2018).

    Each band gets PAN less low-pass PAN times ``cov(band, PAN) / cov(low-pass PAN, PAN)``.
    """
    pan, lms, pan_low = (np.asarray(image, dtype=np.float64) for image in (pan, lms, pan_low))
    centred = pan[0] - pan.mean()
    below, above = (pan_low * centred).mean(axis=(1, 2)), (lms * centred).mean(axis=(1, 2))
    gains = np.divide(above, below, out=np.zeros_like(below), where=below != 0)
    return np.asarray(lms + gains[:, None, None] * (pan - pan_low))


def _matched(
    pan: npt.ArrayLike, lms: Float, pan_low: npt.ArrayLike, pan_smooth: npt.ArrayLike | None
) -> tuple[Float, Float]:
    """PAN and low-pass PAN with each band's mean and spread, both ``(B, H, W)``; a flat PAN has no detail to give."""
    pan, pan_low = np.asarray(pan, dtype=np.float64), np.asarray(pan_low, dtype=np.float64)
    smooth = pan_low if pan_smooth is None else np.asarray(pan_smooth, dtype=np.float64)[None]
    spread = np.broadcast_to(smooth.std(axis=(1, 2), keepdims=True), (len(lms), 1, 1))
    gain = np.divide(lms.std(axis=(1, 2), keepdims=True), spread, out=np.zeros((len(lms), 1, 1)), where=spread > 1e-9)
    mean = lms.mean(axis=(1, 2), keepdims=True)
    return gain * (pan - pan.mean()) + mean, gain * (pan_low - pan.mean()) + mean
