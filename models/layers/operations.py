"""Operations without learned parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from bitpan.arithmetic import COEFFICIENT_BITS, TAPS
from bitpan.formats import Format
from bitpan.model import SceneParameter, Tensor
from bitpan.models.layers import functional, resampling
from bitpan.models.layers.operation import Context, Operation, SceneOperation

COEFFICIENTS = Format(12, COEFFICIENT_BITS)
"""Format of the interpolation coefficients."""

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "centre": functional.centre,
    "concat": functional.concat,
    "haar": resampling.haar,
    "inverse_haar": resampling.inverse_haar,
    "pool": resampling.average_pool,
    "up": resampling.bilinear_up,
    "add": resampling.add,
    "add_clip": functional.add_clip,
}
"""What computes each, by its name in :data:`bitpan.operations.OPERATIONS`."""


class Fixed(Operation):
    """One of :data:`FUNCTIONS`, by its name; ``attributes`` in the table's order."""

    def __init__(self, op: str, target: Format | None = None, *attributes: int) -> None:
        super().__init__()
        self.op, self.function, self.target, self.attributes = op, FUNCTIONS[op], target, attributes

    def integers(self) -> tuple[int, ...]:
        """Its attributes."""
        return self.attributes


class Interpolate(SceneOperation):
    """MS upsampled to the PAN grid; its scene parameters are the coefficients of the two axes."""

    op = "interpolate"
    function = staticmethod(resampling.interpolate)

    def __init__(self, ratio: int) -> None:
        super().__init__()
        self.ratio = ratio

    def parameters_of(self, names: tuple[str, ...], inputs: tuple[str, ...], *tensors: Tensor) -> list[SceneParameter]:
        """Coefficients of rows and columns."""
        return [SceneParameter(name, "interpolation", (self.ratio, TAPS), COEFFICIENTS) for name in names]

    def measure(self, *inputs: torch.Tensor, context: Context) -> tuple[torch.Tensor, ...]:
        """Those of a pair without a shift."""
        return (resampling.coefficients(self.ratio, inputs[0].device),) * 2
