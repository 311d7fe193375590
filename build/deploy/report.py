"""``report.html``: what an accelerator is, what it costs and why, on one page that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from bitpan.build.boards import Board
from bitpan.build.deploy import energy, graph_svg, roofline
from bitpan.build.deploy.markup import bar, number, table
from bitpan.build.deploy.units import Row, ranked, rows
from bitpan.build.finn.design import Design
from bitpan.build.finn.fifo import fullest
from bitpan.hw.operators.writer import PREFIX

TEMPLATE = Path(__file__).with_suffix(".html")

_COLOURS = 10
"""Kinds of units that have a colour of their own, those with the most LUTs; the others are grey."""


def report(design: Design, board: Board, areas: Mapping[str, Any] | None = None) -> str:
    """The page as HTML; ``areas`` are Yosys' counts by unit, which stand beside the estimates where there are any."""
    units = rows(design, areas)
    drawn = ranked((row for row in units if not row.passes), "kind")
    colours = {kind: f"k{i}" for i, (kind, _) in enumerate(drawn[:_COLOURS])}
    model, pixels = design.model, design.height * design.width
    moved = roofline.traffic(model)
    found = roofline.loads(design, board)
    subtitle = (
        f"{model.bands} bands of {model.bits} bits, ratio {model.ratio}; {board.part} at {board.clock_mhz} MHz; "
        f"model {model.digest()[:16]}, signature {design.signature:08x}."
    )
    strides = sorted({row.stride for row in units} - {1})
    values = {
        "title": f"{model.name} on {board.name}",
        "subtitle": subtitle,
        "facts": _facts(design, board),
        "shares": _shares(design, board, areas),
        "counted": _counted(areas),
        "legend": _legend(strides),
        "graph": _graph(design, units, colours),
        "kinds": _bars(_with_shell(ranked(units, "kind"), design, units, areas), colours),
        "blocks": _bars(_with_shell(ranked(units, "block"), design, units, areas), {}),
        "verdicts": _verdicts(design),
        "roofline": roofline.draw(found, moved, board),
        "memory": _memory(found, moved, 1e6 * board.clock_mhz * pixels / design.period, board),
        "fifos": _fifos(design, units),
        "units": _units(design, units, areas),
        **_energy(design, board, areas, moved),
    }
    return Template(TEMPLATE.read_text()).substitute(values)


def _facts(design: Design, board: Board) -> str:
    pixels = design.height * design.width
    facts = {
        f"{design.period / pixels:.2f}": "clocks per PAN pixel",
        f"{board.clock_mhz * pixels / design.period:.2f} Mpixel/s": f"at {board.clock_mhz} MHz, halos included",
        f"{design.width} PAN pixels": f"widest strip, {design.model.tile_side(design.width)} from one to the next",
        f"{design.latency:,} clocks": f"a frame of {design.width} x {design.height} alone; "
        f"{design.period:,} among others",
    }
    return "".join(f"<div>{escape(fact)}<small>{escape(what)}</small></div>" for fact, what in facts.items())


def _shares(design: Design, board: Board, areas: Mapping[str, Any] | None) -> str:
    """A bar for each resource that the device has."""
    held = {"LUT": board.lut, "FF": board.ff, "DSP": board.dsp, "BRAM36": board.bram36, "URAM": board.uram}
    estimated = {**design.totals, "BRAM36": design.totals["BRAM_18K"] / 2}
    lines = []
    for name, count in held.items():
        for used, by in ((estimated.get(name), "estimate"), ((areas or {}).get("totals", {}).get(name), "Yosys")):
            if count and used is not None:
                cells = [name, by, number(used), f"of {count:,}", f"{used / count:.1%}", bar(used / count)]
                lines.append(cells)
    return table(["", "", "", "", "", ""], lines, text=(0, 1, 5), head=False)


def _counted(areas: Mapping[str, Any] | None) -> str:
    if areas is None:
        return "Estimates are sums of the units' own. Flip-flops are not estimated; bitpan build --luts counts all."
    return (
        f"Estimates are sums of the units' own; Yosys counted each kind of unit by itself for {areas['family']}, "
        f"longest path {areas['totals']['levels']:g} LUT levels."
    )


def _legend(strides: Sequence[int]) -> str:
    named = {2: "dashed", 4: "dotted"}
    half = "".join(f"; {named.get(s, 'also')} boxes give one pixel of {s} x {s}" for s in strides)
    return (
        "Colours are those of the kinds; numbers on streams are the depths of FIFOs, in beats, orange streams pass by "
        f"other units{half}. A pointer over a box or a stream is told more."
    )


