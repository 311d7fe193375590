"""What a file says that it holds, against what can be in it, before memory is taken for it.

What is not compressed is no larger than its file. What is may be, and a short file can ask for all memory there is: it
may hold ``$BITPAN_MEMORY`` gigabytes, 4 unless it is set.
"""

from __future__ import annotations

import os

from bitpan.errors import SizeError

VARIABLE = "BITPAN_MEMORY"
DEFAULT = 4.0


def limit() -> int:
    """Bytes that one array of a compressed file, or the computation of one frame, may take."""
    told = os.environ.get(VARIABLE)
    try:
        gigabytes = DEFAULT if told is None else float(told)
        return int(gigabytes * (1 << 30))
    except (ValueError, OverflowError):
        raise SizeError(f"{VARIABLE}={told!r}: give a number of gigabytes, as in {VARIABLE}=16") from None


def require_held(what: str, declared: int, stored: int) -> None:
    """Raise :class:`SizeError` where something not compressed is larger than the bytes that are there for it."""
    if not 0 <= declared <= stored:
        raise SizeError(f"{what} says that it holds {declared:,} bytes, but only {stored:,} are there for it")


def require_bearable(what: str, declared: int) -> None:
    """Raise :class:`SizeError` where something compressed, or computed, is larger than the limit."""
    if not 0 <= declared <= limit():
        raise SizeError(
            f"{what} says that it holds {declared:,} bytes, more than {limit():,}; if it is to be trusted, allow it by "
            f"{VARIABLE}={-(-declared >> 30) + 1} (gigabytes)"
        )


def require_memory(what: str, needed: int) -> None:
    """Raise :class:`SizeError` where something takes more bytes to make than the machine has."""
    held = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > held:
        raise SizeError(
            f"{what} takes some {needed / 1e9:.0f} GB to make, and there are {held / 1e9:.0f}: ask for less"
        )
