"""What a design costs on a Xilinx device, from Yosys: LUTs, flip-flops, block memories, DSPs, and its longest path.

    area(unit_sources("bp_stream_fifo"), "bp_stream_fifo", {"Width": 8, "Depth": 4})

Yosys runs in a process of its own, so that a crash or an endless run stops nothing else, and results are cached by
content under ``$BITPAN_CACHE`` (default ``~/.cache/bitpan``). Synthesis time grows faster than the design: measure a
whole accelerator unit by unit and add the areas up, identical units come from the cache.

Counts are Yosys's own: Vivado packs two small LUTs into one and usually ends some 10 to 20 % lower. What a level of the
longest path is stands in `paths`.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from bitpan.cache import remembered
from bitpan.errors import BuildError, MissingDependencyError
from bitpan.hw.measure import paths
from bitpan.hw.packing import parameter_value

FAMILIES = ("xc7", "xcup")
"""Zynq-7000 and Zynq UltraScale+, as Yosys calls them."""

WIRE = 640
"""Picoseconds of a wire to a LUT: a level of `paths`. With the 300 that Yosys takes by itself it saves LUTs on paths
through the quick inputs of eight of them, since a block memory's read and two LUTs take as long."""

_HEADERS = (".svh", ".vh")
_READ = "read_slang --threads 1 --ignore-assertions --ignore-timing --allow-use-before-declare"
_WORKER = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for line in open(sys.argv[1]):
    libyosys.run_pass(line.rstrip("\\n"), design)
