"""bitpan: binary pan-sharpening networks, from training to a bit-exact FPGA accelerator."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bitpan.host.fuser import Fuser

__version__ = "0.2.0"


def load(model: str | PathLike[str] = "s2bnet-flat", device: str = "cpu", threads: int | None = None) -> Fuser:
    """A model ready to fuse: ``bitpan.load("s2bnet").fuse(pan, ms)``, on NumPy arrays or on files.

    Args:
        model: the name of one that comes with bitpan, or the folder of an integer model or of a built accelerator.
        device: ``cpu``, or for a built accelerator ``rtl`` (in simulation) or ``fpga`` (on a board).
        threads: of the CPU engine; default: all cores.

    Raises:
        ModelError: there is no such model, or it cannot be read.
        DeviceError: the device needs an accelerator that ``bitpan build`` made.
    """
    from bitpan.host.fuser import load

    return load(model, device, threads)
