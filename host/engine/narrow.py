"""How the compiled engine stores tensors: in the narrowest integers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.formats import Format

Array = npt.NDArray[Any]
Share = Callable[[Callable[[int, int], None], int], None]
"""``share(rows, height)`` runs ``rows(first, last)`` until all rows are done."""


def narrowest(fmt: Format) -> np.dtype[Any]:
    """The narrowest type that holds a format and, for thresholds, its maximum plus one."""
    for dtype in (np.int16, np.int32):
        if fmt.min >= np.iinfo(dtype).min and fmt.max < np.iinfo(dtype).max:
            return np.dtype(dtype)
    return np.dtype(np.int64)
