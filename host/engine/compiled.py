"""How the CPU engine's kernels are compiled, and the machine instructions that Python has no operator for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])

u32, u64, i16, i32, i64 = np.uint32, np.uint64, np.int16, np.int32, np.int64


def compiled(function: Function) -> Function:
    """Machine code at the first call, kept on disk; runs outside Python's lock, so threads compute frames at once."""
    decorator: Any = numba.njit(nogil=True, cache=True, boundscheck=False)
    return cast(Function, decorator(function))


def inlined(function: Function) -> Function:
    """A part of compiled functions, at each of its calls."""
    decorator: Any = numba.njit(forceinline=True, boundscheck=False)
    return cast(Function, decorator(function))


def _shift_right(context: Any, value: Any, places: Any) -> Any:  # noqa: ANN401
    return value(value, places), lambda _, builder, signature, arguments: builder.ashr(*arguments)


shift_right: Any = intrinsic(_shift_right)  # in the operands' width, where Python's operator makes 64 bits of them
