"""The page `docs/results.md` and what the README shows of the demo.

Both are made of the records that `benchmarks/results.py` keeps; the page also of the sweeps' tables.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bitpan.build.table import markdown

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "results.md"
README = ROOT / "README.md"
MEASURED = ROOT / "docs" / "results" / "measured.json"
SWEEPS = (
    "minutes",
    "corrected",
    "corrected_s2bnet",
    "twins_s2bnet",
    "corrected_bnnpan",
    "rivals",
    "planes",
    "ablations_s2bnet",
    "ablations_bnnpan",
)
DECIMALS = {"PSNR": 2, "SAM": 3, "ERGAS": 3, "HQNR": 4}

KINDS = {"": "4 bands at ratio 4", "-8b4": "8 bands at ratio 4", "-4b2": "4 bands at ratio 2"}
"""What members of the families are for, by what their names end in."""

DEMO, END = "<!-- demo: made by `make results` -->", "<!-- end of demo -->"
"""Around the README's block."""

Record = Mapping[str, Any]
Records = Mapping[str, Record]

INTRODUCTION = """# Results

Every figure that bitpan states of itself, with its command. `make results` (`benchmarks/results.py`) measures them and
writes this page: nothing on it is typed. A part is measured anew where its record in
[results/measured.json](results/measured.json) is of other sources than those that are there;
`python benchmarks/results.py --again PART` measures it in any case. Times are those of the machine and of its load
(processes that wanted to run when the part began), which each part names; the other figures are the same on every
machine, but for what a training ends with.

**Nothing here has run through Vivado or on a board**: cycles are counted in simulation, LUTs by Yosys."""


def page(records: Records) -> str:
    """The whole page."""
    parts = [INTRODUCTION, *_demo(records), *_accelerators(records), *_quality(records), *_scenes(records)]
    parts += [*_benchmarks(records), *_sweeps(), *_versions(records)]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _demo(records: Records) -> Iterable[str]:
    if "demo" not in records:
        return
    record = records["demo"]
    found = record["figures"]
    same = ", ".join(f"{stage} {'yes' if equal else 'NO'}" for stage, equal in found["bit_exact"].items())
    rows = [[name, *_cells(row)] for name, row in found["quality"].items()]
    yield "## The demo"
    yield _origin(record)
    yield _table(["method", "PSNR, dB", "SAM, °", "ERGAS"], rows)
    yield (
        f"Equal to PyTorch in every bit of a whole frame: {same}. {found['cycles_per_pixel']} cycles per PAN pixel, "
        f"{found['luts']:,} LUT; {found['seconds']:.0f} s with nothing cached."
    )


def _accelerators(records: Records) -> Iterable[str]:
    yield "## Accelerators"
    tables = [name for name in records if name.startswith("table of")]
    if tables:
        yield (
            "The fastest that fits each board, in strips of any height and the width named. Cycles per PAN "
            "pixel are from frame to frame as estimated, which the proofs below hold to; Mpixel/s are what is "
            "delivered of a scene of 10,000 x 10,000 pixels, halos paid, at the clock that the board's block design "
            "asks for. Resources are Yosys' counts unit by unit, with the share of the device; levels those of the "
            "longest path in a unit."
        )
    for name in tables:
        yield _origin(records[name], name)
        yield markdown(records[name]["figures"])
    for name in records:
        if name.startswith("proof of"):
            yield _origin(records[name], name)
            yield _block("".join(records[name]["printed"]))


def _quality(records: Records) -> Iterable[str]:
    for suffix, title in KINDS.items():
        if f"quality{suffix}" in records:
            record = records[f"quality{suffix}"]
            yield f"## Quality of the weights that ship: synthetic scenes that no training saw, {title}"
            yield _origin(record)
            yield (
                "Mean ± standard deviation over the scenes; each network beside itself with unrounded features and the "
                "exact norm (*real features*), which tells what the integers cost."
            )
            yield _indices(record["figures"])


def _scenes(records: Records) -> Iterable[str]:
    for suffix, title in KINDS.items():
        if f"scenes{suffix}" in records:
            record = records[f"scenes{suffix}"]
            part = "whole" if suffix else "the right 30 % of each one's columns"
            yield f"## Quality of the weights that ship: real scenes, {title}"
            yield _origin(record)
            yield (
                "Trained on synthetic scenes alone; mean ± standard deviation over the scenes that the command names, "
                f"{part}."
            )
            yield _indices(record["figures"])
    if "adapted" in records:
        yield "## Adapted to a misregistered QuickBird pair"
        yield _origin(records["adapted"])
        yield _block(records["adapted"]["printed"][0])


