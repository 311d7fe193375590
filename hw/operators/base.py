"""What all our FINN operators share: shapes and widths from a few facts, execution by the number contract, a wrapper.

A FINN operator is a node of the dataflow graph: it tells FINN its stream widths and folding, executes itself in
Python, and writes the Verilog wrapper that instantiates its unit. Here an operator states its streams once
(:class:`Stream`) and everything FINN asks for follows from them. What the build asks beyond that stands in
:class:`Facts`, what the table of units shows in its ``entry``, and how it is made from a node of the integer model in
``placed`` or ``make``: nothing outside its module names an operator.

Images are ``(1, height, width, channels)`` between nodes (NHWC, channels fastest, folded by the lanes of the stream).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow import register_custom_op as register_abstract
from finn.custom_op.fpgadataflow.rtl import register_custom_op
from finn.custom_op.fpgadataflow.rtlbackend import RTLBackend
from onnx import GraphProto, NodeProto, TensorProto, helper
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper

from bitpan.arithmetic import Integers
from bitpan.hw.measure.unit import Unit
from bitpan.hw.operators.facts import Facts
from bitpan.hw.operators.streams import Stream, number_format
from bitpan.hw.operators.writer import Writer
from bitpan.hw.sources import unit_sources
from bitpan.model import Node
from bitpan.operations import OPERATIONS

OPERATORS: list[type[Operator]] = []
"""Every operator class; a module of this package adds its own when it is imported."""

SCENE_PORTS = {"cfg_i": 50, "bank_of_frame_i": 16}
"""Ports of the scene-parameter bus and their bits (``bp_scene_pkg.sv``)."""

SIZE_PORTS = {"size_i": 32}
"""The port of units that count rows or columns: of the frames under way, in PAN pixels (``bp_scene_pkg::size_t``)."""


def attributes(integers: str, datatypes: str = "", **others: tuple[Any, ...]) -> dict[str, tuple[Any, ...]]:
    """Node attributes with FINN's ``(kind, required, default)``: required ones by name, ``others`` as they are."""
    required = {**dict.fromkeys(integers.split(), "i"), **dict.fromkeys(datatypes.split(), "s")}
    return {**{name: (kind, True, 0) for name, kind in required.items()}, **others}


