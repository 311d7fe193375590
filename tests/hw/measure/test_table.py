"""The table of units: every module stands in it, and the README shows it as measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from bitpan.errors import BuildError
from bitpan.hw.measure import table
from bitpan.hw.measure import unit as one_unit
from bitpan.hw.measure.paths import Path as LongestPath
from bitpan.hw.measure.unit import defaults
from bitpan.hw.measure.units import UNITS
from bitpan.hw.measure.yosys import Area
from bitpan.hw.sources import RTL, unit_sources

README = table.README


@pytest.fixture
def readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the README that a test may spoil."""
    copy = tmp_path / "README.md"
    copy.write_text(README.read_text())
    monkeypatch.setattr(table, "README", copy)
    return copy


def test_every_module_is_listed_or_part_of_a_listed_one() -> None:
    listed = {part for unit in UNITS for part in unit_sources(unit.name)}
    assert listed == set(RTL.glob("*.sv"))
    assert len({unit.name for unit in UNITS}) == len(UNITS)


def test_readme_lists_the_same_units_and_its_tests_exist() -> None:
    rows = table.read()[0].splitlines()[2:]
    assert [row.split("`")[1] for row in rows if "`" in row] == [unit.name for unit in UNITS]
    assert len(rows) == sum(len(unit.sizes) for unit in UNITS)
    for unit in UNITS:
        assert (Path(__file__).parents[1] / "rtl" / f"test_{unit.test or unit.name.removeprefix('bp_')}.py").is_file()


def test_sizes_name_parameters_that_the_modules_have() -> None:
    for unit in UNITS:
        assert len(unit.sizes) == 3 or not defaults(unit.name).keys() - {"Signature", "Rows", "Columns"}
        for size in unit.sizes:
            assert unit.parameters(size).keys() <= defaults(unit.name).keys()


def test_no_path_is_deeper_than_six_levels() -> None:
    rows = table.read()[0].splitlines()[2:]
    levels = {row: float(row.split(" | ")[-2]) for row in rows}
    assert min(levels.values()) > 0 and not [row for row in rows if levels[row] > 6]


def test_readme_is_not_stale() -> None:
    rows, digest = table.read()
    assert digest == table.digest(rows), "run `bitpan area`"


def test_a_changed_figure_or_module_or_size_makes_it_stale(
    readme: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, digest = table.read()
    assert table.digest(rows.replace("| 0 |", "| 1 |", 1)) != digest
    with monkeypatch.context() as context:
        changed = tmp_path / "bp_centre.sv"
        changed.write_text((RTL / "bp_centre.sv").read_text().replace("+ 2;", "+ 3;"))
        assert changed.read_text() != (RTL / "bp_centre.sv").read_text()
        context.setattr(one_unit, "unit_sources", lambda name: [changed] if name == "bp_centre" else unit_sources(name))
        assert table.digest(rows) != digest
    with monkeypatch.context() as context:
        context.setitem(UNITS[0].sizes[1], "Pe", 8)
        assert table.digest(rows) != digest
    assert table.digest(rows) == digest


def test_writing_keeps_the_rest_of_the_readme(readme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    area = Area.of({"LUT2": 1234}, LongestPath(2.25, "a", "b"))
    monkeypatch.setattr(one_unit, "area", lambda *arguments: area)
    before, after = README.read_text().split(table.read()[0])
    table.write()
    rows, digest = table.read()
    assert digest == table.digest(rows)
    assert rows.count("| 1,234 | 0 | 0 | 0 | 2.25 |") == sum(len(unit.sizes) for unit in UNITS)
    assert readme.read_text().startswith(before)
    assert readme.read_text().endswith(after.split("\n", 1)[1])


def test_a_readme_without_marks_or_none_at_all_is_refused(readme: Path) -> None:
    readme.write_text("# hw\n")
    with pytest.raises(BuildError, match="lacks the lines"):
        table.write()
    readme.unlink()
    with pytest.raises(BuildError, match=r"is not there.*name a unit"):
        table.write()


@pytest.mark.slow
def test_readme_shows_what_yosys_measures() -> None:
    assert table.read()[0] == table.table()
