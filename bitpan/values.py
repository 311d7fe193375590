"""Values as users write them, on a command line or in the text of a source: read here, and refused with an example."""

from __future__ import annotations

import math

from bitpan.errors import DataError


def band_numbers(text: str) -> tuple[int, ...]:
    """Different band numbers, from 1, with commas between.

    Raises:
        DataError: they are no such list, as those of bitpan 0.1.0, which counted from 0 in training and evaluation.
    """
    parts = text.split(",")
    if not all(part.isdecimal() and int(part) > 0 for part in parts) or len({*map(int, parts)}) < len(parts):
        raise DataError(
            f"{text!r} is no list of different bands, as in 2,3,5,7: bands count from 1 (in bitpan 0.1.0 those of "
            "train, evaluate and sources counted from 0)"
        )
    return tuple(map(int, parts))


def shift(text: str) -> tuple[float, float]:
    """A displacement (dy, dx) in PAN pixels."""
    try:
        dy, dx = (float(part) for part in text.split(","))
        if math.isfinite(dy + dx):
            return dy, dx
    except ValueError:
        pass
    raise DataError(f"{text!r} is no shift; write DY,DX in PAN pixels, as in -2.25,2.5")


def bits(text: str) -> int:
    """A bit depth."""
    if not text.isdecimal():
        raise DataError(f"{text!r} is no number of bits; write one as in 10")
    return int(text)


def nodata(text: str) -> tuple[float | None, float | None]:
    """Values of PAN's and of MS's pixels without data, or one of both; None for none."""
    parts = text.split(",")
    try:
        found = [None if part == "none" else float(part) for part in parts]
        if len(found) in (1, 2):
            return found[0], found[-1]
    except ValueError:
        pass
    raise DataError(f"{text!r} is no nodata value; write VALUE or none, or two of them with a comma, PAN's first")


def size(text: str) -> tuple[int, int]:
    """Height and width, both at least 1; one number stands for both."""
    parts = text.lower().split("x")
    if len(parts) not in (1, 2) or not all(part.isdecimal() and int(part) for part in parts):
        raise DataError(f"{text!r} is no size; write HEIGHTxWIDTH, such as 512x512")
    return int(parts[0]), int(parts[-1])


def reals(text: str) -> tuple[float, ...]:
    """Numbers with commas between."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise DataError(f"{text!r} is not a list of numbers, as in 0.15,0.1,0.75") from None