class Operator(Facts, RTLBackend):  # type: ignore[misc]
    """Base of our operators. A subclass gives ``entry``, ``own``, the streams, and what differs from the answers here.

    Attributes:
        entry: the SystemVerilog module and its place in the table of units.
        own: node attributes (:func:`attributes`).
        op: the operation of integer models that it computes, if it computes one.
        only: which nodes of that operation it takes, if not all, for people.
        sized: whether it has the port ``size_i``; its attribute ``Stride``, PAN pixels per pixel of its first input, is
            then ``StrideBits``, its logarithm, among the parameters.
        settings: Verilog parameters, in order, that :meth:`given` writes.
        sparing: resources by FINN's names, and for each the attribute and its value with which it takes less of it.
    """

    entry: Unit
    own = attributes("Height Width")
    op = ""
    only = ""
    sized = False
    settings = ""
    sparing: tuple[tuple[str, str, int | str], ...] = ()

    # What a subclass says.

    def streams(self) -> tuple[list[Stream], list[Stream]]:
        """Input and output streams, in order; node inputs beyond the input streams are parameters."""
        raise NotImplementedError

    def parameters(self, constants: Sequence[Integers]) -> dict[str, str]:
        """Verilog parameters, given the constant inputs (weights, biases...) of the node."""
        return self.given()

    def cost(self) -> dict[str, float]:
        """Estimates by FINN's names: ``LUT``, ``DSP`` slices, block memories of 18 Kbit ``BRAM_18K``, ``URAM``."""
        return {}

    def compute(self, images: list[Integers], constants: list[Integers]) -> list[Integers]:
        """Output images from input ones, all ``(channels, height, width)``: the operation's; copies without one."""
        if not self.op:
            return images * len(self.streams()[1])
        operation = OPERATIONS[self.op]
        arrays = zip(operation.scene, constants) if self.scene_words() else zip(operation.constants, *constants)  # noqa: B905
        named = dict(arrays) | {key: self.attribute(key.capitalize()) for key in operation.attributes}
        return [operation.compute(images, named, number_format(self.streams()[1][0].datatype))]

    @classmethod
    def takes(cls, node: Node) -> bool:
        """Whether it computes this node of its operation."""
        return True

    @classmethod
    def make(cls, writer: Writer, node: Node) -> None:
        """Write the hardware of a node of the integer model: streams in, scene parameters, constants per channel."""
        table = [writer.model.constant(node, key) for key in OPERATIONS[node.op].needed(node.scene)]
        names = [writer.constant(f"{node.name}.table", np.stack(table), "INT32")] if table else []
        inputs = [*node.inputs, *node.scene, *names]
        writer.add(cls.__name__, node.name, inputs, [node.output], cls.placed(writer, node))

    @classmethod
    def placed(cls, writer: Writer, node: Node) -> dict[str, Any]:
        """Attributes of the FINN node, of those that ``own`` has; the model's go by their names in lower case."""
        _, height, width, channels = writer.shape(node.inputs[0])
        kinds = [writer.datatypes[name] for name in node.inputs]
        known = {"Height": height, "Width": width, "Channels": channels, "PE": 1, "inputDataTypes": kinds}
        known |= {"inputDataType": kinds[0], "outputDataType": writer.datatypes[node.output]}
        known |= {"Stride": writer.model.tensors[node.inputs[0]].stride}
        known |= {name: node.attributes[name.lower()] for name in cls.own if name.lower() in node.attributes}
        return {name: value for name, value in known.items() if name in cls.own}

    # What a subclass says it with.

    @property
    def unit(self) -> str:
        """The SystemVerilog module."""
        return self.entry.name

    def attribute(self, name: str) -> Any:  # noqa: ANN401 - an int, a string or a list, as the attribute says
        """A node attribute."""
        return self.get_nodeattr(name)

    def image(self, channels: int, lanes: int, kind: str) -> Stream:
        """A stream of ``Height`` x ``Width`` pixels."""
        return Stream(self.attribute("Height"), self.attribute("Width"), channels, lanes, kind)

    def given(self, **more: int | str) -> dict[str, str]:
        """The parameters in ``settings``, from ``more``, the first streams or the node's attributes; then others."""
        inputs, (y, *_) = self.streams()
        x = inputs[0]
        known: dict[str, int | str] = {"Channels": y.channels, "Pe": y.lanes, "Elements": y.lanes}
        known |= {"Height": x.height, "Width": x.width, "InBits": x.bits, "OutBits": y.bits}
        known |= {f"In{i}Bits": stream.bits for i, stream in enumerate(inputs)} | {"Bits": x.bits}
        known |= {"InWidth": self.get_instream_width(), "OutWidth": self.get_outstream_width()}
        known |= {f"{way}Signed": int(number_format(z.datatype).signed) for way, z in (("In", x), ("Out", y))}
        known |= more
        if "Stride" in self.own:
            known["StrideBits"] = int(self.attribute("Stride")).bit_length() - 1
        names = dict.fromkeys([*self.settings.split(), *more])
        return {name: str(known[name] if name in known else self.attribute(name)) for name in names}

    def saving(self, resource: str) -> tuple[float, float]:
        """From the costs without and with."""
        names = [name for key, name, _ in self.sparing if key == resource]
        if not names:
            return 0.0, 0.0
        now, before = self.attribute(names[0]), self.cost()
        self.spare(resource)
        after = self.cost()
        self.set_nodeattr(names[0], now)
        return before.get(resource, 0.0) - after.get(resource, 0.0), after["LUT"] - before["LUT"]

    def spare(self, resource: str) -> None:
        """Sets the attribute."""
        for key, name, value in self.sparing:
            if key == resource:
                self.set_nodeattr(name, value)

    def shared_ports(self) -> dict[str, int]:
        """Input ports that all units of the kind share, and their bits."""
        return (SCENE_PORTS if self.scene_words() else {}) | (SIZE_PORTS if self.sized else {})

    # What FINN asks.

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Attributes of the node."""
        return {**super().get_nodeattr_types(), **self.own, "BaseAddress": ("i", False, 0)}

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Shape of an input."""
        return self.streams()[0][ind].shape

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Shape of an output."""
        return self.streams()[1][ind].shape

    def get_folded_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Shape of an input with its channels split into beats and lanes."""
        return _folded(self.streams()[0][ind])

    def get_folded_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Shape of an output with its channels split into beats and lanes."""
        return _folded(self.streams()[1][ind])

    def get_input_datatype(self, ind: int = 0) -> BaseDataType:
        """Datatype of an input."""
        return DataType[self.streams()[0][ind].datatype]

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        """Datatype of an output."""
        return DataType[self.streams()[1][ind].datatype]

    def get_instream_width(self, ind: int = 0) -> int:
        """Bits of a beat; 0 for an input that is no stream."""
        inputs = self.streams()[0]
        return inputs[ind].lanes * inputs[ind].bits if ind < len(inputs) else 0

    def get_outstream_width(self, ind: int = 0) -> int:
        """Bits of a beat."""
        output = self.streams()[1][ind]
        return output.lanes * output.bits

    def get_exp_cycles(self) -> int:
        """Cycles per frame: the longest of its streams."""
        inputs, outputs = self.streams()
        return max(stream.beats for stream in [*inputs, *outputs])

    def make_shape_compatible_op(self, model: ModelWrapper) -> NodeProto:
        """A standard node with these output shapes, which stands in the operator's place while shapes are inferred.

        It is a choice between two equal graphs, since no other has several outputs of any shapes.
        """
        named = [(name, stream.shape) for name, stream in zip(self.onnx_node.output, self.streams()[1], strict=True)]
        nodes = [helper.make_node("RandomNormal", [], [name], shape=shape) for name, shape in named]
        outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in named]
        graph = helper.make_graph(nodes, "outputs", [], outputs)
        choice = self.onnx_node.input[:1]
        return helper.make_node("If", choice, self.onnx_node.output, then_branch=graph, else_branch=graph)

    def infer_node_datatype(self, model: ModelWrapper) -> None:
        """Datatypes are attributes; tell the graph."""
        for tensor, stream in zip(self.onnx_node.output, self.streams()[1], strict=True):
            model.set_tensor_datatype(tensor, DataType[stream.datatype])

    def lut_estimation(self, fpgapart: str) -> int:
        """LUTs."""
        return int(self.cost().get("LUT", 0))

    def dsp_estimation(self, fpgapart: str) -> int:
        """DSP slices."""
        return int(self.cost().get("DSP", 0))

    def bram_estimation(self, fpgapart: str) -> int:
        """Block memories of 18 Kbit."""
        return int(self.cost().get("BRAM_18K", 0))

    def uram_estimation(self, fpgapart: str) -> int:
        """Ultra memories."""
        return int(self.cost().get("URAM", 0))

    def execute_node(self, context: dict[str, Any], graph: GraphProto) -> None:
        """Execute by the number contract, in integers."""
        node, streams = self.onnx_node, self.streams()
        split = len(streams[0])
        images = [context[name][0].transpose(2, 0, 1).astype(np.int64, order="C") for name in node.input[:split]]
        constants = [np.asarray(context[name]).astype(np.int64) for name in node.input[split:]]
        for name, image in zip(node.output, self.compute(images, constants), strict=True):
            context[name] = image.transpose(1, 2, 0)[None].astype(np.float32)

    def generate_hdl(self, model: ModelWrapper, fpgapart: str, clk: float) -> None:
        """Write the wrapper ``<node>.v`` into the node's folder."""
        node = self.onnx_node
        folder = Path(self.get_nodeattr("code_gen_dir_ipgen"))
        split = len(self.streams()[0])
        found = [model.get_initializer(name) for name in node.input[split:]]
        constants = [value.astype(np.int64) for value in found if value is not None]
        (folder / f"{node.name}.v").write_text(self._wrapper(constants))
        for name in ("ipgen_path", "ip_path"):
            self.set_nodeattr(name, str(folder))
        self.set_nodeattr("gen_top_module", node.name)

    def get_rtl_file_list(self, abspath: bool = False) -> list[str]:
        """The wrapper and every unit below it."""
        folder = Path(self.get_nodeattr("code_gen_dir_ipgen"))
        files = [*unit_sources(self.unit), folder / f"{self.onnx_node.name}.v"]
        return [str(file) if abspath else file.name for file in files]

    def code_generation_ipi(self) -> list[str]:
        """Vivado commands that put the node into a block design."""
        files = [f"add_files -norecurse {file}" for file in self.get_rtl_file_list(abspath=True)]
        return [*files, f"create_bd_cell -type module -reference {self.onnx_node.name} {self.onnx_node.name}"]

    def _wrapper(self, constants: Sequence[Integers]) -> str:
        ports, links, ties = ["input ap_clk", "input ap_rst_n"], [".clk_i(ap_clk)", ".rst_ni(ap_rst_n)"], []
        ports += [f"input {bit_range(bits)}{name}" for name, bits in self.shared_ports().items()]
        links += [f".{name}({name})" for name in self.shared_ports()]
        inputs, outputs = self.streams()
        for way, there, back, streams in (("in", "input", "output", inputs), ("out", "output", "input", outputs)):
            for i, stream in enumerate(streams):
                width, name = stream.lanes * stream.bits, f"{way}{i}"
                padded = 8 * math.ceil(width / 8)
                ports += [f"{there} {bit_range(padded)}{name}_V_TDATA", f"{there} {name}_V_TVALID"]
                ports += [f"{back} {name}_V_TREADY"]
                links += [f".{name}_tdata_{there[0]}({name}_V_TDATA[{width - 1}:0])"]
                links += [f".{name}_tvalid_{there[0]}({name}_V_TVALID)", f".{name}_tready_{back[0]}({name}_V_TREADY)"]
                if padded > width and way == "out":
                    ties.append(f"    assign {name}_V_TDATA[{padded - 1}:{width}] = {padded - width}'b0;\n")
        values = self.parameters(constants)
        if self.scene_words():
            values["BaseAddress"] = str(self.attribute("BaseAddress"))
        settings = ",\n        ".join(f".{name}({value})" for name, value in values.items())
        return (
            f"// {self.onnx_node.name}: {self.unit} with FINN's port names; written by bitpan build.\n"
            f"module {self.onnx_node.name} (\n    " + ",\n    ".join(ports) + "\n);\n"
            f"    {self.unit} #(\n        {settings}\n    ) unit (\n        " + ",\n        ".join(links) + "\n    );\n"
            f"{''.join(ties)}endmodule\n"
        )


