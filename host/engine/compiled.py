"""How the CPU engine's kernels are compiled, and the machine instructions that Python has no operator for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])

u8, u16, i32, i64 = np.uint8, np.uint16, np.int32, np.int64


def compiled(function: Function) -> Function:
    """Machine code at the first call, kept on disk; runs outside Python's lock, so threads share the rows."""
    decorator: Any = numba.njit(nogil=True, cache=True, boundscheck=False)
    return cast(Function, decorator(function))


def _popcount(context: Any, value: Any) -> Any:  # noqa: ANN401
    return value(value), lambda _, builder, signature, arguments: builder.ctpop(arguments[0])


def _leading_zeros(context: Any, value: Any) -> Any:  # noqa: ANN401
    zero_is_defined = ir.Constant(ir.IntType(1), 0)
    return value(value), lambda _, builder, signature, arguments: builder.ctlz(arguments[0], zero_is_defined)


def _shift_right(context: Any, value: Any, places: Any) -> Any:  # noqa: ANN401
    return value(value, places), lambda _, builder, signature, arguments: builder.ashr(*arguments)


popcount: Any = intrinsic(_popcount)  # one instruction on 64-bit Arm, a table look-up in registers on x86
leading_zeros: Any = intrinsic(_leading_zeros)
shift_right: Any = intrinsic(_shift_right)  # in the operands' width, where Python's operator makes 64 bits of them
