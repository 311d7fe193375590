"""A unit of the library: what it computes, its cycles, and the sizes at which ``hw/README.md`` shows it.

Its parameters are what the caller gives, else those of a size of the table, else what follows from both (weights drawn
at random, the width of a sum), else the module's defaults.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bitpan.errors import BuildError
from bitpan.hw.measure.yosys import Area, Design, area, prepare
from bitpan.hw.packing import literal
from bitpan.hw.sources import rtl, unit_sources

Parameters = Mapping[str, int]
_LARGEST = 1 << 23  # bits of random contents; Verilog allows twice as many in a word


@dataclass(frozen=True)
class Unit:
    """A module that stands by itself.

    Attributes:
        name: of the module.
        place: in the table, ascending.
        computes: in a few words.
        sizes: parameters of each row of the table, small to large; the middle one is the default.
        cycles: how long, in clocks.
        rest: parameters that follow from the others, which it gets together with the module's defaults.
        test: its file in ``tests/hw/rtl`` without test_ and suffix, if that is not its name without bp_.
    """

    name: str
    place: int
    computes: str
    sizes: Sequence[Parameters]
    cycles: str = "1 a beat"
    rest: Callable[[Parameters], dict[str, int | str]] | None = None
    test: str = ""

    def size(self, given: Parameters | None = None) -> dict[str, int]:
        """The middle size, changed as ``given``.

        Raises:
            BuildError: the module has no such parameter.
        """
        known = defaults(self.name)
        for name in given or {}:
            if name not in known:
                raise BuildError(f"{self.name} has no parameter {name!r}; it has {', '.join(known) or 'none'}")
        return {**self.sizes[len(self.sizes) // 2], **(given or {})}

    def parameters(self, size: Parameters) -> dict[str, int | str]:
        """All of its parameters at a size."""
        values = {name: value for name, value in defaults(self.name).items() if value is not None}
        rest = self.rest({**values, **size}) if self.rest else {}
        return {**rest, **size}

    def design(self, size: Parameters, family: str = "xc7") -> Design:
        """What Yosys is asked at a size."""
        return prepare(unit_sources(self.name), self.name, self.parameters(size), family)

    def area(self, size: Parameters, family: str = "xc7") -> Area:
        """Cost at a size."""
        return area(unit_sources(self.name), self.name, self.parameters(size), family)

    def figures(self, given: Parameters, family: str = "xc7") -> dict[str, Any]:
        """Its middle size, changed as ``given``, and what it costs, as plain types.

        Raises:
            BuildError: no such parameter, or parameters that the module refuses.
        """
        size = self.size(given)
        cost = self.area(size, family)
        found: dict[str, Any] = {"unit": self.name, "family": family, "parameters": size}
        found |= {"lut": cost.lut, "ff": cost.ff, "bram36": cost.bram36, "dsp": cost.dsp, "levels": cost.levels}
        found["path"] = {"from": cost.path.start, "to": cost.path.end}
        if {"Simd", "Pe"} <= size.keys():
            found["lut_per_bmac"] = round(cost.lut / (size["Simd"] * size["Pe"]), 3)
        return found


def defaults(name: str) -> dict[str, int | None]:
    """A module's parameters with their default values; None where that is no plain number."""
    text = re.sub(r"//.*", "", rtl(name).read_text())
    found = re.findall(r"^\s*parameter\s[^=;]*?(\w+)\s*=\s*([^,\n]+)", text, re.MULTILINE)
    numbers = {key: re.fullmatch(r"(?:1'b)?(-?\d+)\s*", value) for key, value in found}
    return {key: int(number[1]) if number else None for key, number in numbers.items()}


def sizes(names: str, *rows: Sequence[int], **common: int) -> list[Parameters]:
    """Rows of the table: the values of the named parameters in each, and what all rows have in common."""
    return [{**dict(zip(names.split(), row, strict=True)), **common} for row in rows]


def random_contents(count: int, bits: int, seed: int = 1, symmetric: bool = False) -> str:
    """As many random integers as a literal, not the lowest where symmetric; the module refuses nonsensical sizes."""
    count, bits = max(count, 1), min(max(bits, 1), 63)
    if count * bits > _LARGEST:
        raise BuildError(f"{count:,} constants of {bits} bits are more than {_LARGEST:,} bits: choose a smaller size")
    lowest = int(symmetric) - (1 << bits - 1)
    return literal(np.random.default_rng(seed).integers(lowest, 1 << bits - 1, count), bits)
