"""Counts looked up in tables, by compiled code where there is Numba."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan import radiometry
from bitpan.optional import found

Array = npt.NDArray[Any]


def looked_up(tables: Array, indices: Array) -> Array:
    """As :func:`bitpan.radiometry.looked_up`, in the tables' type."""
    place = np.empty(indices.shape, tables.dtype)
    look_up_into(place, tables, indices)
    return place


def look_up_into(place: Array, tables: Array, indices: Array) -> None:
    """The same, put in its place."""
    if (compiled := _compiled()) is None:
        place[:] = radiometry.looked_up(tables, indices)
    else:
        compiled(indices, tables, place)


@functools.cache
def _compiled() -> Callable[..., None] | None:
    machine_code = found("bitpan.host.compiled.machine_code")
    return machine_code and machine_code.Compiled("lookup.look_up")
