"""The elementwise arithmetic that training spends its time in, apart from the convolutions.

Written as few passes over memory as PyTorch allows; :func:`compile_kernels` fuses each into one, three to five times as
fast by itself (a whole iteration 1.1 to 1.3 times), after half a minute of compilation. Integers come out the same
either way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from bitpan.arithmetic import NORM_FRACTION, NORM_RANGE
from bitpan.models.layers.gradient import Gives, Takes

KERNELS: dict[str, Callable[..., Any]] = {}
"""What a call of each kernel runs, by its name."""


def kernel(function: Callable[Takes, Gives]) -> Callable[Takes, Gives]:
    """Put ``function`` among :data:`KERNELS`; a call runs what stands there at the time."""
    KERNELS[function.__name__] = function

    @wraps(function)
    def current(*arguments: Takes.args, **named: Takes.kwargs) -> Gives:
        return KERNELS[function.__name__](*arguments, **named)  # type: ignore[no-any-return]

    return current


@kernel
def signs(x: Tensor, threshold: Tensor) -> Tensor:
    """+1 where ``x >= threshold``, else -1, of integers: half a step keeps the difference off zero."""
    return (x - (threshold - 0.5)).sign_()


@kernel
def sign_gradients(gradient: Tensor, x: Tensor, slope: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of x, slope and b through ``max(0, 2 - |2u|)`` of ``u = slope*x + b``; the last two ``(N, C)``."""
    du = torch.addcmul(b, x, slope).abs_().mul_(-2.0).add_(2.0).clamp_(min=0.0).mul_(gradient)
    return du * slope, (du * x).sum(dim=(2, 3)), du.sum(dim=(2, 3))


@kernel
def rprelu_forward(
    p: Tensor, x: Tensor, knee: Tensor, slopes: Tensor, biases: Tensor, scale: float, low: float, high: float
) -> Tensor:
    """``clip(x + floor(slope*p + bias) * scale)``; the bias includes the rounding half, ``scale`` is ``2**-shift``.

    With the sign u of ``p - knee`` the two branches are one expression, ``(mean + u*half) * p + ...`` of the slopes'
    mean and half difference; half integers are as exact as integers, and it is four times as fast as selecting.
    """
    slope, slope_half = _mean_and_half(slopes)
    bias, bias_half = _mean_and_half(biases)
    total = torch.addcmul(bias_half, p, slope_half).mul_(signs(p, knee[:, None, None]))
    return total.add_(torch.addcmul(bias, p, slope)).mul_(scale).floor_().add_(x).clamp_(low, high)


