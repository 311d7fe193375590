"""The IP core: its description says what its top is, for every board; and its top is what it should be."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from bench import lint
from bitpan.build.boards import BOARDS, board
from bitpan.build.deploy.ip import IP, Shell
from bitpan.build.deploy.ipxact import SPIRIT, XILINX

NAMES = {"s": SPIRIT, "x": XILINX}


def described(folder):
    return ElementTree.parse(folder / "component.xml").getroot()


def ports_of_verilog(file):
    header = file.read_text().split(");")[0]
    found = re.findall(r"^\s*(input|output) (?:\[(\d+):0\] )?(\w+),?$", header, re.MULTILINE)
    return {name: (way, int(high or 0) + 1) for way, high, name in found}


@pytest.mark.parametrize("bands", [3, 4, 8])
@pytest.mark.parametrize("name", ["pynq-z2", "zcu104"])
def test_the_top_fits_its_parts(core, name, bands):
    """All of Verilator's warnings on, but those of what does nothing."""
    folder, sources = core(name, bands)
    text = (folder / f"rtl/{IP}.v").read_text()
    assert f".DataBits({128 if name == 'zcu104' else 64}), .AddressBits({40 if name == 'zcu104' else 32})" in text
    quiet = "/* verilator lint_off UNUSEDSIGNAL */\n"
    accelerator = folder / "rtl/bitpan_accelerator.v"
    accelerator.write_text(quiet + accelerator.read_text())
    lint([folder / source for source in sources], IP)


@pytest.mark.parametrize("name", sorted(BOARDS))
def test_the_description_has_the_tops_ports(core, name):
    folder, sources = core(name)
    root, verilog = described(folder), ports_of_verilog(folder / sources[-1])
    ports = {}
    for port in root.iterfind("s:model/s:ports/s:port", NAMES):
        high = port.findtext("s:wire/s:vector/s:left", "0", NAMES)
        ports[port.findtext("s:name", None, NAMES)] = (
            port.findtext("s:wire/s:direction", None, NAMES) + "put",
            int(high) + 1,
        )
    assert ports == verilog and len(ports) > 50
    mapped = [each.findtext("s:physicalPort/s:name", None, NAMES) for each in root.iterfind(".//s:portMap", NAMES)]
    assert sorted(mapped) == sorted(ports)


def test_the_description_has_files_buses_and_spaces(core):
    folder, sources = core("zcu104")
    root = described(folder)
    assert [root.findtext(f"s:{key}", None, NAMES) for key in ("vendor", "library", "name", "version")] == [
        *("bitpan", "user", "bitpan_ip", "1.0")
    ]
    sets = {
        group.findtext("s:name", None, NAMES): [each.text for each in group.iterfind("s:file/s:name", NAMES)]
        for group in root.iterfind("s:fileSets/s:fileSet", NAMES)
    }
    assert sets == {"sources": sources, "constraints": ["bitpan_ip.xdc"]}
    assert all((folder / name).is_file() for names in sets.values() for name in names)
    referred = {each.text for each in root.iterfind(".//s:fileSetRef/s:localName", NAMES)}
    assert referred == set(sets)
    buses = {bus.findtext("s:name", None, NAMES): bus for bus in root.iterfind("s:busInterfaces/s:busInterface", NAMES)}
    assert list(buses) == ["s_axi", "m_axi_read", "m_axi_write", "ap_clk", "ap_rst_n", "irq"]
    for name in ("m_axi_read", "m_axi_write"):
        (space,) = buses[name].iterfind("s:master/s:addressSpaceRef", NAMES)
        assert space.get(f"{{{SPIRIT}}}addressSpaceRef") == name
    spaces = {
        space.findtext("s:name", None, NAMES): int(space.findtext("s:range", None, NAMES))
        for space in root.iterfind("s:addressSpaces/s:addressSpace", NAMES)
    }
    assert spaces == {"m_axi_read": 1 << 40, "m_axi_write": 1 << 40}
    (memory_map,) = buses["s_axi"].iterfind("s:slave/s:memoryMapRef", NAMES)
    assert memory_map.get(f"{{{SPIRIT}}}memoryMapRef") == root.findtext("s:memoryMaps/s:memoryMap/s:name", None, NAMES)
    found = buses["ap_clk"].iterfind("s:parameters/s:parameter", NAMES)
    parameters = {each.findtext("s:name", None, NAMES): each.findtext("s:value", None, NAMES) for each in found}
    assert parameters == {"ASSOCIATED_BUSIF": "s_axi:m_axi_read:m_axi_write", "ASSOCIATED_RESET": "ap_rst_n"}


def test_constraints_and_core_file(core):
    folder, sources = core("pynq-z2")
    assert "-period 10.000 " in (folder / "bitpan_ip.xdc").read_text()
    text = (folder / "bitpan_ip.core").read_text()
    assert re.findall(r"^      - (\S+): ", text, re.MULTILINE) == sources
    assert text.startswith("CAPI=2:\n") and "toplevel: bitpan_ip" in text


def test_another_board_has_other_ports():
    small, large = (Shell(4, board(name)).verilog() for name in ("pynq-z2", "kv260"))
    assert "[31:0] m_axi_read_araddr" in small and "[63:0] m_axi_write_wdata" in small
    assert "[39:0] m_axi_read_araddr" in large and "[127:0] m_axi_write_wdata" in large
    assert Shell(4, replace(board("kv260"), zynq="7")).verilog().replace("kv260", "pynq-z2") == small
