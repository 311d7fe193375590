"""A core's ``component.xml``: IP-XACT (IEEE 1685-2009) with the extensions by which Vivado knows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

SPIRIT = "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"
XILINX = "http://www.xilinx.com"

VENDOR, LIBRARY = "bitpan", "user"
FAMILIES = "zynq", "zynquplus"
"""Of devices, as Vivado calls them."""

_SPACE = 65536  # bytes of the slave's registers
_CLOCK, _RESET, _INTERRUPT = "ap_clk", "ap_rst_n", "irq"


@dataclass(frozen=True)
class Port:
    """A port of the top: ``way`` is input or output."""

    name: str
    way: str
    bits: int


@dataclass(frozen=True)
class Bus:
    """An AXI interface; its ports are called after it."""

    name: str
    master: bool
    ports: Sequence[Port]
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def address_bits(self) -> int:
        """Of an address."""
        return next(port.bits for port in self.ports if port.name.endswith("addr"))

    @property
    def data_bits(self) -> int:
        """Of a word."""
        return next(port.bits for port in self.ports if port.name.endswith("data"))


def component(
    name: str,
    version: str,
    buses: Sequence[Bus],
    clock: Mapping[str, str],
    sources: Mapping[str, str],
    constraints: str,
) -> ElementTree.ElementTree[Element]:
    """The document.

    Args:
        name, version: of the core and its top.
        buses: AXI interfaces.
        clock: parameters of the clock interface.
        sources: kind of each file, in order of compilation.
        constraints: file of Vivado's constraints.
    """
    for prefix, uri in (("spirit", SPIRIT), ("xilinx", XILINX)):
        ElementTree.register_namespace(prefix, uri)
    root = Element(f"{{{SPIRIT}}}component")
    _texts(root, vendor=VENDOR, library=LIBRARY, name=name, version=version)
    interfaces = _add(root, "busInterfaces")
    for bus in buses:
        _interface(interfaces, bus)
    _signal(interfaces, _CLOCK, "clock", "CLK", False, clock)
    _signal(interfaces, _RESET, "reset", "RST", False, {"POLARITY": "ACTIVE_LOW"})
    _signal(interfaces, _INTERRUPT, "interrupt", "INTERRUPT", True, {"SENSITIVITY": "LEVEL_HIGH"})
    spaces = _add(root, "addressSpaces")
    for bus in buses:
        if bus.master:
            space = _texts(_add(spaces, "addressSpace"), name=bus.name)
            _texts(space, range=str(1 << bus.address_bits), width=str(bus.data_bits))
    maps = _add(root, "memoryMaps")
    for bus in buses:
        if not bus.master:
            block = _add(_texts(_add(maps, "memoryMap"), name=bus.name), "addressBlock")
            _texts(block, name="registers", baseAddress="0", range=str(_SPACE), width="32", usage="register")
    _model(root, name, buses)
    _files(root, sources, constraints)
    _texts(root, description="A binary pan-sharpening accelerator with its DMA")
    _extensions(root, name)
    return ElementTree.ElementTree(root)


def _interface(interfaces: Element, bus: Bus) -> None:
    found = _texts(_add(interfaces, "busInterface"), name=bus.name)
    _type(found, "interface", "aximm")
    role = _add(found, "master" if bus.master else "slave")
    reference = "addressSpaceRef" if bus.master else "memoryMapRef"
    _add(role, reference).set(f"{{{SPIRIT}}}{reference}", bus.name)
    maps = _add(found, "portMaps")
    for port in bus.ports:
        _map(maps, port.name.removeprefix(f"{bus.name}_").upper(), port.name)
    _parameters(found, bus.name, bus.parameters)


def _signal(interfaces: Element, name: str, kind: str, role: str, master: bool, parameters: Mapping[str, str]) -> None:
    found = _texts(_add(interfaces, "busInterface"), name=name)
    _type(found, "signal", kind)
    _add(found, "master" if master else "slave")
    _map(_add(found, "portMaps"), role, name)
    _parameters(found, name, parameters)


def _type(interface: Element, library: str, name: str) -> None:
    """Of a bus, and its abstraction by signals."""
    for what, called in (("busType", name), ("abstractionType", f"{name}_rtl")):
        values = {"vendor": "xilinx.com", "library": library, "name": called, "version": "1.0"}
        _add(interface, what).attrib |= {f"{{{SPIRIT}}}{key}": value for key, value in values.items()}


def _map(maps: Element, logical: str, physical: str) -> None:
    found = _add(maps, "portMap")
    _texts(_add(found, "logicalPort"), name=logical)
    _texts(_add(found, "physicalPort"), name=physical)


def _parameters(interface: Element, owner: str, parameters: Mapping[str, str]) -> None:
    if not parameters:
        return
    group = _add(interface, "parameters")
    for name, value in parameters.items():
        found = _texts(_add(group, "parameter"), name=name, value=value)
        found[-1].set(f"{{{SPIRIT}}}id", f"BUSIFPARAM_VALUE.{owner.upper()}.{name}")


def _model(root: Element, top: str, buses: Sequence[Bus]) -> None:
    model = _add(root, "model")
    views = _add(model, "views")
    for name, use in (("synthesis", "synthesis"), ("behavioralsimulation", "simulation")):
        identifier = f":vivado.xilinx.com:{use}"
        view = _texts(_add(views, "view"), name=f"xilinx_anylanguage{name}", envIdentifier=identifier)
        _texts(view, language="Verilog", modelName=top)
        for group in ("sources", *(["constraints"] if use == "synthesis" else [])):
            _texts(_add(view, "fileSetRef"), localName=group)
    ports = _add(model, "ports")
    own = [Port(_CLOCK, "input", 1), Port(_RESET, "input", 1), Port(_INTERRUPT, "output", 1)]
    for port in [*own, *(port for bus in buses for port in bus.ports)]:
        wire = _add(_texts(_add(ports, "port"), name=port.name), "wire")
        _texts(wire, direction=port.way.removesuffix("put"))
        if port.bits > 1:
            _texts(_add(wire, "vector"), left=str(port.bits - 1), right="0")


def _files(root: Element, sources: Mapping[str, str], constraints: str) -> None:
    sets = _add(root, "fileSets")
    group = _texts(_add(sets, "fileSet"), name="sources")
    for file, kind in sources.items():
        _texts(_add(group, "file"), name=file, fileType=kind)
    group = _texts(_add(sets, "fileSet"), name="constraints")
    _texts(_add(group, "file"), name=constraints, userFileType="xdc")


def _extensions(root: Element, name: str) -> None:
    core = SubElement(_add(root, "vendorExtensions"), f"{{{XILINX}}}coreExtensions")
    families = SubElement(core, f"{{{XILINX}}}supportedFamilies")
    for family in FAMILIES:
        found = SubElement(families, f"{{{XILINX}}}family")
        found.set(f"{{{XILINX}}}lifeCycle", "Production")
        found.text = family
    SubElement(SubElement(core, f"{{{XILINX}}}taxonomies"), f"{{{XILINX}}}taxonomy").text = "/UserIP"
    SubElement(core, f"{{{XILINX}}}displayName").text = name
    SubElement(core, f"{{{XILINX}}}coreRevision").text = "1"


def _add(parent: Element, name: str) -> Element:
    return SubElement(parent, f"{{{SPIRIT}}}{name}")


def _texts(parent: Element, **texts: str) -> Element:
    """Children of these names that hold text, in order; the parent again."""
    for name, text in texts.items():
        _add(parent, name).text = text
    return parent
