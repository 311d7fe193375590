"""FuseSoC core files of the units, ``rtl/<module>.core``, so that others can take one unit out with what it needs.

``python -m bitpan.hw.cores`` writes them anew after a module came, went or got another part.
"""

from __future__ import annotations

import json
import re

from bitpan.files import write_beside
from bitpan.hw import sources

VERSION = "0.2.0"
"""Of the units together; a change of a port, a parameter or a name raises it."""


def core(module: str) -> str:
    """The core file (CAPI 2) of a module: its own source alone, the modules and packages it names as dependencies."""
    header = " ".join(re.findall(r"^// ?(.*)", sources.rtl(module).read_text().split("\n\n")[0], re.MULTILINE))
    about = re.split(r"[:;]| \(|\.(?:\s|$)", header)[0]
    lines = ["CAPI=2:", "# Written by python -m bitpan.hw.cores.", f"name: {_name(module)}"]
    lines += [f"description: {json.dumps(about)}", "filesets:", "  rtl:"]
    lines += [f"    files: [{module}.sv]", "    file_type: systemVerilogSource"]
    if parts := sources.depends(module):
        lines += ["    depend:", *(f"      - {_name(part)}" for part in parts)]
    lines += ["targets:", "  default: &default", "    filesets: [rtl]"]
    if not module.endswith("_pkg"):
        lines += [f"    toplevel: {module}", "  lint:", "    <<: *default"]
        lines += ["    flow: lint", "    flow_options:", "      tool: verilator"]
    return "\n".join(lines) + "\n"


def _name(module: str) -> str:
    return f"bitpan:units:{module}:{VERSION}"


def write() -> None:
    """Write the core file of every module beside it and remove those without a module."""
    modules = {file.stem for file in sources.RTL.glob("*.sv")}
    for module in sorted(modules):
        write_beside(sources.RTL / f"{module}.core", core(module).encode())
    for file in sources.RTL.glob("*.core"):
        if file.stem not in modules:
            file.unlink()


if __name__ == "__main__":
    write()