"""

# LUTs that a cell takes; multiplexers (MUXF7, MUXF8) and inverters ride along in others' slices.
_LUTS = {"SRL16E": 1, "SRLC32E": 1, "LUT6_2": 1, **{f"LUT{n}": 1 for n in range(1, 7)}}
_LUTS |= {"RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4, "RAM512X1S": 8}
_LUTS |= {"RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM256X1D": 8}
_LUTS |= {"RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8, "RAM32X16DR8": 8, "RAM64X8SW": 8}


@dataclass(frozen=True)
class Area:
    """Cost of a design; areas add up, ``sum(areas, Area())``, and the longest of their paths stays.

    Attributes:
        lut: LUTs as logic, memory and shift registers.
        ff: flip-flops.
        bram36: block memories of 36 Kbit, halves for those of 18.
        dsp: DSP slices.
        carry: carry cells, of 4 bits on both families.
        uram: UltraRAMs.
        cells: number of each primitive.
        path: the longest path, with the nets at its ends.
    """

    lut: int = 0
    ff: int = 0
    bram36: float = 0.0
    dsp: int = 0
    carry: int = 0
    uram: int = 0
    cells: Mapping[str, int] = field(default_factory=dict)
    path: paths.Path = field(default_factory=paths.Path)

    @property
    def levels(self) -> float:
        """LUT levels of the longest path."""
        return self.path.levels

    @classmethod
    def of(cls, cells: Mapping[str, int], path: paths.Path | None = None) -> Area:
        """Area of a number of primitives."""

        def count(pattern: str) -> int:
            return sum(n for kind, n in cells.items() if re.fullmatch(pattern, kind))

        return cls(
            lut=sum(_LUTS.get(kind, 0) * n for kind, n in cells.items()),
            ff=count(r"FD[RSCP]E(_1)?|LD[CP]E"),
            bram36=count(r"RAMB36E\d") + count(r"RAMB18E\d") / 2,
            dsp=count(r"DSP\w+"),
            carry=count(r"CARRY\d"),
            uram=count(r"URAM288\w*"),
            cells=dict(sorted(cells.items())),
            path=path or paths.Path(),
        )

    def __add__(self, other: Area) -> Area:
        kinds = {*self.cells, *other.cells}
        cells = {kind: self.cells.get(kind, 0) + other.cells.get(kind, 0) for kind in kinds}
        return Area.of(cells, max(self.path, other.path, key=lambda path: path.levels))


@dataclass(frozen=True)
class Design:
    """What Yosys is given; equal content has the same `key`, wherever the sources lie.

    Attributes:
        top: name of the top module.
        names: what each source file is called beside the script.
        script: Yosys' commands.
        key: hash of all that a result depends on.
    """

    top: str
    names: Mapping[Path, str]
    script: str
    key: str


def area(
    sources: Sequence[Path | str],
    top: str,
    parameters: Mapping[str, int | str] | None = None,
    family: str = "xc7",
    timeout: float = 1800.0,
) -> Area:
    """Synthesise ``top`` for a device family, or find the result in the cache.

    Args:
        sources: SystemVerilog and Verilog files; headers (``.svh``, ``.vh``) are found by include.
        top: name of the top module.
        parameters: its parameters; a string is a Verilog literal (`packing.literal`).
        family: one of `FAMILIES`.
        timeout: seconds that Yosys may take.

    Raises:
        MissingDependencyError: pyosys is not installed.
        BuildError: a source is missing, or Yosys refused, crashed or took too long.
    """
    design = prepare(sources, top, parameters, family)

    def synthesised() -> dict[str, Any]:
        found = _synthesise(design, timeout)
        return {"cells": found.cells, "path": asdict(found.path)}

    content = remembered("area", design.key, synthesised)
    return Area.of(content["cells"], paths.Path(**content["path"]))


def prepare(
    sources: Sequence[Path | str],
    top: str,
    parameters: Mapping[str, int | str] | None = None,
    family: str = "xc7",
) -> Design:
    """Check the arguments of `area` and name their content; raises as that does."""
    if family not in FAMILIES:
        raise BuildError(f"device family {family!r} is none of {', '.join(FAMILIES)}")
    commands = [
        f"scratchpad -set synth_xilinx.abc9.W {WIRE}",
        f"synth_xilinx -family {family} -flatten -noiopad -top {top}",
        "tee -q -o stat.json stat -json",
        f"select {top}",
        "write_json -selected netlist.json",
    ]
    return script(sources, top, parameters or {}, commands)


def script(
    sources: Sequence[Path | str], top: str, parameters: Mapping[str, int | str], commands: Sequence[str]
) -> Design:
    """Yosys ``commands`` on the sources, once they are read.

    Raises:
        MissingDependencyError: pyosys is not installed.
        BuildError: a source is missing.
    """
    files = [Path(s).resolve() for s in sources]
    missing = [str(f) for f in files if not f.is_file()]
    if missing:
        raise BuildError(f"source file missing: {', '.join(missing)}")
    files.sort(key=lambda file: file.name)  # the order in which they are found is no part of the key
    names = {f: f.name if f.suffix in _HEADERS else f"source{i}{f.suffix}" for i, f in enumerate(files)}
    options = [f"-G {name}={parameter_value(value)}" for name, value in sorted(parameters.items())]
    read = [n for f, n in names.items() if f.suffix not in _HEADERS]
    text = "\n".join([" ".join([_READ, *options, f"-I . --top {top}", *read]), *commands])
    return Design(top, names, text, _key(names, text))


def _key(names: Mapping[Path, str], script: str) -> str:
    """Hash of the content, of Yosys' version and of the rules of `paths`; where the sources lie does not matter."""
    try:
        version = metadata.version("pyosys")
    except metadata.PackageNotFoundError as error:
        raise MissingDependencyError("Yosys is not installed: pip install 'bitpan[fpga]'") from error
    digest = hashlib.sha256(f"{version}\n{script}".encode())
    for file, name in [*names.items(), (Path(paths.__file__), "paths")]:
        digest.update(f"\n{name} {hashlib.sha256(file.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()[:32]


def _synthesise(design: Design, timeout: float) -> Area:
    """Run Yosys on the design."""
    with executed(design, timeout) as work:
        cells: dict[str, int] = json.loads((work / "stat.json").read_text())["design"]["num_cells_by_type"]
        return Area.of(cells, paths.longest(json.loads((work / "netlist.json").read_text())["modules"][design.top]))


@contextmanager
def executed(design: Design, timeout: float) -> Iterator[Path]:
    """Run Yosys on copies of the sources, since it cannot quote a path; gives the folder with what the script wrote.

    Raises:
        BuildError: Yosys refused, crashed or took too long.
    """
    with tempfile.TemporaryDirectory(prefix="bitpan-yosys-") as folder:
        work = Path(folder)
        for file, name in design.names.items():
            shutil.copyfile(file, work / name)
        (work / "script.ys").write_text(design.script + "\n")
        command = [sys.executable, "-c", _WORKER, "script.ys"]
        with (work / "log").open("w") as log:
            try:
                code = subprocess.run(
                    command, cwd=work, stdout=log, stderr=log, stdin=subprocess.DEVNULL, timeout=timeout, check=False
                ).returncode
            except subprocess.TimeoutExpired as error:
                raise BuildError(
                    f"Yosys took more than {timeout:g} s for {design.top}: synthesise smaller units"
                ) from error
        if code != 0:
            told = (work / "log").read_text()
            for file, name in design.names.items():
                told = told.replace(name, file.name)
            raise BuildError(f"Yosys failed on {design.top} (exit code {code}): {_fault(told)}")
        yield work


def _fault(log: str) -> str:
    """The first lines of a log that speak of an error, else its last ones."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return " | ".join([line for line in lines if "ERROR:" in line][:4] or lines[-3:])
