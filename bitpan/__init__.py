"""bitpan: binary pan-sharpening networks, from training to a bit-exact FPGA accelerator."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bitpan.host.fuser import Fuser

__version__ = "0.2.0"


def load(
    model: str | PathLike[str] = "s2bnet-flat", device: str = "cpu", threads: int | None = None, timeout: float = 10.0
) -> Fuser:
    """A model ready to fuse: ``bitpan.load("s2bnet").fuse(pan, ms)``, on NumPy arrays or on files.

    Args:
        model: the name of one that comes with bitpan, the folder of an integer model or of a built accelerator, or the
            name of one that pip has installed (``bitpan wheel``).
        device: ``cpu``, ``cuda`` (a graphics processor, with PyTorch), or for a built accelerator ``rtl`` (in
            simulation), ``system`` (the same, with its DMA and memory) or ``fpga`` (on a board).
        threads: of the CPU engine; default: all cores.
        timeout: seconds a board's frame may take.

    Raises:
        ModelError: there is no such model, or it cannot be read.
        DeviceError: the device needs an accelerator that ``bitpan build`` made.
    """
    from bitpan.host.fuser import Fuser
    from bitpan.model import IntegerModel
    from bitpan.package import DESCRIPTION, Package
    from bitpan.shipped import find_model

    folder = find_model(str(model))
    package = Package.load(folder) if (folder / DESCRIPTION).is_file() else None
    return Fuser(package.model if package else IntegerModel.load(folder), device, package, threads, timeout)
