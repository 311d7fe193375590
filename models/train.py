"""``bitpan train``: train a network on PAN/MS data or on synthetic scenes, resumable to the last bit."""

from __future__ import annotations

import argparse
import math
import shlex
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from bitpan import __version__
from bitpan.errors import DataError, ModelError
from bitpan.models import evaluate
from bitpan.models.checkpoint import network_of, read_checkpoint, save_checkpoint
from bitpan.models.configuration import ARMS, Configuration, calibrated
from bitpan.models.data import Triples, draw, load, split, synthetic
from bitpan.models.evaluate import Table
from bitpan.models.kernels import compile_kernels
from bitpan.models.networks import NETWORKS
from bitpan.models.pansharpener import PanSharpener
from bitpan.models.settings import Settings, learning_rate
from bitpan.models.sources import SOURCE_HELP

HELD_OUT_SEED = 1_000_000
"""Synthetic scenes from this seed on are never trained on."""


def gather(settings: Settings) -> tuple[list[Triples], list[Triples]]:
    """Training and held-out images."""
    training, held_out = [], []
    for source in settings.data:
        whole = load(source, settings.bands, settings.bits, settings.ratio, settings.sensor)
        if settings.reserve > 0:
            whole, _ = split(whole, settings.reserve)
        if settings.hold_out > 0:
            part, rest = split(whole, settings.hold_out)
            training.append(part)
            held_out.append(rest)
        else:
            training.append(whole)
    if settings.synthetic:
        training += synthetic(settings.synthetic, settings.scene_size, settings.seed, settings.bits)
        held_out += synthetic(2, settings.scene_size, HELD_OUT_SEED, settings.bits)
    if not training:
        raise DataError("there is nothing to train on; give --data or --synthetic N")
    counts = {triples.gt.shape[1] for triples in training}
    if len(counts) > 1:
        raise DataError(f"the sources have {sorted(counts)} bands; choose the same number of each with --bands")
    return training, held_out


def psnr(fused: Tensor, gt: Tensor, bits: int) -> float:
    """Peak signal-to-noise ratio in dB against the full range of ``bits``."""
    error = float((fused - gt).double().square().mean())
    return 20 * math.log10((1 << bits) - 1) - 10 * math.log10(max(error, 1e-9))


@torch.no_grad()
def validate(network: PanSharpener, held_out: Sequence[Triples], device: torch.device) -> float:
    """Mean PSNR over the held-out images, each with its own statistics; NaN if there are none."""
    values = []
    for triples in held_out:
        for i in range(min(len(triples.gt), 16)):
            pan, ms, gt = (image[i : i + 1].to(device) for image in triples.tensors())
            values.append(psnr(network(pan, ms), gt, network.configuration.bits))
    return sum(values) / len(values) if values else math.nan


class Training:
    """A training in progress: network, optimiser and iteration.

    The batch of an iteration is drawn from the seed and the iteration alone, and nothing else is random after the
    network has been built, so that the checkpoint of an iteration determines the rest.
    """

    def __init__(self, settings: Settings, document: dict[str, Any] | None = None, path: Path = Path()) -> None:
        self.settings = settings
        self.device = torch.device(settings.device)
        self.training, self.held_out = gather(settings)
        self.iteration, self.seconds = 0, 0.0
        self.table: Table = {}
        self.network = self._build() if document is None else network_of(document, path)
        self.network.to(self.device).train()
        trained = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.Adam(trained, lr=settings.lr)
        if document is not None:
            self.optimiser.load_state_dict(document["training"]["optimiser"])
            self.iteration, self.seconds = document["training"]["iteration"], document["training"]["seconds"]

    def _build(self) -> PanSharpener:
        own = self.settings
        torch.manual_seed(own.seed)
        bands = self.training[0].gt.shape[1]
        pan, ms, gt = draw(self.training, 64, own.patch, (own.seed, own.iterations))
        kind = NETWORKS[own.network]
        arms = {arm: getattr(own, arm) for arm in ARMS}
        blocks = own.blocks or kind.default_blocks
        plain = Configuration(bands, own.bits, own.ratio, blocks, own.channels, **arms, seed=own.seed)
        network = kind(calibrated(plain, pan, ms, gt))
        network.scale_head(pan, ms)
        return network

    def step(self) -> tuple[float, float]:
        """One iteration; the loss in units of the residual, and the batch's PSNR."""
        own = self.settings
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(own, self.iteration)
        batch = draw(self.training, own.batch, own.patch, (own.seed, self.iteration))
        pan, ms, gt = (image.to(self.device) for image in batch)
        fused = self.network(pan, ms)
        loss = (fused - gt).abs().mean() * 2.0**-self.network.configuration.residual_gain
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.iteration += 1
        value = float(loss.detach())
        if not math.isfinite(value):
            raise ModelError(f"the loss is {value} at iteration {self.iteration}; lower --lr ({own.lr})")
        return value, psnr(fused.detach(), gt, own.bits)

    def save(self, path: Path, quality: float, resumable: bool) -> None:
        """Write a checkpoint; ``resumable`` ones carry the optimiser."""
        own = self.settings
        provenance = {
            "command": own.command,
            "settings": {**own.to_json(), "data": list(own.data), "bands": own.bands and list(own.bands)},
            "iteration": self.iteration,
            "seconds": round(self.seconds),
            "validation_psnr": quality,
            "quality": self.table,
            "versions": {"bitpan": __version__, "torch": str(torch.__version__)},
        }
        state = {"optimiser": self.optimiser.state_dict(), "iteration": self.iteration, "seconds": self.seconds}
        save_checkpoint(path, self.network, provenance, state if resumable else None)

    def run(self, out: Path) -> float:
        """Train to the end; ``out/last.pt`` is resumable, ``out/checkpoint.pt`` finished. Returns the last PSNR.

        Raises:
            KeyboardInterrupt: after Ctrl-C, when the iteration is finished and ``last.pt`` is written.
        """
        own, quality = self.settings, math.nan
        bar = tqdm(total=own.iterations, initial=self.iteration, unit="it", dynamic_ncols=True)
        with bar, _deferred_interrupt() as interrupted:
            while self.iteration < own.iterations:
                start = time.monotonic()
                loss, batch_quality = self.step()
                self.seconds += time.monotonic() - start
                bar.update()
                bar.set_postfix(loss=f"{loss:.4f}", psnr=f"{batch_quality:.2f}", val=f"{quality:.2f}", refresh=False)
                if interrupted():
                    self.save(out / "last.pt", quality, resumable=True)
                    bar.write(f"stopped at iteration {self.iteration}; go on with --resume {out / 'last.pt'}")
                    raise KeyboardInterrupt
                if self.iteration % own.validate_every == 0 or self.iteration == own.iterations:
                    quality = validate(self.network, self.held_out, self.device)
                    bar.write(f"iteration {self.iteration}: loss {loss:.4f}, validation PSNR {quality:.3f} dB")
                    self.save(out / "last.pt", quality, resumable=True)
        self.table = evaluate.quality(self.network, self.held_out)
        self.save(out / "checkpoint.pt", quality, resumable=False)
        return quality


