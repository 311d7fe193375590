"""Frames' arrays do not overlap, and lie where earlier frames' have lain."""

import numpy as np

from bitpan.host.engine.memory import LINE, PIECE, FrameMemory, Memory


def test_arrays_of_a_frame_do_not_overlap():
    frame = FrameMemory(Memory())
    arrays = [frame.empty(shape, dtype) for shape, dtype in (((3, 5), np.int16), ((7,), np.uint64), ((2, 2), np.int32))]
    arrays.append(frame.empty((PIECE,), np.uint8))
    for i, array in enumerate(arrays):
        assert array.ctypes.data % LINE == 0
        array[:] = i
    for i, array in enumerate(arrays):
        np.testing.assert_array_equal(array, i)


def test_what_a_frame_gives_back_is_used_again():
    memory = Memory()
    first, second = FrameMemory(memory), FrameMemory(memory)
    one, other = first.empty((100,), np.int16), second.empty((100,), np.int16)
    assert not np.may_share_memory(one, other)
    first.close()
    assert np.may_share_memory(FrameMemory(memory).empty((40,), np.int16), one)


def test_a_large_array_has_a_piece_of_its_own():
    memory = Memory()
    frame = FrameMemory(memory)
    small, large = frame.empty((1,), np.int8), frame.empty((PIECE + 1,), np.int8)
    assert len(large) == PIECE + 1 and not np.may_share_memory(small, large)
