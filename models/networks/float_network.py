"""Networks in floating point: a convolution, a body, a convolution. They are judged; they have no integer form."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from bitpan.models.layers.functional import add_clip
from bitpan.models.layers.head import FloatHead
from bitpan.models.layers.operation import Context
from bitpan.models.networks.configuration import Configuration
from bitpan.models.networks.pansharpener import PanSharpener


class FloatNetwork(PanSharpener):
    """A 3x3 head, ``blocks`` that subclasses make, and a 1x1 tail."""

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration)
        own = configuration
        self.head = FloatHead(own.bands, own.channels, own.head)
        self.blocks = self.body()
        self.tail = nn.Conv2d(own.channels, own.bands, 1)
        self.tail.weight.data.mul_(0.1)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def body(self) -> nn.Module:
        """New blocks for :meth:`features`."""
        raise NotImplementedError

    def features(self, x: Tensor, context: Context) -> Tensor:
        """What the blocks make of the first features ``(N, C, H, W)``."""
        return self.blocks(x)  # type: ignore[no-any-return]

    def scale_head(self, pan: Tensor, ms: Tensor) -> None:
        """Scale the head so that the first features of these images have the spread ``head_spread``."""
        with torch.no_grad():
            spread = self.head(self._centred(self.prepare(pan, ms))).std() / self.head_spread
            for parameter in self.head.parameters():
                parameter.div_(spread)

    def _centred(self, prepared: Mapping[str, Tensor]) -> Tensor:
        real = prepared["input"] * self.configuration.input.step
        return real.contiguous(memory_format=torch.channels_last)

    def fuse(self, pan: Tensor, ms: Tensor, context: Context) -> Tensor:
        """See :meth:`PanSharpener.fuse`."""
        prepared = self.prepare(pan, ms)
        residual = self.tail(self.features(self.head(self._centred(prepared)), context))
        scaled = residual * 2.0**self.configuration.residual_gain
        return add_clip(prepared["lms"], scaled, self.configuration.fused)
