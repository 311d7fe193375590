"""Classical pan-sharpening to measure the networks against, by the names of the published tables: ``METHODS``.

Each takes ``pan (1, H, W)`` and ``ms (B, H/ratio, W/ratio)`` in counts of ``bits`` and gives ``(B, H, W)`` uint16. All
start from the MS upsampled by ``bitpan.arithmetic.interpolate``, the networks' own interpolator (Keys' cubic,
block-aligned, in integers), and reduce by the filters of :mod:`.imagery.degrade`, block-aligned too, so that the
tables compare methods and not kernels; the tests hold them to the literature's tables with its own kernels too.
``sensor`` is a key of ``SENSORS``, whose MTF the filters are matched to.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import add_clip, interpolate, keys_coefficients
from bitpan.errors import DataError
from bitpan.models.imagery.degrade import (
    SENSORS,
    degrade,
    filter_decimate,
    filtered,
    mtf_kernel,
    nyquist_gains,
    to_counts,
)
from bitpan.models.quality.classical_cs import bdsd_pc_inject, bt_h_inject, gsa_inject
from bitpan.models.quality.classical_mra import glp_fs_inject, glp_hpm_inject, glp_inject

Counts = npt.NDArray[np.uint16]
Float = npt.NDArray[np.float64]

SMOOTH_GAIN = SENSORS["generic"].ms[0]
"""Nyquist gain of the PAN where a method wants it as smooth as any MS."""

FINE_BITS = 8
"""Fraction bits that the integer interpolator keeps of an image between the counts."""


def upsample(ms: npt.ArrayLike, ratio: int) -> npt.NDArray[np.int64]:
    """The integer interpolator without a shift, ``(B, h, w) -> (B, ratio*h, ratio*w)``, not clipped."""
    coefficients = keys_coefficients(ratio)
    return interpolate(ms, coefficients, coefficients)


def upsample_fine(image: npt.ArrayLike, ratio: int) -> Float:
    """The same for an image between the counts: a reduced PAN rounded to counts would leave steps in every detail."""
    fine = np.round(np.asarray(image, dtype=np.float64) * 2**FINE_BITS)
    return np.asarray(upsample(fine, ratio) / 2**FINE_BITS)


def exp(pan: npt.ArrayLike, ms: npt.ArrayLike, ratio: int, bits: int, sensor: str = "generic") -> Counts:
    """EXP: the upsampled MS alone, what fusion must beat."""
    _check(pan, ms, ratio)
    return add_clip(upsample(ms, ratio), 0, bits).astype(np.uint16)


def brovey(pan: npt.ArrayLike, ms: npt.ArrayLike, ratio: int, bits: int, sensor: str = "generic") -> Counts:
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


def bt_h(pan: npt.ArrayLike, ms: npt.ArrayLike, ratio: int, bits: int, sensor: str = "generic") -> Counts:
    """BT-H: Brovey with haze correction, see :func:`classical_cs.bt_h_inject`."""
    pan, ms = _check(pan, ms, ratio)
    smooth = filtered(pan, ratio, (SMOOTH_GAIN,))[0]
    return to_counts(bt_h_inject(pan, upsample(ms, ratio), smooth), bits)


def gsa(pan: npt.ArrayLike, ms: npt.ArrayLike, ratio: int, bits: int, sensor: str = "generic") -> Counts:
    """GSA: adaptive Gram-Schmidt, see :func:`classical_cs.gsa_inject`.

    The PAN is reduced by the generic MS filter, whatever the sensor: the method knows no MTF.
    """
    pan, ms = _check(pan, ms, ratio)
    smooth = mtf_kernel(ratio, SMOOTH_GAIN)
    pan_lr = filter_decimate(pan[0], ratio, smooth, smooth)
    return to_counts(gsa_inject(pan, ms, upsample(ms, ratio), pan_lr), bits)


def bdsd_pc(pan: npt.ArrayLike, ms: npt.ArrayLike, ratio: int, bits: int, sensor: str = "generic") -> Counts:
    """BDSD-PC, see :func:`classical_cs.bdsd_pc_inject`."""
    pan, ms = _check(pan, ms, ratio)
    ms_low = filtered(ms, ratio, nyquist_gains(sensor, len(ms)))
    pan_lr = degrade(pan, ratio, (SENSORS[sensor].pan,))[0]
    return to_counts(bdsd_pc_inject(pan, upsample(ms, ratio), pan_lr, ms, ms_low), bits)


def mtf_glp(pan: npt.ArrayLike, ms: npt.ArrayLike, ratio: int, bits: int, sensor: str = "generic") -> Counts:
    """MTF-GLP, see :func:`classical_mra.glp_inject`."""
    pan, ms = _check(pan, ms, ratio)
    return to_counts(glp_inject(pan, upsample(ms, ratio), pan_low(pan, len(ms), ratio, sensor)), bits)


def mtf_glp_fs(pan: npt.ArrayLike, ms: npt.ArrayLike, ratio: int, bits: int, sensor: str = "generic") -> Counts:
    """MTF-GLP-FS, see :func:`classical_mra.glp_fs_inject`."""
    pan, ms = _check(pan, ms, ratio)
    return to_counts(glp_fs_inject(pan, upsample(ms, ratio), pan_low(pan, len(ms), ratio, sensor)), bits)


def mtf_glp_hpm(pan: npt.ArrayLike, ms: npt.ArrayLike, ratio: int, bits: int, sensor: str = "generic") -> Counts:
    """MTF-GLP-HPM, see :func:`classical_mra.glp_hpm_inject`."""
    pan, ms = _check(pan, ms, ratio)
    return to_counts(glp_hpm_inject(pan, upsample(ms, ratio), pan_low(pan, len(ms), ratio, sensor)), bits)


def pan_low(pan: npt.ArrayLike, bands: int, ratio: int, sensor: str) -> Float:
    """The PAN as each MS band would have seen it, upsampled as the MS is: ``(1, H, W) -> (bands, H, W)``."""
    gains = nyquist_gains(sensor, bands)
    different = sorted(set(gains))
    reduced = degrade(np.repeat(np.asarray(pan), len(different), axis=0), ratio, different)
    fine = upsample_fine(reduced, ratio)
    return np.asarray(fine[[different.index(gain) for gain in gains]])


METHODS: dict[str, Callable[..., Counts]] = {
    "EXP": exp,
    "Brovey": brovey,
    "BT-H": bt_h,
    "GSA": gsa,
    "BDSD-PC": bdsd_pc,
    "MTF-GLP": mtf_glp,
    "MTF-GLP-FS": mtf_glp_fs,
    "MTF-GLP-HPM": mtf_glp_hpm,
}
"""``(pan, ms, ratio, bits, sensor="generic") -> fused``, by the names of the published tables."""


def _check(pan: npt.ArrayLike, ms: npt.ArrayLike, ratio: int) -> tuple[Float, Float]:
    pan, ms = np.asarray(pan, dtype=np.float64), np.asarray(ms, dtype=np.float64)
    if pan.ndim != 3 or ms.ndim != 3 or pan.shape != (1, ratio * ms.shape[1], ratio * ms.shape[2]):
        raise DataError(f"PAN of shape {pan.shape} and MS of shape {ms.shape} are no pair of ratio {ratio}")
    return pan, ms
