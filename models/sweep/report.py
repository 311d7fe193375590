"""What a finished sweep leaves: the table of arms and classical methods, every value behind it, a picture per arm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bitpan.models.imagery.images import Image
from bitpan.models.quality.judge import Judgement, classical_methods, collect, judge, mean_and_deviation, network_method
from bitpan.models.quality.provenance import origin, provenance
from bitpan.models.quality.quicklook import quicklook
from bitpan.models.quality.report import cost_facts, file_name, image_facts
from bitpan.models.quality.tables import Fact, Row, markdown, write_tables
from bitpan.models.sweep.file import Sweep
from bitpan.models.sweep.memory import Record
from bitpan.models.sweep.run import Run, rate_name, validation_psnr
from bitpan.models.training.checkpoint import load_network

Runs = Mapping[str, Sequence[Run]]


def write_report(sweep: Sweep, folder: Path, images: Sequence[Image], searches: Runs, seeds: Runs, began: float) -> str:
    """Write the tables and pictures into a folder; return the table.

    ``searches`` are by arm the trainings that chose the rates, ``seeds`` those at the full budget, all finished;
    ``images`` are for the test, and it ``began`` in ``time.monotonic()``.
    """
    judged = judge(classical_methods(sweep.classical), images, sweep.border)
    every = [run for runs in seeds.values() for run in runs]
    rows = [_arm_row(arm, runs) for arm, runs in seeds.items()]
    rows += [
        Row(method, {index: (mean_and_deviation(values)[0], math.nan) for index, values in row.items()})
        for method, row in collect(judged).items()
    ]
    rates = {arm: {rate_name(run.settings.lr): validation_psnr(run) for run in runs} for arm, runs in searches.items()}
    results = [{"arm": run.arm, "settings": run.stated(), **(run.result() or {})} for run in every]
    own = {"title": sweep.title, "rates": rates, "runs": results}
    document = {**provenance(began, sweep.common.device), "sweep": own, **image_facts(images, judged)}
    for arm, runs in seeds.items():
        _draw(folder / "quicklooks" / f"{file_name(arm)}.png", runs, images[0])
    write_tables(folder, sweep.title, _notes(sweep, images, every, document), rows, document)
    return markdown(rows)


def _finished(runs: Sequence[Run]) -> dict[Run, Record]:
    """Results of the runs that did not diverge."""
    results = {run: run.result() or {} for run in runs}
    return {run: result for run, result in results.items() if "failed" not in result}


def _arm_row(arm: str, runs: Sequence[Run]) -> Row:
    """Mean and deviation over the seeds of the means over the images."""
    results = list(_finished(runs).values())
    means: dict[str, list[float]] = {}
    for result in results:
        judged = [
            Judgement(value["image"], arm, {k: math.nan if v is None else v for k, v in value.items() if k != "image"})
            for value in result["values"]
        ]
        for index, values in collect(judged)[arm].items():
            means.setdefault(index, []).append(float(np.mean(values)))
    facts: dict[str, Fact] = {"seeds": len(results), "rate": rate_name(runs[0].settings.lr)}
    if results:
        facts |= cost_facts(results[0]["cost"])
        facts["seconds"] = round(float(np.mean([result["seconds"] for result in results])))
    return Row(arm, {index: mean_and_deviation(values) for index, values in means.items()}, facts)


def _notes(sweep: Sweep, images: Sequence[Image], runs: Sequence[Run], document: Mapping[str, Any]) -> list[str]:
    own = sweep.common
    notes = [
        f"Every arm: {own.iterations} iterations of {own.batch} patches of {own.patch} x {own.patch} PAN pixels. Of "
        f"several candidates its rate is the one with the best PSNR on the validation strips after "
        f"{sweep.rate_iterations} iterations with its first seed; the test images had no part in it.",
        "Mean over the test images; ± standard deviation over the seeds. PSNR in dB against the truth's maximum, SAM "
        "in degrees. Parameters: full precision + binary/32. MACs per PAN pixel. Seconds of one training, one thread.",
        f"Test images: {', '.join(image.name for image in images)}.",
    ]
    diverged = [run.title for run in runs if "failed" in (run.result() or {})]
    if diverged:
        notes.append(f"Diverged, and not in the means: {'; '.join(diverged)}.")
    return [*notes, origin(document)]


def _draw(path: Path, runs: Sequence[Run], image: Image) -> None:
    """The first test image fused by the first seed that did not diverge and whose weights are still there."""
    for run in _finished(runs):
        weights = run.folder / "checkpoint.pt"
        if weights.exists():
            fused = network_method(load_network(weights)[0])(image)
            quicklook(path, image.pan, image.ms, fused, image.gt)
            return
