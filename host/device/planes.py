"""Images as the accelerator's DMA has them, a pixel's bands side by side, and as all else has them, a plane a band."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.optional import found

Words = npt.NDArray[np.uint16]


def interleave(planes: npt.NDArray[Any], image: Words) -> None:
    """``planes (B, H, W)``, whose numbers fit, into ``image (H, W, B)``."""
    for band, plane in enumerate(planes):  # faster than all of them at once
        image[..., band] = plane


def deal(image: Words, planes: Words) -> None:
    """``image (H, W, B)`` into ``planes (B, H, W)``, both contiguous: by compiled code where there is Numba."""
    if (compiled := _compiled()) is None:
        for band, plane in enumerate(planes):
            plane[:] = image[..., band]
    else:
        compiled(image.reshape(-1), tuple(planes.reshape(len(planes), -1)))


@functools.cache
def _compiled() -> Callable[..., None] | None:
    machine_code = found("bitpan.host.compiled.machine_code")
    return machine_code and machine_code.Compiled("dealing.deal")


class Kept:
    """Memory for arrays that others get, used again once nobody has one of them or a view of it.

    The system takes longer to give fresh pages to an image than :func:`deal` takes to fill it.
    """

    def __init__(self) -> None:
        self._pieces: list[Words] = []

    def empty(self, shape: Sequence[int]) -> Words:
        """An array that holds anything."""
        size = math.prod(shape)
        free = [i for i in range(len(self._pieces)) if sys.getrefcount(self._pieces[i]) == _UNUSED]
        fitting = next((i for i in free if self._pieces[i].size >= size), None)
        if fitting is None:
            for i in reversed(free):
                del self._pieces[i]
            self._pieces.append(np.empty(size, np.uint16))
        return self._pieces[-1 if fitting is None else fitting][:size].reshape(shape)


def _references() -> int:
    """To an array that a list alone holds, as :func:`sys.getrefcount` counts them."""
    alone = [np.empty(1, np.uint16)]
    return sys.getrefcount(alone[0])


_UNUSED = _references()
