"""Integers to stream beats and back: element 0 at the least significant end, each beat padded to whole bytes.

This is the layout of every AXI stream of the accelerator, of FINN's streams and of the DMA's buffers. All of it is
vectorised NumPy: packing in Python loops would take longer than the simulation itself.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import Integers
from bitpan.errors import FormatError

Beats = npt.NDArray[np.uint8]

_NATIVE = {8: np.uint8, 16: np.uint16, 32: np.uint32, 64: np.uint64}


def beat_bytes(elements: int, bits: int) -> int:
    """Bytes of a beat of ``elements`` integers of ``bits`` bits."""
    return (elements * bits + 7) // 8


def pack(values: npt.ArrayLike, bits: int) -> Beats:
    """Pack integers into beats.

    Args:
        values: ``(beats, elements)`` integers in ``[-2**(bits-1), 2**bits)``; negative ones as two's complement.
        bits: width of an element, 1 to 64.

    Returns:
        ``(beats, beat_bytes(elements, bits))`` uint8.

    Raises:
        FormatError: a value does not fit.
    """
    array = np.asarray(values, dtype=np.int64)
    if array.ndim != 2:
        raise FormatError(f"beats are packed from (beats, elements), not from shape {array.shape}")
    _check_range(array, bits)
    beats, elements = array.shape
    if bits in _NATIVE:
        return np.ascontiguousarray(array.astype(f"<u{bits // 8}")).view(np.uint8).reshape(beats, elements * bits // 8)
    octets = np.ascontiguousarray(array.astype("<i8")).view(np.uint8).reshape(beats, elements, 8)
    ones = np.unpackbits(octets, axis=2, bitorder="little", count=bits)
    return np.packbits(ones.reshape(beats, elements * bits), axis=1, bitorder="little")


def unpack(beats: npt.ArrayLike, elements: int, bits: int, signed: bool = True) -> Integers:
    """Undo `pack`.

    Args:
        beats: ``(beats, bytes)`` uint8.
        elements: integers per beat.
        bits: width of an element, 1 to 64 (63 if unsigned).
        signed: read two's complement.

    Returns:
        ``(beats, elements)`` int64.
    """
    octets = np.ascontiguousarray(beats, dtype=np.uint8)
    if octets.ndim != 2 or octets.shape[1] != beat_bytes(elements, bits):
        raise FormatError(
            f"{elements} elements of {bits} bits fill {beat_bytes(elements, bits)} bytes, the beats have {octets.shape}"
        )
    count = len(octets)
    if bits in _NATIVE:
        kind = "i" if signed else "u"
        return octets.view(f"<{kind}{bits // 8}").reshape(count, elements).astype(np.int64)
    ones = np.unpackbits(octets, axis=1, bitorder="little", count=elements * bits).reshape(count, elements, bits)
    wide = np.zeros((count, elements, 64), np.uint8)
    wide[:, :, :bits] = ones
    if signed:
        wide[:, :, bits:] = ones[:, :, -1:]
    return np.packbits(wide, axis=2, bitorder="little").view("<i8").reshape(count, elements).astype(np.int64)


def literal(values: npt.ArrayLike, bits: int) -> str:
    """A Verilog literal that holds all ``values`` (flattened) as a packed vector, element 0 lowest."""
    flat = np.asarray(values, dtype=np.int64).reshape(1, -1)
    number = int.from_bytes(pack(flat, bits).tobytes(), "little")
    return f"{flat.size * bits}'h{number:x}"


def parameter_value(value: int | str) -> str:
    """A parameter's value as Verilog; integers beyond 32 bits need their width said."""
    if isinstance(value, str):
        return value
    return str(value) if -(1 << 31) <= value < 1 << 31 else f"{value.bit_length() + 1}'h{value:x}"


def _check_range(array: Integers, bits: int) -> None:
    """Reject values that ``bits`` bits cannot hold, signed or unsigned."""
    if not 1 <= bits <= 64:
        raise FormatError(f"an element has 1 to 64 bits, not {bits}")
    if array.size == 0 or bits == 64:
        return
    low, high = int(array.min()), int(array.max())
    if low < -(1 << (bits - 1)) or high >= 1 << bits or (low < 0 and high >= 1 << (bits - 1)):
        raise FormatError(f"values {low} to {high} do not fit {bits} bits")
