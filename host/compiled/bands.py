"""A frame's way through many kernels in one call, outside Python's lock."""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from bitpan.host.compiled.compiling import compiled
from bitpan.host.compiled.lanes import Untyped
from bitpan.host.compiled.layout import Array


def _called(_: Untyped, entry: Untyped, words: Untyped, last: Untyped, begin: Untyped, end: Untyped) -> Untyped:
    """The entry of an object file, called with its words, of which ``begin`` and ``end`` become the two last."""

    def emit(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
        word, status = ir.IntType(64), ir.IntType(32)
        words, at = builder.inttoptr(values[1], word.as_pointer()), values[2]
        builder.store(values[3], builder.gep(words, [builder.sub(at, word(1))]))
        builder.store(values[4], builder.gep(words, [at]))
        function = builder.inttoptr(values[0], ir.FunctionType(status, [word.as_pointer()]).as_pointer())
        return builder.call(function, [words])

    return types.int32(*[types.int64] * 5), emit


called: Untyped = intrinsic(_called)


@compiled
def in_bands(kernels: Array, band: int, end: int, failed: Array) -> None:
    """Rows after rows through all kernels: a band of PAN pixels after the other, down to ``end``.

    ``kernels``: ``(N, 6)`` int64, of each what :attr:`.Bound.address` says, by how many PAN pixels its rows are behind,
    how many of them a row is, and how many rows there are. ``failed``: becomes the number, from 1, of a kernel that
    found no memory.
    """
    done = np.zeros(len(kernels), np.int64)
    for bottom in range(band, end + band, band):
        for i in range(len(kernels)):
            last = min((bottom - kernels[i, 3]) // kernels[i, 4], kernels[i, 5])
            if last > done[i]:
                if called(kernels[i, 0], kernels[i, 1], kernels[i, 2], done[i], last) != 0:
                    failed[0] = i + 1
                    return
                done[i] = last
