"""Images for the CPU engine's kernels, which compute them from above, and the images that they give."""

import numpy as np


def by_rows(image):
    """``(channels, height, width)`` as ``(height, channels, width)``."""
    return np.ascontiguousarray(np.moveaxis(image, 1, 0))


def image_of(rows, band=3, height=None):
    """All rows of a kernel's result computed in bands, as ``(..., channels, height, width)``."""
    height = height or rows.array.shape[-3]
    for first in range(0, height, band):
        rows.compute(first, min(first + band, height))
    return np.moveaxis(rows.array, -2, -3)
