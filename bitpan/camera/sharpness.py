"""How sharp the MS is beside its PAN: the gain of the MS's camera at its Nyquist frequency, measured.

PAN seen through Gaussians of several gains is compared with the MS by its gradients: the share of their variance that
those of the bands explain together (linear regression) is a gain's score, which asks for no spectral model, as in the
measuring of shifts. Between the best gain and its neighbours goes a parabola.

What is measured is the camera between PAN and MS; that between the fused image and the MS is meant, and bands that
explain little of PAN, a shift of a fraction of a pixel, and PAN's own blur move the result. Of eleven pairs degraded by
known filters (gains of 0.22 to 0.36) it was off by 0.02 to 0.11. So a deviation from the typical gain counts by what it
has beyond that; images that were averaged over blocks, or resampled, are 0.3 and more away from it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from bitpan.camera.consistency import TYPICAL_GAIN, camera_weights, seen_pixels

Float = npt.NDArray[np.float64]
Sums = tuple[Float, Float, Float]
"""Of gradients' products: bands with bands (B, B), PAN by gain with bands (G, B), PAN by gain with itself (G,)."""

GAINS = np.arange(1, 9) / 10

UNSURE = 0.1
"""By which a measured gain may be off."""

LEAST_SCORE = 0.6
"""Below it nothing is measured: PAN and MS hardly go together."""

_MARGIN = 2  # MS pixels at the edges, which a camera's taps look beyond


def gradient_sums(
    pan: npt.ArrayLike, ms: npt.ArrayLike, ratio: int, shift: tuple[float, float] = (0.0, 0.0)
) -> Sums | None:
    """Those of a pair without gaps, ``pan (1, H, W)`` and ``ms (B, h, w)``; None of one too small for any."""
    bands = _gradients(np.asarray(ms, dtype=np.float64))
    if not bands.size:
        return None
    fine = np.asarray(pan, dtype=np.float64)[0]
    rows, columns = (np.stack([camera_weights(ratio, part, gain) for gain in GAINS]) for part in shift)
    lines = np.tensordot(rows, fine[seen_pixels(fine.shape[0], ratio)], (1, 1))  # (G, h, W)
    across = seen_pixels(fine.shape[1], ratio)
    found = np.stack([line[:, across] @ weights for line, weights in zip(lines, columns, strict=True)])
    seen = _gradients(found)
    return bands @ bands.T, seen @ bands.T, (seen * seen).sum(axis=1)


def gain_of(sums: Iterable[Sums | None]) -> float:
    """The camera's gain by the sums of a scene, or of samples of it; the typical one where they do not tell."""
    own = list(filter(None, sums))
    if not own:
        return TYPICAL_GAIN
    covariance, cross, energy = (np.sum(parts, axis=0) for parts in zip(*own, strict=True))
    if not (energy > 0).all():
        return TYPICAL_GAIN
    score = np.einsum("gb,bc,gc->g", cross, np.linalg.pinv(covariance), cross) / energy
    best = int(score.argmax())
    if score[best] < LEAST_SCORE:
        return TYPICAL_GAIN
    measured = float(GAINS[best])
    if 0 < best < len(GAINS) - 1:
        measured += 0.1 * vertex(score[best - 1 : best + 2])
    apart = measured - TYPICAL_GAIN
    return round(TYPICAL_GAIN + float(np.sign(apart)) * max(abs(apart) - UNSURE, 0.0), 2)


def _gradients(image: Float) -> Float:
    """Differences to the right and downward, ``(C, h, w)`` to ``(C, gradients)``, without what edges may tell."""
    return gradient(image[:, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN], 1).reshape(len(image), -1)


def gradient(image: Float, distance: int) -> Float:
    """Differences to the right and downward, ``(..., H, W)`` to ``(..., 2, H - distance, W - distance)``."""
    here = image[..., :-distance, :-distance]
    return np.stack([image[..., :-distance, distance:] - here, image[..., distance:, :-distance] - here], axis=-3)


def vertex(scores: Float) -> float:
    """Where a parabola through three neighbouring scores has its top, -1/2 ... 1/2."""
    below, here, above = scores
    bend = below - 2 * here + above
    return float(0.5 * (below - above) / bend) if bend < 0 else 0.0
