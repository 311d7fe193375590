"""Vectors do in every lane what numbers do."""

import os
import subprocess
import sys

import numpy as np
import pytest

from bitpan.host.compiled import layout
from bitpan.host.compiled.bits import bits_of, majority, parity, truth_of, write_bytes
from bitpan.host.compiled.compiling import compiled
from bitpan.host.compiled.lanes import (
    choose,
    convert,
    item,
    load_pixels,
    load_words,
    pixels_at,
    pixels_within,
    put_four,
    put_pixels,
    saturated,
    store,
    zeros,
)
from bitpan.host.compiled.layout import PIXELS, WORDS


@compiled
def adders(a, b, c, out):
    x, y, z = load_words(a, 0), load_words(b, 0), load_words(c, 0)
    store(out[0], 0, parity(x, y, z))
    store(out[1], 0, majority(x, y, z))
    store(out[2], 0, ~x | (y & z))


def test_logic():
    a, b, c = np.random.default_rng(0).integers(0, 1 << 64, (3, WORDS), np.uint64)
    out = np.empty((3, WORDS), np.uint64)
    adders(a, b, c, out)
    np.testing.assert_array_equal(out, [a ^ b ^ c, (a & b) | (a & c) | (b & c), ~a | (b & c)])


@compiled
def numbers(a, b, out):
    x, y = load_pixels(a, 0), load_pixels(b, 0)
    store(out[0], 0, x + y)
    store(out[1], 0, x - y)
    store(out[2], 0, x * 3)
    store(out[3], 0, x >> 2)
    store(out[4], 0, x << 1)
    store(out[5], 0, choose(x <= y, x, 7))
    store(out[6], 0, choose(x >= 0, y, x))
    store(out[7], 0, saturated(x, -5, 9))


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64])
def test_arithmetic(dtype):
    a, b = np.random.default_rng(0).integers(-20, 20, (2, PIXELS)).astype(dtype)
    out = np.empty((8, PIXELS), dtype)
    numbers(a, b, out)
    least = [np.where(a <= b, a, 7), np.where(a >= 0, b, a), np.clip(a, -5, 9)]
    np.testing.assert_array_equal(out, [a + b, a - b, 3 * a, a >> 2, a << 1, *least])


@compiled
def conversions(a, wide, narrow, leading):
    x = load_pixels(a, 0)
    store(wide, 0, convert(x, np.int64))
    store(narrow, 0, convert(load_pixels(wide, 0) * 3, np.int32))
    store(leading, 0, zeros(load_pixels(wide, 0)))


def test_conversions():
    a = np.random.default_rng(0).integers(-(1 << 15), 1 << 15, PIXELS).astype(np.int16)
    wide, narrow, leading = (np.empty(PIXELS, dtype) for dtype in (np.int64, np.int32, np.int64))
    conversions(a, wide, narrow, leading)
    np.testing.assert_array_equal(wide, a)
    np.testing.assert_array_equal(narrow, 3 * a.astype(int))
    np.testing.assert_array_equal(leading, [64 - int(v).bit_length() if v >= 0 else 0 for v in a])


@compiled
def truths(a, bits, out):
    bits[0] = bits_of(load_pixels(a, 0) >= 0)
    store(out, 0, choose(truth_of(item(bits, 0)), np.int16(1), np.int16(0)))


def test_truth():
    a = np.random.default_rng(0).integers(-2, 2, PIXELS).astype(np.int16)
    bits, out = np.zeros(1, np.uint32), np.empty(PIXELS, np.int16)
    truths(a, bits, out)
    assert bits[0] == sum(1 << i for i in range(PIXELS) if a[i] >= 0)
    np.testing.assert_array_equal(out, a >= 0)


@compiled
def bytes_of(digits, out):
    a, b = load_words(digits, 0), load_words(digits, WORDS)
    c, d = load_words(digits, 2 * WORDS), load_words(digits, 3 * WORDS)
    e, f = load_words(digits, 4 * WORDS), load_words(digits, 5 * WORDS)
    g, h = load_words(digits, 6 * WORDS), load_words(digits, 7 * WORDS)
    write_bytes((a, b, c, d, e, f, g, h), out)


