"""One step of the compiled engine: what a kernel knows beside its numbers, and where its result goes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bitpan.formats import Format

if TYPE_CHECKING:  # boards without a compiler have no such code
    from bitpan.host.compiled.machine_code import Bound, Compiled

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Rows:
    """A result that is computed from above.

    Attributes:
        array: the result, ``(rows, channels, width)``: a row's channels after each other, as they are computed. Row y
            is row ``y % rows`` of it: where it has fewer than the image, the last ones are there.
        compute: ``compute(first, last)`` fills in rows ``first`` to ``last - 1``, ``first`` being the last call's
            ``last``, where the inputs have the rows that those depend on.
    """

    array: Array
    compute: Bound


Kernel = Callable[..., Rows | None]


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
        size: height and width of the result.
        kept: rows of it that are kept.
        spare: tensors that nobody else reads; they keep rows enough for the result.
        empty: gives arrays of a shape and type that hold anything.
        between: formats of what the nodes give each other, in order.
    """

    inputs: Sequence[Format]
    format: Format
    size: tuple[int, int]
    kept: int
    spare: Sequence[Array] = ()
    empty: Callable[[Sequence[int], npt.DTypeLike], Array] = np.empty
    between: Sequence[Format] = ()

    def rows(
        self,
        code: Compiled,
        channels: int,
        *arguments: Any,  # noqa: ANN401
        over: Array | None = None,
        dtype: npt.DTypeLike | None = None,
        images: tuple[int, ...] = (),
    ) -> Rows:
        """The result, a row at a time.

        Args:
            code: called with ``arguments``, the result to be filled, and the first and last row to be.
            channels: of the result.
            arguments: what it reads.
            over: an input that the result may lie on, if it is spare.
            dtype: default: the format's narrowest.
            images: how many there are, if not one; the array's first axis then.
        """
        dtype, shape = np.dtype(dtype or narrowest(self.format)), (*images, self.kept, channels, self.size[1])
        spare = over is not None and over.dtype == dtype and any(over is array for array in self.spare)
        out = over if over is not None and spare else self.empty(shape, dtype)
        return Rows(out, code.bound(*arguments, out, 0, 0))


def narrow(kernel: Kernel) -> Kernel:
    """A kernel made for tensors stored in 16 bits and for a result of at most 30; None where they are wider."""

    @functools.wraps(kernel)
    def checked(*tensors: Array, step: Step, **named: Any) -> Rows | None:  # noqa: ANN401
        if step.format.bits > 30 or any(tensor.dtype != np.int16 for tensor in tensors):
            return None
        return kernel(*tensors, **named, step=step)

    return checked