@kernel
def rprelu_gradients(
    gradient: Tensor, p: Tensor, result: Tensor, knee: Tensor, slopes: Tensor, scale: float, high: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of p, x, slopes ``(2, C)`` and biases ``(2, C)``, zero where the result is saturated."""
    slope, slope_half = _mean_and_half(slopes * scale)
    dx = _unsaturated(gradient, result, high)
    u = signs(p, knee[:, None, None])
    dp = torch.addcmul(slope, u, slope_half).mul_(dx)
    above_less_below = u * dx
    sums = [value.sum(dim=(0, 2, 3)) for value in (dx * p, above_less_below * p, dx, above_less_below)]
    dslopes = torch.stack([sums[0] + sums[1], sums[0] - sums[1]]) * (scale / 2)
    dbiases = torch.stack([sums[2] + sums[3], sums[2] - sums[3]]) * (scale / 2)
    return dp, dx, dslopes, dbiases


@kernel
def norm_forward(
    x: Tensor, residual: Tensor, sum_x: Tensor, ratio: Tensor, mean: Tensor, high: float, *integers: Tensor
) -> Tensor:
    """The last steps of :func:`bitpan.arithmetic.channel_norm`; sum, ratio and mean are ``(N, 1, H, W)``.

    The integers are gain, centre and bias ``(C,)``.
    """
    gain, centre, bias = (value[:, None, None] for value in integers)
    normal = (x.shape[1] * x).sub_(sum_x).sub_(centre).mul_(ratio).add_(0.5).floor_()
    total = normal.clamp_(NORM_RANGE.min, NORM_RANGE.max).mul_(gain).add_(bias).mul_(2.0**-NORM_FRACTION)
    return total.add_(mean).add_(0.5).floor_().add_(residual).clamp_(-high - 1, high)


@kernel
def norm_gradients(gradient: Tensor, result: Tensor, high: float, *rest: Tensor) -> tuple[Tensor, ...]:
    """Those of :func:`real_norm_gradients`, which takes the ``rest``; zero where the result is saturated."""
    return real_norm_gradients(_unsaturated(gradient, result, high), *rest)


@kernel
def real_norm(x: Tensor, residual: Tensor, kappa: Tensor, phi: Tensor, eta: Tensor, flat: float) -> tuple[Tensor, ...]:
    """``residual + kappa*(s_r / s_x)*(x - m_x - phi) + m_r + eta``, then m_x, m_r and both variances plus ``flat``."""
    mean_x, mean_r = x.mean(dim=1, keepdim=True), residual.mean(dim=1, keepdim=True)
    centred = x - mean_x
    var_x = centred.square().mean(dim=1, keepdim=True).add_(flat)
    var_r = (residual - mean_r).square_().mean(dim=1, keepdim=True).add_(flat)
    normal = centred.sub_(phi[:, None, None]).mul_((var_r / var_x).sqrt_()).mul_(kappa[:, None, None])
    return normal.add_(residual).add_(mean_r).add_(eta[:, None, None]), mean_x, mean_r, var_x, var_r


@kernel
def real_norm_gradients(
    upstream: Tensor, x: Tensor, residual: Tensor, kappa: Tensor, phi: Tensor, *moments: Tensor
) -> tuple[Tensor, ...]:
    """Gradients of x, residual, kappa, phi and eta through :func:`real_norm`, whose other results are the moments."""
    mean_x, mean_r, var_x, var_r = moments
    ratio = (var_r / var_x).sqrt_()
    centred = x - mean_x
    free = centred - phi[:, None, None]
    inner = upstream * kappa[:, None, None]
    mean_inner = inner.mean(dim=1, keepdim=True)
    pull = (inner * free).mean(dim=1, keepdim=True)
    dx = (inner - mean_inner).mul_(ratio).addcmul_(centred, -pull * ratio / var_x)
    dr = upstream + upstream.mean(dim=1, keepdim=True)
    dr.addcmul_(residual - mean_r, pull / (var_x * var_r).sqrt_())
    dkappa = free.mul_(ratio).mul_(upstream).sum(dim=(0, 2, 3))
    dphi = -inner.mul_(ratio).sum(dim=(0, 2, 3))
    return dx, dr, dkappa, dphi, upstream.sum(dim=(0, 2, 3))


@kernel
def channel_moments(y: Tensor, scale: Tensor, offset: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Means over each image's channels, ``(N, C, 1, 1)``: of ``|scale*y + offset|``, of y and of its square."""
    magnitude = torch.addcmul(offset, y, scale).abs_().mean(dim=(2, 3), keepdim=True)
    return magnitude, y.mean(dim=(2, 3), keepdim=True), y.square().mean(dim=(2, 3), keepdim=True)


@kernel
def channel_moments_gradients(
    dmagnitude: Tensor, dmean: Tensor, dsquare: Tensor, y: Tensor, scale: Tensor, offset: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of y, scale and offset through :func:`channel_moments`."""
    pixels = y.shape[2] * y.shape[3]
    u = torch.addcmul(offset, y, scale).sign_()
    dy = torch.addcmul(dmean / pixels, y, dsquare * (2 / pixels)).addcmul_(u, dmagnitude * scale / pixels)
    dscale = dmagnitude * (u * y).mean(dim=(2, 3), keepdim=True)
    return dy, dscale, dmagnitude * u.mean(dim=(2, 3), keepdim=True)


@kernel
def real_signs(x: Tensor) -> Tensor:
    """+1 where ``x >= 0``, else -1; never 0."""
    return (x >= 0).to(x.dtype).mul_(2.0).sub_(1.0)


@kernel
def quadratic(gradient: Tensor, x: Tensor) -> Tensor:
    """``gradient`` times ``max(0, 2 - |2x|)`` (Bi-Real Net, ECCV 2018)."""
    return x.abs().mul_(-2.0).add_(2.0).clamp_(min=0.0).mul_(gradient)


@kernel
def hyperbolic(gradient: Tensor, x: Tensor) -> Tensor:
    """``gradient`` times the derivative of ``tanh(x)`` (BiSRNet, NeurIPS 2023)."""
    return (1 - x.tanh().square_()).mul_(gradient)


@kernel
def real_rprelu(x: Tensor, gamma: Tensor, slope: Tensor, zeta: Tensor) -> Tensor:
    """``zeta + prelu(x - gamma)`` with shifts and slope ``(C,)``."""
    return functional.prelu(x - gamma[:, None, None], slope) + zeta[:, None, None]


@kernel
def real_rprelu_gradients(
    gradient: Tensor, x: Tensor, gamma: Tensor, slope: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of x, gamma, slope and zeta through :func:`real_rprelu`; at the knee x's is that of the mean slope."""
    y = x - gamma[:, None, None]
    half = ((1 - slope) / 2)[:, None, None]
    dx = y.sign().mul_(half).add_(1 - half).mul_(gradient)
    dslope = y.clamp_(max=0.0).mul_(gradient).sum(dim=(0, 2, 3))
    return dx, -dx.sum(dim=(0, 2, 3)), dslope, gradient.sum(dim=(0, 2, 3))


def _unsaturated(gradient: Tensor, result: Tensor, high: float) -> Tensor:
    """``gradient``, zero where ``result`` is ``high`` or beyond in size."""
    # -1 inside the range and 0 on its ends, by arithmetic: comparisons would be several times as slow.
    return (result.abs() - high).sign_().clamp_(min=-1.0, max=0.0).mul_(-gradient)


def _mean_and_half(pair: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and half difference of (above, below), ``(2, C)``, as ``(C, 1, 1)``."""
    above, below = pair[0][:, None, None], pair[1][:, None, None]
    return (above + below) / 2, (above - below) / 2


def compile_kernels() -> None:
    """Fuse the kernels for this process with ``torch.compile``, which needs a C++ compiler."""
    for name, function in list(KERNELS.items()):
        KERNELS[name] = torch.compile(function)
