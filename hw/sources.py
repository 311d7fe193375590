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
    """Files of a unit and of all it instantiates, the innermost first."""
    known = {file.stem: file for file in RTL.glob("*.sv")}
    words = set(re.findall(r"^\s*(\w+)\s*(?:#\s*\(|\w+\s*\()", known[unit].read_text(), re.MULTILINE))
    inner = [file for name in sorted(words & known.keys() - {unit}) for file in unit_sources(name)]
    return tuple(dict.fromkeys([*inner, known[unit]]))
