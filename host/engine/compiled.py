"""How the CPU engine's kernels are compiled and kept, and an instruction that Python has no operator for."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.extending import intrinsic

from bitpan.cache import own_folder

Function = TypeVar("Function", bound=Callable[..., Any])

u16, u32, u64, i16, i32, i64 = np.uint16, np.uint32, np.uint64, np.int16, np.int32, np.int64


def compiled(function: Function) -> Function:
    """Machine code at the first call, kept on disk; runs outside Python's lock, so threads compute frames at once."""
    decorator: Any = numba.njit(nogil=True, cache=True, boundscheck=False)
    asked = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(code_folder())
    try:
        return cast(Function, decorator(function))
    finally:
        numba.config.CACHE_DIR = asked


def code_folder() -> Path:
    """Where this folder's machine code is kept; raises as :func:`kernels_folder`."""
    return kernels_folder(Path(__file__).parent, numba.config.CACHE_DIR)


@functools.cache
def kernels_folder(sources: Path, asked: str = "") -> Path:
    """Where the machine code of these sources is kept: in the folder asked for, beside them, or in the user's cache.

    Numba asks whether a function's own file has changed, and not whether what is compiled into it from other files has.
    So the folder is named after the content of all of them.

    Raises:
        CacheError: others may write in the user's cache.
    """
    contents = [file.read_bytes() for file in sorted(sources.glob("*.py"))]
    name = f"bitpan-{hashlib.sha256(bytes(1).join(contents)).hexdigest()[:16]}"
    if asked:
        return Path(asked) / name
    return (sources / "__pycache__" if os.access(sources, os.W_OK) else own_folder("kernels")) / name


def inlined(function: Function) -> Function:
    """A part of compiled functions, at each of its calls."""
    decorator: Any = numba.njit(forceinline=True, boundscheck=False)
    return cast(Function, decorator(function))


def _shift_right(context: Any, value: Any, places: Any) -> Any:  # noqa: ANN401
    return value(value, places), lambda _, builder, signature, arguments: builder.ashr(*arguments)


shift_right: Any = intrinsic(_shift_right)  # in the operands' width, where Python's operator makes 64 bits of them
