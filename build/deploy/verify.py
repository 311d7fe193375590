"""The proof of an accelerator: whole random frames through the verilated design, every bit compared with the model."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bitpan.compare import Inputs, random_case, require_equal
from bitpan.hw.simulate.accelerator import Accelerator
from bitpan.hw.simulate.simulation import STALLS
from bitpan.model import execute
from bitpan.package import Package
from bitpan.registers import STREAMS

TOLERANCE = 0.05
"""Share by which measured cycles may differ from the estimate."""


@dataclass(frozen=True)
class Verdict:
    """Outcome of :func:`verify`; a differing bit raises instead.

    Attributes:
        frames: how many ran, in all.
        sizes: heights and widths that they had.
        cycles: of one frame alone, from the first PAN beat to the last fused beat.
        period: cycles a frame when frames follow each other; 0 if fewer than four ran.
        estimate: the build's estimate of ``cycles``.
        period_estimate: and of ``period``.
        speed: simulated cycles per second of wall time.
    """

    frames: int
    sizes: tuple[tuple[int, int], ...]
    cycles: int
    period: float
    estimate: int
    period_estimate: int
    speed: float

    @property
    def deviation(self) -> float:
        """Share by which the estimate of a frame alone was wrong."""
        return self.cycles / self.estimate - 1

    @property
    def as_estimated(self) -> bool:
        """Whether measured cycles are within the tolerance of the estimate."""
        return abs(self.deviation) <= TOLERANCE


def verify(
    package: Package,
    frames: int = 10,
    stalls: bool = False,
    trace: Path | None = None,
    seed: int = 0,
    progress: Callable[[str], None] = lambda what: None,
) -> Verdict:
    """Run ``frames`` random frames and compare every bit.

    The first frame runs alone and is timed. The others follow each other without a gap, from two scenes in turn, so
    that thresholds change between frames that are inside at once; with ``stalls`` each stream then stalls at random,
    in another way for each run of frames. Every other run has narrower and taller frames than the accelerator was
    built for.

    Raises:
        MismatchError: a bit differs.
        SimulationError: the design got stuck or raised an error flag.
    """
    model, sizes = package.model, (package.frame, other_size(package))
    progress("building the simulation")
    with Accelerator(package, trace) as accelerator:
        cases = [random_case(model, *package.frame, seed + i) for i in range(2)]
        for bank, (_, scene) in enumerate(cases):
            accelerator.registers.write_bank(bank, scene)
        began = time.monotonic()
        progress("frame 1 alone")
        _run(accelerator, [(0, cases[0])])
        first, last = accelerator.simulation.span(STREAMS["pan"])[0], accelerator.simulation.span(STREAMS["fused"])[1]
        cycles, period, done = last - first + 1, 0.0, 1
        for run in itertools.count():
            if done == frames:
                break
            size = sizes[run % 2]
            count = min(-(-(frames - done) // 2) if run == 0 else frames - done, 4 if stalls else 10)
            if stalls:
                patterns = np.random.default_rng(seed + done).permutation(STALLS[1:])
                accelerator.stall(list(patterns), seed + done)
            how = f", streams stalling {'/'.join(patterns)}" if stalls else ""
            progress(f"frames {done + 1} to {done + count}, {size[1]} x {size[0]}{how}")
            images = [random_case(model, *size, seed + done + i + 2)[0] for i in range(count)]
            batch = [(i % 2, (image, cases[i % 2][1])) for i, image in enumerate(images)]
            ended = _run(accelerator, batch)
            if count > 1 and size == package.frame:
                period = (accelerator.simulation.span(STREAMS["fused"])[1] - ended) / (count - 1)
            done += count
        speed = accelerator.simulation.cycle / max(1e-9, time.monotonic() - began)
    return Verdict(done, sizes[: min(2, done - 1) or 1], cycles, period, package.cycles, package.period, speed)


def other_size(package: Package) -> tuple[int, int]:
    """Height and width of frames that are taller than those the accelerator was built for, and half as wide."""
    grid, (height, width) = package.model.alignment, package.frame
    return height + grid, max(grid, width // 2 // grid * grid)


def _run(accelerator: Accelerator, batch: list[tuple[int, Inputs]]) -> int:
    """Run frames, each with the scene of its bank, and compare; the cycle in which the first one's last beat left."""
    for bank, (images, _) in batch:
        accelerator.start(images, bank)
    model = accelerator.package.model
    results = accelerator.finish()
    ended = accelerator.simulation.span(STREAMS["fused"])[1]
    if len(batch) > 1:
        results += accelerator.finish(len(batch) - 1)
    for (_, (images, scene)), result in zip(batch, results, strict=True):
        require_equal("simulating the accelerator", "fused", execute(model, images, scene), result)
    return ended
