"""Windows of tiles that come in raster order: what they hold, and what of it is settled."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitpan.camera.consistency import reach
from bitpan.host.consistency.seams import Seams
from bitpan.host.scene.tiles import TilePlan


@settings(max_examples=80, deadline=None)
@given(
    size=st.tuples(st.integers(1, 260), st.integers(1, 260)),
    steps=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    early=st.integers(0, 3),
    ratio=st.sampled_from([2, 4]),
)
def test_windows_hold_the_scene_around_what_is_settled(size, steps, early, ratio):
    height, width = size
    rng = np.random.default_rng(height)
    counts, valid = rng.integers(0, 65536, (2, height, width)), rng.random((height, width)) < 0.8
    seams, settled = Seams(2, height, width, ratio), np.zeros((height, width), int)
    for tile in TilePlan(height, width, (4 * steps[0], 4 * steps[1]), 8, 4, (early, early)):
        own = slice(tile.top, tile.top + tile.height), slice(tile.left, tile.left + tile.width)

        def put(place, own=own):
            place[:] = counts[:, own[0], own[1]]

        window = seams.window(tile, put, valid[own])
        if window is None:
            continue
        sides = zip(window.edge, window.valid.shape, strict=True)
        rows, columns = (slice(first, first + side) for first, side in sides)
        np.testing.assert_array_equal(window.counts, counts[:, rows, columns])
        np.testing.assert_array_equal(window.valid, valid[rows, columns])
        for first, side, inside, whole in zip(window.edge, window.valid.shape, window.inside, size, strict=True):
            assert first % ratio == 0 and (side % ratio == 0 or first + side == whole)
            assert (first + inside.start) % ratio == 0
            assert inside.start >= reach(ratio) or first == 0
            assert side - inside.stop >= reach(ratio) or first + side == whole
        (top, left), (down, right) = window.corner, window.inside
        settled[top : top + down.stop - down.start, left : left + right.stop - right.start] += 1
    assert (settled == 1).all()


@pytest.mark.parametrize("width", [4096, 16384])
def test_what_is_kept_grows_with_the_width_alone(width):
    seams = Seams(4, 16384, width, 4)
    assert seams._counts._above.nbytes + seams._valid._above.nbytes == (32 + reach(4) + 4) * width * 9
