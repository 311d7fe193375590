"""The compiled kernels of consistency, equal to the reference in every bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitpan.camera.consistency import Camera, consistent
from bitpan.host.consistency import kernels

COUNTS = {
    "of 11 bits": lambda rng, shape: rng.integers(0, 2048, shape),
    "of 16 bits": lambda rng, shape: rng.integers(0, 65536, shape),
    "extreme": lambda rng, shape: rng.choice([0, 65535], shape),
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def both(rng, size, camera, make, share=0.9, inside=None):
    coarse = [-(-side // camera.ratio) for side in size]
    image, ms, known = make(rng, (3, *size)), make(rng, (3, *coarse)), rng.random(coarse) < share
    rows, columns = inside or tuple(slice(0, side) for side in size)
    expected = consistent(image, ms, known, camera)[:, rows, columns]
    found = kernels.consistent(image.astype(np.uint16), ms.astype(np.int32), known, camera, (rows, columns))
    assert found.dtype == np.uint16
    return found, expected


@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("ratio", [2, 3, 4])
@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 140)),
    shift=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
    seed=st.integers(0, 999),
)
def test_any_size_and_shift(counts, ratio, size, shift, seed):
    camera = Camera(ratio, (ratio * shift[0], ratio * shift[1]))
    found, expected = both(np.random.default_rng(seed), size, camera, COUNTS[counts])
    np.testing.assert_array_equal(found, expected)


def test_every_width():
    for width in range(1, 131):
        rng = np.random.default_rng(width)
        found, expected = both(rng, (9, width), Camera(4, (0.25, 1.0)), COUNTS["of 16 bits"])
        np.testing.assert_array_equal(found, expected)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_part_of_it(data):
    size = data.draw(st.tuples(st.integers(1, 60), st.integers(1, 60)))
    spans = [sorted(data.draw(st.tuples(st.integers(0, side), st.integers(0, side)))) for side in size]
    inside = tuple(slice(*span) for span in spans)
    found, expected = both(np.random.default_rng(1), size, Camera(4), COUNTS["of 11 bits"], inside=inside)
    np.testing.assert_array_equal(found, expected)
