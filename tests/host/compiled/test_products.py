"""Sums and products two by two are those of NumPy."""

import numpy as np
import pytest

from bitpan.host.compiled.compiling import compiled, i16
from bitpan.host.compiled.lanes import item, load_pixels, load_sums, store
from bitpan.host.compiled.layout import PIXELS, SUMS
from bitpan.host.compiled.products import add_products, high_product, in_order, narrowed, paired, with_saturation

ENDS = np.array([-(1 << 15), -(1 << 15) + 1, -1, 0, 1, (1 << 15) - 2, (1 << 15) - 1])


@compiled
def products(pairs, weights, out):
    store(out, 0, add_products(load_sums(out, 0), load_sums(pairs, 0), item(weights, 0)))
    store(out, SUMS, add_products(load_sums(out, SUMS), load_sums(pairs, SUMS), load_sums(weights, 0)))


def test_products_of_halves():
    halves = np.random.default_rng(0).integers(-(1 << 15), 1 << 15, (2 * SUMS, 2)).astype(np.int16)
    weights = np.random.default_rng(1).integers(-128, 128, (SUMS, 2)).astype(np.int16)
    out = np.arange(2 * SUMS, dtype=np.int32)
    products(halves.view(np.int32).ravel(), weights.view(np.int32).ravel(), out)
    factors = np.concatenate([np.broadcast_to(weights[0], weights.shape), weights])
    np.testing.assert_array_equal(out, np.arange(2 * SUMS) + (halves.astype(int) * factors).sum(axis=1))


@compiled
def in_pairs(a, b, constant, wide, out):
    x, y, nothing = load_pixels(a, 0), load_pixels(b, 0), load_pixels(wide, 0) ^ load_pixels(wide, 0)
    both = paired(x, y)
    store(out[0], 0, narrowed(add_products(nothing, both, np.int32(1))))
    store(out[1], 0, narrowed(add_products(nothing, both, np.int32(1 << 16))))
    store(out[2], 0, narrowed(add_products(nothing, paired(x, i16(constant)), np.int32(1 << 16))))
    store(out[3], 0, narrowed(add_products(nothing, both, both)))
    store(out[4], 0, high_product(x, y))
    store(out[5], 0, with_saturation(x, y))
    store(wide, 0, in_order(both))


@pytest.mark.parametrize("ends", [False, True])
def test_pairs(ends):
    """Their halves, and sums of squares that do not fit: in order."""
    rng = np.random.default_rng(0)
    a, b = rng.choice(ENDS, (2, PIXELS)) if ends else rng.integers(-200, 200, (2, PIXELS))
    found = np.zeros((6, PIXELS), np.int16)
    wide = np.zeros(PIXELS, np.int32)
    in_pairs(a.astype(np.int16), b.astype(np.int16), -7, wide, found)
    np.testing.assert_array_equal(wide.view(np.int16).reshape(-1, 2), np.stack([a, b], axis=1))
    squares = (a * a + b * b).astype(np.int32).astype(int)  # two of the least leave 32 bits
    low, high = ENDS[0], ENDS[-1]
    expected = [a, b, np.full_like(a, -7), np.clip(squares, low, high), a * b >> 16, np.clip(a + b, low, high)]
    for own, right in zip(found, expected, strict=True):
        np.testing.assert_array_equal(own, right)