def operator(cls: type[Operator]) -> type[Operator]:
    """Register an operator with FINN, under its name and, as its own RTL variant, under ``<name>_rtl``.

    FINN's layer specialisation picks ``<name>_rtl``; both are the same class, since there is no other variant. A class
    of such a name is the variant of an operator that FINN has.
    """
    OPERATORS.append(cls)
    if cls.__name__.endswith("_rtl"):
        register_custom_op(cls)
        return cls
    register_abstract(cls)
    register_custom_op(type(f"{cls.__name__}_rtl", (cls,), {"__doc__": cls.__doc__, "__module__": cls.__module__}))
    return cls


class Folded(Operator):
    """Base: ``Channels`` in ``PE`` lanes, the same on all streams.

    Attributes:
        whole_pixels: whether its neighbours give or take all channels in a beat, whatever the target.
    """

    own = Operator.own | attributes("Channels PE")
    whole_pixels = False

    def fold(self, clocks: int) -> None:
        """The fewest lanes that keep up, or all."""
        channels = int(self.attribute("Channels"))
        for lanes in [channels] if self.whole_pixels else divisors(channels):
            self.set_nodeattr("PE", lanes)
            if self.get_exp_cycles() <= clocks:
                return

    def pe(self) -> int:
        """Lanes."""
        return int(self.attribute("PE"))

    def folds(self) -> int:
        """Beats of a pixel."""
        return int(self.attribute("Channels")) // self.pe()

    def folded(self, kind: str) -> Stream:
        """A stream of the image."""
        return self.image(self.attribute("Channels"), self.pe(), kind)


def divisors(n: int) -> list[int]:
    """Divisors of ``n``, ascending."""
    return [d for d in range(1, n + 1) if n % d == 0]


def block_memories(words: int, bits: int) -> int:
    """Block memories of 18 Kbit for ``words`` of ``bits`` each: 512 words of 36 bits, 1024 of 18 ... 16384 of 1."""
    shapes = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
    return min(math.ceil(words / depth) * math.ceil(bits / width) for depth, width in shapes)


def ultra_memories(words: int, bits: int) -> int:
    """Ultra memories for ``words`` of ``bits`` each: 4096 words of 72 bits."""
    return math.ceil(words / 4096) * math.ceil(bits / 72)


def signed_bits(values: Integers) -> int:
    """Bits of the smallest two's complement that holds all values."""
    return int(np.max(np.where(values < 0, ~values, values))).bit_length() + 1


def _folded(stream: Stream) -> tuple[int, ...]:
    return (1, stream.height, stream.width, stream.channels // stream.lanes, stream.lanes)


def bit_range(bits: int) -> str:
    """A vector's range in Verilog, for a declaration; none for a single bit."""
    return f"[{bits - 1}:0] " if bits > 1 else ""