def _benchmarks(records: Records) -> Iterable[str]:
    for name, title, note in (
        ("cpu", "The CPU engine", "Mpixel/s are PAN pixels of a frame, halo included."),
        (
            "scene",
            "A whole scene on the CPU",
            "From GeoTIFF to GeoTIFF, scene parameters and the start of Python included.",
        ),
        (
            "peers",
            "Beside others on the CPU",
            "All on the same two cores, taking turns. GDAL's Brovey weighs the bands alike, as it does by default.\n\n"
            "![Rate against PSNR](results/peers.png)",
        ),
        (
            "files",
            "Files beside GDAL's Brovey",
            "Reading, preparing, compressing and writing alone, in a process that is there, as with an accelerator.",
        ),
        ("training", "An iteration of training", "What `bitpan train --compile` brings."),
        (
            "prices",
            "What two planes, width and depth cost in hardware",
            "Estimates as of `bitpan explore`, of untrained networks; what they bring is in "
            "[researcher.md](researcher.md#what-the-tables-show).",
        ),
        ("simulation", "The simulator", "Verilated units at full pace, on one core."),
        (
            "upsets",
            "Flipped bits of parameters",
            "One bit at a time, of a sample of each kind; what follows from it is in "
            "[engineer.md](engineer.md#upsets). Of independent upsets the squares of the damage add.",
        ),
    ):
        if name in records:
            yield f"## {title}"
            yield _origin(records[name])
            yield note
            yield _block("".join(records[name]["printed"]))


def _sweeps() -> Iterable[str]:
    yield "## Comparisons of networks"
    yield (
        "Trained and judged by `bitpan sweep` on four real scenes, the right 30 % of each held out for the test, the "
        "planes on synthetic ones; ± is over the seeds. What the arms are and what the tables show is in "
        "[researcher.md](researcher.md). Tables with every index, rates and times are linked; `docs/results/` keeps "
        "every training they stand on."
    )
    for name in SWEEPS:
        document = json.loads((ROOT / "docs" / "results" / name / "table.json").read_text())
        table = document["table"]
        yield f"### [{document['sweep']['title']}](results/{name}/table.md)"
        yield _indices(table, ("seeds", "binary MACs", "other MACs"))
        own = document["versions"]
        yield (
            f"`{document['command']}`, {document['date'][:10]}, {document['hardware']['cpu']}; bitpan {own['bitpan']}, "
            f"PyTorch {own['torch']}."
        )


def _versions(records: Records) -> Iterable[str]:
    """Each set of versions once, with the parts it measured."""
    found: dict[str, list[str]] = {}
    for name, record in records.items():
        tools = (f"{tool} {number}" for tool, number in record["versions"].items() if number != "not installed")
        found.setdefault(", ".join(tools), []).append(name)
    yield "## Versions"
    yield "\n".join(f"- {', '.join(names)}: {tools}" for tools, names in found.items())


def readme(text: str, records: Records) -> str:
    """The README, showing what the demo printed when it was measured."""
    before, rest = text.split(DEMO, 1)
    _, after = rest.split(END, 1)
    printed = records["demo"]["printed"][0]
    return f"{before}{DEMO}\n{_block(printed[printed.index('Proof of one whole') :])}\n{END}{after}"


def _indices(table: Mapping[str, Mapping[str, Any]], facts: Sequence[str] = ("binary MACs", "other MACs")) -> str:
    """Methods, the best PSNR first, by the indices that all sections show and some facts."""
    known = [index for index in DECIMALS if any(index in row for row in table.values())]
    ordered = sorted(table.items(), key=lambda entry: -entry[1]["PSNR"]["mean"])
    rows = [
        [name, *(_index(index, row.get(index)) for index in known), *(_fact(row.get(fact)) for fact in facts)]
        for name, row in ordered
    ]
    return _table(["method", *known, *facts], rows)


def _index(name: str, value: Mapping[str, float | None] | None) -> str:
    if value is None or value["mean"] is None:
        return ""
    spread = "" if value["deviation"] is None else f" ± {value['deviation']:.{DECIMALS[name]}f}"
    return f"{value['mean']:.{DECIMALS[name]}f}{spread}"


def _fact(value: float | None) -> str:
    return "" if value is None else f"{value:,g}" if value < 1e6 else f"{value:,.0f}"


def _cells(row: Mapping[str, float]) -> list[str]:
    return [f"{value:.{DECIMALS[name]}f}" for name, value in row.items()]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [list(heads), ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _block(text: str) -> str:
    return f"```\n{text.strip()}\n```"


def _origin(record: Record, what: str = "") -> str:
    """The commands, and when and where they ran."""
    commands = _block("\n".join(record["commands"]))
    lead = f"{what[0].upper()}{what[1:]}:\n\n" if what else ""
    where = f"{record['date']}, {record['seconds']:,} s on {record['hardware']}, load {record['load']:g}"
    return f"{lead}{commands}\n\n{where}."
