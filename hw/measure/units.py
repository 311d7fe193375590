"""Every unit of the library, in the order of the table in ``hw/README.md``.

A unit that is an operator's is said by its class; those that the accelerator's top instantiates stand here.
"""

from __future__ import annotations

from bitpan.errors import BuildError
from bitpan.hw.measure.unit import Unit, sizes
from bitpan.hw.operators import OPERATORS

_FRAMES = sizes("Width", [16], [64], [128])
_TOP = [
    Unit(
        "bp_frame_gate",
        1000,
        "lets started frames in, each with exactly its beats",
        _FRAMES,
        test="scene_registers",
    ),
    Unit("bp_frame_end", 1010, "tlast, and the count of finished frames", _FRAMES, test="scene_registers"),
    Unit("bp_scene_registers", 1020, "AXI-Lite: starts frames, scene parameters, errors", [{}], "2 a write"),
    Unit(
        "bp_dma",
        1030,
        "memory to streams and back: two AXI4 readers, a writer, their registers",
        sizes("DataBits AddressBits", [64, 32], [64, 40], [128, 40], Bands=4),
        "1 a pixel or bus word",
    ),
]

UNITS = sorted(
    {entry.name: entry for entry in (*(cls.entry for cls in OPERATORS), *_TOP)}.values(), key=lambda unit: unit.place
)
"""Every unit; modules that are only parts of others do not stand here."""


def unit(name: str) -> Unit:
    """The unit of this name.

    Raises:
        BuildError: there is none.
    """
    known = {found.name: found for found in UNITS}
    if name not in known:
        hint = f"it is bp_{name}" if f"bp_{name}" in known else f"there are {', '.join(known)}"
        raise BuildError(f"there is no unit {name!r}; {hint}")
    return known[name]
