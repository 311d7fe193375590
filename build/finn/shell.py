"""What surrounds the network's units: the DMA, the registers, the gates of the streams. No node of the graph is it."""

from __future__ import annotations

from collections.abc import Mapping

from bitpan.build.boards import Board
from bitpan.registers import ELEMENT_BITS


def units(board: Board, bands: int) -> dict[str, tuple[str, Mapping[str, int]]]:
    """By name what stands in the estimates as a node: its module and its parameters."""
    pixel = {"Width": ELEMENT_BITS * bands}
    dma = {"DataBits": board.bus_bits, "AddressBits": board.address_bits, "Bands": bands}
    return {
        "shell_dma": ("bp_dma", dma),
        "shell_registers": ("bp_scene_registers", {}),
        "shell_gate_pan": ("bp_frame_gate", {"Width": ELEMENT_BITS}),
        "shell_gate_ms": ("bp_frame_gate", pixel),
        "shell_end": ("bp_frame_end", pixel),
    }


def estimates(board: Board, bands: int) -> dict[str, dict[str, float]]:
    """Resources of each, as those of nodes: what Yosys counts at the sizes that boards and bands have."""
    return {
        name: {"LUT": _luts(module, size), "DSP": 0, "BRAM_18K": 0, "URAM": 0, "cycles": 0}
        for name, (module, size) in units(board, bands).items()
    }


def _luts(module: str, size: Mapping[str, int]) -> float:
    if module == "bp_dma":  # of 2 to 8 bands, which change it by 3 % and less
        return {64: 1280, 128: 1530}[size["DataBits"]]
    return {"bp_scene_registers": 89, "bp_frame_gate": 88 + size.get("Width", 0), "bp_frame_end": 74}[module]
