"""Unread images against the arrays that they stand for: every slice, nothing read before it is asked for."""

import numpy as np
import pytest

from bitpan.rasters import unread
from bitpan.rasters.unread import Stack, Unread, by_rows, extremes, sliceable

WHOLE = np.arange(3 * 20 * 30, dtype=np.uint16).reshape(3, 20, 30)


class _Read:
    """Windows of the whole, all of them remembered."""

    def __init__(self, whole=WHOLE):
        self.whole, self.windows = whole, []

    def __call__(self, top, left, height, width):
        self.windows.append((top, left, height, width))
        return self.whole[..., top : top + height, left : left + width]


@pytest.mark.parametrize(
    "keys",
    [
        [slice(None)],
        [(slice(1, 3), slice(2, 9), slice(-7, None))],
        [(..., slice(4, 12))],
        [(slice(None), ..., slice(3, -3)), (slice(1), slice(5, 40), slice(2, 4))],
        [(slice(None), slice(4, 16), slice(10, 29)), (..., slice(2, 5), slice(0, 7)), (slice(2, 3), slice(1, 2))],
    ],
)
def test_parts_are_those_of_the_array(keys):
    read = _Read()
    image, expected = Unread(read, WHOLE.shape, WHOLE.dtype), WHOLE
    for key in keys:
        image, expected = image[key], expected[key]
    assert (image.shape, image.ndim, image.size, len(image)) == (expected.shape, 3, expected.size, len(expected))
    assert read.windows == [] and image.dtype == np.uint16
    np.testing.assert_array_equal(np.asarray(image), expected)
    assert [window[2:] for window in read.windows] == [expected.shape[1:]]
    assert np.asarray(image, np.float64).dtype == np.float64


def test_a_mask_has_no_bands():
    mask = WHOLE[0] % 3 == 0
    part = Unread(_Read(mask), mask.shape, np.bool_)[2:7, 3:]
    np.testing.assert_array_equal(np.asarray(part), mask[2:7, 3:])


def test_stacks_are_arrays_of_one_axis_more():
    images = [Unread(_Read(WHOLE + i), WHOLE.shape, np.uint16) for i in range(4)]
    stack, expected = Stack(images), np.stack([WHOLE + i for i in range(4)])
    assert (stack.shape, stack.ndim, stack.size, len(stack)) == (expected.shape, 4, expected.size, 4)
    assert list(stack) == images
    for key in (
        slice(1, 3),
        (slice(-1, None), ..., slice(2, 9), slice(-5, None)),
        (slice(None), slice(1, 2)),
        (..., slice(3)),
    ):
        np.testing.assert_array_equal(np.asarray(stack[key]), expected[key])


def test_rows_are_read_a_few_at_a_time(monkeypatch):
    monkeypatch.setattr(unread, "ROWS", 8)
    read = _Read()
    image = Unread(read, WHOLE.shape, np.uint16)
    np.testing.assert_array_equal(np.concatenate(list(by_rows(image)), axis=1), WHOLE)
    assert [window[2] for window in read.windows] == [8, 8, 4]
    part = image[:, 3:14, 5:9]
    assert extremes(part) == (WHOLE[:, 3:14, 5:9].min(), WHOLE[:, 3:14, 5:9].max())
    assert extremes(Stack([part, image[:, 9:20, 20:24]])) == (95, 1793)
    assert extremes(WHOLE) == (0, 1799)
    odd = WHOLE.astype(np.float64)
    odd[1, 10, 3] = np.nan
    assert np.isnan(extremes(odd)).all()


def test_what_is_no_image_yet_becomes_an_array():
    image = Unread(_Read(), WHOLE.shape, np.uint16)
    assert sliceable(image) is image and isinstance(sliceable([[1, 2]]), np.ndarray)
