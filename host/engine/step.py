"""One step of the compiled engine: what a kernel knows beside its numbers, and where its result goes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.formats import Format

Array = npt.NDArray[Any]
Share = Callable[[Callable[[int, int], None], int], None]
"""``share(rows, height)`` runs ``rows(first, last)`` until all rows are done."""
Kernel = Callable[..., Array | None]


def narrowest(fmt: Format) -> np.dtype[Any]:
    """The narrowest type that holds a format and, for thresholds, its maximum plus one."""
    for dtype in (np.int16, np.int32):
        if fmt.min >= np.iinfo(dtype).min and fmt.max < np.iinfo(dtype).max:
            return np.dtype(dtype)
    return np.dtype(np.int64)


@dataclass(frozen=True)
class Step:
    """A node, or several at once, as a kernel sees it.

    Attributes:
        inputs: formats of the tensors it takes.
        format: of its result.
        share: spreads rows over the threads.
        spare: tensors that nobody reads afterwards.
    """

    inputs: Sequence[Format]
    format: Format
    share: Share
    spare: Sequence[Array] = ()

    def fill(
        self,
        rows: Callable[..., None],
        shape: Sequence[int],
        *arguments: Any,  # noqa: ANN401
        over: Array | None = None,
        dtype: npt.DTypeLike | None = None,
    ) -> Array:
        """The result.

        Args:
            rows: called with ``arguments``, the result to be filled, and its first and last row.
            shape: of the result.
            arguments: what ``rows`` reads.
            over: an input that the result may lie on, if it is spare.
            dtype: default: the format's narrowest.
        """
        dtype = np.dtype(dtype or narrowest(self.format))
        spare = over is not None and over.dtype == dtype and any(over is array for array in self.spare)
        out = over if over is not None and spare else np.empty(shape, dtype)
        self.share(lambda first, last: rows(*arguments, out, first, last), out.shape[-2])
        return out


def narrow(kernel: Kernel) -> Kernel:
    """A kernel made for tensors stored in 16 bits and for a result of at most 30; None where they are wider."""

    @functools.wraps(kernel)
    def checked(*tensors: Array, step: Step, **named: Any) -> Array | None:  # noqa: ANN401
        if step.format.bits > 30 or any(tensor.dtype != np.int16 for tensor in tensors):
            return None
        return kernel(*tensors, **named, step=step)

    return checked
