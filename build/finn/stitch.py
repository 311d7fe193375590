"""The accelerator's top, in plain Verilog: every node's wrapper, its edges, registers, gates.

FINN would stitch in a Vivado block design; this top needs no tool, and it is the one that is simulated. Its streams
carry 16 bits an element, so that the DMA moves the imagery's own uint16 arrays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import onnx
from qonnx.core.modelwrapper import ModelWrapper

from bitpan.build.finn.flow import instance
from bitpan.errors import BuildError
from bitpan.hw.operators.base import SCENE_PORTS, SIZE_PORTS, bit_range
from bitpan.model import IntegerModel
from bitpan.registers import BANK_WORDS, ELEMENT_BITS, STREAMS

TOP = "bitpan_accelerator"
UNITS = ("bp_scene_registers", "bp_frame_gate", "bp_frame_end")
"""Units that the top itself instantiates."""

_LITE = (
    ("input", 16, "awaddr"), ("input", 1, "awvalid"), ("output", 1, "awready"), ("input", 32, "wdata"),
    ("input", 4, "wstrb"), ("input", 1, "wvalid"), ("output", 1, "wready"), ("output", 2, "bresp"),
    ("output", 1, "bvalid"), ("input", 1, "bready"), ("input", 16, "araddr"), ("input", 1, "arvalid"),
    ("output", 1, "arready"), ("output", 32, "rdata"), ("output", 2, "rresp"), ("output", 1, "rvalid"),
    ("input", 1, "rready"),
)  # fmt: skip

_CLOCK = {"clk_i": "ap_clk", "rst_ni": "ap_rst_n"}


def assign_addresses(graph: ModelWrapper, model: IntegerModel) -> dict[str, dict[str, int]]:
    """Word address and count of every scene parameter; units learn their base address."""
    registers: dict[str, dict[str, int]] = {}
    address = 0
    for node in model.nodes:
        for position, name in enumerate(node.scene):
            if position == 0:
                for taker in graph.find_consumers(name):
                    instance(taker).set_nodeattr("BaseAddress", address)
            count = math.prod(model.scene_parameter(name).shape)
            registers[name] = {"address": address, "count": count}
            address += count
    if address > BANK_WORDS:
        raise BuildError(
            f"{model.name} has {address:,} scene parameters, the accelerator room for {BANK_WORDS:,}; train a network "
            "of fewer blocks or channels"
        )
    return registers


@dataclass
class Top:
    """Writer of the top.

    Attributes:
        graph: the finished FINN graph.
        model: what it computes.
        signature: low 32 bits of the model's digest, readable over AXI-Lite.
    """

    graph: ModelWrapper
    model: IntegerModel
    signature: int

    def verilog(self) -> str:
        """The source text."""
        body = [self._wires(), self._registers(), self._input("pan"), self._input("ms")]
        body += [*map(self._node, self.graph.graph.node), self._output()]
        width = self._shape("pan")[2]
        return (
            f"// {self.model.name}: {self.model.bands} bands of {self.model.bits} bits, ratio {self.model.ratio}, "
            f"frames up to {width} PAN pixels wide; written by bitpan build.\n"
            f"module {TOP} (\n    " + ",\n    ".join(self._ports()) + "\n);\n\n" + "\n".join(body) + "\nendmodule\n"
        )

    def _shape(self, tensor: str) -> list[int]:
        shape: list[int] = self.graph.get_tensor_shape(tensor)
        return shape

    def _ports(self) -> list[str]:
        ports = ["input ap_clk", "input ap_rst_n"]
        ports += [f"{way} {bit_range(bits)}s_axi_{name}" for way, bits, name in _LITE]
        for stream, name in STREAMS.items():
            there, back = ("output", "input") if stream == "fused" else ("input", "output")
            width = ELEMENT_BITS * self._shape(stream)[-1]
            ports += [f"{there} {bit_range(width)}{name}_tdata", f"{there} {name}_tvalid", f"{there} {name}_tlast"]
            ports += [f"{back} {name}_tready"]
        return ports

    def _wires(self) -> str:
        shared = SCENE_PORTS | SIZE_PORTS
        lines = [f"    wire {bit_range(bits)}{name.removesuffix('_i')};" for name, bits in shared.items()]
        lines += ["    wire [31:0] started;", "    wire pan_length_error, ms_length_error, frame_finished;"]
        edges = {name: self._taken(name) for name in ("pan", "ms")}
        for node in self.graph.graph.node:
            edges |= {name: instance(node).get_outstream_width_padded(i) for i, name in enumerate(node.output)}
        for name, width in edges.items():
            wire = _wire(name)
            lines += [f"    wire {bit_range(width)}{wire}_tdata;", f"    wire {wire}_tvalid, {wire}_tready;"]
        return "\n".join(lines) + "\n"

    def _taken(self, tensor: str) -> int:
        """Bits of a beat as its consumer takes it, whole bytes."""
        return int(instance(self.graph.find_consumers(tensor)[0]).get_instream_width_padded(0))

    def _registers(self) -> str:
        links = _CLOCK | {f"s_axi_{name}_{'i' if way == 'input' else 'o'}": f"s_axi_{name}" for way, _, name in _LITE}
        links |= {f"{name}_i": name for name in ("pan_length_error", "ms_length_error", "frame_finished")}
        links |= {f"{name.removesuffix('_i')}_o": name.removesuffix("_i") for name in SCENE_PORTS | SIZE_PORTS}
        links |= {"started_o": "started"}
        _, rows, columns, _ = self._shape("pan")
        values: dict[str, str | int] = {"Signature": f"32'h{self.signature:08x}", "Rows": rows, "Columns": columns}
        return _instance("bp_scene_registers", "registers", links, values)

    def _input(self, name: str) -> str:
        """Gate, then the elements' own bits, packed."""
        bits, port, edge, elements = self.model.bits, STREAMS[name], _wire(name), self._shape(name)[-1]
        pad = self._taken(name) - elements * bits
        links = _CLOCK | {"size_i": "size", "started_i": "started", "length_error_o": f"{name}_length_error"}
        links |= {f"in0_{part}": f"{port}_{part[:-2]}" for part in ("tdata_i", "tvalid_i", "tlast_i", "tready_o")}
        links |= {"out0_tdata_o": f"{name}_gated", "out0_tvalid_o": f"{edge}_tvalid", "out0_tready_i": f"{edge}_tready"}
        parts = [f"{name}_gated[{ELEMENT_BITS * i + bits - 1}:{ELEMENT_BITS * i}]" for i in reversed(range(elements))]
        parts = [f"{pad}'b0", *parts] if pad else parts
        image = self.model.tensors[name]
        values = {"Width": ELEMENT_BITS * elements, "StrideBits": image.stride.bit_length() - 1, "Border": image.border}
        return (
            f"    wire {bit_range(ELEMENT_BITS * elements)}{name}_gated;\n"
            f"    assign {edge}_tdata = {{{', '.join(parts)}}};\n"
            + _instance("bp_frame_gate", f"{name}_gate", links, values)
        )

    def _output(self) -> str:
        """The elements' bits spread to 16 each, tlast, and the count of finished frames."""
        bits, bands, edge = self.model.bits, self.model.bands, _wire("fused")
        pad = f"{ELEMENT_BITS - bits}'b0, " if bits < ELEMENT_BITS else ""
        parts = [f"{pad}{edge}_tdata[{bits * (i + 1) - 1}:{bits * i}]" for i in reversed(range(bands))]
        links = _CLOCK | {"size_i": "size", "finished_o": "frame_finished"}
        links |= {"in0_tdata_i": "fused_spread", "in0_tvalid_i": f"{edge}_tvalid", "in0_tready_o": f"{edge}_tready"}
        ends = ("tdata_o", "tvalid_o", "tlast_o", "tready_i")
        links |= {f"out0_{part}": f"{STREAMS['fused']}_{part[:-2]}" for part in ends}
        spread = f"    wire {bit_range(ELEMENT_BITS * bands)}fused_spread = {{{', '.join(parts)}}};\n"
        return spread + _instance("bp_frame_end", "fused_end", links, {"Width": ELEMENT_BITS * bands})

    def _node(self, node: onnx.NodeProto) -> str:
        operation = instance(node)
        links = {"ap_clk": "ap_clk", "ap_rst_n": "ap_rst_n"}
        links |= {name: name.removesuffix("_i") for name in operation.shared_ports()}
        for way, names in (("in", operation.stream_inputs), ("out", node.output)):
            for i, name in enumerate(names):
                ends = ("tdata", "tvalid", "tready")
                links |= {f"{way}{i}_V_{part.upper()}": f"{_wire(name)}_{part}" for part in ends}
        return _instance(node.name, f"i_{node.name}", links, {})


def _wire(tensor: str) -> str:
    return f"e_{tensor.replace('.', '_')}"


def _instance(module: str, name: str, links: Mapping[str, str], values: Mapping[str, str | int]) -> str:
    settings = ", ".join(f".{key}({value})" for key, value in values.items())
    ports = ",\n        ".join(f".{port}({wire})" for port, wire in links.items())
    return f"    {module} {f'#({settings}) ' if values else ''}{name} (\n        {ports}\n    );\n"
