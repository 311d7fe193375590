"""What every pan-sharpening network here shares: ``fused = clip(lms + network(cat(pan, lms)))``."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from bitpan.errors import ModelError
from bitpan.models.layers.consistency import consistent
from bitpan.models.layers.functional import centre
from bitpan.models.layers.head import nearest
from bitpan.models.layers.operation import Context
from bitpan.models.layers.resampling import upsample
from bitpan.models.networks.configuration import Configuration

UNCORRECTED = 0.1
"""Weight of the loss of an image that is not corrected, beside that of the corrected one."""


class PanSharpener(nn.Module):
    """A network that is called with PAN and MS counts and gives fused counts.

    Attributes:
        name: what the command line, the checkpoint and the tables know it by.
        default_blocks: depth where none is asked for.
        fixed_depth: whether it comes in no other.
    """

    name = ""
    default_blocks = 8
    fixed_depth = False
    arms: frozenset[str] = frozenset()
    """The arms of :data:`bitpan.models.networks.arms.ARMS` that it has beside the head; the others are left alone."""

    head_spread = 1.0
    """Spread of the first features at the start of training, on the feature scale."""

    stages: tuple[str, ...] = ("joint",)
    """What is trained one after the other."""

    stage_shares: tuple[float, ...] = (1.0,)
    """The share of the iterations each stage takes."""

    def __init__(self, configuration: Configuration) -> None:
        super().__init__()
        configuration.require_arms(self.arms | {"head"}, self.name)
        if self.fixed_depth and configuration.blocks != self.default_blocks:
            raise ModelError(
                f"{self.name} has {self.default_blocks} units, not {configuration.blocks}; leave --blocks out"
            )
        self.configuration = configuration

    def prepare(self, pan: Tensor, ms: Tensor) -> dict[str, Tensor]:
        """Tensors lms and input (centred PAN and lms, integers) without a sub-pixel shift."""
        own = self.configuration
        lms = upsample(ms, own.ratio)
        both = torch.cat([pan, lms], dim=1)
        return {"lms": lms, "input": centre(both, own.offset, own.input_shift, own.input)}

    def scale_head(self, pan: Tensor, ms: Tensor) -> None:
        """Prepare the start of training on these images; nothing unless a network needs it."""

    def replace_head(self, pan: Tensor, ms: Tensor) -> None:
        """Make of a full head's weights those of the configuration's head that give nearly the same of these images."""
        head = self.get_submodule("head")
        (weight,) = (parameter for parameter in head.parameters() if parameter.ndim == 4)
        images = self.prepare(pan, ms)["input"] * self.configuration.input.step
        with torch.no_grad():
            near, bias = nearest(weight, head.get_buffer("kept"), images)
            weight.copy_(near)
            head.get_parameter("bias").add_(bias)

    def forward(self, pan: Tensor, ms: Tensor, scene: Mapping[str, Tensor] | None = None) -> Tensor:
        """The fused image in counts, ``(N, B, H, W)``, of ``pan (N, 1, H, W)`` and ``ms (N, B, H/ratio, W/ratio)``.

        Args:
            pan: integers of ``bits`` bits, as floats.
            ms: the same.
            scene: scene parameters by name, integers as floats. With None each image's own statistics are measured, as
                floating-point networks always do.
        """
        return self.fuse(pan, ms, self.context(pan, ms))

    def context(self, pan: Tensor, ms: Tensor) -> Context:
        """What a network's calibration depends on besides the features of each image."""
        return {}

    def fuse(self, pan: Tensor, ms: Tensor, context: Context) -> Tensor:
        """The fused image with a given context, statistics each image's own."""
        raise NotImplementedError

    def loss(self, stage: str, pan: Tensor, ms: Tensor, gt: Tensor) -> tuple[Tensor, Tensor | None]:
        """What ``stage`` minimises, in units of the residual, and the corrected image where it makes one."""
        return self.distance(self(pan, ms), ms, gt)

    def distance(self, fused: Tensor, ms: Tensor, gt: Tensor) -> tuple[Tensor, Tensor]:
        """L1 between the truth and the fused image as it is delivered, consistent with its MS; and that image.

        A little of what the network gave counts too: what the correction takes away has no gradient of its own, and
        would drift.
        """
        corrected = consistent(fused, ms, self.configuration.ratio)
        whole = (corrected - gt).abs().mean() + UNCORRECTED * (fused - gt).abs().mean()
        return whole * 2.0**-self.configuration.residual_gain, corrected

    def stage_parameters(self, stage: str) -> list[nn.Parameter]:
        """What ``stage`` trains."""
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def begin_stage(self, stage: str) -> None:
        """Called once when a stage begins, not when a training is resumed in its middle."""

    def float_parts(self) -> list[nn.Module]:
        """Modules that take and give one tensor and may compute in bf16, see :mod:`.training.precision`."""
        return []
