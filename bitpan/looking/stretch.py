"""Counts to the eight bits of a screen: a range between percentiles, and a gamma."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Float = npt.NDArray[np.float64]

PERCENTILES = (1.0, 99.0)
GAMMA = 0.75


def value_range(image: npt.NDArray[Any], valid: npt.NDArray[np.bool_]) -> tuple[Float, Float]:
    """Low and high percentile of each band, ``(B, 1, 1)``, of an image ``(B, H, W)`` where it is ``valid``."""
    values = image[:, valid] if valid.any() else image.reshape(len(image), -1)
    low, high = np.percentile(values, PERCENTILES, axis=1)
    return low[:, None, None], np.maximum(high, low + 1)[:, None, None]


def stretched(image: npt.NDArray[Any], low: Float, high: Float) -> Bytes:
    """An image ``(B, H, W)`` with each band from ``low`` to ``high`` in 0 to 255, as ``(H, W, B)``."""
    share = np.clip((image - low) / (high - low), 0, 1) ** GAMMA
    return np.asarray((255 * share + 0.5).astype(np.uint8).transpose(1, 2, 0))
