"""What surrounds the units is estimated as Yosys counts it."""

import pytest

from bitpan.build.boards import BOARDS, board
from bitpan.build.finn.shell import estimates, units
from bitpan.hw.measure import table
from bitpan.hw.measure.unit import defaults
from bitpan.hw.measure.units import unit


def counted():
    """LUTs by module and size, from the table in hw/README.md."""
    found, name = {}, ""
    for line in table.read()[0].splitlines()[2:]:
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        name = cells[0].strip("`") or name
        found[name, cells[3]] = int(cells[4].replace(",", ""))
    return found


def test_estimates_are_what_yosys_counts():
    """At the sizes of the table: those of the DMA that boards have, and of the streams' ends."""
    known, seen = counted(), set()
    for name in BOARDS:
        for bands in (4, 8):
            found = estimates(board(name), bands)
            for node, (module, size) in units(board(name), bands).items():
                key = module, ", ".join(f"{parameter} {value}" for parameter, value in size.items())
                if key in known:
                    assert found[node]["LUT"] == pytest.approx(known[key], rel=0.03), key
                    seen.add(key)
    assert {module for module, _ in seen} == {"bp_dma", "bp_scene_registers", "bp_frame_gate", "bp_frame_end"}
    assert len([module for module, _ in seen if module == "bp_dma"]) == 2


@pytest.mark.parametrize("bands", [1, 3, 8])
def test_its_modules_have_these_parameters(bands):
    for module, size in units(board("zcu104"), bands).values():
        assert unit(module).name == module and size.keys() <= defaults(module).keys()
