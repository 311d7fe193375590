"""How much a network takes while it is built: no more than its checkpoint can fill."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from bitpan.errors import SizeError
from bitpan.intake.budget import require_held

_SPARE = 4
"""Times its weights, in bytes and in tensors, that a network may make while it is built: it makes some of them anew."""

_CONSTANTS = 1 << 24
"""Bytes for what a network holds beside its weights, such as banks of filters."""

_FEW = 64
"""Tensors for the same."""


class Bounded(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A block in which no more can be made than a network takes whose weights are ``state``.

    Raises:
        SizeError: a tensor of the state is larger than what it is a view of, or more than that was asked for.
    """

    def __init__(self, state: Mapping[str, torch.Tensor]) -> None:
        self._state = state
        super().__init__()  # type: ignore[no-untyped-call]
        for name, tensor in state.items():
            held = tensor.untyped_storage().nbytes()
            require_held(f"its tensor {name}", tensor.numel() * tensor.element_size(), held)
        storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage() for tensor in state.values()}
        self._held = _SPARE * sum(storage.nbytes() for storage in storages.values()) + _CONSTANTS
        self._made = self._tensors = 0

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Count what is made from a shape alone before it is made."""
        if args and isinstance(args[0], list | tuple) and all(isinstance(size, int) for size in args[0]):
            self._made += 4 * math.prod(args[0])
            self._tensors += 1
            require_held("its configuration", self._made, self._held)
            if self._tensors > _SPARE * len(self._state) + _FEW:
                raise SizeError(f"its configuration asks for more tensors than its {len(self._state)} weights can fill")
        return func(*args, **(kwargs or {}))
