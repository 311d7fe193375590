"""Measuring the misregistration between PAN and MS: the shift under which their gradients agree best.

The PAN is blurred to the MS's resolution and sampled under each shift of a grid; how much of its gradient's variance
the gradients of all bands together explain (linear regression) is the score. A parabola through the best score and
its neighbours gives fractions of a pixel. This asks for no spectral model, and flat areas do not count.

The score also says how sure the result is. Six real scenes (WorldView-2 and 3, IKONOS, GaoFen-2, QuickBird, SPOT-6)
have 0.77 to 0.97, by four bands alone 0.68 to 0.97; pairs of different places have less than 0.001. In 360 windows of
128 to 256 PAN pixels of these scenes with noise added, the result was off by 0.71 PAN pixels at most where the score
was 0.6 or more, by 0.96 where it was 0.4 or more, and by 1.4 where it was 0.1 or more.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from bitpan.camera.sharpness import gradient, vertex
from bitpan.errors import RegistrationWarning, SceneError
from bitpan.host.scene.scene import Patch, Scene
from bitpan.host.scene.tiles import sample_tiles
from bitpan.host.threads import at_once, default_threads

SIDES = 256, 128, 64  # PAN pixels of a measured window's side: the largest of which there is one without gaps
PER_AXIS = 4  # windows in each direction
REACH = 2  # MS pixels searched in each direction
LEAST_SCORE = 0.6  # from which on a measured shift is sure
_MTF_AT_NYQUIST = 0.3  # of the MS against the PAN, typical of the sensors
_STEP = 0.25  # PAN pixels the result is rounded to: finer, the score's noise decides
_MARGIN = 2  # MS pixels at a window's edge that the blur reaches

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Registration:
    """What was measured.

    Attributes:
        shift: displacement (dy, dx) of the MS sample's centre against the block's, PAN pixels, georeference included.
        score: share of the variance of PAN's gradients that those of the bands explain under this shift.
    """

    shift: tuple[float, float]
    score: float


def shift_of(
    scene: Scene, asked: tuple[float, float] | str | None = None, threads: int | None = None
) -> tuple[float, float]:
    """The misregistration (dy, dx) to fuse a scene with, PAN pixels on top of what its files say.

    Args:
        asked: it, or ``auto``: the measured one however sure it is, or None: the measured one if it is sure, else 0
            and a :class:`RegistrationWarning`.
        threads: to measure it with; default: one a core.

    Raises:
        SceneError: ``asked`` is something else, or ``auto`` and nothing can be measured.
    """
    if not isinstance(asked, str) and asked is not None:
        return asked
    if asked not in ("auto", None):
        raise SceneError(f"a shift is (dy, dx) in PAN pixels or 'auto', not {asked!r}")
    try:
        found = measure_shift(scene, threads)
        if asked is None and found.score < LEAST_SCORE:
            shift = f"{found.shift[0]:g},{found.shift[1]:g}"
            raise SceneError(
                f"the measured shift {shift} is not sure: the MS's gradients explain {found.score:.0%} of PAN's, less "
                f"than {LEAST_SCORE:.0%}; check the pair, take it with --shift auto, or give --shift DY,DX"
            )
    except SceneError as error:
        if asked == "auto":
            raise
        warnings.warn(f"{error}; the shift is taken to be 0,0", RegistrationWarning, stacklevel=2)
        return 0.0, 0.0
    return found.shift[0] - scene.grid.shift[0], found.shift[1] - scene.grid.shift[1]


def measure_shift(scene: Scene, threads: int | None = None) -> Registration:
    """How PAN and MS lie over each other, measured by so many threads, by default one a core.

    Raises:
        SceneError: the scene has no structure to go by, or agrees best at the edge of the search.
    """
    ratio = scene.grid.ratio
    reach = REACH * ratio
    shifts = np.arange(-reach, reach + 1)
    grid, margin = scene.grid, (REACH + _MARGIN) * ratio
    windows: list[tuple[Float, Float, Float]] = []
    for side in SIDES:
        tiles = sample_tiles(grid.height, grid.width, ratio, margin, PER_AXIS, side)
        patches = (scene.read(*tile.frame) for tile in tiles)
        sums_of = partial(_window_sums, ratio=ratio, shifts=shifts)
        windows = windows or [*filter(None, at_once(sums_of, patches, default_threads()))]
    sums = [np.asarray(sum(parts)) for parts in zip(*windows, strict=True)]
    if not sums or not (sums[2] > 0).all():
        raise SceneError(
            "no shift can be measured: no part of the scene is free of nodata and has structure; give --shift DY,DX"
        )
    covariance, cross, energy = sums
    score = np.einsum("yxb,bc,yxc->yx", cross, np.linalg.pinv(covariance), cross) / energy
    best = np.unravel_index(int(score.argmax()), score.shape)
    if any(i in (0, len(shifts) - 1) for i in best):
        raise SceneError(
            f"no shift can be measured: PAN and MS agree best {REACH} MS pixels apart or more; check the pair, or give "
            "--shift DY,DX"
        )
    # A blurred image whose sampling grid's centres lie half a pixel off the pixels' centres, for even ratios.
    offset = 0.5 if ratio % 2 == 0 else 0.0
    dy = shifts[best[0]] + offset + vertex(score[best[0] - 1 : best[0] + 2, best[1]])
    dx = shifts[best[1]] + offset + vertex(score[best[0], best[1] - 1 : best[1] + 2])
    return Registration((_STEP * round(float(dy) / _STEP), _STEP * round(float(dx) / _STEP)), float(score[best]))


def _window_sums(patch: Patch, ratio: int, shifts: npt.NDArray[np.int64]) -> tuple[Float, Float, Float] | None:
    """One window's normal equations: bands with bands (B, B), PAN with bands (S, S, B), PAN with itself (S, S)."""
    if not patch.valid.all():  # a gradient across a border of nodata is none of the scene's
        return None
    margin = REACH + _MARGIN
    inside = slice(margin, -margin)
    x = gradient(patch.ms[:, inside, inside].astype(np.float64), 1)
    height, width = x.shape[-2:]
    if not x.size:  # of a single row or column
        return None
    x = x.reshape(len(x), -1)
    pan = gradient(_blur(patch.pan[0].astype(np.float64), ratio), ratio)
    size, first = len(shifts), ratio // 2  # the first shift is all the reach to the left and up
    cross, energy = np.empty((size, size, len(x))), np.empty((size, size))
    for i, top in enumerate(range(first, first + size)):
        rows = pan[:, top : top + height * ratio : ratio, first:]
        windows = np.lib.stride_tricks.sliding_window_view(rows, (width - 1) * ratio + 1, axis=2)[:, :, :size, ::ratio]
        y = np.moveaxis(windows, 2, 0).reshape(size, -1)
        cross[i], energy[i] = y @ x.T, np.einsum("sp,sp->s", y, y)
    return x @ x.T, cross, energy


def _blur(image: Float, ratio: int) -> Float:
    """Gaussian low-pass with the response of the MS at its Nyquist frequency; the margin it needs is gone."""
    sigma = ratio / np.pi * np.sqrt(-2 * np.log(_MTF_AT_NYQUIST))
    radius = _MARGIN * ratio
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        image = np.lib.stride_tricks.sliding_window_view(image, len(kernel), axis=axis) @ kernel
    return image
