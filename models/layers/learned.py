"""Layers of the binary networks. Their forward pass computes the integers of :mod:`bitpan.arithmetic`, bit for bit.

Each states its bound when it is built.
"""

from __future__ import annotations

import math

import torch
from brevitas.nn import QuantConv2d
from brevitas.quant import Int8WeightPerTensorFixedPoint, SignedBinaryWeightPerTensorConst
from torch import Tensor, nn
from torch.nn import functional

from bitpan.arithmetic import K_MIN
from bitpan.errors import DivergenceError, FormatError
from bitpan.formats import Format
from bitpan.model import SceneParameter
from bitpan.model import Tensor as Edge
from bitpan.models.layers.functional import (
    EXACT,
    binary_conv,
    conv,
    integers_of,
    rprelu,
    sign,
    srm_threshold,
    trained_sign,
)
from bitpan.models.layers.gabor import gabor_bank
from bitpan.models.layers.operation import Arrays, Context, Operation, SceneOperation

WEIGHT_BITS = 8
"""Width of the first and the last convolution's weights."""

BIAS_8 = Format(23, 0)
"""Range of the biases of convolutions with 8-bit weights."""

MAX_SHIFT = 19
"""Largest rounding shift of a convolution with 8-bit weights."""

SLOPE = Format(10, 6)
"""Format of RPReLU's slopes; their fraction is RPReLU's shift."""

BIAS = Format(20, 6)
"""Format of RPReLU's biases."""

KNEE = Format(10, 0)
"""Format of RPReLU's knees: popcounts."""


START = 0.25
"""Start of the popcounts' scale, so that a unit begins with little beside its residual."""
# PSNR on the validation strips of four real scenes after 400 iterations, started at 1, 1/2 and 1/4: s2bnet-flat 36.73,
# 36.95, 37.03 dB; s2bnet, whose features saturate from 1, 36.35, 36.63, 36.91.


class IntegerConv(Operation):
    """Convolution of integers with 8-bit weights of a power-of-two scale, bias, rounding shift and saturation.

    Attributes:
        source, target: formats of input and output.
        gain: the output is ``2**gain`` times the convolution in real units (the last layer's reaches image counts).
        kept: ones, and zeros for weights that are zero and do not learn, ``(1, I, k, k)``.
    """

    op = "conv"
    function = staticmethod(conv)
    target: Format
    kept: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        source: Format,
        target: Format,
        gain: int = 0,
        kept: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.source, self.target, self.gain = source, target, gain
        self.conv = QuantConv2d(inputs, outputs, kernel, bias=False, weight_quant=Int8WeightPerTensorFixedPoint)
        self.bias = nn.Parameter(torch.zeros(outputs))
        kept = torch.ones(1, inputs, kernel, kernel) if kept is None else kept
        self.register_buffer("kept", kept, persistent=False)
        self.conv.weight.data.mul_(kept)
        # Largest sum, bias and rounding half: where float32 does not hold it exactly, float64 does.
        bound = int(kept.sum()) * (1 << (WEIGHT_BITS - 1)) * max(-source.min, source.max) - BIAS_8.min
        self.dtype = torch.float32 if bound + (1 << (MAX_SHIFT - 1)) < EXACT else torch.float64

    def integers(self) -> tuple[Tensor, Tensor, int]:
        """Weights ``(O, I, k, k)``, bias ``(O,)`` and the rounding shift."""
        quantised = self.conv.weight_quant(self.conv.weight * self.kept)
        scale = quantised.scale.detach()
        weight_fraction = -round(math.log2(float(scale)))
        fraction = self.source.fraction + weight_fraction
        shift = fraction - self.target.fraction - self.gain
        if not 1 <= shift <= MAX_SHIFT:
            raise DivergenceError(
                f"a convolution's shift is {shift}, not 1 to {MAX_SHIFT}: its weights ran away; lower --lr"
            )
        bias = integers_of(self.bias * 2.0**fraction, BIAS_8)
        weights: Tensor = quantised.value * 2.0**weight_fraction
        return weights.to(self.dtype), bias.to(self.dtype), shift