def _graph(design: Design, units: Sequence[Row], colours: Mapping[str, str]) -> str:
    """Boxes for units that compute; what only waits, copies or changes lanes is on the streams between them."""
    graph = design.graph
    known = {f"{PREFIX}{row.name}": row for row in units}
    pace = max(row.clocks for row in units)
    boxes = [
        graph_svg.Box(name, name.upper(), "input", f"{name}: {graph.get_tensor_shape(name)}", "end") for name in ENDS
    ]
    edges = []
    for node in graph.graph.node:
        row = known[node.name]
        if row.passes:
            continue
        style = f"{colours.get(row.kind, '')} s{row.stride}"
        boxes.append(graph_svg.Box(node.name, row.kind, _short(row.name), _told(row, pace), style))
        edges += [_stream(design, tensor, node.name, known) for tensor in row.unit.stream_inputs]
    edges.append(_stream(design, "fused", "fused", known))
    boxes.append(graph_svg.Box("fused", "FUSED", "output", "the fused image", "end"))
    return graph_svg.draw(boxes, edges)


ENDS = ("pan", "ms")
"""The graph's inputs."""


def _stream(design: Design, tensor: str, target: str, known: Mapping[str, Row]) -> graph_svg.Edge:
    """From the unit that computes ``tensor`` to ``target``, over all that only passes it on."""
    depths, passed, name = [], [], tensor
    producer = design.graph.find_producer(name)
    while producer is not None and known[producer.name].passes:
        name = producer.input[0]
        passed.append(known[producer.name].name)
        if name in design.fifos:
            depths.append(f"{design.fifos[name]:,}")
        producer = design.graph.find_producer(name)
    source = name if producer is None else producer.name
    over = f"; over {', '.join(reversed(passed))}" if passed else ""
    shape = " x ".join(map(str, design.graph.get_tensor_shape(tensor)[1:]))
    title = f"{source.removeprefix(PREFIX)} to {target.removeprefix(PREFIX)}: {name}, {shape}{over}"
    return graph_svg.Edge(source, target, " + ".join(reversed(depths)), title)


def _told(row: Row, pace: int) -> str:
    return (
        f"{row.name}: {row.kind}, lanes {row.lanes}, {row.clocks:,} clocks a frame, {row.clocks / pace:.0%} of the "
        f"pace; {row.luts:,.0f} LUT, {row.dsp:g} DSP, {row.bram:g} BRAM36, {row.uram:g} URAM"
    )


def _bars(ranked: Sequence[tuple[str, float]], colours: Mapping[str, str]) -> str:
    whole, most = max(1.0, sum(value for _, value in ranked)), max(1.0, ranked[0][1])
    lines = [
        [name, number(value), f"{value / whole:.1%}", bar(value / most, colours.get(name, ""))]
        for name, value in ranked
    ]
    return table(["", "LUT", "", ""], lines, text=(0, 3))


SHELL = "DMA, registers, gates"
"""What surrounds the units, by one name."""


def _shell(design: Design, units: Sequence[Row], areas: Mapping[str, Any] | None) -> float:
    """LUTs of it, counted or else estimated."""
    totals: Mapping[str, float] = areas["totals"] if areas else design.totals
    return totals["LUT"] - sum(row.luts for row in units)


def _with_shell(
    ranked: list[tuple[str, float]], design: Design, units: Sequence[Row], areas: Mapping[str, Any] | None
) -> list[tuple[str, float]]:
    return sorted([*ranked, (SHELL, _shell(design, units, areas))], key=lambda item: -item[1])


def _verdicts(design: Design) -> str:
    lines = [
        [each.step, number(each.tensors), number(each.frames), '<span class="good">equal</span>']
        for each in design.compared
    ]
    return table(["step", "tensors", "frames", "verdict"], lines, text=(0, 3))


def _memory(found: Mapping[str, roofline.Load], moved: float, rate: float, board: Board) -> str:
    operations = " and ".join(f"{load.operations:,.0f} {name}" for name, load in found.items())
    return (
        f"Convolutions alone: {operations} operations a PAN pixel, two a product. PAN and MS come in and the fused "
        f"image goes out at 16 bits, {moved:g} bytes a PAN pixel, so {moved * rate / 1e6:,.0f} MB/s at this pace. "
        "Horizontal lines: all lanes busy in every clock. Assumed: the board's memory moves at most "
        f"{board.memory_gbytes:g} GB/s, and one port of 64 or 128 bits at {board.clock_mhz} MHz carries both ways."
    )


