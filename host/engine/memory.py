"""Memory of frames, used again for the next ones.

The system takes longer to give fresh pages to an image than kernels take to fill it. It comes in large pieces: NumPy
asks the system for huge pages where an array is large, and a kernel goes through a hundred places at once.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bitpan.host.engine.step import Array

Bytes = npt.NDArray[np.uint8]

PIECE = 16 << 20
"""Bytes that are asked of the system at a time, if one array does not need more."""

LINE = 64
"""Bytes of a cache line, at which arrays begin: a vector that crosses one is loaded twice."""


class Memory:
    """What frames have given back; any number of threads may ask."""

    def __init__(self) -> None:
        self._free: list[Bytes] = []
        self._lock = threading.Lock()

    def take(self, size: int) -> Bytes:
        """At least ``size`` bytes."""
        with self._lock:
            for i, piece in enumerate(self._free):
                if len(piece) >= size:
                    return self._free.pop(i)
        fresh = np.empty(max(size, PIECE) + LINE, np.uint8)
        return fresh[-fresh.ctypes.data % LINE :]

    def give_back(self, pieces: Sequence[Bytes]) -> None:
        """For others; nobody may use it any more."""
        with self._lock:
            self._free.extend(pieces)


class FrameMemory:
    """The arrays of one frame; what they lie in is given back all at once."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._pieces: list[Bytes] = []
        self._used = 0

    def empty(self, shape: Sequence[int], dtype: npt.DTypeLike) -> Array:
        """An array that holds anything."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if not self._pieces or self._used + size > len(self._pieces[-1]):
            self._pieces.append(self._memory.take(size))
            self._used = 0
        begin, self._used = self._used, self._used + -(-size // LINE) * LINE
        return self._pieces[-1][begin : begin + size].view(dtype).reshape(shape)

    def close(self) -> None:
        """Give all of it back."""
        self._memory.give_back(self._pieces)
        self._pieces = []
