"""The pinned environment: whole, and anywhere."""

import re
from pathlib import Path

import tomllib
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "torch.lock")


def lines(name):
    """Of a lock, continued ones joined."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def pins():
    return [Requirement(line.split(" --hash=")[0]) for name in LOCKS for line in lines(name)]


def test_every_line_pins_a_published_version():
    """No path and no address: those are of the machine it was made on."""
    for pin in pins():
        assert pin.url is None and [clause.operator for clause in pin.specifier] == ["=="], pin


def test_every_package_but_pytorch_has_its_hashes():
    for line in lines("requirements.lock"):
        assert re.fullmatch(r"[\w.-]+==\S+( +--hash=sha256:[0-9a-f]{64})+ *", line), line
    assert [pin.name for pin in map(Requirement, lines("torch.lock"))] == ["torch"]


def test_it_satisfies_what_the_project_asks_for():
    versions = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in pins()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(line for extra in ("train", "fpga", "numba", "dask", "cosim")
              for line in project["optional-dependencies"][extra])]  # fmt: skip
    for requirement in map(Requirement, wanted):
        assert versions[canonicalize_name(requirement.name)] in requirement.specifier, requirement