def _energy(design: Design, board: Board, areas: Mapping[str, Any] | None, moved: float) -> dict[str, str]:
    totals, megapixels = design.totals, board.clock_mhz * design.height * design.width / design.period
    used = {**totals, "BRAM36": totals["BRAM_18K"] / 2, **({} if areas is None else {"LUT": areas["totals"]["LUT"]})}
    found = energy.shares(used, board, 1e6 * megapixels * moved)
    lines = [
        [each.name, number(each.count), f"{each.picojoules:.3g}", f"{each.milliwatts:,.1f}", each.basis]
        for each in found
    ]
    watts = sum(each.milliwatts for each in found) / 1e3
    lines.append(["in all", "", "", f"{1e3 * watts:,.1f}", f"{1e3 * watts / megapixels:,.2f} mJ a Mpixel"])
    nm, volts = energy.SILICON[board.zynq]
    papers = "; ".join(f"{name}: {paper}" for name, paper in energy.SOURCES.items())
    return {
        "energy": table(["", "count", "pJ each", "mW", "published"], lines, text=(0, 4), last=True),
        "assumptions": (
            f"Published figures are scaled to {nm} nm and {volts:g} V: energy goes with the size and the square of the "
            "voltage; every resource works in every clock. Leakage, the processor and the board are left out: each "
            f"watt of theirs adds {1e3 / megapixels:,.0f} mJ a Mpixel at this pace. {escape(papers)}."
        ),
    }


def _fifos(design: Design, units: Sequence[Row]) -> str:
    """By edge; where the beats are kept follows from what the FIFO takes."""
    known = {f"{PREFIX}{row.name}": row for row in units}
    lines = []
    for tensor, depth in design.fifos.items():
        parts = _parts(design, tensor, known)
        bits, full = parts[0].unit.get_instream_width(0), fullest(depth)
        uram, bram, luts = (sum(getattr(row, key) for row in parts) for key in ("uram", "bram", "luts"))
        memory = f"{uram:g} URAM" if uram else f"{bram:g} BRAM36" if bram else f"{luts:,.0f} LUT"
        name, block = parts[-1].name, parts[-1].block
        cells = [name, block, number(depth), number(full), f"{full / depth:.0%}", bar(full / depth)]
        lines.append([*cells, number(bits), f"{depth * bits / 1024:,.1f}", memory])
    heads = ["FIFO", "block", "depth", "fullest", "", "", "bits a beat", "Kbit", "kept in"]
    return table(heads, lines, text=(0, 1, 5))


def _parts(design: Design, tensor: str, known: Mapping[str, Row]) -> list[Row]:
    """The FIFO on an edge, which may be two, one behind the other."""
    parts = [known[design.graph.find_consumers(tensor)[0].name]]
    while (row := known[design.graph.find_consumers(parts[-1].unit.onnx_node.output[0])[0].name]).kind == parts[0].kind:
        parts.append(row)
    return parts


def _units(design: Design, units: Sequence[Row], areas: Mapping[str, Any] | None) -> str:
    """Those that compute, then all that lies on streams, folded away, and the sum of both."""
    pace = max(row.clocks for row in units)
    heads = ["unit", "kind", "block", "stride", "lanes", "clocks", "of the pace", "", "LUT"]
    heads += [*(["LUT, Yosys"] if areas else []), "DSP", "BRAM36", "URAM"]
    blank = [""] * 7

    def line(row: Row) -> list[str]:
        cells = [row.name, row.kind, row.block, str(row.stride), row.lanes, number(row.clocks)]
        return [*cells, f"{row.clocks / pace:.1%}", bar(row.clocks / pace), *cost([row])]

    def cost(found: Sequence[Row], more: tuple[float, float] = (0, 0)) -> list[str]:
        counted = [number(sum(row.luts for row in found) + more[1])] if areas else []
        sums = [sum(getattr(row, column) for row in found) for column in ("lut", "dsp", "bram", "uram")]
        return [number(sums[0] + more[0]), *counted, *map(number, sums[1:])]

    computing, passing = ([row for row in units if row.passes is way] for way in (False, True))
    sums = [["on streams", *blank, *cost(passing)]]
    own = design.totals["LUT"] - sum(row.lut for row in units), _shell(design, units, areas)
    sums.append([SHELL, *blank, *cost([], own)])
    sums.append(["in all", *blank, *cost(units, own)])
    text = (0, 1, 2, 7)
    inner = table(heads, [line(row) for row in passing], text=text)
    whole = table(heads, [*(line(row) for row in computing), *sums], text=text, last=True)
    kinds = ", ".join(f"{sum(row.kind == kind for row in passing)} {kind}" for kind, _ in ranked(passing, "kind"))
    return f"{whole}<details><summary>On streams: {kinds or 'none'}</summary>{inner}</details>"


def _short(name: str) -> str:
    return name if len(name) < 25 else f"{name[:11]}…{name[-12:]}"
