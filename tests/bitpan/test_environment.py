"""The pinned environment: whole, and anywhere."""

from pathlib import Path

import tomllib
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def pins():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_every_line_pins_a_published_version():
    """No path and no address: those are of the machine it was made on."""
    for pin in pins():
        assert pin.url is None and [clause.operator for clause in pin.specifier] == ["=="], pin


def test_it_satisfies_what_the_project_asks_for():
    versions = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in pins()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(line for extra in ("train", "fpga", "numba")
              for line in project["optional-dependencies"][extra])]  # fmt: skip
    for requirement in map(Requirement, wanted):
        assert versions[canonicalize_name(requirement.name)] in requirement.specifier, requirement
