"""Binary networks: graphs of integer operations with an 8-bit first and last convolution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch

from bitpan.arithmetic import BORDER
from bitpan.model import Tensor
from bitpan.models.layers.head import kept_weights
from bitpan.models.layers.learned import IntegerConv
from bitpan.models.layers.operation import Arrays, Context, Graph, SceneOperation, Step
from bitpan.models.layers.operations import Fixed, Interpolate
from bitpan.models.layers.resampling import bordered
from bitpan.models.networks.configuration import Configuration
from bitpan.models.networks.pansharpener import PanSharpener
from bitpan.radiometry import BALANCE

Tensors = dict[str, torch.Tensor]
"""By name."""


class BinaryNetwork(PanSharpener):
    """A network whose forward pass computes the integers of :func:`bitpan.model.execute`.

    Subclasses say in :meth:`body` how the features ``x0`` become the tensor the tail takes.
    """

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration)
        own = configuration
        self.interpolator = Interpolate(own.ratio)
        self.centring = Fixed("centre", own.input, own.offset, own.input_shift)
        self.concatenation = Fixed("concat")
        kept = kept_weights(own.head, own.bands)
        self.head = IntegerConv(1 + own.bands, own.channels, 3, own.input, own.features, kept=kept)
        self.tail = IntegerConv(own.channels, own.bands, 1, own.features, own.residual, own.residual_gain)
        self.tail.conv.weight.data.mul_(0.1)
        self.addition = Fixed("add_clip", own.fused)

    def body(self) -> Graph:
        """Steps from ``x0`` to the features the tail takes, which the last of them gives."""
        raise NotImplementedError

    def graph(self) -> Graph:
        """Every step, in order of computation."""
        yield Step("upsample", self.interpolator, ("ms",), ("lms",), ("upsample.rows", "upsample.columns"))
        yield Step("pan_centre", self.centring, ("pan",), ("pan_centred",))
        yield Step("lms_centre", self.centring, ("lms",), ("lms_centred",))
        yield Step("input_concat", self.concatenation, ("pan_centred", "lms_centred"), ("input",))
        yield Step("head", self.head, ("input",), ("x0",))
        last = "x0"
        for step in self.body():
            yield step
            (last,) = step.outputs[-1:]
        yield Step("tail", self.tail, (last,), ("residual",))
        yield Step("output", self.addition, ("lms", "residual"), ("fused",))

    def recipe(self) -> Arrays:
        """Float arrays by their whole name: the MS's balance, and what the host computes :meth:`context` from."""
        own = self.configuration
        return {BALANCE: np.array(own.balance)} if own.balance else {}

    def inputs(self) -> dict[str, Tensor]:
        """The graph's inputs."""
        own = self.configuration
        return {"pan": Tensor(1, own.fused), "ms": Tensor(own.bands, own.fused, own.ratio, BORDER)}

    def tensors(
        self,
        pan: torch.Tensor,
        ms: torch.Tensor,
        scene: Mapping[str, torch.Tensor] | None = None,
        context: Context | None = None,
    ) -> dict[str, torch.Tensor]:
        """Every tensor of the graph by name, in order of computation; the last one is ``fused``.

        Equal to :func:`bitpan.model.execute` where ``scene`` is given; without, statistics are each image's own. The
        ``ms`` is :func:`.resampling.bordered`.
        """
        values = {"pan": pan, "ms": ms}
        for step in self.graph():
            self._compute(step, values, scene, context or {})
        return {name: value for name, value in values.items() if name not in ("pan", "ms")}

    def _compute(self, step: Step, values: Tensors, scene: Mapping[str, torch.Tensor] | None, context: Context) -> None:
        """Put what a step makes among the ``values``."""
        inputs = [values[name] for name in step.inputs]
        if scene is None and isinstance(step.layer, SceneOperation):
            result = step.layer.learn(*inputs, context=context)
        else:
            result = step.layer(*inputs, *((scene or {})[name] for name in step.scene))
        step.keep(result, values)

    def _steps(self, values: Tensors) -> Iterator[Step]:
        """Every step; of the ``values`` only those stay that a later one reads: all of them take gigabytes."""
        steps = list(self.graph())
        for i, step in enumerate(steps):
            yield step
            read = {"fused"}.union(*(later.inputs for later in steps[i + 1 :]))
            for name in values.keys() - read:
                del values[name]

    def _fused(
        self, pan: torch.Tensor, ms: torch.Tensor, scene: Mapping[str, torch.Tensor] | None, context: Context
    ) -> torch.Tensor:
        values = {"pan": pan, "ms": bordered(ms)}
        for step in self._steps(values):
            self._compute(step, values, scene, context)
        return values["fused"]

    def fuse(self, pan: torch.Tensor, ms: torch.Tensor, context: Context) -> torch.Tensor:
        """See :meth:`PanSharpener.fuse`."""
        return self._fused(pan, ms, None, context)

    def forward(
        self, pan: torch.Tensor, ms: torch.Tensor, scene: Mapping[str, torch.Tensor] | None = None
    ) -> torch.Tensor:
        """See :meth:`PanSharpener.forward`."""
        return super().forward(pan, ms) if scene is None else self._fused(pan, ms, scene, {})

    @torch.no_grad()
    def measure(self, pan: torch.Tensor, ms: torch.Tensor) -> dict[str, torch.Tensor]:
        """Scene parameters of one pair ``(1, ., H, W)``, measured on the whole of it, one after the other."""
        scene: dict[str, torch.Tensor] = {}
        values, context = {"pan": pan, "ms": bordered(ms)}, self.context(pan, ms)
        for step in self._steps(values):
            if isinstance(step.layer, SceneOperation):
                measured = step.layer.measure(*(values[name] for name in step.inputs), context=context)
                scene |= dict(zip(step.scene, measured, strict=True))
            self._compute(step, values, scene, context)
        return scene

    def scale_head(self, pan: torch.Tensor, ms: torch.Tensor) -> None:
        """Scale the head's weights so that the first features of these images have the spread ``head_spread``."""
        with torch.no_grad():
            for _ in range(2):  # the second time because the first may have saturated
                spread = self.head(self.prepare(pan, ms)["input"]).std() * self.configuration.features.step
                self.head.conv.weight.mul_(self.head_spread / spread)
