"""Where a result comes from: the command, the versions, the hardware and the date."""

from __future__ import annotations

import platform
import shlex
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from bitpan import __version__

LIBRARIES = ("torch", "numpy", "scipy", "brevitas")
"""Packages whose version may change a result's digits."""


def provenance(began: float, device: str = "cpu") -> dict[str, Any]:
    """What every table says of itself; ``began`` is the start in ``time.monotonic()``."""
    return {
        "command": shlex.join(["bitpan", *sys.argv[1:]]),
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "seconds": round(time.monotonic() - began, 1),
        "versions": versions(),
        "hardware": hardware(device),
    }


def versions() -> dict[str, str]:
    """Of bitpan, Python and the libraries."""
    own = {"bitpan": __version__, "python": platform.python_version()}
    return own | {library: version(library) for library in LIBRARIES}


def hardware(device: str = "cpu") -> dict[str, Any]:
    """Processor, PyTorch's threads, and the accelerator where one is used."""
    found: dict[str, Any] = {"cpu": _processor(), "threads": torch.get_num_threads()}
    if device != "cpu":
        found["device"] = torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    return found


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    lines = known.read_text().splitlines() if known.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def origin(document: Mapping[str, Any]) -> str:
    """A paragraph of :func:`provenance` for people."""
    own, machine = document["versions"], document["hardware"]
    where = f"{machine.get('device') or machine['cpu']}, {machine['threads']} threads"
    return (
        f"`{document['command']}`, {document['date']}, {document['seconds']:.0f} s on {where}; "
        f"bitpan {own['bitpan']}, PyTorch {own['torch']}."
    )
