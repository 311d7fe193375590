"""The accelerator and its DMA as one IP core: two AXI4 ports to memory, one AXI-Lite, an interrupt.

The folder holds all that a Vivado block design or a FuseSoC system takes: a plain Verilog top, ``component.xml``
(IP-XACT, IEEE 1685-2009, with what Vivado adds to it), constraints, a ``.core`` file, the sources. **No Vivado has read
it yet.**
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from xml.etree import ElementTree

from bitpan.build.boards import Board
from bitpan.build.deploy.ipxact import Bus, Port, component
from bitpan.build.finn.stitch import TOP
from bitpan.hw.operators.base import bit_range
from bitpan.registers import STREAMS

IP = "bitpan_ip"
"""The module, the core, and what it is called in the block design."""

FOLDER = "ip"
VERSION = "1.0"
SPACE_BITS = 16
"""Of its registers' addresses."""

_CONSTRAINTS = """\
# The clock that the accelerator was folded for, where the core is synthesised out of context.
create_clock -name ap_clk -period $period [get_ports ap_clk]
"""

_CORE = """\
CAPI=2:
# Written by bitpan build.
name: bitpan:user:$ip:$version
description: "A binary pan-sharpening accelerator with its DMA"
filesets:
  rtl:
    files:
$files
  constraints:
    files: [$ip.xdc: {file_type: xdc}]
targets:
  default: &default
    filesets: [rtl]
    toplevel: $ip
  lint:
    <<: *default
    flow: lint
    flow_options:
      tool: verilator
"""


@dataclass(frozen=True)
class Shell:
    """The top around the accelerator, for a board's memory ports.

    Attributes:
        bands: of the MS.
        board: decides the ports' widths.
    """

    bands: int
    board: Board

    def buses(self) -> list[Bus]:
        """Its bus interfaces, with their ports."""
        data, address = self.board.bus_bits, self.board.address_bits
        read = [("araddr", address), ("arlen", 8), ("arsize", 3), ("arburst", 2), ("arcache", 4), ("arprot", 3)]
        read += [("arid", 1), ("arvalid", 1), ("rready", 1)]
        written = [("awaddr", address), ("awlen", 8), ("awsize", 3), ("awburst", 2), ("awcache", 4), ("awprot", 3)]
        written += [("awvalid", 1), ("wdata", data), ("wstrb", data // 8), ("wlast", 1), ("wvalid", 1), ("bready", 1)]
        answered = [("arready", 1), ("rdata", data), ("rresp", 2), ("rlast", 1), ("rid", 1), ("rvalid", 1)]
        taken = [("awready", 1), ("wready", 1), ("bresp", 2), ("bvalid", 1)]
        asked = [("awaddr", SPACE_BITS), ("awvalid", 1), ("wdata", 32), ("wstrb", 4), ("wvalid", 1), ("bready", 1)]
        asked += [("araddr", SPACE_BITS), ("arvalid", 1), ("rready", 1)]
        told = [("awready", 1), ("wready", 1), ("bresp", 2), ("bvalid", 1), ("arready", 1), ("rdata", 32)]
        told += [("rresp", 2), ("rvalid", 1)]
        bursts = {"MAX_BURST_LENGTH": "16", "SUPPORTS_NARROW_BURST": "0"}
        reads, writes = (bursts | {"READ_WRITE_MODE": f"{way}_ONLY"} for way in ("READ", "WRITE"))
        return [
            Bus("s_axi", False, _ports("s_axi", told, asked), {"PROTOCOL": "AXI4LITE"}),
            Bus("m_axi_read", True, _ports("m_axi_read", read, answered), reads),
            Bus("m_axi_write", True, _ports("m_axi_write", written, taken), writes),
        ]

    def verilog(self) -> str:
        """The source text."""
        buses = self.buses()
        ports = ["input ap_clk", "input ap_rst_n", "output irq"]
        ports += [f"{p.way} {bit_range(p.bits)}{p.name}" for bus in buses for p in bus.ports]
        shared = [".clk_i(ap_clk)", ".rst_ni(ap_rst_n)", ".rst_no(accelerator_rst_n)", ".interrupt_o(irq)"]
        shared += [f".{p.name}_{p.way[0]}({p.name})" for bus in buses for p in bus.ports]
        lite = [(p, p.name.removeprefix("s_axi_")) for p in buses[0].ports]
        wires = ["wire accelerator_rst_n;", *(f"wire {bit_range(p.bits)}lite_{name};" for p, name in lite)]
        dma = [f".m_axi_{name}_{'o' if p.way == 'input' else 'i'}(lite_{name})" for p, name in lite]
        own = [".ap_clk(ap_clk)", ".ap_rst_n(accelerator_rst_n)", *(f".s_axi_{name}(lite_{name})" for _, name in lite)]
        for stream, name in STREAMS.items():
            bits = 16 if stream == "pan" else 16 * self.bands
            wires += [
                f"wire {bit_range(bits)}{stream}_tdata;",
                f"wire {stream}_tvalid, {stream}_tlast, {stream}_tready;",
            ]
            there, back = ("i", "o") if stream == "fused" else ("o", "i")
            parts = [("tdata", there), ("tvalid", there), ("tlast", there), ("tready", back)]
            dma += [f".{stream}_{part}_{way}({stream}_{part})" for part, way in parts]
            own += [f".{name}_{part}({stream}_{part})" for part, _ in parts]
        values = f".DataBits({self.board.bus_bits}), .AddressBits({self.board.address_bits}), .Bands({self.bands})"
        return (
            f"// The accelerator with its DMA, for {self.board.name}; written by bitpan build.\n"
            f"module {IP} (\n    " + ",\n    ".join(ports) + "\n);\n\n    " + "\n    ".join(wires) + "\n\n"
            f"    bp_dma #({values}) dma (\n        " + ",\n        ".join([*shared, *dma]) + "\n    );\n\n"
            f"    {TOP} accelerator (\n        " + ",\n        ".join(own) + "\n    );\n\nendmodule\n"
        )


def write_ip(folder: Path, shell: Shell, sources: Sequence[str]) -> str:
    """Write the core around the sources that are in ``folder`` already, their names relative to it; the top's name."""
    top = f"rtl/{IP}.v"
    (folder / top).write_text(shell.verilog())
    files = [*sources, top]
    period = f"{1000 / shell.board.clock_mhz:.3f}"
    (folder / f"{IP}.xdc").write_text(Template(_CONSTRAINTS).substitute(period=period))
    listed = "\n".join(f"      - {name}: {{file_type: {_kind(name)}}}" for name in files)
    (folder / f"{IP}.core").write_text(Template(_CORE).substitute(ip=IP, version=f"{VERSION}.0", files=listed))
    clock = {"ASSOCIATED_BUSIF": ":".join(bus.name for bus in shell.buses()), "ASSOCIATED_RESET": "ap_rst_n"}
    document = component(IP, VERSION, shell.buses(), clock, {name: _kind(name) for name in files}, f"{IP}.xdc")
    ElementTree.indent(document)
    document.write(folder / "component.xml", encoding="UTF-8", xml_declaration=True)
    return top


def _kind(name: str) -> str:
    return "systemVerilogSource" if name.endswith(".sv") else "verilogSource"


def _ports(prefix: str, outputs: Sequence[tuple[str, int]], inputs: Sequence[tuple[str, int]]) -> list[Port]:
    ways = (("output", outputs), ("input", inputs))
    return [Port(f"{prefix}_{name}", way, bits) for way, ports in ways for name, bits in ports]
