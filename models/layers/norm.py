"""BNNPan's norm over the channels of each pixel: integers forward, the smooth norm's gradient backward.

:meth:`ChannelNorm.real` is that smooth norm itself, which BNNPan's full-precision twin computes.

Equal to :func:`bitpan.arithmetic.channel_norm`; Hou et al., CVPR 2025. Features of up to 12 bits and 64 channels: then
every sum is exact in float32, but for the variances, which are float64.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from bitpan.arithmetic import NORM_FRACTION, NORM_LEADING, NORM_MEAN, NORM_MIDPOINTS
from bitpan.errors import FormatError
from bitpan.formats import Format
from bitpan.models.layers import kernels
from bitpan.models.layers.functional import integers_of
from bitpan.models.layers.gradient import Differentiable, custom_gradient
from bitpan.models.layers.kernels import norm_forward, norm_gradients, real_norm_gradients
from bitpan.models.layers.learned import BIAS, SLOPE
from bitpan.models.layers.operation import Operation

CENTRE = Format(18)
"""Range of C times phi."""

FLAT = 0.1
"""Added to variances in real numbers, in squared steps, a deviation of a third of a step: flat pixels stay finite."""


def _leading(v: Tensor) -> tuple[Tensor, Tensor]:
    """Leading bits and exponent of integers ``v >= 0`` in float64."""
    fraction, exponent = torch.frexp(v)
    return torch.floor(torch.ldexp(fraction, torch.tensor(NORM_LEADING))), exponent - NORM_LEADING


def deviation_ratio(vf: Tensor, vb: Tensor) -> Tensor:
    """:func:`bitpan.arithmetic.deviation_ratio` of float64 integers, as one number ``mantissa * 2**exponent``."""
    (a, p), (b, q) = _leading(vf), _leading(vb)
    double = p - q
    odd = double % 2
    a, double = torch.ldexp(a, odd), double - odd
    less = (a < b).to(double.dtype)
    a, double = torch.ldexp(a, 2 * less), double - 2 * less
    mantissa = torch.full_like(a, 4.0)
    for midpoint in NORM_MIDPOINTS:
        mantissa += 64 * a >= midpoint * b
    return torch.ldexp(mantissa, double // 2 - 2) * ((vf > 0) & (vb > 0))


def variance(x: Tensor, total: Tensor) -> Tensor:
    """``C * sum(x^2) - sum(x)^2`` over the channels, ``(N, 1, H, W)`` float64, exact."""
    return x.shape[1] * (x * x).sum(dim=1, keepdim=True, dtype=torch.float64) - total.double().square()


@custom_gradient
def channel_norm(
    x: Tensor, residual: Tensor, gain: Tensor, centre: Tensor, bias: Tensor, fmt: Format
) -> Differentiable[Tensor]:
    """:func:`bitpan.arithmetic.channel_norm`; the gradient is that of the norm in real numbers, inside the format.

    ``x`` and ``residual`` are ``(N, C, H, W)``; gain, centre and bias ``(C,)`` integers.
    """
    channels = int(x.shape[1])
    unit, whole = 2.0**-NORM_FRACTION, 2.0 ** math.ceil(math.log2(channels))

    def gradients(gradient: Tensor, *kept: Tensor) -> tuple[Tensor, ...]:
        x, residual, result, sum_x, sum_r, var_x, var_r, gain, centre = kept
        mean_x, mean_r = sum_x / channels, sum_r / channels
        var_x, var_r = (v.float() / channels**2 + FLAT for v in (var_x, var_r))
        scale = unit * (channels / whole)
        real = gain * scale, centre / channels
        dx, dr, dgain, dcentre, dbias = norm_gradients(
            gradient, result, float(fmt.max), x, residual, *real, mean_x, mean_r, var_x, var_r
        )
        return dx, dr, dgain * scale, dcentre / channels, dbias * unit

    sum_x, sum_r = x.sum(dim=1, keepdim=True), residual.sum(dim=1, keepdim=True)
    var_x, var_r = variance(x, sum_x), variance(residual, sum_r)
    ratio = (deviation_ratio(var_r, var_x) / whole).float()
    mean = (sum_r * round((1 << NORM_MEAN) / channels)).add_(2.0 ** (NORM_MEAN - 1)).mul_(2.0**-NORM_MEAN).floor_()
    result = norm_forward(x, residual, sum_x, ratio, mean, fmt.max, gain, centre, bias)
    return result, gradients, (x, residual, result, sum_x, sum_r, var_x, var_r, gain, centre)


@custom_gradient
def real_norm(
    x: Tensor, residual: Tensor, kappa: Tensor, phi: Tensor, eta: Tensor, flat: float
) -> Differentiable[Tensor]:
    """The norm and the residual in real numbers; ``flat`` is added to both variances.

    Half the time of what autograd would make of it, which is a network's largest part.
    """
    result, *moments = kernels.real_norm(x, residual, kappa, phi, eta, flat)
    return result, real_norm_gradients, (x, residual, kappa, phi, *moments)


class ChannelNorm(Operation):
    """``residual + kappa * (s_r / s_x) * (x - m_x - phi) + m_r + eta``: kappa (1/lambda), phi and eta are learned."""

    op = "norm"
    function = staticmethod(channel_norm)
    target: Format

    def __init__(self, channels: int, features: Format) -> None:
        super().__init__()
        if channels > 64 or features.bits > 12:
            raise FormatError(f"the norm takes 64 channels of 12 bits, not {channels} of {features.bits}")
        self.target, self.channels = features, channels
        self.kappa = nn.Parameter(torch.ones(channels))
        self.phi = nn.Parameter(torch.zeros(channels))
        self.eta = nn.Parameter(torch.zeros(channels))

    def integers(self) -> tuple[Tensor, Tensor, Tensor]:
        """Gain, centre and bias ``(C,)``."""
        one, step, channels = float(1 << NORM_FRACTION), self.target.step, self.channels
        gain = integers_of(self.kappa * (one * 2.0 ** math.ceil(math.log2(channels)) / channels), SLOPE)
        return gain, integers_of(self.phi * (channels / step), CENTRE), integers_of(self.eta * (one / step), BIAS)

    def real(self, x: Tensor, residual: Tensor) -> Tensor:
        """The norm in real numbers of features in real units; :data:`FLAT` is added to both variances."""
        return real_norm(x, residual, self.kappa, self.phi, self.eta, FLAT * self.target.step**2)
