"""``bitpan area``: what a unit costs at a size, or a whole accelerator; without either, the table of all units."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bitpan.commands import options
from bitpan.errors import BuildError
from bitpan.hw.measure import table
from bitpan.hw.measure.units import UNITS, unit
from bitpan.hw.measure.yosys import FAMILIES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bitpan area``."""
    names = ", ".join(known.name for known in UNITS)
    parser.add_argument(
        "unit",
        nargs="?",
        metavar="UNIT|FOLDER",
        help=f"one of {names}; or a folder that bitpan build left: its whole netlist (a quarter of an hour or more); "
        "without either, the table in hw/README.md is made anew",
    )
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
    if Path(arguments.unit).is_dir():
        return _whole(Path(arguments.unit), arguments)
    found = unit(arguments.unit).figures(_given(arguments.parameters), arguments.family)
    print(json.dumps(found, indent=2) if arguments.json else _lines(found))
    return 0


def _whole(folder: Path, arguments: argparse.Namespace) -> int:
    """Print the counts of an accelerator's netlist beside the sum of its units."""
    from bitpan.build.deploy.areas import whole

    if arguments.parameters:
        raise BuildError(f"{folder}: an accelerator's parameters are what it was built with; give none")
    counted, units = whole(folder)
    found = {"LUT": counted.lut, "FF": counted.ff, "BRAM36": counted.bram36, "DSP": counted.dsp, "URAM": counted.uram}
    if arguments.json:
        path = {"from": counted.path.start, "to": counted.path.end}
        print(json.dumps({"whole": found, "units": units, "levels": counted.levels, "path": path}, indent=2))
        return 0
    print(f"{folder}: the whole netlist has " + ", ".join(f"{count:,g} {key}" for key, count in found.items()))
    if units:
        share = counted.lut / units["LUT"] - 1
        print(f"its units have {units['LUT']:,} LUT one by one: the whole has {share:+.1%}")
    print(f"{counted.levels:g} LUT levels, from {counted.path.start} to {counted.path.end}")
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
