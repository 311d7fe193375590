"""A training in progress: its network, stage, optimiser and iteration; resumable to the last bit."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from bitpan import __version__
from bitpan.errors import BitpanWarning, DataError, DivergenceError, ModelError
from bitpan.files import claimed
from bitpan.intake.arrays import UNREADABLE
from bitpan.models.imagery.images import whole_images
from bitpan.models.imagery.triples import Triples
from bitpan.models.layers.binary import set_progress
from bitpan.models.layers.consistency import consistent
from bitpan.models.networks.configuration import Configuration, calibrated
from bitpan.models.networks.pansharpener import PanSharpener
from bitpan.models.networks.registry import NETWORKS
from bitpan.models.quality import judge as evaluate
from bitpan.models.training import distributed
from bitpan.models.training.checkpoint import network_of, read_checkpoint, save_checkpoint
from bitpan.models.training.kept import Kept
from bitpan.models.training.patches import draw, gather, tensors
from bitpan.models.training.precision import lower_precision
from bitpan.models.training.settings import Settings, learning_rate, stage_ends
from bitpan.models.training.transfer import transferred
from bitpan.radiometry import balance_of
from bitpan.signals import held, interrupting


def psnr(fused: Tensor, gt: Tensor, bits: int) -> float:
    """Peak signal-to-noise ratio in dB against the full range of ``bits``."""
    error = float((fused - gt).double().square().mean())
    return 20 * math.log10((1 << bits) - 1) - 10 * math.log10(max(error, 1e-9))


@torch.no_grad()
def validate(network: PanSharpener, held_out: Sequence[Triples], device: torch.device) -> float:
    """Mean PSNR over the held-out images, consistent with their MS, large ones in parts; NaN if there are none.

    Each has its own statistics.
    """
    network.eval()  # rivals' batch statistics are learned from training images alone
    values = []
    for triples in held_out:
        for i, image in enumerate(whole_images(triples)[: evaluate.MOST_SAMPLES]):
            for part in image.parts():
                own = triples.part(slice(i, i + 1), *part.window)
                pan, ms, gt = (each.to(device) for each in tensors(own))
                corrected = consistent(network(pan, ms), ms, network.configuration.ratio)
                values.append(psnr(corrected, gt, network.configuration.bits))
    network.train()
    return sum(values) / len(values) if values else math.nan


def _seen(images: Triples, own: Configuration) -> Triples:
    """As a network of this configuration sees them: at its own level, if it has one, with PAN as bright as the MS."""
    if images.gt.shape[1] != own.bands:
        raise DataError(
            f"{images.name} has {images.gt.shape[1]} bands, the network {own.bands}; choose them with --bands, or give "
            "--transfer"
        )
    return images.levelled(own.bits, own.offset, own.balance)


class Training:
    """A training in progress.

    The batch of an iteration, and whatever a stage's loss draws, follow from the seed and the iteration alone, so that
    the checkpoint of an iteration determines the rest. A later stage begins with its first iteration: a checkpoint at
    the very end of a stage is still of that stage.

    Attributes:
        network: in training.
        training, held_out: images as the network sees them.
        judged: what is held out, as it is.
        iteration: how many are done, of all stages.
        stage: index of the stage in progress among ``stages``.
        told_to_stop: the signals that tell this process so.
        interrupted: some process was told to stop before the last iteration, and all know.
        kept: of a fine-tuning with something held out, the best so far.
    """

    def __init__(
        self, settings: Settings, network: PanSharpener | None = None, state: dict[str, Any] | None = None
    ) -> None:
        """A training of a new network from its beginning, or of ``network``.

        It is fine-tuned, or gone on with from ``state``, where an earlier training of it stood, as its checkpoint says.

        Raises:
            DataError: if data and settings, or data and network, do not fit together.
        """
        self.settings, self.device = settings, distributed.device(settings.device)
        self.part = distributed.share(settings.batch)
        training, self.judged = gather(settings)
        self.iteration, self.seconds, self.quality = 0, 0.0, math.nan
        self.told_to_stop: list[int] = []
        self.interrupted = False
        self.table: evaluate.Table = {}
        self.kept: Kept | None = None
        if settings.transfer and network is not None:
            network = transferred(network, training[0].gt.shape[1], settings.ratio, settings.bits)
        configuration = network.configuration if network is not None else self._found(training)
        self.training = [_seen(part, configuration) for part in training]
        self.held_out = [_seen(part, configuration) for part in self.judged]
        if network is None:
            network = self._build(configuration)
        elif state is None:
            network = self._adapted(network)
        self.network = own = network.to(self.device).train()
        # A finished network has been through its stages: fine-tuning is more of the last one.
        self.stages, shares = (own.stages[-1:], (1.0,)) if settings.finetune else (own.stages, own.stage_shares)
        self.ends = stage_ends(settings, self.stages, shares)
        # Sizes that the network refuses are told now, not after hours; all images of a source have one size.
        validate(own, [triples.part(slice(0, 1)) for triples in self.held_out], self.device)
        if distributed.size() > 1 and any(isinstance(module, nn.BatchNorm2d) for module in own.modules()):
            said = f"{own.name} normalises over each process's share of a batch: not the training of one process"
            warnings.warn(said, BitpanWarning, stacklevel=2)
        distributed.same_start(own)
        if settings.amp:
            lower_precision(own)
        if state is None:
            self._begin(0)
        else:
            self._go_on(state)

    def _found(self, images: Sequence[Triples]) -> Configuration:
        """Of a new network for these: as they are, they give its offset; at their level, if any, the rest."""
        own = self.settings
        found = own.configuration(images[0].gt.shape[1])
        found = calibrated(found, *self._sample([_seen(part, found) for part in images]))
        if own.level == "none":
            return found
        balance = balance_of((image for part in images for image in part.ms), found.offset)
        levelled = replace(found, balance=balance)
        own_counts = self._sample([_seen(part, levelled) for part in images])
        return replace(calibrated(levelled, *own_counts), offset=found.offset)

    def _build(self, configuration: Configuration) -> PanSharpener:
        own = self.settings
        torch.manual_seed(own.seed)
        network = NETWORKS[own.network](configuration)
        pan, ms, _ = self._sample(self.training)
        network.scale_head(pan, ms)
        return network

    def _sample(self, images: Sequence[Triples]) -> tuple[Tensor, Tensor, Tensor]:
        """Patches to calibrate on."""
        return draw(images, 64, self.settings.patch, (self.settings.seed, self.settings.iterations))

    def _adapted(self, network: PanSharpener) -> PanSharpener:
        """The weights of ``network`` for the new images, with the head of the settings: the nearest to the old."""
        pan, ms, _ = self._sample(self.training)
        own = network.configuration
        if self.settings.head == own.head and not self.settings.transfer:
            return network
        adapted = type(network)(replace(own, head=self.settings.head))
        adapted.load_state_dict(network.state_dict())
        adapted.replace_head(pan, ms)
        return adapted

    def _begin(self, stage: int) -> None:
        if not self.settings.finetune:
            self._seed(stage)
            self.network.begin_stage(self.stages[stage])
        self._optimise(stage)

    def _go_on(self, state: dict[str, Any]) -> None:
        self.iteration, self.seconds = state["iteration"], state["seconds"]
        self.kept = Kept.restored(state["kept"]) if state.get("kept") else None
        self._optimise(state["stage"])
        self.optimiser.load_state_dict(state["optimiser"])
        if not (0, *self.ends)[self.stage] <= self.iteration <= self.ends[self.stage]:
            raise ValueError(f"iteration {self.iteration} is not in stage {self.stages[self.stage]}")

    def _optimise(self, stage: int) -> None:
        """Work on ``stage`` from now on, with an optimiser of its own."""
        self.stage = stage
        self.parameters = self.network.stage_parameters(self.stages[stage])
        self.optimiser = torch.optim.Adam(self.parameters, fused=True)

    def _seed(self, *more: int) -> None:
        """Make what PyTorch draws from now on follow from the settings, the iteration, the process and ``more``."""
        own = (self.settings.seed, self.iteration, distributed.rank(), *more)
        torch.manual_seed(int(np.random.SeedSequence(own).generate_state(1)[0]))

    def _rate(self) -> float:
        rates, start = self.settings.rates, (0, *self.ends)[self.stage]
        peak = rates[self.stage if len(rates) > 1 else 0]
        return learning_rate(peak, self.iteration - start, self.ends[self.stage] - start)

    def step(self) -> tuple[float, float]:
        """One iteration; the loss in units of the residual, and the batch's PSNR, NaN where a stage fuses nothing."""
        own = self.settings
        if self.iteration == self.ends[self.stage]:
            self._begin(self.stage + 1)
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        seed = own.seed, self.iteration
        batch = draw(self.training, own.batch, own.patch, seed, self.part, own.bits if own.vary_bands else 0)
        pan, ms, gt = (image.to(self.device) for image in batch)
        self._seed()
        set_progress(self.network, self.iteration / own.iterations)
        loss, fused = self.network.loss(self.stages[self.stage], pan, ms, gt)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        # All processes must stop at the same iteration, whichever of them was told to.
        value, stop = distributed.average(self.parameters, float(loss.detach()), float(bool(self.told_to_stop)))
        self.interrupted = stop > 0
        self.optimiser.step()
        self.iteration += 1
        if not math.isfinite(value):
            raise DivergenceError(f"the loss is {value} at iteration {self.iteration}; lower --lr ({own.lr})")
        return value, math.nan if fused is None else psnr(fused.detach(), gt, own.bits)

    def save(self, path: Path, resumable: bool) -> None:
        """Write a checkpoint; ``resumable`` ones carry the optimiser."""
        provenance = {
            "command": self.settings.command,
            "settings": self.settings.to_json(),
            "iteration": self.iteration if resumable or self.kept is None else self.kept.iteration,
            "seconds": round(self.seconds),
            "validation_psnr": self.quality,
            "quality": self.table,
            "versions": {"bitpan": __version__, "torch": str(torch.__version__)},
        }
        state = {name: getattr(self, name) for name in ("iteration", "seconds", "stage")}
        state |= {"optimiser": self.optimiser.state_dict(), "kept": self.kept and vars(self.kept)}
        save_checkpoint(path, self.network, provenance, state if resumable else None)

    def run(self, out: Path) -> float:
        """Train to the end; ``out/last.pt`` is resumable, ``out/checkpoint.pt`` finished. Returns the last PSNR.

        Raises:
            OutputBusyError: another training writes there.
            KeyboardInterrupt: after a signal, when the iteration, which a signal never tears, is finished and
                ``last.pt`` is written.
        """
        with claimed(out) if distributed.rank() == 0 else nullcontext(), interrupting(), held() as self.told_to_stop:
            return self._run(out)

    def _run(self, out: Path) -> float:
        own, first, saved = self.settings, distributed.rank() == 0, time.monotonic()
        bar = tqdm(total=own.iterations, initial=self.iteration, unit="it", dynamic_ncols=True, disable=not first)
        with bar:
            if first and own.finetune and self.held_out and not self.iteration:
                self._judge_start(bar)
            while self.iteration < own.iterations:
                start = time.monotonic()
                loss, batch_quality = self.step()
                now = time.monotonic()
                self.seconds += now - start
                bar.update()
                bar.set_postfix_str(f"loss={loss:.4f}, psnr={batch_quality:.2f}, val={self.quality:.2f}", refresh=False)
                if first and self.iteration % own.validate_every == 0 and self.iteration < own.iterations:
                    self._validate(bar, loss)
                if first and (self.interrupted or now - saved >= own.save_every):
                    self.save(out / "last.pt", resumable=True)
                    saved = now
                if self.interrupted:
                    bar.set_postfix_str(f"stopped; go on with --resume {out / 'last.pt'}")
                    raise KeyboardInterrupt
            if first:
                self._finish(out)
        return self.quality

    def _judge_start(self, bar: tqdm[Any]) -> None:
        table = evaluate.quality(self.network, self.judged, self.settings.image_bits)
        self.quality = validate(self.network, self.held_out, self.device)
        self.kept = Kept.start(self.network, table[self.network.name], self.quality)
        bar.write(f"before, on what is held out:\n{evaluate.as_text(table)}")

    def _validate(self, bar: tqdm[Any], loss: float) -> None:
        judged = ""
        if self.held_out and self.stage == len(self.stages) - 1:  # before, parts of what fuses are untrained
            self._measure()
            judged = f", validation PSNR {self.quality:.3f} dB of the full range"
        bar.write(f"iteration {self.iteration}, stage {self.stages[self.stage]}: loss {loss:.4f}{judged}")

    def _finish(self, out: Path) -> None:
        self.save(out / "last.pt", resumable=True)  # before anything is judged: that may fail, the training is over
        self._measure()
        if self.kept:
            self.quality = self.kept.quality
            self.network.load_state_dict(self.kept.weights)
            self.table["before"] = self.kept.before
        self.table |= evaluate.quality(self.network.eval(), self.judged, self.settings.image_bits)
        self.save(out / "checkpoint.pt", resumable=False)

    def _measure(self) -> None:
        self.quality = validate(self.network, self.held_out, self.device)
        if self.kept:
            self.kept.see(self.network, self.quality, self.iteration)


def resume(path: Path, settings: Settings | None = None) -> Training:
    """The training that wrote ``path``, as it was, or with other ``settings`` of where and how it runs.

    Raises:
        ModelError: if ``path`` is no checkpoint that can be gone on from.
    """
    document = read_checkpoint(path)
    if document["training"] is None:
        raise ModelError(f"{path}: is finished and holds no optimiser; resume from last.pt")
    network = network_of(document, path)
    try:
        settings = settings or Settings.from_json(document["provenance"]["settings"])
        return Training(settings, network, document["training"])
    except DataError:
        raise
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    except UNREADABLE as error:
        raise ModelError(f"{path}: damaged, it cannot be gone on from ({error!r}); take another checkpoint") from None
