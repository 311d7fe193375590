"""The units of a design as a reader of ``report.html`` meets them: name, kind, block, lanes, clocks, cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bitpan.build.finn.design import Design
from bitpan.build.finn.flow import instance
from bitpan.hw.operators.facts import Facts
from bitpan.hw.operators.writer import PREFIX, module_name


@dataclass(frozen=True)
class Row:
    """A unit of the graph.

    Attributes:
        name: its node's, without what all have in common.
        kind: of unit.
        block: of the network that it is in or feeds.
        stride: PAN pixels per pixel of its output, on either axis.
        lanes: elements of a beat, in and out.
        clocks: of a frame.
        lut, dsp, bram, uram: estimates; block memories of 36 Kbit.
        counted: LUTs by Yosys, if it was asked.
        unit: the operator itself.
    """

    name: str
    kind: str
    block: str
    stride: int
    lanes: str
    clocks: int
    lut: float
    dsp: float
    bram: float
    uram: float
    counted: float | None
    unit: Facts

    @property
    def luts(self) -> float:
        """Counted, or else estimated."""
        return self.lut if self.counted is None else self.counted

    @property
    def passes(self) -> bool:
        """Whether what comes in goes out as it is: a FIFO, a converter of lanes, a duplicator."""
        unit, node = self.unit, self.unit.onnx_node
        shape = tuple(unit.get_normal_input_shape(0))
        same = all(tuple(unit.get_normal_output_shape(i)) == shape for i in range(len(node.output)))
        return same and len(node.input) == 1 and not getattr(unit, "op", "")


def rows(design: Design, areas: Mapping[str, Any] | None) -> list[Row]:
    """All units, in the order of the graph."""
    blocks = _blocks(design)
    width = design.graph.get_tensor_shape("pan")[2]
    found = []
    for node in design.graph.graph.node:
        unit, cost = instance(node), design.estimates[node.name]
        lanes = [unit.get_folded_input_shape(0)[-1], unit.get_folded_output_shape(0)[-1]]
        found.append(
            Row(
                name=node.name.removeprefix(PREFIX),
                kind=node.op_type.removesuffix("_rtl"),
                block=blocks[node.name],
                stride=max(1, round(width / design.graph.get_tensor_shape(node.output[0])[2])),
                lanes=" → ".join(f"{n:,}" for n in dict.fromkeys(lanes)),
                clocks=unit.clocks(),
                lut=cost["LUT"],
                dsp=cost["DSP"],
                bram=cost["BRAM_18K"] / 2,
                uram=cost["URAM"],
                counted=None if areas is None else areas["nodes"][node.name]["LUT"],
                unit=unit,
            )
        )
    return found


def _blocks(design: Design) -> dict[str, str]:
    """By node's name the first part of the name of the model's node that it belongs to, else its producer's block."""
    known = {module_name(node.name): node.name.split(".")[0] for node in design.model.nodes}
    found: dict[str, str] = {}
    for node in design.graph.graph.node:
        mine = [name for name in known if node.name == name or node.name.startswith(f"{name}_")]
        producer = design.graph.find_producer(node.input[0])
        before = found[producer.name] if producer is not None else "input"
        found[node.name] = known[max(mine, key=len)] if mine else before
    return found


def ranked(units: Iterable[Row], by: str) -> list[tuple[str, float]]:
    """LUTs by kind or block, most first."""
    sums: dict[str, float] = defaultdict(float)
    for row in units:
        sums[getattr(row, by)] += row.luts
    return sorted(sums.items(), key=lambda item: -item[1])
