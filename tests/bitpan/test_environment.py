"""The pinned environment: whole, and anywhere; and those of the boards' images."""

import re
from pathlib import Path

import pytest
import tomllib
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import boards

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


@pytest.mark.parametrize("name", boards.IMAGES)
def test_an_image_is_asked_for_no_more_than_there_is_for_it(name):
    """32-bit Arm has no wheels of rasterio, Numba or NumPy; PYNQ 4 is not for Zynq-7000, and needs NumPy below 2."""
    image = boards.IMAGES[name]
    asked = boards.wanted(image)
    assert set(asked) == {"numpy", "pynq"} | ({"rasterio", "numba"} if image.machine == "aarch64" else set())
    assert all(version in asked[package] for package, version in image.has.items()), "the image's own do"
    assert ("4.0.0" in asked["pynq"]) == (image.machine == "aarch64")
    assert "1.26.4" in asked["numpy"] and "2.0.0" not in asked["numpy"]


@pytest.mark.slow
@pytest.mark.parametrize("name", boards.IMAGES)
def test_pip_finds_wheels_of_all_that_an_image_lacks(name):
    """With the package index: NumPy stays below 2, and where there are no wheels nothing is asked for."""
    found = boards.resolve(boards.IMAGES[name])
    assert not found if boards.IMAGES[name].machine == "armv7l" else found["numpy"].startswith("1.")
