"""Beats of bytes against a bit-by-bit reading of the layout."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitpan.errors import FormatError
from bitpan.hw.packing import beat_bytes, literal, pack, parameter_value, unpack


@given(st.integers(1, 64), st.integers(1, 9), st.booleans(), st.integers(0, 2**32))
def test_there_and_back(bits, elements, signed, seed):
    if not signed:
        bits = min(bits, 63)
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    values = np.random.default_rng(seed).integers(low, high, (7, elements), endpoint=True)
    values[0, 0], values[-1, -1] = low, high
    beats = pack(values, bits)
    assert beats.shape == (7, beat_bytes(elements, bits)) and beats.dtype == np.uint8
    for row, beat in zip(values, beats, strict=True):
        expected = sum((int(v) & ((1 << bits) - 1)) << (i * bits) for i, v in enumerate(row))
        assert int.from_bytes(beat.tobytes(), "little") == expected
    assert (unpack(beats, elements, bits, signed) == values).all()


def test_literal_holds_element_0_lowest():
    assert literal([[1, 2], [3, -1]], 4) == "16'hf321"
    assert literal([True, False, True], 1) == "3'h5"


def test_parameters_of_32_bits_are_plain_numbers():
    assert [parameter_value(value) for value in ("4'd9", -(1 << 31), -1, (1 << 31) - 1)] == [
        "4'd9",
        "-2147483648",
        "-1",
        "2147483647",
    ]
    assert parameter_value(1 << 31) == "33'h80000000"


@pytest.mark.parametrize(
    ("values", "bits"), [([[8]], 3), ([[-5]], 3), ([[-1, 4]], 3), ([[1]], 0), ([[1]], 65), ([1], 4)]
)
def test_what_does_not_fit_is_refused(values, bits):
    with pytest.raises(FormatError):
        pack(values, bits)


def test_beats_of_another_width_are_refused():
    with pytest.raises(FormatError, match="fill 3 bytes"):
        unpack(np.zeros((2, 4), np.uint8), 2, 12)
    assert pack(np.zeros((0, 5)), 3).shape == (0, 2)


def test_elements_of_64_bits_are_of_any_number():
    values = np.array([[-(1 << 63), (1 << 63) - 1, -1]])
    assert (unpack(pack(values, 64), 3, 64, True) == values).all()
    assert (unpack(pack(values[:, 2:], 63), 1, 63, True) == -1).all()
