"""The PyTorch engine: an integer model on a graphics processor, equal in every bit to :mod:`bitpan.arithmetic`.

Each function here is its namesake there, on tensors of int64. Convolutions run in real numbers whose sums are exact:
products of signs in half precision where it holds their sums, others in float32 below ``2**24``, else in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from bitpan.arithmetic import (
    AFFINE_FRACTION,
    BORDER,
    COEFFICIENT_BITS,
    NORM_FRACTION,
    NORM_LEADING,
    NORM_MEAN,
    NORM_MIDPOINTS,
    NORM_RANGE,
    TAPS,
    Integers,
)
from bitpan.errors import DeviceError
from bitpan.formats import Format
from bitpan.host.engine.plan import needed_nodes
from bitpan.host.engine.step import Array
from bitpan.model import IntegerModel

Tensor = torch.Tensor


class TorchEngine:
    """Runs an integer model on a device of PyTorch, a frame at a time.

    Args:
        model: the network.
        device: as PyTorch names it.

    Raises:
        DeviceError: there is no such device.
    """

    threads = 1
    side_by_side = 8

    def __init__(self, model: IntegerModel, device: str = "cuda") -> None:
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise DeviceError(
                f"device {device}: PyTorch {torch.__version__} finds none; leave --device out for the CPU"
            )
        self.model, self._device = model, torch.device(device)
        torch.backends.cudnn.allow_tf32 = False  # its products are rounded

    @torch.no_grad()
    def run(self, inputs: Mapping[str, npt.ArrayLike], scene: Mapping[str, Integers], until: str = "fused") -> Array:
        """See :class:`bitpan.host.engine.engine.Engine`; the result is int64."""
        self.model.check_inputs(inputs)
        values = {name: self._tensor(value) for name, value in inputs.items()}
        for node in needed_nodes(self.model, until, inputs):
            named = {
                key: value if isinstance(value, int) else self._tensor(value)
                for key, value in self.model.arguments(node, scene).items()
            }
            taken = [values[name] for name in node.inputs]
            values[node.output] = FUNCTIONS[node.op](*taken, **named, fmt=self.model.tensors[node.output].format)
        return np.asarray(values[until].cpu().numpy())

    def _tensor(self, value: npt.ArrayLike) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(value, np.int64)).to(self._device)


def _round_shift(v: Tensor, shift: int) -> Tensor:
    return v << -shift if shift <= 0 else (v + (1 << (shift - 1))) >> shift


def _saturate(v: Tensor, fmt: Format) -> Tensor:
    return v.clamp(fmt.min, fmt.max)


def _channels(v: Tensor) -> Tensor:
    return v[:, None, None]


def _conv2d(x: Tensor, weights: Tensor, pad_value: int = 0, groups: int = 1) -> Tensor:
    margin = weights.shape[-1] // 2
    padded = torch.nn.functional.pad(x, (margin,) * 4, value=pad_value)
    bound = int(weights.abs().sum(dim=(1, 2, 3)).max()) * int(padded.abs().max())
    exact = torch.float32 if bound < 1 << 24 else torch.float64
    if bound <= 1 << 11 and x.is_cuda:
        exact = torch.float16
    total = torch.nn.functional.conv2d(padded[None].to(exact), weights.to(exact), groups=groups)
    return total[0].round().to(torch.int64)


def _interpolate(ms: Tensor, rows: Tensor, columns: Tensor, fmt: Format) -> Tensor:
    def along_rows(image: Tensor, coefficients: Tensor) -> Tensor:
        height = image.shape[1] - 2 * BORDER
        taps = (coefficients[None, None, :, t, None] * image[:, t : t + height, None] for t in range(TAPS))
        return _round_shift(
            sum(taps, torch.zeros(1, dtype=torch.int64, device=ms.device)).flatten(1, 2), COEFFICIENT_BITS
        )

    return along_rows(along_rows(ms, rows).transpose(1, 2), columns).transpose(1, 2).contiguous()


def _centre(x: Tensor, offset: int, shift: int, fmt: Format) -> Tensor:
    return _saturate(_round_shift(x - offset, shift), fmt)


def _conv(x: Tensor, weights: Tensor, bias: Tensor, shift: int, fmt: Format) -> Tensor:
    return _saturate(_round_shift(_conv2d(x, weights) + _channels(bias), shift), fmt)


def _depthwise(x: Tensor, weights: Tensor, shift: int, fmt: Format) -> Tensor:
    return _saturate(_round_shift(_conv2d(x, weights, groups=len(x)), shift), fmt)


def _sign(x: Tensor, threshold: Tensor, fmt: Format) -> Tensor:
    return 2 * (x >= _channels(threshold)).to(torch.int64) - 1


def _binary_conv(s: Tensor, weights: Tensor, fmt: Format) -> Tensor:
    return _conv2d(s, weights, pad_value=-1)


def _rprelu(p: Tensor, x: Tensor | int = 0, *, knee: Tensor, shift: int, fmt: Format, **branches: Tensor) -> Tensor:
    above = p >= _channels(knee)
    slope, bias = (
        torch.where(above, _channels(branches[f"{name}_above"]), _channels(branches[f"{name}_below"]))
        for name in ("slope", "bias")
    )
    return _saturate(x + _round_shift(slope * p + bias, shift), fmt)


def _leading(v: Tensor) -> tuple[Tensor, Tensor]:
    exponent = torch.frexp(v.to(torch.float64)).exponent.to(torch.int64) - NORM_LEADING
    return (v << (-exponent).clamp(min=0)) >> exponent.clamp(min=0), exponent


def _deviation_ratio(vf: Tensor, vb: Tensor) -> tuple[Tensor, Tensor]:
    (a, p), (b, q) = _leading(vf), _leading(vb)
    odd = (p - q) & 1
    a, double = a << odd, p - q - odd
    less = (a < b).to(torch.int64)
    a, double = a << 2 * less, double - 2 * less
    mantissa = 4 + sum((64 * a >= midpoint * b).to(torch.int64) for midpoint in NORM_MIDPOINTS)
    return torch.where((vf > 0) & (vb > 0), mantissa, 0), (double >> 1) - 2


def _norm(x: Tensor, residual: Tensor, gain: Tensor, centre: Tensor, bias: Tensor, fmt: Format) -> Tensor:
    channels, sum_x, sum_r = len(x), x.sum(dim=0), residual.sum(dim=0)
    vf, vb = (channels * (v * v).sum(dim=0) - s * s for v, s in ((residual, sum_r), (x, sum_x)))
    mantissa, exponent = _deviation_ratio(vf, vb)
    shift = (channels - 1).bit_length() - exponent
    scaled = (channels * x - sum_x - _channels(centre)) * mantissa << (-shift).clamp(min=0)
    right = shift.clamp(min=0)
    normal = _saturate((scaled + ((torch.ones_like(right) << right) >> 1)) >> right, NORM_RANGE)
    mean = _round_shift(sum_r * round((1 << NORM_MEAN) / channels), NORM_MEAN)
    whole = _channels(gain) * normal + (mean << NORM_FRACTION) + _channels(bias)
    return _saturate(residual + _round_shift(whole, NORM_FRACTION), fmt)


def _affine(y: Tensor, affine: Tensor, fmt: Format) -> Tensor:
    scale, offset = affine[:, :, None, None]
    return _saturate(_round_shift(y * scale + offset, AFFINE_FRACTION), fmt)


def _quarters(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return x[:, ::2, ::2], x[:, ::2, 1::2], x[:, 1::2, ::2], x[:, 1::2, 1::2]


def _haar(x: Tensor, subband: int, fmt: Format) -> Tensor:
    a, b, c, d = _quarters(x)
    right, below = (1, -1)[subband >> 1], (1, -1)[subband & 1]
    return a + right * b + below * (c + right * d)


def _inverse_haar(ll: Tensor, lh: Tensor, hl: Tensor, hh: Tensor, shift: int, fmt: Format) -> Tensor:
    rows = []
    for below in (1, -1):
        smooth, detail = ll + below * lh, hl + below * hh
        rows.append(torch.stack([smooth + detail, smooth - detail], dim=-1).flatten(-2))
    whole = torch.stack(rows, dim=2).flatten(1, 2)
    return _saturate(_round_shift(whole, shift), fmt)


def _pool(x: Tensor, fmt: Format) -> Tensor:
    a, b, c, d = _quarters(x)
    return _round_shift(a + b + c + d, 2)


def _up(x: Tensor, fmt: Format) -> Tensor:
    def along_rows(image: Tensor) -> Tensor:
        before = torch.cat([image[:, :1], image[:, :-1]], dim=1)
        after = torch.cat([image[:, 1:], image[:, -1:]], dim=1)
        return torch.stack([3 * image + before, 3 * image + after], dim=2).flatten(1, 2)

    return _round_shift(along_rows(along_rows(x).transpose(1, 2)).transpose(1, 2), 4)


def _add(a: Tensor, b: Tensor, fmt: Format) -> Tensor:
    return _saturate(a + b, fmt)


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "interpolate": _interpolate,
    "centre": _centre,
    "concat": lambda a, b, fmt: torch.cat([a, b]),
    "conv": _conv,
    "sign": _sign,
    "binary_conv": _binary_conv,
    "rprelu": _rprelu,
    "depthwise": _depthwise,
    "norm": _norm,
    "affine": _affine,
    "haar": _haar,
    "inverse_haar": _inverse_haar,
    "pool": _pool,
    "up": _up,
    "add": _add,
    "add_clip": _add,
}
"""By operation; see :data:`bitpan.operations.OPERATIONS`."""
