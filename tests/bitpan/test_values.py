"""Values as users write them."""

import pytest

from bitpan import values
from bitpan.errors import DataError


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (values.band_numbers, "3,2,1", (3, 2, 1)),
        (values.shift, "-2.25,2.5", (-2.25, 2.5)),
        (values.bits, "10", 10),
        (values.size, "64x48", (64, 48)),
        (values.size, "64X48", (64, 48)),
        (values.size, "64", (64, 64)),
        (values.reals, "0.15,1e-2", (0.15, 0.01)),
    ],
)
def test_they_are_read(read, text, value):
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "texts", "said"),
    [
        (values.band_numbers, ["0,1,2", "1,1", "1,-2", "", "1,", "a", "1.5"], "bands count from 1 .* counted from 0"),
        (values.shift, ["1", "a,b", "1,2,3", "nan,0", "0,inf", ""], "write DY,DX in PAN pixels"),
        (values.bits, ["ten", "-1", "", "1.5"], "write one as in 10"),
        (values.size, ["64x", "0x4", "-4x4", "a", "1x2x3", ""], "write HEIGHTxWIDTH"),
        (values.reals, ["", "1,,2", "a"], "is not a list of numbers"),
    ],
)
def test_what_they_are_not_is_refused_with_an_example(read, texts, said):
    for text in texts:
        with pytest.raises(DataError, match=said) as error:
            read(text)
        assert repr(text) in str(error.value)
