"""The board's driver before the whole accelerator in simulation: IP core, DMA and memory."""

from __future__ import annotations

import math

from bitpan.host.device.fpga import FpgaDevice
from bitpan.optional import require
from bitpan.package import Package
from bitpan.registers import DMA_TIMEOUT

_PATIENCE = 1_000_000  # clocks without a beat: simulated time, since the wall's has nothing to do with it


class SystemDevice(FpgaDevice):
    """The accelerator of a package in simulation, its DMA and the board's memory included; see :class:`FpgaDevice`."""

    def __init__(self, package: Package) -> None:
        self._system = require("bitpan.hw.simulate.system").System(package)
        super().__init__(package, self._system, math.inf, self._system.interrupt)
        self._system.write(DMA_TIMEOUT, _PATIENCE)

    def close(self) -> None:
        """See :class:`bitpan.host.device.devices.Device`."""
        super().close()
        self._system.close()
