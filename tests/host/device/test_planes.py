"""Bands side by side and bands in planes: the same numbers, by compiled code and without it."""

import sys

import numpy as np
import pytest

from bitpan.host.device import planes
from bitpan.host.device.planes import Kept, deal, interleave

SHAPES = [(1, 1, 1), (3, 7, 2), (4, 8, 3), (5, 13, 4), (1, 33, 4), (31, 32, 8), (9, 71, 5), (2, 16, 1)]


@pytest.fixture(params=["numba", "numpy"])
def way(request, monkeypatch):
    if request.param == "numpy":
        monkeypatch.setitem(sys.modules, "bitpan.host.compiled.machine_code", None)
    planes._compiled.cache_clear()
    yield request.param
    planes._compiled.cache_clear()


@pytest.mark.parametrize("shape", SHAPES)
def test_an_image_in_planes(way, shape):
    if way == "numba":
        pytest.importorskip("numba")
    image = np.random.default_rng(0).integers(0, 1 << 16, shape, np.uint16)
    dealt = np.empty((shape[-1], *shape[:-1]), np.uint16)
    deal(image, dealt)
    np.testing.assert_array_equal(dealt, np.moveaxis(image, -1, 0))


@pytest.mark.parametrize("shape", SHAPES)
def test_planes_in_an_image(shape):
    bands = np.random.default_rng(0).integers(0, 1 << 16, (shape[-1], *shape[:-1]))
    image = np.zeros(shape, np.uint16)
    interleave(bands, image)
    np.testing.assert_array_equal(image, np.moveaxis(bands, 0, -1))


def test_memory_is_used_again_when_nobody_has_it():
    kept = Kept()
    arrays = [kept.empty((2, 3, 4)) for _ in range(3)]
    for number, array in enumerate(arrays):
        array[:] = number
    assert [int(array.min()) for array in arrays] == [int(array.max()) for array in arrays] == [0, 1, 2]
    places = {array.ctypes.data for array in arrays}
    part = arrays[0][1:, :2].T  # a view of a view
    part_place = arrays[0].ctypes.data
    arrays.clear()
    del array
    others = [kept.empty((4, 3, 2)) for _ in range(2)]
    assert {other.ctypes.data for other in others} == places - {part_place}
    for other in others:
        other[:] = 9
    assert (part == 0).all()
    smaller = kept.empty((1, 2, 3))
    assert smaller.ctypes.data not in places
    del part, others, other, smaller
    larger = kept.empty((100, 3, 2))
    assert len(kept._pieces) == 1, "what nobody has and is too small is given back"
    assert larger.shape == (100, 3, 2)
