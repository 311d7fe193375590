"""The boards that accelerators are built for."""

from __future__ import annotations

from dataclasses import dataclass

from bitpan.errors import BuildError


@dataclass(frozen=True)
class Board:
    """A board and what its device holds.

    Attributes:
        name: as on the command line.
        part: the device as Vivado writes it.
        board_part: Vivado's board definition without its version; "" if there is none.
        zynq: processing system, 7 or "mpsoc".
        lut, lutram, dsp, bram36, uram: what the device has; ``lutram``: LUTs that can be memory.
        clock_mhz: of the accelerator.
        memory_gbytes: a second, at most, to and from its DRAM, by bus and rate of its data sheet.
    """

    name: str
    part: str
    board_part: str
    zynq: str
    lut: int
    lutram: int
    dsp: int
    bram36: int
    uram: int
    clock_mhz: int
    memory_gbytes: float

    @property
    def family(self) -> str:
        """Of the device, as Yosys calls it."""
        return "xc7" if self.zynq == "7" else "xcup"

    @property
    def bus_bits(self) -> int:
        """Of a memory port's word: the widest that its processor's ports have."""
        return 64 if self.zynq == "7" else 128

    @property
    def address_bits(self) -> int:
        """Of the processor's memory map, as far as its DRAM reaches."""
        return 32 if self.zynq == "7" else 40

    @property
    def ff(self) -> int:
        """Flip-flops: two beside each LUT in these devices."""
        return 2 * self.lut

    @property
    def device(self) -> dict[str, int]:
        """What the device has, by FINN's names."""
        return {"LUT": self.lut, "DSP": self.dsp, "BRAM_18K": 2 * self.bram36, "URAM": self.uram}


MEMORY_SHARE = 0.75
"""Of its peak, what a DRAM gives in bursts both ways: an assumption for the simulated system."""

MEMORY_LATENCY_NS = 500
"""From an address at a processor's port to its data: an assumption for the simulated system, measured on no board."""

XC7Z020 = 53_200, 17_400, 220, 140, 0
XCZU3EG = 70_560, 28_800, 360, 216, 0
XCK26 = 117_120, 57_600, 1_248, 144, 64
XCZU7EV = 230_400, 101_760, 1_728, 312, 96
"""Devices: LUTs, those that can be memory, DSP slices, block memories, ultra memories."""

BOARDS = {
    board.name: board
    for board in (
        Board("pynq-z2", "xc7z020clg400-1", "tul.com.tw:pynq-z2:part0", "7", *XC7Z020, 100, 2.1),
        Board("ultra96-v2", "xczu3eg-sbva484-1-i", "avnet.com:ultra96v2:part0", "mpsoc", *XCZU3EG, 150, 8.5),
        Board("aup-zu3", "xczu3eg-sfvc784-2-e", "realdigital.org:aup-zu3-8gb:part0", "mpsoc", *XCZU3EG, 200, 19.2),
        Board("kv260", "xck26-sfvc784-2LV-c", "xilinx.com:kv260_som:part0", "mpsoc", *XCK26, 200, 19.2),
        Board("zcu104", "xczu7ev-ffvc1156-2-e", "xilinx.com:zcu104:part0", "mpsoc", *XCZU7EV, 200, 19.2),
    )
}
"""By name."""


def board(name: str) -> Board:
    """The board called ``name``; :class:`BuildError` names the known ones and how to add one."""
    if name not in BOARDS:
        raise BuildError(f"unknown board {name!r}; known are {', '.join(BOARDS)}; a line in build/boards.py adds one")
    return BOARDS[name]