class BinaryConv(Operation):
    """3x3 convolution of +1 and -1, padded with -1: XNOR and popcount in hardware.

    GSFA (Gabor-guided filters, S2BNet) enriches the weights before they are binarised and folds into them:

    - ``filters``: ``sign(W + lambda*G)``, G a frozen Gabor bank, lambda learned;
    - ``initialisation``: ``W`` starts as G;
    - any other arm: plain binary weights.

    Where the input is ``planes`` of signs of the same channels, one after the other, all have the same weights.
    """

    op = "binary_conv"
    function = staticmethod(binary_conv)
    binary = True
    gabor: Tensor

    def __init__(self, channels: int, gsfa: str, seed: int, planes: int = 1) -> None:
        super().__init__()
        self.planes = planes
        self.conv = QuantConv2d(
            channels, channels, 3, bias=False, weight_quant=SignedBinaryWeightPerTensorConst, weight_scaling_const=1.0
        )
        self.gsfa = gsfa
        if gsfa in ("filters", "initialisation"):
            bank = torch.from_numpy(gabor_bank(channels, channels, 3, seed)).float()
            if gsfa == "initialisation":
                self.conv.weight.data.copy_(bank)
            else:
                self.register_buffer("gabor", bank)
                self.mix = nn.Parameter(torch.tensor(0.25))

    def integers(self) -> tuple[Tensor]:
        """Weights ``(O, planes * C, 3, 3)``, +1 or -1."""
        return (torch.cat([self.weights()] * self.planes, dim=1),)

    def weights(self) -> Tensor:
        """Those of one plane, ``(O, C, 3, 3)``."""
        latent = self.conv.weight + self.mix * self.gabor if self.gsfa == "filters" else self.conv.weight
        weights: Tensor = self.conv.weight_quant(latent).value
        return weights

    def forward(self, *inputs: Tensor) -> Tensor:
        """The planes' sums, which are those of one convolution of the planes' sum."""
        planes = inputs[0].chunk(self.planes, dim=1)
        return binary_conv(sum(planes[1:], planes[0]), self.weights(), self.planes)


