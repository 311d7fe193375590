"""Many kernels in one call: each computes its rows once, in order, as far behind as it says."""

import ctypes

import numpy as np
import pytest

from bitpan.host.compiled.machine_code import Compiled

IN_BANDS, ADD_CLIP = Compiled("bands.in_bands"), Compiled("images.add_clip")
BOUNDS = np.array([-1000, 1000], np.int32)


def image(rows, value=0):
    return np.full((rows, 1, 5), value, np.int16)


@pytest.mark.parametrize("band", [1, 2, 3, 8, 100])
@pytest.mark.parametrize("lag", [0, 1, 5])
def test_what_a_kernel_reads_is_there(band, lag):
    """The second adds what the first has computed, so many rows behind it."""
    rows, ones = 12, image(12, 1)
    first, second = image(rows), image(rows)
    calls = [ADD_CLIP.bound(ones, ones, BOUNDS, first, 0, 0), ADD_CLIP.bound(first, ones, BOUNDS, second, 0, 0)]
    table = np.array([(*call.address, behind, 1, rows) for call, behind in zip(calls, (0, lag), strict=True)])
    failed = np.zeros(1, np.int64)
    IN_BANDS(table, band, rows + lag, failed)
    assert not failed[0] and (first == 2).all() and (second == 3).all()


def test_rows_of_several_pixels():
    ones, whole, half = image(12, 1), image(12), image(6)
    calls = [ADD_CLIP.bound(ones, ones, BOUNDS, out, 0, 0) for out in (whole, half)]
    table = np.array([(*calls[0].address, 0, 1, 12), (*calls[1].address, 2, 2, 6)])
    IN_BANDS(table, 4, 14, np.zeros(1, np.int64))
    assert (whole == 2).all() and (half == 2).all()


def test_nothing_is_called_again_where_all_is_done():
    once = image(4)
    call = ADD_CLIP.bound(once, image(4, 1), BOUNDS, once, 0, 0)  # over its own input: a second time would show
    IN_BANDS(np.array([(*call.address, 0, 1, 4)]), 1, 40, np.zeros(1, np.int64))
    assert (once == 1).all()


def test_no_kernels_at_all():
    IN_BANDS(np.zeros((0, 6), np.int64), 8, 100, np.zeros(1, np.int64))


def test_the_kernel_that_finds_no_memory_is_told():
    refuse = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)(lambda words: 1)
    out, failed = image(4), np.zeros(1, np.int64)
    call = ADD_CLIP.bound(image(4, 1), image(4, 1), BOUNDS, out, 0, 0)
    entry, *words = call.address
    table = np.array([(entry, *words, 0, 1, 4), (ctypes.cast(refuse, ctypes.c_void_p).value, *words, 0, 1, 4)])
    IN_BANDS(table, 2, 4, failed)
    assert failed[0] == 2
    assert (out[:2] == 2).all() and not out[2:].any()  # and nothing after it
