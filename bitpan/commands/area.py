"""``bitpan area``: what a unit costs at a size, or, without a unit, the table of all units in ``hw/README.md``."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from typing import Any

from bitpan.commands import options
from bitpan.errors import BuildError
from bitpan.hw.measure import table
from bitpan.hw.measure.units import UNITS, unit
from bitpan.hw.measure.yosys import FAMILIES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bitpan area``."""
    names = ", ".join(known.name for known in UNITS)
    parser.add_argument("unit", nargs="?", help=f"one of {names}; without it, the table in hw/README.md is made anew")
    parser.add_argument(
        "parameters", nargs="*", metavar="PARAM=VALUE", help="size; what is not given is that of the unit's middle row"
    )
    parser.add_argument("--family", choices=FAMILIES, default="xc7", help="of the device (default: %(default)s)")
    options.add(parser, "--json")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    if arguments.unit is None:
        if arguments.json or arguments.family != "xc7":
            raise BuildError("--json and --family go with a unit: bitpan area UNIT PARAM=VALUE ...")
        table.write(lambda what: print(f"{what}\n", end="", file=sys.stderr, flush=True))  # two at once: whole lines
        print(f"{table.README}: {len(UNITS)} units")
        return 0
    found = unit(arguments.unit).figures(_given(arguments.parameters), arguments.family)
    print(json.dumps(found, indent=2) if arguments.json else _lines(found))
    return 0


def _given(texts: Sequence[str]) -> dict[str, int]:
    """Parameters from ``NAME=VALUE``."""
    parameters = {}
    for text in texts:
        match = re.fullmatch(r"(\w+)=(-?\d+)", text)
        if match is None:
            raise BuildError(f"{text!r} is no PARAM=VALUE with an integer value")
        parameters[match[1]] = int(match[2])
    return parameters


def _lines(found: dict[str, Any]) -> str:
    size = ", ".join(f"{name} {value}" for name, value in found["parameters"].items())
    ratio = f"{found['lut_per_bmac']:g} LUT per multiply-accumulate and clock\n" if "lut_per_bmac" in found else ""
    return (
        f"{found['unit']} on {found['family']}: {size}\n"
        f"{found['lut']:,} LUT, {found['ff']:,} FF, {found['bram36']:g} BRAM36, {found['dsp']} DSP\n"
        f"{ratio}{found['levels']:g} LUT levels, from {found['path']['from']} to {found['path']['to']}"
    )
