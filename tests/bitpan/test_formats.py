"""Integer grids: their limits, and what they are called."""

import pytest

from bitpan.errors import FormatError
from bitpan.formats import Format


@pytest.mark.parametrize(
    ("fmt", "least", "most", "step", "name"),
    [
        (Format(1), -1, 0, 1.0, "INT1"),
        (Format(1, signed=False), 0, 1, 1.0, "UINT1"),
        (Format(10, 6), -512, 511, 1 / 64, "INT10"),
        (Format(11, 0, False), 0, 2047, 1.0, "UINT11"),
        (Format(8, -3), -128, 127, 8.0, "INT8"),
        (Format(48), -(2**47), 2**47 - 1, 1.0, "INT48"),
        (Format(48, 64, False), 0, 2**48 - 1, 2.0**-64, "UINT48"),
        (Format(2, -64), -2, 1, 2.0**64, "INT2"),
    ],
)
def test_range_step_and_name(fmt, least, most, step, name):
    assert (fmt.min, fmt.max, fmt.step, fmt.datatype) == (least, most, step, name)


@pytest.mark.parametrize("bits", [0, 49, -1, 8.0, "8"])
def test_formats_have_1_to_48_bits(bits):
    with pytest.raises(FormatError, match=f"a format has 1 to 48 bits, not {bits!r}"):
        Format(bits)


@pytest.mark.parametrize("fraction", [-65, 65, 6.0, None])
def test_formats_have_up_to_64_fraction_bits(fraction):
    with pytest.raises(FormatError, match=f"a format has -64 to 64 fraction bits, not {fraction!r}"):
        Format(8, fraction)
