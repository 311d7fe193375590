"""Counts to the eight bits of a screen."""

import numpy as np

from bitpan.looking.stretch import stretched, value_range


def test_the_range_is_of_each_band_where_there_is_data():
    image = np.zeros((2, 10, 20), np.uint16)
    image[0, 5:] = np.arange(100).reshape(5, 20)
    image[1, 5:] = 500
    valid = np.zeros((10, 20), np.bool_)
    valid[5:] = True
    low, high = value_range(image, valid)
    assert low.shape == high.shape == (2, 1, 1)
    np.testing.assert_allclose([low.ravel(), high.ravel()], [[0.99, 500], [98.01, 501]])
    empty = value_range(image, np.zeros_like(valid))
    assert np.isfinite(empty).all() and (empty[1] > empty[0]).all()


def test_the_stretch_ends_at_black_and_white_and_keeps_order():
    image = np.array([[[0, 100, 150, 200, 60000]], [[7, 7, 7, 7, 7]]])
    low, high = np.array([100.0, 0]).reshape(2, 1, 1), np.array([200.0, 14]).reshape(2, 1, 1)
    shown = stretched(image, low, high)
    assert shown.shape == (1, 5, 2) and shown.dtype == np.uint8
    assert shown[0, :, 0].tolist() == [0, 0, round(255 * 0.5**0.75), 255, 255]
    assert (shown[0, :, 1] == round(255 * 0.5**0.75)).all()