def test_digits_become_bytes():
    expected = np.random.default_rng(0).integers(0, 256, 64 * WORDS).astype(np.uint8)
    planes = np.ascontiguousarray(np.unpackbits(expected[:, None], axis=1, bitorder="little").T)
    digits = np.packbits(planes, axis=1, bitorder="little").view(np.uint64).ravel()
    out = np.empty_like(expected)
    bytes_of(digits, out)
    np.testing.assert_array_equal(out, expected)


@compiled
def some(a, at, count, out):
    put_pixels(pixels_at(a, at, count) + 1, out, at, count)


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
@pytest.mark.parametrize("count", [*range(PIXELS + 1), 100])
def test_no_more_pixels_than_there_are(count, dtype):
    """The pixels behind them are not touched; the array ends there."""
    size = min(count, PIXELS)
    a, out = np.arange(7 + size).astype(dtype), np.full(7 + size + 40, -1, dtype)
    some(a, 7, count, out)
    expected = np.full_like(out, -1)
    expected[7 : 7 + size] = a[7:] + 1
    np.testing.assert_array_equal(out, expected)


@compiled
def between(a, at, begin, end, out):
    store(out, 0, pixels_within(a, at, begin, end))


@pytest.mark.parametrize("end", [-3, 0, 1, 2, 31, 32, 40])
@pytest.mark.parametrize("begin", [-4, 0, 1, 2, 31, 32, 40])
def test_pixels_within(begin, end):
    """Others are 0 and are not looked at: there is no place for them."""
    first, last = max(begin, 0), min(end, PIXELS)
    a, out = np.arange(1, max(last - first, 0) + 1, dtype=np.int16), np.full(PIXELS, -1, np.int16)
    between(a, -first, begin, end, out)
    expected = np.zeros(PIXELS, np.int16)
    expected[first : first + len(a)] = a
    np.testing.assert_array_equal(out, expected)


@compiled
def fours(a, out):
    for i in range(len(a)):
        put_four(out, 3 * i, a[i])


def test_a_number_in_four_places():
    out = np.zeros(11, np.int32)
    fours(np.array([5, 6, 7], np.int32), out)
    assert out.tolist() == [5, 5, 5, 6, 6, 6, 7, 7, 7, 7, 0]


AVX2 = "+sse4.2,+popcnt,+avx,+avx2,+fma,+bmi,+bmi2,+lzcnt,+movbe,+f16c"
AVX512 = f"{AVX2},+avx512f,+avx512bw,+avx512dq,+avx512vl,+avx512cd"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("processor", "features", "expected"),
    [
        ("x86-64", "+sse2", "4 None False"),
        ("x86-64-v3", AVX2, "4 8 False"),
        ("x86-64-v3", f"{AVX2},+gfni", "4 8 True"),
        ("x86-64-v4", AVX512, "8 16 False"),
    ],
)
def test_on_processors_that_have_less(tmp_path, processor, features, expected):
    """The vectors' and the kernels' tests once more, without AVX-512, and without any of x86's instructions by name."""
    if not {*features.split(",")} <= {*layout.FEATURES}:
        pytest.skip(f"needs a processor with {features}")
    chosen = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": features, "NUMBA_CACHE_DIR": str(tmp_path)}
    folder = os.path.dirname(__file__)
    engine = [f"../engine/test_{name}.py" for name in ("binary", "images", "channels", "resampling", "engine_networks")]
    tests = [f"{folder}/{name}" for name in ("test_lanes.py", "test_products.py", *engine)]
    check = "from bitpan.host.compiled import layout, products; m = products.MULTIPLIER\n"
    check += "print(layout.WORDS, m and m[1], layout.GALOIS)"
    environment = {**os.environ, **chosen}
    found = subprocess.run([sys.executable, "-c", check], env=environment, check=True, capture_output=True, text=True)
    assert found.stdout == f"{expected}\n"
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", "-n", "0", *tests]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:]
