"""One training of a sweep: started, gone on with or found finished, then judged.

A line of the sweep's ``runs.jsonl`` says what it is and, when it is finished, its result; in its own folder ``last.pt``
says where it stopped, ``checkpoint.pt`` that it is trained. Whoever starts it again gets the same result.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from bitpan.errors import DataError, DivergenceError, FormatError, ModelError
from bitpan.models.imagery.images import Image, gather_images, require_equal_bands, synthetic_images
from bitpan.models.imagery.sources import parse
from bitpan.models.imagery.spectra import optics
from bitpan.models.layers.kernels import compile_kernels
from bitpan.models.networks.arms import BEFORE
from bitpan.models.networks.cost import cost
from bitpan.models.quality.judge import judge, network_method, require_fit
from bitpan.models.quality.provenance import hardware, versions
from bitpan.models.quality.report import file_name
from bitpan.models.quality.tables import strict_json
from bitpan.models.sweep.file import Arm, Rate, Sweep
from bitpan.models.sweep.memory import Record, remember, remembered
from bitpan.models.training.checkpoint import load_network
from bitpan.models.training.settings import Settings, stage_ends
from bitpan.models.training.training import Training, resume

TEST_SEED = 2_000_000
"""Synthetic scenes from this seed on are neither trained nor validated on."""

JUDGED = ("test_scenes", "full_resolution", "border")
"""What of a sweep, beside the training settings, determines a judged result."""

INDIFFERENT = ("command", "device", "threads", "validate_every", "save_every", "transfer")
"""Training settings that say where and how, and do not determine the result; and one of fine-tunings alone."""


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        arm, name: the arm's, and the run's among those of the arm.
        sweep_folder: whose ``runs.jsonl`` remembers it.
        settings: of the training.
        sweep: whose test images it is judged on.
        judged: False where only the validation strip decides.
    """

    arm: str
    name: str
    sweep_folder: Path
    settings: Settings
    sweep: Sweep
    judged: bool

    @property
    def folder(self) -> Path:
        """Of the training."""
        return self.sweep_folder / "runs" / f"{file_name(self.arm)}_{self.name.replace(',', '+')}"

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

    def result(self) -> Record | None:
        """The finished result, or None."""
        result = self._remembered("result")
        return result if "failed" in result or "values" in result or (result and not self.judged) else None

    def _remembered(self, part: str) -> Record:
        found: Record = remembered(self.sweep_folder).get((self.arm, self.name), {}).get(part, {})
        return found

    def require_same(self) -> None:
        """Raise :class:`DataError` where what is remembered is of other settings, naming the first that differs."""
        stored = self._remembered("settings")
        stored = {**BEFORE, **stored} if stored else stored
        for name, value in self.stated().items():
            if name in stored and stored[name] != value:
                raise DataError(
                    f"{self.sweep_folder}, {self.arm} {self.name}: was made with {name} {stored[name]}, not {value}; "
                    f"take the old value or another folder with -o"
                )


def plan(sweep: Sweep, folder: Path, arm: Arm, rate: Rate, seed: int, search: bool) -> Run:
    """The run of one arm with one rate and seed: for the choice of the rate, or at the full budget."""
    full = arm.settings.iterations
    iterations = sweep.rate_iterations if search else full
    name = f"{rate_name(rate)}-{seed}" + ("" if iterations == full else f"-{iterations}")
    settings = replace(arm.settings, lr=rate, seed=seed, iterations=iterations)
    return Run(arm.name, name, folder, settings, sweep, judged=not search)


def rate_name(rate: Rate) -> str:
    """As in ``0.01``, or ``0.003,0.001`` of two stages."""
    return ",".join(f"{part:g}" for part in rate) if isinstance(rate, tuple) else f"{rate:g}"


def test_images(sweep: Sweep) -> list[Image]:
    """The test strip of every source, and the synthetic test scenes."""
    own = sweep.common
    sources = [parse(text, None, own.bits) for text in own.data]
    images = gather_images(sources, own.ratio, own.reserve, sweep.full_resolution)
    if sweep.test_scenes:
        kind = own.bits, sweep.full_resolution, own.ratio, optics(own.sensor, own.bands)
        images += synthetic_images(sweep.test_scenes, own.scene_size, TEST_SEED, *kind)
    require_equal_bands(images)
    return images


def require_possible(runs: Sequence[Run], images: Sequence[Image]) -> None:
    """Begin the first of an arm's ``runs`` that was not begun before, without an iteration.

    Raises:
        DataError: it cannot be trained or judged on these test images, or the rates or budgets of others not divided
            into its stages; it names the arm.
    """
    new = [run for run in runs if not run.folder.exists() and run.result() is None]
    if not new:
        return
    try:
        training = Training(new[0].settings)
        for run in new:
            stage_ends(run.settings, training.stages, training.network.stage_shares)
        require_fit(new[0].arm, training.network, images)
    except (DataError, ModelError, FormatError) as error:
        raise DataError(f"arm {new[0].arm!r} cannot be trained: {error}") from None


def perform(run: Run) -> None:
    """Bring ``run`` to its result, from wherever it stopped.

    Raises:
        BitpanError: data or settings that no training accepts. A rate at which it diverges is a result.
        KeyboardInterrupt: after Ctrl-C; ``last.pt`` is written.
    """
    if run.result() is not None:
        return
    run.require_same()
    remember(run.sweep_folder, run.arm, run.name, run.stated(), {})
    threads = torch.get_num_threads()
    torch.set_num_threads(run.settings.threads)
    try:
        failed = "" if (run.folder / "checkpoint.pt").exists() else _train(run)
        result = {"failed": failed} if failed else _judged(run)
    finally:
        torch.set_num_threads(threads)
    remember(run.sweep_folder, run.arm, run.name, run.stated(), result)


def _train(run: Run) -> str:
    """Train to the end; why it could not, where it diverged."""
    last = run.folder / "last.pt"
    training = resume(last, run.settings) if last.exists() else Training(run.settings)
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
