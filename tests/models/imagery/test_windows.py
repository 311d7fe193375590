"""Wald's protocol by windows: every window, at every edge and in the middle, is that of the image reduced whole."""

import numpy as np
import pytest

from bitpan.models.imagery.degrade import to_counts, wald
from bitpan.models.imagery.windows import reduced
from bitpan.rasters.unread import Unread


def _unread(image, windows):
    def read(top, left, height, width):
        windows.append((height, width))
        return image[:, top : top + height, left : left + width]

    return Unread(read, image.shape, image.dtype)


@pytest.mark.parametrize(("ratio", "shift"), [(4, (0.0, 0.0)), (4, (-15.5, 7.25)), (2, (8.0, -0.5)), (3, (0.0, 1.0))])
def test_every_window_is_that_of_the_whole(ratio, shift):
    random, bits = np.random.default_rng(ratio), 12
    height, width = 96 * ratio, 84 * ratio
    ms = random.integers(0, 1 << bits, (4, height, width)).astype(np.uint16)
    pan = random.integers(0, 1 << 16, (1, ratio * height, ratio * width)).astype(np.uint16)
    fine, coarse, _ = wald(pan, ms, ratio, "qb", shift=shift)
    windows = []
    found = reduced(_unread(pan, windows), _unread(ms, windows), ratio, "qb", shift, bits)
    for image, expected in zip(found, (to_counts(fine, 16), to_counts(coarse, bits)), strict=True):
        assert image.shape == expected.shape and image.dtype == np.uint16
        np.testing.assert_array_equal(np.asarray(image), expected)
        rows, columns = image.shape[1:]
        for top, left, bottom, right in (
            (0, 0, 5, 7),
            (rows // 2, columns // 2, rows // 2 + 3, columns // 2 + 1),
            (rows - 4, columns - 9, rows, columns),
            (1, columns - 2, rows - 1, columns),
        ):
            window = np.asarray(image[:, top:bottom, left:right])
            np.testing.assert_array_equal(window, expected[:, top:bottom, left:right])
    windows.clear()
    np.asarray(found[0][:, 40:44, 40:44])
    assert max(windows[0]) <= ratio * (4 + 2 * (41 + 16 + 2 * ratio))  # the filter's reach, and no more
