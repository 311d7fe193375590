"""One training of a sweep: started, gone on with or found finished, then judged; its folder is its memory.

``settings.json`` says what it is, ``last.pt`` where it stopped, ``checkpoint.pt`` and ``result.json`` that it is
finished. Whoever starts it again gets the same result.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from bitpan.errors import DataError, DivergenceError
from bitpan.files import write_beside
from bitpan.models.imagery.images import Image, gather_images, require_equal_bands, synthetic_images
from bitpan.models.imagery.sources import parse
from bitpan.models.layers.kernels import compile_kernels
from bitpan.models.networks.cost import cost
from bitpan.models.quality.judge import judge, network_method, require_fit
from bitpan.models.quality.provenance import hardware, versions
from bitpan.models.quality.tables import strict_json
from bitpan.models.sweep.file import Arm, Rate, Sweep
from bitpan.models.training.checkpoint import load_network, network_of, read_checkpoint
from bitpan.models.training.settings import Settings
from bitpan.models.training.training import Training

TEST_SEED = 2_000_000
"""Synthetic scenes from this seed on are neither trained nor validated on."""

JUDGED = ("test_scenes", "full_resolution", "border")
"""What of a sweep, beside the training settings, determines a judged result."""


INDIFFERENT = ("command", "device", "threads", "validate_every", "save_every")
"""Training settings that say where and how, and do not determine the result."""


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        arm: its name.
        folder: its memory.
        settings: of the training.
        sweep: whose test images it is judged on.
        judged: False where only the validation strip decides.
    """

    arm: str
    folder: Path
    settings: Settings
    sweep: Sweep
    judged: bool

    @property
    def title(self) -> str:
        """For people."""
        own = self.settings
        return f"{self.arm}, rate {rate_name(own.lr)}, seed {own.seed}, {own.iterations} iterations"

    def stated(self) -> dict[str, Any]:
        """What determines the result, as plain types; where the data lies and what computes it does not."""
        own = asdict(self.settings) | {"data": self.sweep.sources}
        own |= {name: getattr(self.sweep, name) for name in JUDGED if self.judged}
        plain: dict[str, Any] = json.loads(strict_json({k: v for k, v in own.items() if k not in INDIFFERENT}))
        return plain

    def stored(self, name: str) -> dict[str, Any]:
        """A JSON file of the folder; empty where there is none."""
        path = self.folder / name
        if not path.exists():
            return {}
        try:
            document: dict[str, Any] = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: cannot be read ({error}); delete the folder to train it again") from None
        return document

    def result(self) -> dict[str, Any] | None:
        """The finished result, or None."""
        result = self.stored("result.json")
        return result if "failed" in result or "values" in result or (result and not self.judged) else None

    def require_same(self) -> None:
        """Raise :class:`DataError` where the folder's memory is of other settings, naming the first that differs."""
        stored = self.stored("settings.json")
        for name, value in self.stated().items():
            if name in stored and stored[name] != value:
                raise DataError(
                    f"{self.folder}: was made with {name} {stored[name]}, not {value}; "
                    f"take the old value or another folder with -o"
                )


def plan(sweep: Sweep, folder: Path, arm: Arm, rate: Rate, seed: int, search: bool) -> Run:
    """The run of one arm with one rate and seed: for the choice of the rate, or at the full budget."""
    full = arm.settings.iterations
    iterations = sweep.rate_iterations if search else full
    name = f"{rate_name(rate)}-{seed}" + ("" if iterations == full else f"-{iterations}")
    changes: dict[str, Any] = {"lr": rate, "seed": seed, "iterations": iterations}
    settings = replace(arm.settings, **changes)
    return Run(arm.name, folder / "runs" / arm.name / name, settings, sweep, judged=not search)


def rate_name(rate: Rate) -> str:
    """As in ``0.01``, or ``0.003,0.001`` of two stages."""
    return ",".join(f"{part:g}" for part in rate) if isinstance(rate, tuple) else f"{rate:g}"


def test_images(sweep: Sweep) -> list[Image]:
    """The test strip of every source, and the synthetic test scenes."""
    own = sweep.common
    sources = [parse(text, None, own.bits) for text in own.data]
    images = gather_images(sources, own.ratio, own.reserve, sweep.full_resolution)
    images += synthetic_images(sweep.test_scenes, own.scene_size, TEST_SEED, own.bits, sweep.full_resolution)
    require_equal_bands(images)
    return images


def perform(run: Run) -> None:
    """Bring ``run`` to its result, from wherever it stopped.

    Raises:
        BitpanError: data or settings that no training accepts. A rate at which it diverges is a result.
        KeyboardInterrupt: after Ctrl-C; ``last.pt`` is written.
    """
    if run.result() is not None:
        return
    run.require_same()
    write_beside(run.folder / "settings.json", strict_json({**run.stored("settings.json"), **run.stated()}))
    threads = torch.get_num_threads()
    torch.set_num_threads(run.settings.threads)
    try:
        failed = "" if (run.folder / "checkpoint.pt").exists() else _train(run)
        result = {"failed": failed} if failed else _judged(run)
    finally:
        torch.set_num_threads(threads)
    write_beside(run.folder / "result.json", strict_json(result))


def _train(run: Run) -> str:
    """Train to the end; why it could not, where it diverged."""
    last = run.folder / "last.pt"
    if last.exists():
        document = read_checkpoint(last)
        training = Training(run.settings, network_of(document, last), document["training"])
    else:
        training = Training(run.settings)
    if run.settings.compile:
        compile_kernels()
    try:
        training.run(run.folder)
    except DivergenceError as error:
        return str(error)
    return ""


def _judged(run: Run) -> dict[str, Any]:
    """Quality on the validation strip, and on the test images where they are to be judged."""
    network, history = load_network(run.folder / "checkpoint.pt")
    result = {
        "validation": history["quality"][network.name],
        "seconds": history["seconds"],
        "cost": cost(network).to_json(),
        "versions": versions(),
        "hardware": hardware(run.settings.device),
    }
    if run.judged:
        images = test_images(run.sweep)
        require_fit(run.arm, network, images)
        network.to(run.settings.device)
        judged = judge({run.arm: network_method(network)}, images, run.sweep.border)
        result["values"] = [{"image": own.image, **own.indices} for own in judged]
    return result


def validation_psnr(run: Run) -> float:
    """On the validation strip, in dB; minus infinity where the training diverged."""
    result = run.result()
    if result is None or "failed" in result or result["validation"]["PSNR"] is None:
        return -math.inf
    return float(result["validation"]["PSNR"])
