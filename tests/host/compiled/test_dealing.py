"""Bands dealt out by vectors: every number in its place, none beyond, for every rest that vectors leave."""

import numpy as np
import pytest

from bitpan.host.compiled.layout import PIXELS
from bitpan.host.compiled.machine_code import Compiled


@pytest.mark.parametrize("bands", [1, 2, 3, 4, 5, 8, 13])
@pytest.mark.parametrize("dtype", [np.uint16, np.uint8])
def test_every_size(bands, dtype):
    rng = np.random.default_rng(bands)
    for size in [*range(1, 2 * PIXELS + 3), 5 * PIXELS, 1000]:
        image = rng.integers(0, np.iinfo(dtype).max, bands * size, dtype, endpoint=True)
        room = np.full((bands, size + 2), 77, dtype)
        Compiled("dealing.deal")(image, tuple(plane[1:-1] for plane in room))
        np.testing.assert_array_equal(room[:, 1:-1], image.reshape(size, bands).T)
        assert (room[:, [0, -1]] == 77).all()
