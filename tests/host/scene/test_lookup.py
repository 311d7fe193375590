"""Counts looked up in their tables, compiled and by NumPy."""

import numpy as np
import pytest

from bitpan import radiometry
from bitpan.host.scene import lookup


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(params=["compiled", "NumPy"])
def way(request, monkeypatch):
    if request.param == "NumPy":
        monkeypatch.setattr(lookup, "_compiled", lambda: None)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int32, np.int64])
def test_each_band_in_its_own_table(rng, dtype):
    tables = rng.integers(0, 65536, (2, 2048)).astype(np.uint16)
    indices, found = rng.integers(0, 2048, (5, 2, 7)).astype(dtype), np.zeros((2, 9, 9), np.uint16)
    indices = np.moveaxis(indices, 1, 0)  # as the engine's come, by rows
    expected = radiometry.looked_up(tables, indices)
    lookup.look_up_into(found[:, 2:7, 1:8], tables, indices)
    np.testing.assert_array_equal(found[:, 2:7, 1:8], expected)
    assert not found[:, :2].any() and not found[:, 7:].any()
    np.testing.assert_array_equal(lookup.looked_up(tables, indices), expected)


@pytest.mark.usefixtures("way")
def test_the_whole_of_16_bits():
    counts = np.arange(1 << 16, dtype=np.uint16).reshape(1, 256, 256)
    np.testing.assert_array_equal(lookup.looked_up(counts.reshape(1, -1)[:, ::-1], counts), counts[:, ::-1, ::-1])
