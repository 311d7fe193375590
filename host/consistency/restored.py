"""What a network has fused, in the scene's own counts, and consistent with its MS."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.camera import consistency
from bitpan.camera.consistency import Camera, known
from bitpan.host.consistency.seams import Window
from bitpan.host.scene.lookup import look_up_into
from bitpan.host.scene.scene import Scene
from bitpan.model import IntegerModel
from bitpan.optional import found
from bitpan.radiometry import Level

Pixels = npt.NDArray[Any]


class Restored:
    """The counts of a scene that a model fuses; by the compiled kernels where Numba is installed."""

    def __init__(self, scene: Scene, model: IntegerModel) -> None:
        level = scene.level or Level.unchanged(model.bits, model.bands)
        self._scene, self._camera = scene, Camera(scene.grid.ratio, scene.grid.shift, scene.gain)
        self._own = level.restored(np.tile(np.arange(1 << model.bits), (model.bands, 1))).astype(np.uint16)
        self._kernels = found("bitpan.host.consistency.kernels")

    def put(self, fused: Pixels | None, place: Pixels) -> None:
        """Put what the network has fused, ``(bands, height, width)``, in its place in the scene's own counts."""
        if fused is None:
            place[:] = 0
        else:
            look_up_into(place, self._own, fused)

    def consistent(self, window: Window) -> Pixels:
        """The settled part of a window, corrected, ``(bands, height, width)``."""
        ratio = self._scene.grid.ratio
        top, left = (first // ratio for first in window.edge)
        height, width = (-(-side // ratio) for side in window.valid.shape)
        ms, ms_valid = self._scene.samples(top, left, height, width)
        seen = known(window.valid, ms_valid, self._camera)
        if self._kernels is not None:
            return np.asarray(self._kernels.consistent(window.counts, ms, seen, self._camera, window.inside))
        rows, columns = window.inside
        corrected = consistency.consistent(window.counts, ms, seen, self._camera)
        return corrected[:, rows, columns].astype(np.uint16)
