"""The integer interpolator in PyTorch: MS on the PAN grid, equal to :func:`bitpan.arithmetic.interpolate`."""

from __future__ import annotations

import torch
from torch import Tensor

from bitpan.arithmetic import COEFFICIENT_BITS, TAPS, keys_coefficients
from bitpan.models.layers.functional import Context, Graph, Value, constant, round_shift_nodes


class _Interpolate(torch.autograd.Function):
    """:func:`bitpan.arithmetic.interpolate` on ``(N, B, h, w)``, in float64; has no gradient."""

    @staticmethod
    def forward(ctx: Context, ms: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """``(N, B, ratio*h, ratio*w)`` from ``ms`` and the coefficients ``(ratio, TAPS)`` of the two axes."""
        n, bands, height, width = ms.shape
        image = ms.double()
        image = image[:, :, _taps(height).to(ms.device)]
        image = torch.einsum("bchtw,pt->bchpw", image, rows.double()).reshape(n, bands, -1, width)
        image = image.add_(1 << (COEFFICIENT_BITS - 1)).mul_(2.0**-COEFFICIENT_BITS).floor_()
        image = image[:, :, :, _taps(width).to(ms.device)]
        image = torch.einsum("bchwt,pt->bchwp", image, columns.double()).reshape(n, bands, rows.shape[0] * height, -1)
        return image.add_(1 << (COEFFICIENT_BITS - 1)).mul_(2.0**-COEFFICIENT_BITS).floor_().to(ms.dtype)

    @staticmethod
    def symbolic(g: Graph, ms: Value, rows: Value, columns: Value) -> Value:
        """Cast; per axis Gather, Einsum, Reshape, Add, Mul, Floor; Cast."""
        n, bands, height, width = ms.type().sizes()
        ratio = rows.type().sizes()[0]
        double = 11
        image = g.op("Cast", ms, to_i=double)
        for axis, size, coefficients, equation, shape in (
            (2, height, rows, "bchtw,pt->bchpw", [n, bands, ratio * height, width]),
            (3, width, columns, "bchwt,pt->bchwp", [n, bands, ratio * height, ratio * width]),
        ):
            image = g.op("Gather", image, constant(g, _taps(size).tolist(), torch.int64), axis_i=axis)
            image = g.op("Einsum", image, g.op("Cast", coefficients, to_i=double), equation_s=equation)
            image = g.op("Reshape", image, constant(g, shape, torch.int64))
            image = round_shift_nodes(g, image, COEFFICIENT_BITS, torch.float64)
        fused = g.op("Cast", image, to_i=1)
        fused.setType(ms.type().with_sizes([n, bands, ratio * height, ratio * width]))
        return fused


def _taps(size: int) -> Tensor:
    """Indices of the samples i-2 ... i+2 with replicated edges, ``(size, TAPS)``."""
    reach = TAPS // 2
    return (torch.arange(size)[:, None] + torch.arange(-reach, reach + 1)).clamp_(0, size - 1)


def interpolate(ms: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """``(N, B, h, w)`` to ``(N, B, ratio*h, ratio*w)`` with the coefficients ``(ratio, TAPS)`` of the two axes."""
    return _Interpolate.apply(ms, rows, columns)  # type: ignore[no-any-return,no-untyped-call]


def upsample(ms: Tensor, ratio: int) -> Tensor:
    """The same without a sub-pixel shift."""
    coefficients = torch.from_numpy(keys_coefficients(ratio)).float().to(ms.device)
    return interpolate(ms, coefficients, coefficients)
