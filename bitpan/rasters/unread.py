"""Images that are not in memory: sliced like arrays, and read where an array is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

Read = Callable[[int, int, int, int], Array]
"""A window's pixels ``(..., height, width)``, of its first row, first column, height and width."""

ROWS = 256
"""Of an image gone through by rows, read at a time."""


class Unread:
    """An image ``(..., H, W)``; a part of it is one too, and ``numpy.asarray`` reads it.

    Args:
        read: what gives its pixels.
        shape, dtype: of all that it gives.
    """

    def __init__(self, read: Read, shape: Sequence[int], dtype: npt.DTypeLike) -> None:
        self._read, self.dtype = read, np.dtype(dtype)
        self._parts = [range(size) for size in shape]

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array."""
        return tuple(map(len, self._parts))

    @property
    def ndim(self) -> int:
        """As of an array."""
        return len(self._parts)

    @property
    def size(self) -> int:
        """As of an array."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Unread:  # noqa: ANN401 -- as of an array, slices without steps alone
        keys = list(key) if isinstance(key, tuple) else [key]
        if Ellipsis in keys:
            at, missing = keys.index(Ellipsis), self.ndim - len(keys) + 1
            keys[at : at + 1] = [slice(None)] * missing
        part = Unread(self._read, (), self.dtype)
        part._parts = [own[each] for own, each in zip(self._parts, keys, strict=False)] + self._parts[len(keys) :]
        return part

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        *leading, rows, columns = self._parts
        values = self._read(rows.start, columns.start, len(rows), len(columns))
        own = values[tuple(slice(part.start, part.stop) for part in leading)]
        return own if dtype is None else own.astype(dtype, copy=False)


class Stack:
    """Images of one shape as ``(N, ..., H, W)``: their parts are stacks, its members are they."""

    def __init__(self, images: Sequence[Unread]) -> None:
        self._images, self.dtype = images, images[0].dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array."""
        return (len(self._images), *self._images[0].shape)

    @property
    def ndim(self) -> int:
        """As of an array."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """As of an array."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        return len(self._images)

    def __iter__(self) -> Iterator[Unread]:
        return iter(self._images)

    def __getitem__(self, key: Any) -> Stack:  # noqa: ANN401 -- as of an array, slices without steps alone
        keys = key if isinstance(key, tuple) else (key,)
        if keys[0] is Ellipsis:
            keys = (slice(None), *keys)
        which: slice = keys[0]
        return Stack([image[keys[1:]] for image in self._images[which]])

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        return np.stack([image.__array__(dtype) for image in self._images])


Image = Array | Unread
"""What is sliced like an array."""

ImageLike = npt.ArrayLike | Unread
"""What :func:`sliceable` takes."""


Arrays = Array | Stack
"""Images of one shape as one."""


def stacked(images: Sequence[Image]) -> Arrays:
    """Images, all of them arrays or all of them unread, as ``(N, ..., H, W)``."""
    unread = [image for image in images if isinstance(image, Unread)]
    return Stack(unread) if unread else np.stack([np.asarray(image) for image in images])


def sliceable(image: ImageLike) -> Image:
    """The image itself where it is unread, else as an array."""
    return image if isinstance(image, Unread) else np.asarray(image)


def by_rows(image: Image) -> Iterator[Array]:
    """An image in arrays of :data:`ROWS` rows and less."""
    for top in range(0, image.shape[-2], ROWS):
        yield np.asarray(image[..., top : top + ROWS, :])


def extremes(image: Image | Stack) -> tuple[float, float]:
    """Least and largest value; NaN where there is one."""
    images = image if isinstance(image, Stack) else [image]
    found = np.array([(part.min(), part.max()) for each in images for part in by_rows(each)])
    return float(found[:, 0].min()), float(found[:, 1].max())