class CalibratedSign(SceneOperation):
    """The sign of ``k*x + b``, k > 0, with k and b from :meth:`calibration`: one threshold per channel and scene."""

    op = "sign"
    function = staticmethod(sign)
    features: Format

    def calibration(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Slopes k and biases b in real units, ``(N, C)`` of features ``x: (N, C, H, W)``, or ``(1, C)``."""
        raise NotImplementedError

    def parameters_of(self, names: tuple[str, ...], inputs: tuple[str, ...], *tensors: Edge) -> list[SceneParameter]:
        """The thresholds; one past the largest feature says "never"."""
        channels, fmt = tensors[0].channels, tensors[0].format
        return [SceneParameter(names[0], "srm", (channels,), Format(fmt.bits + 1, fmt.fraction), inputs[0])]

    def thresholds(self, k: Tensor, b: Tensor) -> Tensor:
        """Integer thresholds of ``k`` and ``b``."""
        return srm_threshold(k.detach().double(), b.detach().double() / self.features.step, self.features).to(k.dtype)

    def measure(self, *inputs: Tensor, context: Context) -> tuple[Tensor, ...]:
        """The thresholds ``(C,)`` of one scene."""
        return (self.thresholds(*self.calibration(inputs[0]))[0],)

    def learn(self, *inputs: Tensor, context: Context) -> Tensor:
        """Signs with each image's own thresholds."""
        k, b = self.calibration(inputs[0])
        return trained_sign(inputs[0], self.thresholds(k, b), k, b, self.features.step)


class SpectralRedistribution(CalibratedSign):
    """SRM and sign: a bounded affine map per channel before the sign, ``k = 2*sigmoid(p)``, ``b = tanh(q)``.

    ``dynamic`` draws p and q from the channel means (GAP, FC, ReLU, FC); ``static`` learns them (BiSRNet); ``none`` is
    k = 1, b = 0. All three have the same arrays, so that whoever computes scene parameters knows one recipe.

    ``start`` is where q starts, and stays in ``none``.
    """

    def __init__(self, channels: int, mode: str, features: Format, reduced: int = 8, start: float = 0.0) -> None:
        super().__init__()
        self.mode, self.features = mode, features
        self.fc1 = nn.Linear(channels, reduced)
        self.fc2 = nn.Linear(reduced, 2 * channels)
        nn.init.zeros_(self.fc2.weight)
        nn.init.zeros_(self.fc2.bias[:channels])
        nn.init.constant_(self.fc2.bias[channels:], start)
        if mode != "dynamic":
            for parameter in (*self.fc1.parameters(), self.fc2.weight):
                parameter.requires_grad_(False)
            self.fc2.bias.requires_grad_(mode == "static")

    def calibration(self, x: Tensor, shift: Tensor | float = 0.0) -> tuple[Tensor, Tensor]:
        """See :meth:`CalibratedSign.calibration`; ``shift`` is added to q."""
        if self.mode == "dynamic":
            means = x.mean(dim=(2, 3)) * self.features.step
            raw = self.fc2(functional.relu(self.fc1(means)))
        else:
            raw = self.fc2.bias[None]
        p, q = raw.chunk(2, dim=1)
        return (2 * torch.sigmoid(p)).clamp(min=K_MIN), torch.tanh(q + shift)


class SecondSign(CalibratedSign):
    """Another sign of what an SRM redistributes: ``k*x + tanh(q + shift)``, with a learned shift per channel."""

    def __init__(self, first: SpectralRedistribution, start: float) -> None:
        super().__init__()
        self.first, self.features = (first,), first.features  # a tuple: its parameters stay the first one's
        channels = first.fc2.out_features // 2
        self.shift = nn.Parameter(torch.full((channels,), start), requires_grad=first.mode != "none")

    def calibration(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`CalibratedSign.calibration`."""
        return self.first[0].calibration(x, self.shift)

    def recipe(self) -> Arrays:
        """The first sign's, with the shift in it."""
        arrays = self.first[0].recipe()
        bias = arrays["fc2.bias"].copy()
        bias[-len(self.shift) :] += super().recipe()["shift"]
        return arrays | {"fc2.bias": bias}


class Sign(Operation):
    """The plain sign: +1 from zero on."""

    op = "sign"
    threshold: Tensor

    def __init__(self, channels: int, features: Format) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("threshold", torch.zeros(channels), persistent=False)

    def integers(self) -> tuple[Tensor]:
        """The thresholds: zeros."""
        return (self.threshold,)

    def forward(self, *inputs: Tensor) -> Tensor:
        """+1 where ``x >= 0``, else -1; a gradient as of :func:`trained_sign`."""
        zero = self.threshold[None]
        return trained_sign(inputs[0], zero, zero + 1, zero, self.features.step)


class ScaledRPReLU(Operation):
    """``alpha*p``, RPReLU and the residual: ``x + zeta + (alpha*p - gamma) * (1 or beta)``, "1" above ``gamma``.

    Parameters per channel, real numbers: ``alpha`` in units of ``1/sqrt(9C)`` (a block's gain is then about one),
    ``beta``, ``gamma``, ``zeta`` on the feature scale.
    """

    op = "rprelu"
    target: Format

    def __init__(self, channels: int, features: Format, alpha: float = START, planes: int = 1) -> None:
        super().__init__()
        self.target = features
        self.unit = 1 / math.sqrt(9 * channels) / planes / features.step  # feature steps per popcount at alpha = 1
        self.alpha = nn.Parameter(torch.full((channels,), alpha))
        self.beta = nn.Parameter(torch.full((channels,), 0.25))
        self.gamma = nn.Parameter(torch.zeros(channels))
        self.zeta = nn.Parameter(torch.zeros(channels))
        bound = 9 * channels * planes * -SLOPE.min - BIAS.min + (1 << SLOPE.fraction)
        if bound >= EXACT:
            raise FormatError(f"RPReLU on {channels} channels may reach {bound}, beyond the exact range of float32")

    def branches(self) -> tuple[Tensor, Tensor, Tensor]:
        """Knees ``(C,)``, slopes ``(2, C)`` and biases ``(2, C)`` (above, below) as integers in floats."""
        one = float(1 << SLOPE.fraction)
        alpha = (self.alpha * self.unit).clamp(1 / one, SLOPE.max / one)
        gamma, zeta = self.gamma / self.target.step, self.zeta / self.target.step
        slopes = integers_of(torch.stack([alpha, alpha * self.beta]) * one, SLOPE)
        biases = integers_of(torch.stack([zeta - gamma, zeta - self.beta * gamma]) * one, BIAS)
        knee = torch.floor(gamma.detach() / alpha.detach()) + 1  # p > gamma/alpha, p an integer
        return knee.clamp(KNEE.min, KNEE.max), slopes, biases

    def integers(self) -> tuple[Tensor | int, ...]:
        """Knees, slopes and biases, each above and below, and the slopes' fraction bits."""
        knee, slopes, biases = self.branches()
        return knee, *slopes, *biases, SLOPE.fraction

    def forward(self, *inputs: Tensor) -> Tensor:
        """Popcounts and, where there is a residual, features to features, ``(N, C, H, W)``."""
        p, *residual = inputs
        return rprelu(p, residual[0] if residual else None, *self.branches(), SLOPE.fraction, self.target)
