"""The table of units in ``hw/README.md``; ``bitpan area`` measures it anew.

Its last line holds a digest of the rows and of all that Yosys was given for them, so that a stale table is seen without
running Yosys.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bitpan.errors import BuildError
from bitpan.files import write_beside
from bitpan.hw.measure.unit import Parameters, Unit
from bitpan.hw.measure.units import UNITS
from bitpan.hw.measure.yosys import Area

README = Path(__file__).parents[1] / "README.md"
_BEGIN, _END = "<!-- units: made by `bitpan area` -->\n", "<!-- end of units, digest {digest} -->\n"
_MARKED = re.compile(re.escape(_BEGIN) + r"(.*?)" + re.escape(_END).replace(r"\{digest\}", r"(\w+)"), re.DOTALL)
_HEAD = """\
| unit | computes | cycles | size | LUT | FF | BRAM36 | DSP | levels | tests |
|---|---|---|---|--:|--:|--:|--:|--:|---|
"""


def table(progress: Callable[[str], None] = lambda what: None) -> str:
    """The whole table as Markdown, a row for each size of each unit; two Yosys at a time."""
    jobs = [(unit, size) for unit in UNITS for size in unit.sizes]

    def measured(job: tuple[Unit, Parameters]) -> Area:
        unit, size = job
        cost = unit.area(size)
        ends = f"{cost.path.start} to {cost.path.end}"
        progress(f"{unit.name} {_size(size)}: {cost.lut:,} LUT, {cost.levels:g} levels, {ends}")
        return cost

    with ThreadPoolExecutor(2) as pool:
        costs = list(pool.map(measured, jobs))
    return _HEAD + "".join(_row(unit, size, cost) for (unit, size), cost in zip(jobs, costs, strict=True))


def _size(size: Parameters) -> str:
    return ", ".join(f"{name} {value}" for name, value in size.items())


def _row(unit: Unit, size: Parameters, cost: Area) -> str:
    """A line of the table; the unit is described in its first."""
    test = unit.test or unit.name.removeprefix("bp_")
    about, link = ["", "", ""], ""
    if size is unit.sizes[0]:
        about, link = [f"`{unit.name}`", unit.computes, unit.cycles], f"[{test}](../tests/hw/rtl/test_{test}.py)"
    numbers = [f"{n:,g}" for n in (cost.lut, cost.ff, cost.bram36, cost.dsp)]
    return "| " + " | ".join([*about, _size(size), *numbers, f"{cost.levels:.2f}", link]) + " |\n"


def digest(rows: str) -> str:
    """Of a table's text together with all that its figures depend on."""
    keys = [unit.design(size).key for unit in UNITS for size in unit.sizes]
    return hashlib.sha256("\n".join([rows, *keys]).encode()).hexdigest()[:16]


def read() -> tuple[str, str]:
    """The README's table and its digest.

    Raises:
        BuildError: there is no README, as in an installation from a wheel, or no table in it.
    """
    match = _MARKED.search(_text())
    if match is None:
        raise BuildError(f"{README} lacks the lines {_BEGIN.strip()!r} and {_END.strip()!r} around the table of units")
    return match[1], match[2]


def write(progress: Callable[[str], None] = lambda what: None) -> None:
    """Measure all units and put their table into the README; raises as `read` does."""
    read()
    rows = table(progress)
    fresh = _BEGIN + rows + _END.format(digest=digest(rows))
    write_beside(README, _MARKED.sub(lambda match: fresh, _text(), count=1).encode())


def _text() -> str:
    if not README.is_file():
        raise BuildError(f"{README} is not there: the table of units belongs to a checkout of the sources; name a unit")
    return README.read_text()
