"""What every unit of the list has in common."""

import re

import pytest

from bitpan.errors import BuildError
from bitpan.hw.measure.units import UNITS
from bitpan.hw.simulate.verilate import verilate
from bitpan.hw.sources import rtl, unit_sources

MAY_BE_ZERO = {"WeightMemory", "LineMemory", "Style", "BaseAddress", "Shift", "StrideBits", "Border"}
SIZES = [
    (unit, name)
    for unit in UNITS
    for name in re.findall(r"parameter int unsigned (\w+)", rtl(unit.name).read_text())
    if name not in MAY_BE_ZERO
]


@pytest.mark.parametrize(("unit", "name"), SIZES, ids=lambda value: getattr(value, "name", value))
def test_a_size_of_nothing_stops_the_elaboration(unit, name):
    assert len(SIZES) > 80
    with pytest.raises(BuildError, match="failed"):
        verilate(unit_sources(unit.name), unit.name, {**unit.parameters(unit.sizes[0]), name: 0})
