"""The table of units: every module stands in it, and the README shows it as measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from bitpan.errors import BuildError
from bitpan.hw import table
from bitpan.hw.simulation import RTL
from bitpan.hw.table import UNITS, needed, split


def test_every_module_is_listed_or_part_of_a_listed_one() -> None:
    listed = {part for unit in UNITS for part in needed(unit.name)}
    assert listed == {file.stem for file in RTL.glob("*.sv")}
    assert len({unit.name for unit in UNITS}) == len(UNITS)


def test_readme_lists_the_same_units_and_its_tests_exist() -> None:
    rows = split(table.README.read_text())[1].splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [unit.name for unit in UNITS]
    for unit in UNITS:
        assert (Path(__file__).parent / f"test_{unit.test or unit.name}.py").is_file()


def test_a_readme_without_marks_is_refused() -> None:
    with pytest.raises(BuildError, match="lacks the lines"):
        split("# hw\n")


@pytest.mark.slow
def test_readme_shows_what_yosys_measures() -> None:
    assert split(table.README.read_text())[1] == table.table()
