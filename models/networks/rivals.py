"""Binary units of other papers, for comparison on the same footing: 3x3, C channels in and out, floating point.

Each is what its paper says around one binary convolution; whatever belongs to a whole network (backbone, training
schedule, distillation) is left out, since all units share one backbone and one training. Two liberties are common to
all of them, so that they cost the same hardware: the sign of zero is +1, and the signs are padded with -1 where the
published codes pad with 0, which is no sign.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from bitpan.models.layers.binary import BinaryConv2d, MeanScaledConv2d, clipped, identity, mean_scaled, sign, through
from bitpan.models.layers.kernels import hyperbolic, quadratic, real_signs
from bitpan.models.layers.rprelu import RPReLU


class ClippedConv2d(BinaryConv2d):
    """Weights ``sign(W)``, and W itself is kept within -1 ... 1 (Hubara et al., NeurIPS 2016, algorithm 1)."""

    def effective(self) -> Tensor:
        """See :meth:`BinaryConv2d.effective`."""
        if self.training:
            with torch.no_grad():
                self.weight.clamp_(-1.0, 1.0)  # after the last update, before the next use
        return super().effective()


class BNN(nn.Module):
    """Sign, binary convolution, batch normalisation (Hubara et al., NeurIPS 2016, algorithm 1).

    No residual and no scale, as in the paper. Its hard tanh is the gradient of the next sign. Some comparison tables
    (BiSRNet's, for one) give BNN a residual around it: that would no longer be the plain one.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = ClippedConv2d(channels)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` to the same."""
        return self.norm(self.conv(sign(x, clipped)))  # type: ignore[no-any-return]


class ReActNet(nn.Module):
    """Shift, sign, binary convolution scaled by mean|W|, batch normalisation, + x, RPReLU (Liu et al., ECCV 2020)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(channels))
        self.conv = MeanScaledConv2d(channels)
        self.norm = nn.BatchNorm2d(channels)
        self.rprelu = RPReLU(channels)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` to the same."""
        s = sign(x + self.shift[:, None, None], quadratic)
        return self.rprelu(x + self.norm(self.conv(s)))  # type: ignore[no-any-return]


class BBCU(nn.Module):
    """Shift, sign, binary convolution scaled by mean|W|, RPReLU, + x, no normalisation (Xia et al., ICLR 2023).

    The paper's residual alignment, one amplification of the whole network's input, is done for all units alike: the
    input has unit spread.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(channels))
        self.conv = MeanScaledConv2d(channels)
        self.rprelu = RPReLU(channels)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` to the same."""
        s = sign(x + self.shift[:, None, None], quadratic)
        return x + self.rprelu(self.conv(s))  # type: ignore[no-any-return]


def decay(gradient: Tensor, x: Tensor, progress: float) -> Tensor:
    """That of the error decay estimator ``k*tanh(t*x)``: from the identity to nearly the sign (Qin et al., CVPR 2020).

    ``t`` grows from 0.1 to 10 as ``progress`` goes from 0 to 1, ``k = max(1/t, 1)`` (section 3.3); the authors' code
    for CIFAR-10 starts at 0.001, where the gradient is the identity's too.
    """
    t = 0.1 * math.pow(100.0, progress)
    return hyperbolic(gradient, t * x) * max(1.0, t)


class LibraConv2d(BinaryConv2d):
    """Weights ``2**s * sign(W')``, W' the standardised W, ``s = round(log2(mean|W'|))`` per output.

    IR-Net's Libra parameter binarisation (Qin et al., CVPR 2020, 3.2).
    """

    progress = 0.0

    def effective(self) -> Tensor:
        """See :meth:`BinaryConv2d.effective`."""
        std, mean = torch.std_mean(self.weight, dim=(1, 2, 3), keepdim=True)
        standard = (self.weight - mean) / std
        scale = 2.0 ** standard.detach().abs().mean(dim=(1, 2, 3), keepdim=True).log2().round()
        return scale * sign(standard, partial(decay, progress=self.progress))


class IRNet(nn.Module):
    """Sign, Libra convolution, batch normalisation, + x, hard tanh; gradients by error decay (Qin et al., CVPR 2020).

    The residual around each convolution and the hard tanh are those of its Bi-Real arm.

    Attributes:
        progress: how much of the training is over, 0 to 1; only gradients depend on it.
    """

    progress = 0.0

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = LibraConv2d(channels)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` to the same."""
        s = sign(x, partial(decay, progress=self.progress))
        return functional.hardtanh(x + self.norm(self.conv(s)))


class StandardisedConv2d(BinaryConv2d):
    """Weights ``gain * alpha * sign(W')``, W' the W standardised to a spread of ``1/sqrt(9C)``, ``alpha = mean|W'|``.

    The weights start Xavier uniform (Jiang et al., AAAI 2021); the standardisation and the learned gain per output are
    those of networks without normalisation (Brock et al., ICLR 2021).
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        nn.init.xavier_uniform_(self.weight)
        self.gain = nn.Parameter(torch.ones(channels))

    def effective(self) -> Tensor:
        """See :meth:`BinaryConv2d.effective`."""
        std, mean = torch.std_mean(self.weight, dim=(1, 2, 3), keepdim=True, correction=0)
        standard = (self.weight - mean) / (std + 1e-5) / math.sqrt(self.weight[0].numel())
        return self.gain[:, None, None, None] * mean_scaled(standard, clipped)


class BTM(nn.Module):
    """Shift, sign, standardised binary convolution, + x, RPReLU, no normalisation (Jiang et al., AAAI 2021).

    The paper says no batch normalisation, Xavier weights, XNOR-Net's scale, Bi-Real's gradient and a PReLU; shifts and
    standardised weights are those of the BTM that the comparison tables of binary restoration show (BiSRNet's code).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(channels))
        self.conv = StandardisedConv2d(channels)
        self.rprelu = RPReLU(channels)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` to the same."""
        s = sign(x + self.shift[:, None, None], quadratic)
        return self.rprelu(x + self.conv(s))  # type: ignore[no-any-return]


class E2FIF(nn.Module):
    """Sign, binary convolution, batch normalisation, + x around every convolution (Song et al., TIP 2023).

    Weights ``sign(W)`` with the gradient of the identity, as in its published code. The leaky ReLU between the two
    convolutions of its residual blocks is left out: with one after every unit, short trainings were no better.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = BinaryConv2d(channels, identity)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` to the same."""
        return x + self.norm(self.conv(sign(x, quadratic)))  # type: ignore[no-any-return]


class BiSRNet(nn.Module):
    """BiSR-Conv: ``k*x + b``, sign, binary convolution scaled by mean|W|, RPReLU, + x (Cai et al., NeurIPS 2023).

    k and b per channel, static; the sign's gradient is that of ``tanh(a*x)`` with a learned a. The paper's k is free,
    here it is ``exp(kappa) > 0``: the sign is then one threshold per channel, as in our own unit.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.kappa = nn.Parameter(torch.zeros(channels))
        self.b = nn.Parameter(torch.zeros(channels))
        self.sharpness = nn.Parameter(torch.ones(()))
        self.conv = MeanScaledConv2d(channels)
        self.rprelu = RPReLU(channels)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` to the same."""
        redistributed = torch.addcmul(self.b[:, None, None], x, self.kappa.exp()[:, None, None])
        s = through(real_signs(redistributed.detach()), self.sharpness * redistributed, hyperbolic)
        return x + self.rprelu(self.conv(s))  # type: ignore[no-any-return]


RIVALS: dict[str, type[nn.Module]] = {
    "bnn": BNN,
    "reactnet": ReActNet,
    "bbcu": BBCU,
    "irnet": IRNet,
    "btm": BTM,
    "e2fif": E2FIF,
    "bisrnet": BiSRNet,
}
"""Units by the name that follows the backbone's, each built as ``unit(channels)``."""
