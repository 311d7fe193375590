"""S2BNet-flat: binary S2B-Convs in series at full resolution (after S2BNet, arXiv 2509.23321), and its unit's twin.

``fused = clip(lms + tail(blocks(head(cat(pan, lms)))))`` with ``lms`` the interpolated MS. The binary network's forward
pass computes the integers of :func:`bitpan.model.execute`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from bitpan.arithmetic import keys_coefficients, lms_format
from bitpan.errors import ModelError
from bitpan.formats import Format
from bitpan.models.functional import add_clip, centre
from bitpan.models.layers import IntegerConv, S2BConv, SpectralRedistribution
from bitpan.models.resample import interpolate, upsample

SRM_ARMS = ("dynamic", "static", "none")
GSFA_ARMS = ("filters", "initialisation", "none")


@dataclass(frozen=True)
class Configuration:
    """What a network is made of, frozen in its checkpoint.

    Attributes:
        bands, bits, ratio: MS bands, unsigned bits of the imagery, PAN pixels per MS pixel.
        blocks, channels: depth and width.
        srm, gsfa: arms of the binary unit, see :class:`S2BConv`.
        offset: image counts subtracted from the input.
        input_fraction: the input's unit is ``2**(input_fraction + input_shift)`` counts.
        residual_gain: the residual's unit is ``2**residual_gain`` counts.
        seed: of the Gabor banks.
    """

    bands: int = 4
    bits: int = 11
    ratio: int = 4
    blocks: int = 8
    channels: int = 32
    srm: str = "dynamic"
    gsfa: str = "filters"
    offset: int = 512
    input_fraction: int = 8
    residual_gain: int = 6
    seed: int = 0

    def __post_init__(self) -> None:
        if self.srm not in SRM_ARMS or self.gsfa not in GSFA_ARMS:
            raise ModelError(f"srm is one of {SRM_ARMS} and gsfa of {GSFA_ARMS}, not {self.srm!r} and {self.gsfa!r}")
        if not (self.bands >= 1 and 8 <= self.bits <= 16 and self.ratio in (2, 4) and self.blocks >= 1):
            raise ModelError(
                f"no network has {self.bands} bands, {self.bits} bits, ratio {self.ratio}, {self.blocks} blocks"
            )

    @property
    def input_shift(self) -> int:
        """Bits dropped from the imagery so that the input has at most 12, sign included."""
        return max(0, self.bits - 11)

    @property
    def input(self) -> Format:
        """Format of the centred input."""
        return Format(min(12, self.bits + 1), self.input_fraction)

    @property
    def features(self) -> Format:
        """Format of the features: one is 64 steps."""
        return Format(10, 6)

    @property
    def residual(self) -> Format:
        """Format of the residual: image counts."""
        return lms_format(self.bits)

    @property
    def fused(self) -> Format:
        """Format of the imagery."""
        return Format(self.bits, 0, signed=False)

    def to_json(self) -> dict[str, Any]:
        """As plain types."""
        return asdict(self)


def calibrated(configuration: Configuration, pan: Tensor, ms: Tensor, gt: Tensor) -> Configuration:
    """The configuration whose input and residual have about unit spread on these training images ``(N, ., H, W)``."""
    lms = upsample(ms, configuration.ratio)
    mean = float(torch.cat([pan, lms], dim=1).double().mean())
    spread = float((torch.cat([pan, lms], dim=1).double() - mean).square().mean().sqrt())
    detail = float((gt.double() - lms).square().mean().sqrt())
    return replace(
        configuration,
        offset=round(mean),
        input_fraction=max(0, round(math.log2(max(spread, 1.0)))) - configuration.input_shift,
        residual_gain=max(0, round(math.log2(max(detail, 1.0)))),
    )


class PanSharpener(nn.Module):
    """What both networks share: the interpolator and the centred input."""

    name = ""
    coefficients: Tensor

    def __init__(self, configuration: Configuration) -> None:
        super().__init__()
        self.configuration = configuration
        coefficients = torch.from_numpy(keys_coefficients(configuration.ratio)).float()
        self.register_buffer("coefficients", coefficients, persistent=False)

    def prepare(self, pan: Tensor, ms: Tensor, scene: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Tensors lms, pan_centred, lms_centred and input."""
        rows = scene.get("upsample.rows", self.coefficients)
        columns = scene.get("upsample.columns", self.coefficients)
        own = self.configuration
        lms = interpolate(ms, rows, columns)
        pan_centred = centre(pan, own.offset, own.input_shift, own.input)
        lms_centred = centre(lms, own.offset, own.input_shift, own.input)
        both = torch.cat([pan_centred, lms_centred], dim=1)
        return {"lms": lms, "pan_centred": pan_centred, "lms_centred": lms_centred, "input": both}

    def tensors(self, pan: Tensor, ms: Tensor, scene: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Every tensor of the graph by name, in order of computation; the last one is ``fused``."""
        raise NotImplementedError

    def forward(self, pan: Tensor, ms: Tensor, scene: Mapping[str, Tensor] | None = None) -> Tensor:
        """The fused image in counts, ``(N, B, H, W)``, of ``pan (N, 1, H, W)`` and ``ms (N, B, H/ratio, W/ratio)``.

        Args:
            pan: integers of ``bits`` bits, as floats.
            ms: the same.
            scene: scene parameters by name, integers as floats. With None each image's own statistics are measured.
        """
        return self.tensors(pan, ms, scene)["fused"]


class S2BNetFlat(PanSharpener):
    """The binary network: 8-bit head, binary units, 8-bit 1x1 tail."""

    name = "s2bnet-flat"

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration)
        own = configuration
        self.head = IntegerConv(1 + own.bands, own.channels, 3, own.input, own.features)
        self.blocks = nn.ModuleList(
            S2BConv(own.channels, own.srm, own.gsfa, own.features, own.seed + i) for i in range(own.blocks)
        )
        self.tail = IntegerConv(own.channels, own.bands, 1, own.features, own.residual, own.residual_gain)
        self.tail.conv.weight.data.mul_(0.1)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def scale_head(self, pan: Tensor, ms: Tensor) -> None:
        """Scale the head's weights so that the first features of these images have unit spread."""
        with torch.no_grad():
            for _ in range(2):  # the second time because the first may have saturated
                spread = self.head(self.prepare(pan, ms, {})["input"]).std() * self.configuration.features.step
                self.head.conv.weight.div_(spread)

    @property
    def units(self) -> list[S2BConv]:
        """The binary units, in series."""
        return cast("list[S2BConv]", list(self.blocks))

    def tensors(self, pan: Tensor, ms: Tensor, scene: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """See :meth:`PanSharpener.tensors`; equal to :func:`bitpan.model.execute` where ``scene`` is given."""
        values = self.prepare(pan, ms, scene or {})
        x = self.head(values["input"].contiguous(memory_format=torch.channels_last))
        values["x0"] = x
        for i, block in enumerate(self.units):
            threshold = None if scene is None else scene[f"block{i}.threshold"]
            s, p, x = block(x, threshold)
            values[f"s{i}"], values[f"p{i}"], values[f"x{i + 1}"] = s, p, x
        values["residual"] = self.tail(x)
        values["fused"] = add_clip(values["lms"], values["residual"], self.configuration.fused)
        return values

    @torch.no_grad()
    def measure(self, pan: Tensor, ms: Tensor) -> dict[str, Tensor]:
        """Scene parameters of one pair ``(1, ., H, W)``, measured on the whole of it, block after block."""
        scene = {"upsample.rows": self.coefficients, "upsample.columns": self.coefficients}
        x = self.head(self.prepare(pan, ms, scene)["input"])
        for i, block in enumerate(self.units):
            threshold = block.srm.thresholds(*block.srm(x))[0]
            scene[f"block{i}.threshold"] = threshold
            x = block(x, threshold)[2]
        return scene


class FloatUnit(nn.Module):
    """The twin of :class:`S2BConv`: the same operations with real weights and no sign."""

    def __init__(self, channels: int, srm: str, features: Format) -> None:
        super().__init__()
        self.srm = SpectralRedistribution(channels, srm, replace(features, fraction=0))
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.slope = nn.Parameter(torch.full((channels,), 0.25))
        self.gamma = nn.Parameter(torch.zeros(channels))
        self.zeta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Features ``(N, C, H, W)`` to features."""
        k, b = self.srm(x)
        y = self.conv(torch.addcmul(b[:, :, None, None], x, k[:, :, None, None]))
        y = functional.prelu(y - self.gamma[:, None, None], self.slope)
        return x + y + self.zeta[:, None, None]