@contextmanager
def _deferred_interrupt() -> Iterator[Any]:
    """Turn the first Ctrl-C into a flag, so that an iteration is never torn; the second one interrupts at once."""
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        signal.signal(signal.SIGINT, previous)

    previous = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(seen)
    finally:
        signal.signal(signal.SIGINT, previous)


def resume(path: Path) -> Training:
    """The training that wrote ``path``, as it was."""
    document = read_checkpoint(path)
    if document["training"] is None:
        raise ModelError(f"{path}: is finished and holds no optimiser; resume from last.pt")
    stored = document["provenance"]["settings"]
    bands = stored["bands"] and tuple(stored["bands"])
    return Training(Settings(**{**stored, "data": tuple(stored["data"]), "bands": bands}), document, path)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of band numbers, as in 0,1,2,3") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bitpan train``."""
    default = Settings()
    add = parser.add_argument
    add("--out", type=Path, required=True, help="folder for checkpoint.pt and last.pt")
    add("--resume", type=Path, help="go on from this last.pt; every other setting is the checkpoint's")
    add("--network", choices=NETWORKS, default=default.network)
    add("--data", nargs="+", default=(), metavar="SOURCE", help=SOURCE_HELP)
    add("--synthetic", type=int, default=0, metavar="N", help="train on N synthetic scenes")
    add("--scene-size", type=int, default=default.scene_size, help="their width in PAN pixels")
    add("--bands", type=_numbers, help="MS bands to use, from 0, as in 0,1,2,4")
    add("--bits", type=int, default=default.bits, help="unsigned bits of the imagery")
    add("--ratio", type=int, default=default.ratio, help="PAN pixels per MS pixel")
    add("--sensor", default=default.sensor, help="whose MTF degrades pairs without a truth")
    add("--reserve", type=float, default=default.reserve, help="fraction of the columns at the right left for tests")
    add("--hold-out", type=float, default=default.hold_out, help="fraction of the others kept for validation")
    add("--blocks", type=int, default=default.blocks, help="depth; 0 is the network's own")
    add("--channels", type=int, default=default.channels)
    for arm, choices in ARMS.items():
        add(f"--{arm.replace('_', '-')}", choices=choices, default=getattr(default, arm), help="for ablation")
    add("--iterations", type=int, default=default.iterations)
    add("--batch", type=int, default=default.batch)
    add("--patch", type=int, default=default.patch, help="PAN pixels")
    add("--lr", type=float, default=default.lr)
    add("--seed", type=int, default=default.seed)
    add("--validate-every", type=int, default=default.validate_every, metavar="ITERATIONS")
    add("--device", default=default.device, help="cpu or cuda")
    add("--threads", type=int, default=default.threads, help="of the CPU; 0 leaves PyTorch's choice")
    add("--compile", action="store_true", help="fuse elementwise operations; needs a C++ compiler")


def run(arguments: argparse.Namespace) -> int:
    """Run ``bitpan train``."""
    if arguments.resume is not None:
        training = resume(arguments.resume)
    else:
        given = {f.name: getattr(arguments, f.name) for f in fields(Settings) if f.name != "command"}
        command = shlex.join(["bitpan", *sys.argv[1:]])
        training = Training(Settings(**{**given, "data": tuple(arguments.data), "command": command}))
    if training.settings.compile:
        compile_kernels()
    if training.settings.threads:
        torch.set_num_threads(training.settings.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # integers must stay exact
    quality = training.run(arguments.out)
    if training.table:
        print(evaluate.as_text(training.table))
    print(f"{arguments.out / 'checkpoint.pt'}: validation PSNR {quality:.2f} dB after {training.seconds:.0f} s")
    return 0
