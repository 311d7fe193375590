"""BNNPan's training in three stages (Hou et al., CVPR 2025), shared with its full-precision twin."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bitpan.models.layers.functional import centre
from bitpan.models.layers.operation import Context
from bitpan.models.networks.latent import Latent
from bitpan.models.networks.pansharpener import PanSharpener


class LatentTraining(PanSharpener):
    """A backbone that a latent prior calibrates, and the latent module.

    - ``truth``: the backbone with the prior of the truth's own encoder;
    - ``prior``: the condition encoder and the denoiser learn that prior from PAN and MS alone;
    - ``joint``: backbone, condition encoder and denoiser together.

    Without a prior there is the ``joint`` stage alone. Subclasses call :meth:`add_latent` when they are built.
    """

    arms = frozenset({"wavelet", "norm", "prior", "cdc", "outer_skip"})
    latent: Latent | None

    def add_latent(self) -> None:
        """Make the latent module and the stages it needs."""
        own = self.configuration
        self.latent = None if own.prior == "none" else Latent(own.bands, own.channels, own.prior, own.seed)
        if self.latent is not None:
            self.stages, self.stage_shares = ("truth", "prior", "joint"), (0.15, 0.1, 0.75)

    def image(self, pan: Tensor, ms: Tensor) -> Tensor:
        """What the condition encoder sees: centred PAN and lms in real units."""
        return self.prepare(pan, ms)["input"] * self.configuration.input.step

    def context(self, pan: Tensor, ms: Tensor) -> Context:
        """The latent prior."""
        return {} if self.latent is None else {"prior": self.latent.sample(self.image(pan, ms))}

    def loss(self, stage: str, pan: Tensor, ms: Tensor, gt: Tensor) -> tuple[Tensor, Tensor | None]:
        """L1 of the corrected image, or of the prior, see :meth:`PanSharpener.loss`."""
        if stage == "joint" or self.latent is None:
            return super().loss(stage, pan, ms, gt)
        own = self.configuration
        truth = centre(gt, own.offset, own.input_shift, own.input) * own.input.step
        if stage == "prior":
            with torch.no_grad():
                target = self.latent.truth(truth)
            return (self.context(pan, ms)["prior"] - target).abs().mean(), None
        return self.distance(self.fuse(pan, ms, {"prior": self.latent.truth(truth)}), ms, gt)

    def stage_parameters(self, stage: str) -> list[nn.Parameter]:
        """The backbone with one encoder, the prior's estimator alone, or the backbone with the estimator."""
        if self.latent is None:
            return super().stage_parameters(stage)
        latent = {id(parameter) for parameter in self.latent.parameters()}
        truth = list(self.latent.truth.parameters())
        known = {id(parameter) for parameter in truth}
        estimator = [parameter for parameter in self.latent.parameters() if id(parameter) not in known]
        backbone = [p for p in self.parameters() if p.requires_grad and id(p) not in latent]
        return {"truth": backbone + truth, "prior": estimator, "joint": backbone + estimator}[stage]
