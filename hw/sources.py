"""The source files of units."""

from __future__ import annotations

import functools
import re
from pathlib import Path

RTL = Path(__file__).parent / "rtl"
"""Where they lie, one module a file."""


def rtl(name: str) -> Path:
    """Source file of one of our units."""
    return RTL / f"{name}.sv"


@functools.cache
def unit_sources(unit: str) -> tuple[Path, ...]:
    """Files of a unit and of all it depends on, the innermost first."""
    inner = [file for name in depends(unit) for file in unit_sources(name)]
    return tuple(dict.fromkeys([*inner, rtl(unit)]))


def depends(unit: str) -> list[str]:
    """The modules that a unit instantiates and the packages that it names."""
    words = re.findall(r"^\s*(\w+)\s*(?:#\s*\(|\w+\s*\()|\b(\w+)::", rtl(unit).read_text(), re.MULTILINE)
    known = {file.stem for file in RTL.glob("*.sv")} - {unit}
    return sorted(known.intersection(name for pair in words for name in pair))
